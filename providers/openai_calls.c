/* SPDX-License-Identifier: MIT */
/* The tool calls of a Chat Completions answer. */
#include "providers/openai_decode.h"

#include "core/arena.h"
#include "core/error.h"
#include "core/jtree.h"

#include "providers/answer.h"
#include "providers/names.h"

#define ID_TAIL_BYTES 40 /* of the answer's id, in ids that we make */

/* What a delta says about one call. */
struct call_piece {
	int64_t index; /* -1: not given */
	struct str id, name, text;
};

/*
 * Which call a piece belongs to.  Vendors leave out the index, or give every
 * call the same one; a piece with a name and a new id begins a call.
 */
static struct openai_call *
find_call(struct openai *o, const struct call_piece *p)
{
	struct openai_call *c = o->calls;

	if (p->index >= 0)
		while (c && c->index != p->index)
			c = c->next;
	else if (p->id.n > 0)
		while (c && !str_eq(c->id, p->id))
			c = c->next;
	else if (p->name.n > 0)
		return NULL;
	if (c && p->name.n > 0 && p->id.n > 0 && !str_eq(c->id, p->id))
		return NULL;
	return c;
}

/* An id for a call that has none: from the answer's own, so that it is new. */
static struct str
make_id(struct openai *o)
{
	size_t skip = o->id.n > ID_TAIL_BYTES ? o->id.n - ID_TAIL_BYTES : 0;
	char *id = arena_printf(o->arena, "call_%.*s_%d",
	    STR_ARG(str_skip(o->id, skip)), o->next_key);
	char *p;

	for (p = id; *p != '\0'; p++)
		if (!strchr("-_0123456789abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
			*p))
			*p = '_';
	return str_of(id);
}

static bool
is_taken(const struct openai *o, struct str id)
{
	const struct openai_call *c = o->calls;

	while (c && !str_eq(c->id, id))
		c = c->next;
	return c != NULL;
}

/* Results find their call by its id: each has one of its own. */
static struct openai_call *
open_call(struct openai *o, const struct call_piece *p, struct error *err)
{
	struct event ev = { .kind = EVENT_OPEN, .block = BLOCK_TOOL };
	struct openai_call *c;

	if (o->next_key >= INT16_MAX) {
		(void)error_set(err, ERROR_UP_BROKEN,
		    "the provider's answer has too many parts");
		return NULL;
	}
	c = ARENA_NEW(o->arena, struct openai_call);
	c->index = p->index;
	c->id = p->id.n > 0 && !is_taken(o, p->id) ? str_dup(o->arena, p->id)
						   : make_id(o);
	c->key = o->next_key++;
	c->next = o->calls;
	o->calls = c;
	ev.key = c->key;
	ev.id = c->id;
	ev.name = name_back(o->ask, p->name, WIRE_OPENAI_CHAT);
	if (openai_close(o, err) != 0 || openai_put(o, ev, err) != 0)
		return NULL;
	return c;
}

static int
put_call(struct openai *o, const struct call_piece *p, struct error *err)
{
	struct openai_call *c = o->whole ? NULL : find_call(o, p);

	if (!c && p->name.n == 0) /* of nothing: nobody could run it */
		return p->text.n == 0
		    ? 0
		    : error_set(err, ERROR_UP_BROKEN,
			  "the provider sent arguments of no tool call");
	if (!c)
		c = open_call(o, p, err);
	if (!c)
		return -1;
	if (p->text.n == 0)
		return 0;
	return openai_put(o,
	    (struct event){
		.kind = EVENT_DELTA, .key = c->key, .text = p->text },
	    err);
}

/* Arguments are a string, but some vendors send the object itself. */
static struct str
arguments_of(struct openai *o, const struct jnode *function)
{
	struct jnode args;

	if (!jtree_find(function, "arguments", &args))
		return answer_str(function, "input"); /* custom tool */
	if (json_object_is_type(args.v, json_type_string))
		return jtree_value_str(&args);
	return jtree_text(o->scratch, &args);
}

static int
read_call(struct openai *o, const struct jnode *call, struct error *err)
{
	struct call_piece p = { .index = -1, .id = answer_str(call, "id") };
	struct jnode f;

	(void)answer_count(call, "index", &p.index);
	if (!jtree_find(call, "function", &f) &&
	    !jtree_find(call, "custom", &f))
		return 0;
	p.name = answer_str(&f, "name");
	p.text = arguments_of(o, &f);
	return put_call(o, &p, err);
}

int
openai_calls(struct openai *o, const struct jnode *message, struct error *err)
{
	struct call_piece old = { .index = 0 };
	struct jnode list, item;
	size_t i;

	(void)jtree_find(message, "tool_calls", &list);
	for (i = 0; i < jtree_len(&list); i++) {
		item = jtree_item(&list, i);
		if (read_call(o, &item, err) != 0)
			return -1;
	}
	if (!jtree_find(message, "function_call", &item))
		return 0;
	old.name = answer_str(&item, "name");
	old.text = arguments_of(o, &item);
	return put_call(o, &old, err);
}
