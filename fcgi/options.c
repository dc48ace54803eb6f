/* SPDX-License-Identifier: MIT */
#include "fcgi/options.h"

#include <stdio.h>

#include "core/buf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/provider.h"
#include "fcgi/exchange.h"

#define MAX_TAGS_BYTES 65536
#define MAX_NAME_BYTES 64

/* Which types of JSON a member may have. */
enum takes {
	TEXT = 1 << 0,
	NUMBER = 1 << 1,
	SWITCH = 1 << 2,
	OBJECT = 1 << 3
};

#define OPTIONS(X)                                                             \
	X("route", TEXT | OBJECT)                                              \
	X("cache", TEXT)                                                       \
	X("cache-ttl", TEXT | NUMBER)                                          \
	X("tags", TEXT | OBJECT)                                               \
	X("user", TEXT)                                                        \
	X("session", TEXT)                                                     \
	X("task", TEXT)                                                        \
	X("max-cost", TEXT | NUMBER)                                           \
	X("timeout-ms", TEXT | NUMBER)                                         \
	X("no-store", TEXT | SWITCH)                                           \
	X("dry-run", TEXT | SWITCH)                                            \
	X("require", TEXT)

#define AS_ROW(name, takes)    { name, takes },
#define AS_HEADER(name, takes) ", x-sluice-" name

static const struct {
	const char *name;
	unsigned takes;
} options[] = { OPTIONS(AS_ROW) };

const char options_headers[] =
    "authorization, content-type, cache-control, x-api-key, anthropic-version, "
    "anthropic-beta" OPTIONS(AS_HEADER);

static unsigned
type_of(struct str raw)
{
	switch (raw.p[0]) {
	case '"':
		return TEXT;
	case '{':
		return OBJECT;
	case 't':
	case 'f':
		return SWITCH;
	case '[':
	case 'n':
		return 0;
	default:
		return NUMBER;
	}
}

/* "max_cost" names "max-cost". */
static bool
is_name(const char *name, struct str member)
{
	size_t i;

	for (i = 0; i < member.n && name[i] != '\0'; i++)
		if (member.p[i] != (name[i] == '-' ? '_' : name[i]))
			return false;
	return i == member.n && name[i] == '\0';
}

/* {"k":"v",…} in the words of the header. */
static int
write_tags(struct exchange *x, struct str object, struct str *out)
{
	struct buf *b = buf_new(x->arena, MAX_TAGS_BYTES);
	struct str name, value;
	size_t pos = 0;

	while (jtext_member(object, &pos, &name, &value)) {
		name = jtext_string(x->arena, name);
		value = jtext_string(x->arena, value);
		if (value.p == NULL ||
		    (value.n > 0 && memchr(value.p, ',', value.n) != NULL) ||
		    memchr(name.p, ',', name.n) != NULL ||
		    memchr(name.p, '=', name.n) != NULL)
			return -1;
		buf_addf(b, "%s%.*s=%.*s", b->n > 0 ? "," : "", STR_ARG(name),
		    STR_ARG(value));
	}
	*out = buf_str(b);
	return buf_over(b) ? -1 : 0;
}

static int
refuse(struct error *err, struct str member, const char *what)
{
	char path[MAX_NAME_BYTES + sizeof("sluice.")];

	if (member.n > MAX_NAME_BYTES)
		member.n = MAX_NAME_BYTES;
	snprintf(path, sizeof(path), "sluice.%.*s", STR_ARG(member));
	return error_param(err, path, what);
}

static int
take_member(
    struct exchange *x, struct str member, struct str raw, struct error *err)
{
	size_t i, n = sizeof(options) / sizeof(options[0]);
	struct str text = raw;
	unsigned type = type_of(raw);

	for (i = 0; i < n && !is_name(options[i].name, member); i++)
		;
	if (i == n)
		return refuse(err, member, "there is no such option");
	if (str_is(raw, "null"))
		return 0;
	if ((options[i].takes & type) == 0)
		return refuse(err, member, "is of another type");
	if (type == TEXT)
		text = jtext_string(x->arena, raw);
	if (type == OBJECT && str_is(member, "tags") &&
	    write_tags(x, raw, &text) != 0)
		return refuse(err, member, "must be plain words by name");
	header_add(x->arena, &x->options, str_of(options[i].name), text);
	return 0;
}

int
options_take(struct exchange *x, struct error *err)
{
	const struct jtext_edit gone = { "sluice", STR_NONE };
	struct ask *ask = &x->call.ask;
	struct str all, name, value;
	struct buf *body;
	size_t pos = 0;

	if (!jtext_get(ask->body, "sluice", &all))
		return 0;
	if (all.p[0] != '{')
		return error_param(err, "sluice", "must be an object");
	while (jtext_member(all, &pos, &name, &value))
		if (take_member(x, jtext_string(x->arena, name), value, err) !=
		    0)
			return -1;
	body = buf_new(x->arena, ask->body.n + 1);
	if (jtext_apply(body, ask->body, &gone, 1) != 0)
		return error_param(err, "sluice", "cannot be read");
	ask->body = buf_str(body);
	return 0;
}

struct str
options_get(const struct exchange *x, const char *name)
{
	char header[sizeof("x-sluice-") + MAX_NAME_BYTES] = "x-sluice-";
	struct str s;

	strncat(header, name, MAX_NAME_BYTES);
	s = str_trim(http_header(&x->in, header));
	return s.n > 0 ? s : str_trim(header_get(x->options, name));
}

bool
options_on(const struct exchange *x, const char *name)
{
	struct str s = options_get(x, name);

	return str_is(s, "1") || str_is(s, "true");
}
