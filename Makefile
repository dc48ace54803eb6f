# SPDX-License-Identifier: MIT
# GNU make.  Two commands do everything: `make run`, `make test`.
PREFIX ?= /usr/local
BUILD  ?= build
CC     ?= cc
CFLAGS ?= -O2 -g
PKGS    = libcurl json-c libcrypto
LIBS    = $(shell pkg-config --libs $(PKGS)) -lfcgi -ldb-5.3 -lpthread
STD     = -std=c11 -D_GNU_SOURCE -I.
WARN    = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wwrite-strings \
	-Wcast-qual -Wpointer-arith -Wformat=2 -Wundef -Wvla -Wswitch-enum \
	-Wconversion -Wno-sign-conversion -Wimplicit-fallthrough \
	-Wdouble-promotion -Wnull-dereference $(if $(WERROR),-Werror)
HARD    = -fno-common -fstack-protector-strong -fstack-clash-protection \
	-fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=2)
LINK    = -pie -Wl,-z,relro,-z,now -Wl,--as-needed
SAN    ?=
ALL_CFLAGS = $(STD) $(WARN) $(HARD) $(CFLAGS) $(SAN) -MMD -MP

SRC  := $(wildcard core/*.c providers/*.c fcgi/*.c)
OBJ  := $(SRC:%.c=$(BUILD)/%.o)
LIBO := $(filter-out $(BUILD)/fcgi/main.o,$(OBJ))
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))

all: $(BUILD)/sluice

$(BUILD)/sluice: $(BUILD)/fcgi/main.o $(BUILD)/libsluice.a
	$(CC) $(ALL_CFLAGS) $(LINK) -o $@ $^ $(LIBS)

$(BUILD)/libsluice.a: $(LIBO)
	rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/core/catalog.o: conf/models.json

$(BUILD)/tests/%: tests/unit/%.c $(BUILD)/libsluice.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LINK) -o $@ $< $(BUILD)/libsluice.a -lcmocka $(LIBS)

unit: $(UNIT)
	@set -e; for t in $(UNIT); do $$t; done

clean:
	rm -rf build

.PHONY: all unit clean
-include $(OBJ:.o=.d)
