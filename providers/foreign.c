/* SPDX-License-Identifier: MIT */
#include "providers/foreign.h"

#include <string.h>

#include "core/buf.h"
#include "core/conf.h"
#include "core/jtext.h"
#include "core/jw.h"

#include "providers/names.h"
#include "providers/takes.h"

#define MAX_BODY_BYTES ((size_t)256 << 20)

/* Where a format has what is bound to an issuer. */
struct place {
	enum wire wire;
	const char *list;     /* of items in the body */
	const char *inner[2]; /* lists of blocks in each item */
	bool inside;          /* blocks are all that an item says */
	const char *said;     /* words of the tokens' blocks in the item */
	const char *tokens[2];
	const char *cited;  /* list in an item that goes without it; NULL */
	const char *mark;   /* the token of its entries */
	const char *ids[3]; /* of calls, in items and blocks */
	const char *result; /* the one of them in results */
};

static const struct place places[] = {
	{ .wire = WIRE_OPENAI_CHAT,
	    .list = "messages",
	    .inner = { "reasoning_details", "tool_calls" },
	    .said = "reasoning_content",
	    .tokens = { "signature", "data" },
	    .ids = { "id", "tool_call_id" },
	    .result = "\"tool_call_id\"" },
	{ .wire = WIRE_OPENAI_RESPONSES,
	    .list = "input",
	    .tokens = { "encrypted_content" },
	    .ids = { "call_id" },
	    .result = "\"call_id\"" },
	{ .wire = WIRE_ANTHROPIC,
	    .list = "messages",
	    .inner = { "content" },
	    .inside = true,
	    .tokens = { "signature", "data" },
	    .cited = "citations",
	    .mark = "encrypted_index",
	    .ids = { "id", "tool_use_id" },
	    .result = "\"tool_use_id\"" },
};

/* A body on its way. */
struct pass {
	struct arena *arena;
	const struct target *target;
	const struct place *place;
	bool lost; /* a token */
};

/* ---- tokens ---- */

static bool
has_foreign(struct arena *a, struct str item, const char *member)
{
	struct str token;

	return item.p[0] == '{' && jtext_get(item, member, &token) &&
	    str_starts(jtext_string(a, token), WIRE_FOREIGN_TOKEN);
}

static bool
is_foreign(struct pass *p, struct str item)
{
	size_t i;

	for (i = 0; i < 2 && p->place->tokens[i] != NULL; i++)
		if (has_foreign(p->arena, item, p->place->tokens[i]))
			return true;
	return false;
}

static struct str
edited(
    struct pass *p, struct str item, const struct jtext_edit *edits, size_t n)
{
	struct buf *out = buf_new(p->arena, MAX_BODY_BYTES);

	return n > 0 && jtext_apply(out, item, edits, n) == 0 ? buf_str(out)
							      : item;
}

/* A text whose sources another vendor has found, without them. */
static struct str
uncited(struct pass *p, struct str item)
{
	const struct place *place = p->place;
	const struct jtext_edit gone = { place->cited, STR_NONE };
	struct str list, one;
	size_t pos = 0;

	if (place->cited == NULL || item.p[0] != '{' ||
	    !jtext_get(item, place->cited, &list) || list.p[0] != '[' ||
	    !jtext_item(list, &pos, &one) ||
	    !has_foreign(p->arena, one, place->mark))
		return item;
	p->lost = true;
	return edited(p, item, &gone, 1);
}

/* ---- ids of calls ---- */

/* Servers of Chat take any id but OpenAI's own, and those that say so; none
 * shall see the signature that is hidden in one. */
static struct str
own_id(const struct pass *p, struct str id)
{
	struct str bare = id;

	if (p->place->wire == WIRE_OPENAI_CHAT && !takes_is_openai(p->target) &&
	    !(p->target->provider->quirks & QUIRK_SHORT_IDS) &&
	    call_id_signature(p->arena, &bare).p == NULL)
		return id;
	return call_id_for(p->arena, id, p->target, p->place->wire);
}

/* The item with its ids as the target takes them. */
static struct str
spelt(struct pass *p, struct str item)
{
	const char *const *ids = p->place->ids;
	struct jtext_edit edits[3];
	struct str raw, id, own;
	struct buf *quoted;
	size_t n = 0;

	for (; *ids != NULL && item.p[0] == '{'; ids++) {
		if (!jtext_get(item, *ids, &raw) || raw.p[0] != '"')
			continue;
		id = jtext_string(p->arena, raw);
		own = own_id(p, id);
		if (str_eq(own, id))
			continue;
		quoted = buf_new(p->arena, MAX_BODY_BYTES);
		jw_quote(quoted, own);
		edits[n] = (struct jtext_edit){ *ids, buf_str(quoted) };
		n++;
	}
	return edited(p, item, edits, n);
}

