/* SPDX-License-Identifier: MIT */
#include "providers/names.h"

#include <ctype.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/conf.h"

#define MAX_BYTES    ((size_t)1 << 20)
#define HASH_BYTES   9 /* '_' and eight hexadecimal digits */
#define SHORT_ID     9
#define SIGNED       "__thought__"
#define BASE64_GROUP 4

/* What may stand in a name or an id. */
struct alphabet {
	const char *more;  /* besides letters and digits */
	const char *first; /* at the beginning besides letters; NULL: more
			    * and digits */
	size_t max;        /* bytes */
};

static const struct alphabet names[] = {
	[WIRE_NONE] = { "_-.:", NULL, MAX_BYTES },
	[WIRE_OPENAI_CHAT] = { "_-", NULL, 64 },
	[WIRE_OPENAI_RESPONSES] = { "_-", NULL, 64 },
	[WIRE_ANTHROPIC] = { "_-", NULL, 64 },
	[WIRE_GEMINI] = { "_.:-", "_", 64 },
};

static const struct alphabet ids[] = {
	[WIRE_NONE] = { "_-.:", NULL, MAX_BYTES },
	[WIRE_OPENAI_CHAT] = { "_-.:|/+=", NULL, 40 },
	[WIRE_OPENAI_RESPONSES] = { "_-", NULL, 64 },
	[WIRE_ANTHROPIC] = { "_-", NULL, 64 },
	[WIRE_GEMINI] = { "_-.:|/+=", NULL, 128 },
};

static bool
has(const char *set, char c)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static bool
is_legal(const struct alphabet *abc, struct str s, size_t i)
{
	char c = s.p[i];

	if (isalpha((unsigned char)c))
		return true;
	if (i == 0 && abc->first)
		return has(abc->first, c);
	return isdigit((unsigned char)c) || has(abc->more, c);
}

static uint32_t
fnv32(struct str s)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < s.n; i++)
		hash = (hash ^ (unsigned char)s.p[i]) * 16777619u;
	return hash;
}

static struct str
spell(struct arena *a, struct str s, const struct alphabet *abc)
{
	bool legal = s.n > 0 && s.n <= abc->max;
	struct buf *b;
	size_t i;

	for (i = 0; i < s.n && legal; i++)
		legal = is_legal(abc, s, i);
	if (legal)
		return s;
	b = buf_new(a, MAX_BYTES);
	for (i = 0; i < s.n && i < abc->max - HASH_BYTES; i++)
		buf_addch(b, is_legal(abc, s, i) ? s.p[i] : '_');
	buf_addf(b, "_%08x", fnv32(s));
	return buf_str(b);
}

struct str
name_for(struct arena *a, struct str name, enum wire wire)
{
	return spell(a, name, &names[wire]);
}

struct str
name_back(const struct ask *ask, struct str name, enum wire wire)
{
	const struct tool *t = NULL;
	struct str got;

	if (ask->chat && ask->wire != wire)
		t = ask->chat->tools;
	for (; t; t = t->next) {
		got = name_for(ask->arena, t->name, wire);
		if (str_eq(got, name))
			return t->name;
	}
	return name;
}

/* Mistral's ids. */
static struct str
short_id(struct arena *a, struct str id)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const size_t base = sizeof(digits) - 1;
	uint64_t hash = str_hash(STR_HASH, id);
	bool legal = id.n == SHORT_ID;
	struct buf *b;
	size_t i;

	for (i = 0; i < id.n && legal; i++)
		legal = isalnum((unsigned char)id.p[i]);
	if (legal)
		return id;
	b = buf_new(a, SHORT_ID);
	for (i = 0; i < SHORT_ID; i++, hash /= base)
		buf_addch(b, digits[hash % base]);
	return buf_str(b);
}

struct str
call_id_for(
    struct arena *a, struct str id, const struct target *t, enum wire wire)
{
	(void)call_id_signature(a, &id);
	if (t->provider->quirks & QUIRK_SHORT_IDS)
		return short_id(a, id);
	return spell(a, id, &ids[wire]);
}

/* The base64 text ${s} without padding, in the other alphabet. */
static void
add_swapped(struct buf *b, struct str s, const char *from, const char *to)
{
	const char *at;

	for (size_t i = 0; i < s.n && s.p[i] != '='; i++) {
		at = strchr(from, s.p[i]);
		buf_addch(b, at ? to[at - from] : s.p[i]);
	}
}

static bool
is_base64(struct str s)
{
	size_t i = 0;

	while (i < s.n &&
	    (isalnum((unsigned char)s.p[i]) || s.p[i] == '+' || s.p[i] == '/'))
		i++;
	if (s.n == 0 || s.n % BASE64_GROUP != 0 || s.n - i > 2)
		return false;
	while (i < s.n && s.p[i] == '=')
		i++;
	return i == s.n;
}

struct str
call_id_sign(struct arena *a, struct str id, struct str signature)
{
	struct buf *b;

	if (!is_base64(signature) || signature.n > MAX_BYTES)
		return id;
	b = buf_new(a, id.n + sizeof(SIGNED) + signature.n);
	buf_adds(b, id);
	buf_addz(b, SIGNED);
	add_swapped(b, signature, "+/", "-_");
	return buf_str(b);
}

struct str
call_id_signature(struct arena *a, struct str *id)
{
	long at = str_find(*id, STR(SIGNED));
	struct str swapped;
	struct buf *b;

	if (at < 0)
		return STR_NONE;
	swapped = str_skip(*id, (size_t)at + sizeof(SIGNED) - 1);
	id->n = (size_t)at;
	b = buf_new(a, swapped.n + BASE64_GROUP);
	add_swapped(b, swapped, "-_", "+/");
	while (b->n % BASE64_GROUP != 0)
		buf_addch(b, '=');
	return buf_str(b);
}
