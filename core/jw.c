/* SPDX-License-Identifier: MIT */
#include "core/jw.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/buf.h"
#include "core/jtext.h"

void
jw_init(struct jw *w, struct buf *out)
{
	*w = (struct jw){ .out = out };
}

static uint64_t
level_bit(const struct jw *w)
{
	return UINT64_C(1) << w->depth;
}

static void
comma(struct jw *w)
{
	if (w->has_items & level_bit(w))
		buf_addch(w->out, ',');
	w->has_items |= level_bit(w);
}

/* What comes before any value.  The root is level 0 and takes one value. */
static void
begin_value(struct jw *w)
{
	if (w->after_key) {
		w->after_key = false;
	} else if (w->depth == 0) {
		assert(w->has_items == 0);
		w->has_items = 1;
	} else {
		assert(w->is_array & level_bit(w));
		comma(w);
	}
}

static void
open_level(struct jw *w, bool is_array)
{
	begin_value(w);
	assert(w->depth + 1 < JW_MAX_DEPTH);
	w->depth++;
	w->has_items &= ~level_bit(w);
	w->is_array &= ~level_bit(w);
	if (is_array)
		w->is_array |= level_bit(w);
	buf_addch(w->out, is_array ? '[' : '{');
}

void
jw_object(struct jw *w)
{
	open_level(w, false);
}

void
jw_array(struct jw *w)
{
	open_level(w, true);
}

void
jw_end(struct jw *w)
{
	assert(w->depth > 0 && !w->after_key);
	buf_addch(w->out, w->is_array & level_bit(w) ? ']' : '}');
	w->depth--;
}

void
jw_key(struct jw *w, const char *key)
{
	jw_key_str(w, str_of(key));
}

void
jw_key_str(struct jw *w, struct str key)
{
	assert(w->depth > 0 && !w->after_key);
	assert(!(w->is_array & level_bit(w)));
	comma(w);
	jw_quote(w->out, key);
	buf_addch(w->out, ':');
	w->after_key = true;
}

void
jw_str(struct jw *w, struct str s)
{
	if (s.p == NULL) {
		jw_null(w);
		return;
	}
	begin_value(w);
	jw_quote(w->out, s);
}

void
jw_cstr(struct jw *w, const char *s)
{
	jw_str(w, str_of(s));
}

void
jw_i64(struct jw *w, int64_t v)
{
	begin_value(w);
	buf_addi(w->out, v);
}

/* The shortest of the spellings that read back as the same number. */
void
jw_double(struct jw *w, double v)
{
	char text[32];
	int places;

	if (!isfinite(v)) {
		jw_null(w);
		return;
	}
	begin_value(w);
	for (places = 15; places <= 17; places++) {
		snprintf(text, sizeof(text), "%.*g", places, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buf_addz(w->out, text);
}

void
jw_bool(struct jw *w, bool v)
{
	begin_value(w);
	buf_addz(w->out, v ? "true" : "false");
}

void
jw_null(struct jw *w)
{
	begin_value(w);
	buf_addz(w->out, "null");
}

void
jw_raw(struct jw *w, struct str json)
{
	if (json.n == 0) {
		jw_null(w);
		return;
	}
	begin_value(w);
	buf_adds(w->out, json);
}

void
jw_kv_str(struct jw *w, const char *key, struct str s)
{
	jw_key(w, key);
	jw_str(w, s);
}

void
jw_kv_cstr(struct jw *w, const char *key, const char *s)
{
	jw_key(w, key);
	jw_cstr(w, s);
}

void
jw_kv_i64(struct jw *w, const char *key, int64_t v)
{
	jw_key(w, key);
	jw_i64(w, v);
}

void
jw_kv_bool(struct jw *w, const char *key, bool v)
{
	jw_key(w, key);
	jw_bool(w, v);
}

void
jw_kv_raw(struct jw *w, const char *key, struct str json)
{
	jw_key(w, key);
	jw_raw(w, json);
}

void
jw_kv_pair(struct jw *w, const char *key, const struct str pair[2])
{
	jw_key(w, key);
	jw_array(w);
	jw_str(w, pair[0]);
	jw_str(w, pair[1]);
	jw_end(w);
}

void
jw_kv_null(struct jw *w, const char *key)
{
	jw_key(w, key);
	jw_null(w);
}

/* Append the one byte that may not stand in a string as it is. */
static void
add_escaped(struct buf *out, unsigned char c)
{
	static const char names[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	const char *at;

	for (at = names; *at != '\0'; at += 2) {
		if (*at == (char)c) {
			buf_addch(out, '\\');
			buf_addch(out, at[1]);
			return;
		}
	}
	if (c < 0x20)
		buf_addf(out, "\\u%04x", c);
	else
		buf_addz(out, "\xef\xbf\xbd");
}

void
jw_quote(struct buf *out, struct str s)
{
	size_t plain;

	buf_addch(out, '"');
	while (s.n > 0) {
		plain = jtext_plain(s);
		buf_add(out, s.p, plain);
		s = str_skip(s, plain);
		if (s.n > 0) {
			add_escaped(out, (unsigned char)*s.p);
			s = str_skip(s, 1);
		}
	}
	buf_addch(out, '"');
}
