/* SPDX-License-Identifier: MIT */
/* Readers of single members that more than one dialect has. */
#include "fcgi/decode.h"

#include <limits.h>

#include <openssl/evp.h>

#include "core/arena.h"
#include "core/error.h"
#include "core/jtext.h"

#define MAX_NAMES 256 /* more stop strings, or tools, than any vendor takes */

static bool
is_utf8(struct str s)
{
	while (s.n > 0) {
		s = str_skip(s, jtext_plain(s));
		if (s.n > 0 && (unsigned char)*s.p >= 0x80)
			return false;
		s = str_skip(s, 1);
	}
	return true;
}

/* The bytes that base64 ${s} stands for; absent if it is none. */
static struct str
from_base64(struct arena *a, struct str s)
{
	unsigned char *bytes = arena_alloc(a, s.n + 1);
	int n = s.n > INT_MAX
	    ? -1
	    : EVP_DecodeBlock(bytes, (const unsigned char *)s.p, (int)s.n);

	if (n < 0)
		return STR_NONE;
	for (; n > 0 && s.p[s.n - 1] == '='; s.n--)
		n--;
	return (struct str){ .p = (const char *)bytes, .n = (size_t)n };
}

/* A file of text is what it says: not all providers take it as data. */
static void
read_text_file(struct chat *chat, struct part *part)
{
	struct str text = from_base64(chat->arena, part->data);

	if (text.p == NULL || !is_utf8(text))
		return;
	chat->beyond = true; /* what kind of text it is */
	part->text = text;
	part->data = STR_NONE;
}

/* "data:image/png;base64,AAAA": RFC 2397. */
static int
read_data_url(struct chat *chat, const struct jnode *at, struct str url,
    struct part *part, struct error *err)
{
	struct str head, type, data;

	data = str_split(str_skip(url, strlen("data:")), ',', &head);
	if (data.p == NULL || !str_ends(head, ";base64"))
		return jtree_fail(at, err, "must be a base64 data URL");
	(void)str_split(head, ';', &type);
	if (type.n == 0)
		return jtree_fail(at, err, "data URL without a media type");
	part->mime = media_type(type);
	part->data = data;
	if (part->kind == PART_DOCUMENT && str_starts(type, "text/"))
		read_text_file(chat, part);
	return 0;
}

int
decode_media(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct part *part = into;
	struct str s = jtree_value_str(v);

	if (s.p == NULL)
		return jtree_fail(v, err, "must be a string");
	if (str_starts(s, "data:"))
		return read_data_url(chat, v, s, part, err);
	if (!str_starts(s, "https://") && !str_starts(s, "http://"))
		return jtree_fail(v, err, "must be an https or data URL");
	part->url = s;
	return 0;
}

int
decode_names(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct name **list = into;
	struct str one = jtree_value_str(v);
	struct jnode item;
	size_t i;

	if (one.p != NULL) {
		name_add(chat->arena, list, one);
		return 0;
	}
	if (!json_object_is_type(v->v, json_type_array))
		return jtree_fail(v, err, "must be a string or an array");
	if (jtree_len(v) > MAX_NAMES)
		return jtree_fail(v, err, "more than %d strings", MAX_NAMES);
	for (i = 0; i < jtree_len(v); i++) {
		item = jtree_item(v, i);
		one = jtree_value_str(&item);
		if (one.p == NULL)
			return jtree_fail(&item, err, "must be a string");
		name_add(chat->arena, list, one);
	}
	return 0;
}

int
decode_keep(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	(void)chat;
	(void)err;
	*(struct jnode *)into = *v;
	return 0;
}

int
decode_effort(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	enum effort *effort = into;

	(void)chat;
	*effort = effort_of(jtree_value_str(v));
	if (*effort == EFFORT_UNSET)
		return jtree_fail(v, err,
		    "must be one of none, minimal, low, "
		    "medium, high, xhigh, max");
	return 0;
}

/* An unknown lifetime is the vendor's default, not an error. */
int
decode_mark(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct {
		const char *ttl;
		enum cache_mark mark;
	} marks[] = {
		{ "5m", CACHE_MARK_5M },
		{ "30m", CACHE_MARK_30M },
		{ "1h", CACHE_MARK_1H },
		{ "12h", CACHE_MARK_12H },
	};
	enum cache_mark *mark = into;
	struct str ttl = STR_NONE;
	size_t i;

	(void)chat;
	if (!json_object_is_type(v->v, json_type_object))
		return jtree_fail(v, err, "must be an object");
	if (jtree_str(v, "ttl", JTREE_OPTIONAL, &ttl, err) < 0)
		return -1;
	*mark = strcmp(v->key, "cache_control") == 0 ? CACHE_MARK_5M
						     : CACHE_MARK_30M;
	for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (str_is(ttl, marks[i].ttl))
			*mark = marks[i].mark;
	}
	return 0;
}

