/* SPDX-License-Identifier: MIT */
#include "providers/foreign.h"

#include "core/buf.h"
#include "core/jtext.h"
#include "core/jw.h"

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

/* What is left of an item; absent: nothing. */
typedef struct str own_fn(
    struct arena *a, const struct place *place, struct str item);

static struct str
own_item(struct arena *a, const struct place *place, struct str item)
{
	return is_foreign(a, place, item) ? STR_NONE : uncited(a, place, item);
}

/*
 * The raw array of what is left of the items of ${list}, or ${list} itself;
 * absent if nothing is left.
 */
static struct str
own_list(struct arena *a, const struct place *place, struct str list,
    own_fn *own_one)
{
	struct buf *own = buf_new(a, MAX_BODY_BYTES);
	struct str item, kept;
	size_t pos = 0, edited = 0;

	while (jtext_item(list, &pos, &item)) {
		kept = own_one(a, place, item);
		edited += kept.p != item.p;
		if (kept.p == NULL)
			continue;
		buf_addch(own, own->n == 0 ? '[' : ',');
		buf_adds(own, kept);
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
	edit.value = own_list(a, place, blocks, own_item);
	if (edit.value.p == NULL || edit.value.p == blocks.p)
		return edit.value.p == NULL ? STR_NONE : message;
	out = buf_new(a, MAX_BODY_BYTES);
	return jtext_apply(out, message, &edit, 1) == 0 ? buf_str(out)
							: message;
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

/* The edit that leaves out what must not go; false if all of it may. */
static bool
foreign_edit(struct arena *a, const struct ask *ask, struct jtext_edit *edit,
    struct name **losses)
{
	const struct place *place = place_of(ask->wire);
	struct str list, own;

	if (place == NULL || str_find(ask->body, STR(WIRE_FOREIGN_TOKEN)) < 0 ||
	    !jtext_get(ask->body, place->list, &list) || list.p[0] != '[')
		return false;
	own = own_list(
	    a, place, list, place->inner != NULL ? own_message : own_item);
	if (own.p == list.p)
		return false;
	*edit = (struct jtext_edit){ .path = place->list,
		.value = own.p != NULL ? own : STR("[]") };
	name_add(a, losses, STR("thinking"));
	return true;
}

int
foreign_pass(struct arena *a, const struct target *t, const struct ask *ask,
    struct upstream_request *out, struct buf *body)
{
	struct buf *model = buf_new(a, MAX_BODY_BYTES);
	struct jtext_edit edits[2] = { { .path = "model" } };
	size_t n = 1;

	jw_quote(model, t->model);
	edits[0].value = buf_str(model);
	n += foreign_edit(a, ask, &edits[1], &out->losses);
	return jtext_apply(body, ask->body, edits, n);
}