/*
 * Is there an id that another vendor has made?  Nearly every body tells with
 * one look at each result; what looks like one inside a text does no harm.
 */
static bool
has_odd_id(const struct pass *p, struct str body)
{
	const struct str name = str_of(p->place->result);
	const char *at;
	struct str id;

	while ((at = memmem(body.p, body.n, name.p, name.n)) != NULL) {
		body = str_skip(body, (size_t)(at - body.p) + name.n);
		id = str_trim(body);
		if (!str_starts(id, ":"))
			continue;
		id = str_trim(str_skip(id, 1));
		if (!str_starts(id, "\""))
			continue;
		(void)str_split(str_skip(id, 1), '"', &id);
		if (!str_eq(own_id(p, id), id))
			return true;
	}
	return false;
}

/* ---- what is left of a body ---- */

/* What is left of an item; absent: nothing. */
typedef struct str own_fn(struct pass *p, struct str item);

static struct str
own_item(struct pass *p, struct str item)
{
	if (!is_foreign(p, item))
		return spelt(p, uncited(p, item));
	p->lost = true;
	return STR_NONE;
}

/*
 * The raw array of what is left of the items of ${list}, or ${list} itself;
 * absent if nothing is left.
 */
static struct str
own_list(struct pass *p, struct str list, own_fn *own_one)
{
	struct buf *own = buf_new(p->arena, MAX_BODY_BYTES);
	struct str item, kept;
	size_t pos = 0, edits = 0;

	while (jtext_item(list, &pos, &item)) {
		kept = own_one(p, item);
		edits += kept.p != item.p;
		if (kept.p == NULL)
			continue;
		buf_addch(own, own->n == 0 ? '[' : ',');
		buf_adds(own, kept);
	}
	if (edits == 0)
		return list;
	if (own->n == 0)
		return STR_NONE;
	buf_addch(own, ']');
	return buf_str(own);
}

/* Words without their tokens are for those that want any. */
static bool
goes_unsaid(const struct pass *p)
{
	return p->place->said != NULL &&
	    !(p->target->provider->quirks & QUIRK_THOUGHTS_BACK);
}

/* A message without its foreign blocks; absent if it says nothing else. */
static struct str
own_message(struct pass *p, struct str message)
{
	const struct place *place = p->place;
	struct jtext_edit edits[3];
	struct str blocks, own;
	size_t n = 0, i;

	for (i = 0; i < 2 && place->inner[i] != NULL; i++) {
		if (message.p[0] != '{' ||
		    !jtext_get(message, place->inner[i], &blocks) ||
		    blocks.p[0] != '[')
			continue;
		own = own_list(p, blocks, own_item);
		if (own.p == blocks.p)
			continue;
		if (own.p == NULL && place->inside)
			return STR_NONE;
		edits[n] = (struct jtext_edit){ place->inner[i], own };
		n++;
		if (own.p != NULL || !goes_unsaid(p))
			continue;
		edits[n] = (struct jtext_edit){ place->said, STR_NONE };
		n++;
	}
	return spelt(p, edited(p, message, edits, n));
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
foreign_edit(struct arena *a, const struct target *t, const struct ask *ask,
    struct name **losses, struct jtext_edit *edit)
{
	struct pass p = {
		.arena = a, .target = t, .place = place_of(ask->wire)
	};
	struct str list, own;

	if (p.place == NULL ||
	    (str_find(ask->body, STR(WIRE_FOREIGN_TOKEN)) < 0 &&
		!has_odd_id(&p, ask->body)) ||
	    !jtext_get(ask->body, p.place->list, &list) || list.p[0] != '[')
		return false;
	own = own_list(
	    &p, list, p.place->inner[0] != NULL ? own_message : own_item);
	if (own.p == list.p)
		return false;
	*edit = (struct jtext_edit){ .path = p.place->list,
		.value = own.p != NULL ? own : STR("[]") };
	if (p.lost)
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
	n += foreign_edit(a, t, ask, &out->losses, &edits[1]);
	return jtext_apply(body, ask->body, edits, n);
}
