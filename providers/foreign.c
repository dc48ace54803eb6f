/* SPDX-License-Identifier: MIT */
#include "providers/foreign.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/jtext.h"

#define MAX_BODY_BYTES ((size_t)256 << 20)

/* Where a format has its tokens. */
struct place {
	enum wire wire;
	const char *list;  /* of items in the body */
	const char *inner; /* of blocks in each item; NULL: items are it */
	const char *tokens[2];
	const char *cited; /* list in an item that goes without it; NULL */
	const char *mark;  /* the token of its entries */
};

static const struct place places[] = {
	{ WIRE_OPENAI_RESPONSES, "input", NULL, { "encrypted_content" }, NULL,
	    NULL },
	{ WIRE_ANTHROPIC, "messages", "content", { "signature", "data" },
	    "citations", "encrypted_index" },
};

static bool
has_foreign(struct arena *a, struct str item, const char *member)
{
	struct str token;

	return item.p[0] == '{' && jtext_get(item, member, &token) &&
	    str_starts(jtext_string(a, token), WIRE_FOREIGN_TOKEN);
}

static bool
is_foreign(struct arena *a, const struct place *place, struct str item)
{
	size_t i;

	for (i = 0; i < 2 && place->tokens[i] != NULL; i++)
		if (has_foreign(a, item, place->tokens[i]))
			return true;
	return false;
}

/* A text whose sources another vendor has found, without them. */
static struct str
uncited(struct arena *a, const struct place *place, struct str item)
{
	const struct jtext_edit gone = { place->cited, STR_NONE };
	struct str list, one;
	struct buf *out;
	size_t pos = 0;

	if (place->cited == NULL || item.p[0] != '{' ||
	    !jtext_get(item, place->cited, &list) || list.p[0] != '[' ||
	    !jtext_item(list, &pos, &one) || !has_foreign(a, one, place->mark))
		return item;
	out = buf_new(a, MAX_BODY_BYTES);
	return jtext_apply(out, item, &gone, 1) == 0 ? buf_str(out) : item;
}

static void
add_item(struct buf *list, struct str item)
{
	buf_addch(list, list->n == 0 ? '[' : ',');
	buf_adds(list, item);
}

/*
 * The raw array ${list} without its foreign items, or ${list} itself; absent
 * if nothing is left.
 */
static struct str
own_items(struct arena *a, const struct place *place, struct str list)
{
	struct buf *own = buf_new(a, MAX_BODY_BYTES);
	struct str item, kept;
	size_t pos = 0, edited = 0;

	while (jtext_item(list, &pos, &item)) {
		kept = is_foreign(a, place, item) ? STR_NONE
						  : uncited(a, place, item);
		edited += kept.p != item.p;
		if (kept.p != NULL)
			add_item(own, kept);
	}
	if (edited == 0)
		return list;
	if (own->n == 0)
		return STR_NONE;
	buf_addch(own, ']');
	return buf_str(own);
}

/* A message without its foreign blocks; absent if it held no others. */
static struct str
own_message(struct arena *a, const struct place *place, struct str message)
{
	struct jtext_edit edit = { .path = place->inner };
	struct buf *out;
	struct str blocks;

	if (message.p[0] != '{' || !jtext_get(message, place->inner, &blocks) ||
	    blocks.p[0] != '[')
		return message;
	edit.value = own_items(a, place, blocks);
	if (edit.value.p == NULL || edit.value.p == blocks.p)
		return edit.value.p == NULL ? STR_NONE : message;
	out = buf_new(a, MAX_BODY_BYTES);
	return jtext_apply(out, message, &edit, 1) == 0 ? buf_str(out)
							: message;
}

/* As own_items, one level further down. */
static struct str
own_messages(struct arena *a, const struct place *place, struct str list)
{
	struct buf *own = buf_new(a, MAX_BODY_BYTES);
	struct str item, kept;
	size_t pos = 0, edited = 0;

	while (jtext_item(list, &pos, &item)) {
		kept = own_message(a, place, item);
		edited += kept.p != item.p;
		if (kept.p != NULL)
			add_item(own, kept);
	}
	if (edited == 0)
		return list;
	if (own->n == 0)
		buf_addch(own, '[');
	buf_addch(own, ']');
	return buf_str(own);
}

static const struct place *
place_of(enum wire wire)
{
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (places[i].wire == wire)
			return &places[i];
	return NULL;
}

bool
foreign_edit(struct arena *a, const struct ask *ask, struct jtext_edit *edit,
    struct name **losses)
{
	const struct place *place = place_of(ask->wire);
	struct str list, own;

	if (place == NULL || str_find(ask->body, STR(WIRE_FOREIGN_TOKEN)) < 0 ||
	    !jtext_get(ask->body, place->list, &list) || list.p[0] != '[')
		return false;
	own = place->inner != NULL ? own_messages(a, place, list)
				   : own_items(a, place, list);
	if (own.p == list.p)
		return false;
	*edit = (struct jtext_edit){ .path = place->list,
		.value = own.p != NULL ? own : STR("[]") };
	name_add(a, losses, STR("thinking"));
	return true;
}