int
decode_json(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct str *text = into;

	if (!json_object_is_type(v->v, json_type_object))
		return jtree_fail(v, err, "must be an object");
	*text = jtree_text(chat->arena, v);
	return 0;
}

int
decode_parallel(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	bool on = true;

	(void)into;
	if (jtree_bool(v->up, v->key, JTREE_REQUIRED, &on, err) < 0)
		return -1;
	chat->parallel_off = !on;
	return 0;
}

int
decode_stream_options(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_OF("include_usage", BOOL, struct chat, include_usage),
		FIELD_NO("include_obfuscation", SKIP),
		FIELD_END,
	};

	return decode_object(chat, v, table, "stream_options", into, err);
}

int
decode_audio_format(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct part *part = into;
	struct str format = jtree_value_str(v);

	if (!str_is(format, "wav") && !str_is(format, "mp3"))
		return jtree_fail(v, err, "must be wav or mp3");
	part->mime =
	    str_of(arena_printf(chat->arena, "audio/%.*s", STR_ARG(format)));
	return 0;
}

int
decode_output(struct chat *chat, const struct jnode *v, struct error *err)
{
	struct str type = STR_NONE;
	struct jnode at;

	if (decode_type(v, &type, err) < 0)
		return -1;
	(void)jtree_find(v, "type", &at);
	if (str_is(type, "json_object"))
		chat->output = OUTPUT_JSON;
	else if (str_is(type, "json_schema"))
		chat->output = OUTPUT_SCHEMA;
	else if (str_is(type, "text"))
		chat->output = OUTPUT_TEXT;
	else
		return jtree_fail(
		    &at, err, "unknown format \"%.*s\"", STR_ARG(type));
	return 0;
}

/* ---- tool choice ---- */

/* One word for what may be called. */
static int
read_word(struct chat *chat, const struct jnode *v, struct error *err)
{
	static const struct {
		const char *word;
		enum tool_choice choice;
	} words[] = {
		{ "auto", TOOL_CHOICE_AUTO },
		{ "none", TOOL_CHOICE_NONE },
		{ "required", TOOL_CHOICE_REQUIRED },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_is(jtree_value_str(v), words[i].word)) {
			chat->tool_choice = words[i].choice;
			return 0;
		}
	}
	return jtree_fail(v, err, "must be auto, none, required or an object");
}

static bool
has_name(const struct name *list, struct str s)
{
	while (list != NULL && !str_eq(list->s, s))
		list = list->next;
	return list != NULL;
}

/* Tools that may not be called are not offered: the same, said otherwise. */
static void
keep_tools(struct chat *chat, const struct name *names)
{
	struct tool *t = chat->tools, *kept, *last;

	chat->tools = NULL;
	for (; t != NULL; t = t->next) {
		if (!has_name(names, t->name))
			continue;
		kept = chat_tool(chat);
		last = kept->last;
		*kept = *t;
		kept->next = NULL;
		kept->last = last;
	}
}

static int
read_allowed(struct chat *chat, const struct jnode *v,
    const struct choice_form *form, struct error *err)
{
	struct jnode of = *v, list, item;
	struct name *names = NULL;
	struct str mode = STR("auto"), name;
	size_t i;

	if ((form->allowed != NULL &&
		jtree_object(v, form->allowed, JTREE_REQUIRED, &of, err) < 0) ||
	    jtree_str(&of, "mode", JTREE_OPTIONAL, &mode, err) < 0 ||
	    jtree_array(&of, "tools", JTREE_REQUIRED, &list, err) < 0)
		return -1;
	if (jtree_len(&list) > MAX_NAMES)
		return jtree_fail(&list, err, "more than %d tools", MAX_NAMES);
	for (i = 0; i < jtree_len(&list); i++) {
		item = jtree_item(&list, i);
		if (form->named(chat, &item, &name, err) < 0)
			return -1;
		name_add(chat->arena, &names, name);
	}
	keep_tools(chat, names);
	if (chat->tools == NULL)
		return jtree_fail(&list, err, "names none of the tools");
	chat->tool_choice =
	    str_is(mode, "required") ? TOOL_CHOICE_REQUIRED : TOOL_CHOICE_AUTO;
	return 0;
}

int
decode_choice(struct chat *chat, const struct jnode *v,
    const struct choice_form *form, struct error *err)
{
	struct str type = STR_NONE;

	if (jtree_value_str(v).p != NULL)
		return read_word(chat, v, err);
	if (decode_type(v, &type, err) < 0)
		return -1;
	chat->beyond = true; /* its members are not looked at one by one */
	if (str_is(type, "allowed_tools"))
		return read_allowed(chat, v, form, err);
	chat->tool_choice = TOOL_CHOICE_NAMED;
	return form->named(chat, v, &chat->tool_choice_name, err);
}
