/* SPDX-License-Identifier: MIT */
#include "providers/likeness.h"

#include <string.h>

#include "core/jtext.h"

/* Where the value of the only member ${key} begins; 0: nowhere. */
static size_t
find_value(struct str data, const char *key)
{
	size_t n = strlen(key);
	size_t at = 0;
	const char *p = data.p;
	const char *end = data.p + data.n;

	/* A quote inside a string has a backslash before it: with the colon
	 * behind, ${key} between quotes is a name. */
	while ((p = memmem(p, (size_t)(end - p), key, n)) != NULL) {
		if (p > data.p && p[-1] == '"' && end - p > (long)n + 1 &&
		    p[n] == '"' && p[n + 1] == ':') {
			if (at > 0)
				return 0;
			at = (size_t)(p - data.p) + n + 2;
		}
		p += n;
	}
	return at;
}

void
likeness_learn(
    struct likeness *l, struct str data, const char *key, struct str text)
{
	size_t at = find_value(data, key);
	size_t after;

	l->before = 0;
	while (at > 0 && at < data.n && data.p[at] == ' ')
		at++;
	if (at == 0 || data.n - at < text.n + 2 || data.p[at] != '"' ||
	    memcmp(data.p + at + 1, text.p, text.n) != 0 ||
	    data.p[at + 1 + text.n] != '"' || jtext_plain(text) != text.n)
		return;
	at++;
	after = data.n - at - text.n;
	if (at + after > LIKENESS_MAX)
		return;
	memcpy(l->bytes, data.p, at);
	memcpy(l->bytes + at, data.p + at + text.n, after);
	l->before = at;
	l->after = after;
}

bool
likeness_match(const struct likeness *l, struct str data, struct str *text)
{
	if (l->before == 0 || data.n < l->before + l->after ||
	    memcmp(data.p, l->bytes, l->before) != 0 ||
	    memcmp(data.p + data.n - l->after, l->bytes + l->before,
		l->after) != 0)
		return false;
	text->p = data.p + l->before;
	text->n = data.n - l->before - l->after;
	return jtext_plain(*text) == text->n;
}
