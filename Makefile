# SPDX-License-Identifier: MIT
# GNU make.  Two commands do everything: `make run`, `make test`.
PREFIX ?= /usr/local
BUILD  ?= build
CC     ?= cc
CFLAGS ?= -O2 -g
PKGS    = libcurl json-c libcrypto
LIBS    = $(shell pkg-config --libs $(PKGS)) -lfcgi -ldb-5.3 -lpthread -lm
STD     = -std=c11 -D_GNU_SOURCE -I.
WARN    = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wwrite-strings \
	-Wcast-qual -Wpointer-arith -Wformat=2 -Wundef -Wvla -Wswitch-enum \
	-Wconversion -Wno-sign-conversion -Wimplicit-fallthrough \
	-Wdouble-promotion -Wnull-dereference $(if $(WERROR),-Werror)
HARD    = -fno-common -fstack-protector-strong -fstack-clash-protection \
	-fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=2)
LINK    = -pie -Wl,-z,relro,-z,now -Wl,--as-needed \
	-Wl,--export-dynamic-symbol=_gnutls_global_init_skip
SAN    ?=
ALL_CFLAGS = $(STD) $(WARN) $(HARD) $(CFLAGS) $(SAN) -MMD -MP

SRC  := $(wildcard core/*.c providers/*.c fcgi/*.c)
OBJ  := $(SRC:%.c=$(BUILD)/%.o)
LIBO := $(filter-out $(BUILD)/fcgi/main.o,$(OBJ))
HELP := $(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c))
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))

all: $(BUILD)/sluice $(BUILD)/www.done

$(BUILD)/sluice: $(BUILD)/fcgi/main.o $(BUILD)/libsluice.a
	$(CC) $(ALL_CFLAGS) $(LINK) -o $@ $^ $(LIBS)

$(BUILD)/libsluice.a: $(LIBO)
	rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/core/catalog.o: conf/models.json

# What the unit tests share.
$(BUILD)/libtest.a: $(HELP:%.c=$(BUILD)/%.o)
	rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/tests/%: tests/unit/%.c $(BUILD)/libtest.a $(BUILD)/libsluice.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LINK) -o $@ $< $(BUILD)/libtest.a \
	  $(BUILD)/libsluice.a -lcmocka $(LIBS)

# The scripted upstream of tests and bench: plain C, no library.
$(BUILD)/tests/upstream: tests/upstream.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LINK) -o $@ $<

# What measures, and what fills a ledger for the page.
MEASURE := $(filter-out tests/upstream.c,$(wildcard tests/*.c))
$(MEASURE:%.c=$(BUILD)/%): $(BUILD)/tests/%: tests/%.c $(BUILD)/libsluice.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LINK) -o $@ $^ $(LIBS)

# The page, and the charting library of the distribution beside it; without
# that it shows tables only.
CHART ?= /usr/share/javascript/chart.js/chart.min.js
WWW   := $(shell find www -type f)
$(BUILD)/www.done: $(WWW) $(wildcard $(CHART))
	rm -rf $(BUILD)/www && mkdir -p $(BUILD)/www/vendor
	cp -R www/. $(BUILD)/www
	@cp -L $(CHART) $(BUILD)/www/vendor || \
	  echo "www: no charts, $(CHART) is missing: make deps"
	@chmod -R a+rX $(BUILD)/www && touch $@

unit: $(UNIT) $(BUILD)/tests/upstream
	@rc=0; for t in $(UNIT); do $$t || rc=1; done; exit $$rc

deps:
	conf/deps.sh build

# Serve this build on http://127.0.0.1:8080 with lighttpd (PORT=... to change).
run:
	conf/deps.sh build run
	@$(MAKE) -s all
	@conf/run.sh

test:
	tests/run.sh

# The unit tests under AddressSanitizer and UBSan, all emitted streams checked.
asan:
	conf/deps.sh build test
	$(MAKE) BUILD=$(BUILD)/asan CFLAGS='-O1 -g -DGRAMMAR_CHECK' \
	  SAN='-fsanitize=address,undefined -fno-sanitize-recover=undefined' unit

check:
	conf/deps.sh build check
	tests/check.sh

bench: all $(BUILD)/tests/upstream $(BUILD)/tests/bench_ledger \
	$(BUILD)/tests/bench_metrics $(BUILD)/tests/bench_cache
	tests/bench.sh
	tests/bench_ledger.sh
	tests/bench_cache.sh
	d=$$(mktemp -d) && $(BUILD)/tests/bench_metrics $$d; rm -rf $$d

# The manual; its table of keys comes from README.
MAN = $(BUILD)/man/sluice.1 $(BUILD)/man/sluice.json.5
man: $(MAN)

$(BUILD)/man/%: conf/man/% conf/man/keys.awk README.md
	@mkdir -p $(@D)
	awk -f conf/man/keys.awk README.md $< >$@

EXAMPLES = $(wildcard conf/*.conf conf/Caddyfile conf/htaccess conf/spawn.sh \
	conf/sluice.json conf/sluice.socket conf/sluice@.service)
TO = $(DESTDIR)$(PREFIX)

install: all man
	install -D -m 755 $(BUILD)/sluice $(TO)/bin/sluice
	install -d $(TO)/lib/sluice $(TO)/share/sluice/www \
	  $(TO)/share/doc/sluice/examples
	ln -sf ../../bin/sluice $(TO)/lib/sluice/sluice.fcgi
	cp -R $(BUILD)/www/. $(TO)/share/sluice/www
	install -m 644 README.md $(TO)/share/doc/sluice
	install -m 644 $(EXAMPLES) $(TO)/share/doc/sluice/examples
	install -D -m 644 $(BUILD)/man/sluice.1 $(TO)/share/man/man1/sluice.1
	install -D -m 644 $(BUILD)/man/sluice.json.5 \
	  $(TO)/share/man/man5/sluice.json.5

deb:
	conf/deps.sh build package
	@$(MAKE) -s all man
	conf/deb/build.sh $(BUILD)

# For shared hosting: what such a host lacks is linked in.
$(BUILD)/hosting/sluice.fcgi: $(BUILD)/fcgi/main.o $(BUILD)/libsluice.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LINK) -o $@ $^ \
	  -Wl,-Bstatic $(shell pkg-config --libs json-c) -lfcgi -ldb-5.3 \
	  -Wl,-Bdynamic $(shell pkg-config --libs libcurl libcrypto) -lpthread -lm

dist-hosting: $(BUILD)/hosting/sluice.fcgi $(BUILD)/www.done
	conf/hosting/build.sh $(BUILD)

clean:
	rm -rf build

.PHONY: all unit deps run test asan check bench man install deb dist-hosting \
	clean
-include $(OBJ:.o=.d) $(HELP:%.c=$(BUILD)/%.d) $(UNIT:%=%.d)
