/* SPDX-License-Identifier: MIT */
#include "core/otlp_headers.h"

#include <ctype.h>
#include <stdbool.h>

#include "core/provider.h"

static int
digit(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Undo %XX in place; nothing that ends a header line may come of it. */
static bool
decode(char *p, struct str *out)
{
	char *to = p;

	out->p = p;
	for (; *p != '\0'; p++) {
		*to = *p;
		if (*p == '%') {
			if (digit(p[1]) < 0 || digit(p[2]) < 0)
				return false;
			*to = (char)(digit(p[1]) << 4 | digit(p[2]));
			p += 2;
		}
		if ((unsigned char)*to < ' ' || *to == 0x7f)
			return false;
		to++;
	}
	out->n = (size_t)(to - out->p);
	return true;
}

/* RFC 9110, "token". */
static bool
is_token(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) &&
		    (s.p[i] == '\0' ||
			strchr("!#$%&'*+-.^_`|~", s.p[i]) == NULL))
			return false;
	return s.n > 0;
}

const char *
otlp_headers(struct arena *a, struct str text, struct header **list)
{
	struct str rest = text, item, name, value;

	while (rest.n > 0) {
		rest = str_split(rest, ',', &item);
		value = str_split(item, '=', &name);
		if (str_trim(item).n == 0)
			continue;
		name = str_trim(name);
		if (value.p == NULL || !is_token(name))
			return "must be name=value,name=value";
		if (!decode(str_cstr(a, str_trim(value)), &value))
			return "has a value that is not percent-encoded right";
		header_add(a, list, str_dup(a, name), value);
	}
	return NULL;
}
