/* SPDX-License-Identifier: MIT */
/*
 * The live blocks stand in the order in which they opened.  The first one has
 * been passed on and streams; the others gather their text in buffers of
 * their own and are passed on, whole or so far, when their turn comes.
 */
#include "core/order.h"

#include <assert.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/event.h"

struct block {
	struct block *next;
	enum block_kind kind;
	int key;
	bool closed; /* while it waited */
	/* What waits; empty in the block that streams. */
	struct buf id, name, text, signature;
	struct cited *cited;
};

struct cited {
	const struct citation *c;
	struct cited *next;
};

struct order {
	struct sink sink;
	struct sink *next;
	struct arena *arena;
	struct block *live;  /* the first one streams */
	struct block *spare; /* for use again */
	unsigned n_live;
	size_t held;  /* bytes in the buffers of all */
	size_t cited; /* and of citations that had to wait */
	bool started, stopped;
};

static void
block_release(void *arg)
{
	struct block *b = arg;

	buf_release(&b->id);
	buf_release(&b->name);
	buf_release(&b->text);
	buf_release(&b->signature);
}

static struct block *
block_get(struct order *o)
{
	struct block *b = o->spare;

	if (b != NULL) {
		o->spare = b->next;
		return b;
	}
	b = ARENA_NEW(o->arena, struct block);
	buf_init(&b->id, ORDER_MAX_BYTES);
	buf_init(&b->name, ORDER_MAX_BYTES);
	buf_init(&b->text, ORDER_MAX_BYTES);
	buf_init(&b->signature, ORDER_MAX_BYTES);
	arena_defer(o->arena, block_release, b);
	return b;
}

/* The open block called ${key}; one that has been closed is another one. */
static struct block *
find(const struct order *o, int key)
{
	struct block *b;

	for (b = o->live; b != NULL; b = b->next)
		if (b->key == key && !b->closed)
			return b;
	return NULL;
}

static int
keep(struct order *o, struct buf *to, struct str s, struct error *err)
{
	if (s.n > ORDER_MAX_BYTES - o->held)
		return error_set(err, ERROR_UP_BROKEN,
		    "more than %u bytes of interleaved blocks",
		    ORDER_MAX_BYTES);
	o->held += s.n;
	buf_adds(to, s);
	return 0;
}

static struct str
held(const struct buf *b)
{
	return b->n ? buf_str(b) : STR_NONE;
}

static int
pass_text(struct order *o, const struct block *b, enum event_kind kind,
    const struct buf *text, struct error *err)
{
	if (text->n == 0)
		return 0;
	return sink_put(o->next,
	    &(struct event){ .kind = kind,
		.block = b->kind,
		.key = b->key,
		.text = buf_str(text) },
	    err);
}

static int
pass_citation(struct order *o, const struct block *b, const struct citation *c,
    struct error *err)
{
	return sink_put(o->next,
	    &(struct event){ .kind = EVENT_CITATION,
		.block = b->kind,
		.key = b->key,
		.citation = c },
	    err);
}

static int
pass_cited(struct order *o, struct block *b, struct error *err)
{
	const struct cited *c = b->cited;

	b->cited = NULL;
	for (; c != NULL; c = c->next)
		if (pass_citation(o, b, c->c, err) != 0)
			return -1;
	return 0;
}

/* Passes on the block whose turn it is, as far as it has come. */
static int
pass_held(struct order *o, struct block *b, struct error *err)
{
	struct event open = {
		.kind = EVENT_OPEN,
		.block = b->kind,
		.key = b->key,
		.id = held(&b->id),
		.name = held(&b->name),
	};

	if (sink_put(o->next, &open, err) != 0 ||
	    pass_text(o, b, EVENT_DELTA, &b->text, err) != 0 ||
	    pass_text(o, b, EVENT_SIGNATURE, &b->signature, err) != 0 ||
	    pass_cited(o, b, err) != 0)
		return -1;
	o->held -= b->id.n + b->name.n + b->text.n + b->signature.n;
	block_release(b);
	return 0;
}

static int
close_first(struct order *o, struct error *err)
{
	struct block *b = o->live;
	struct event ev = {
		.kind = EVENT_CLOSE,
		.block = b->kind,
		.key = b->key,
	};

	o->live = b->next;
	o->n_live--;
	b->next = o->spare;
	o->spare = b;
	return sink_put(o->next, &ev, err);
}

/* Ends the first block, and then each that ended while it waited. */
static int
advance(struct order *o, struct error *err)
{
	do {
		if (close_first(o, err) != 0)
			return -1;
		if (o->live == NULL)
			return 0;
		if (pass_held(o, o->live, err) != 0)
			return -1;
	} while (o->live->closed);
	return 0;
}

static int
put_open(struct order *o, const struct event *ev, struct error *err)
{
	struct block **end = &o->live, *b;

	if (o->stopped || find(o, ev->key) != NULL)
		return error_set(err, ERROR_UP_BROKEN, "block %d opened %s",
		    ev->key, o->stopped ? "after the end" : "twice");
	if (ev->block == BLOCK_TOOL && ev->name.n == 0)
		return error_set(err, ERROR_UP_BROKEN,
		    "the provider called a tool without a name");
	if (o->n_live == ORDER_MAX_OPEN)
		return error_set(err, ERROR_UP_BROKEN,
		    "more than %d blocks open at once", ORDER_MAX_OPEN);
	b = block_get(o);
	b->next = NULL;
	b->kind = ev->block;
	b->key = ev->key;
	b->closed = false;
	b->cited = NULL;
	while (*end != NULL)
		end = &(*end)->next;
	*end = b;
	o->n_live++;
	if (b == o->live)
		return sink_put(o->next, ev, err);
	if (keep(o, &b->id, ev->id, err) != 0)
		return -1;
	return keep(o, &b->name, ev->name, err);
}

static int
put_text(struct order *o, const struct event *ev, struct error *err)
{
	struct block *b = find(o, ev->key);
	struct event out = *ev;

	if (b == NULL)
		return error_set(err, ERROR_UP_BROKEN,
		    "text for block %d, which is not open", ev->key);
	if (b != o->live)
		return keep(o,
		    ev->kind == EVENT_DELTA ? &b->text : &b->signature,
		    ev->text, err);
	out.block = b->kind;
	return sink_put(o->next, &out, err);
}

/* What comes when its text is over comes too late. */
static int
lose_citation(struct order *o, struct error *err)
{
	return sink_put(o->next,
	    &(struct event){ .kind = EVENT_LOST, .name = EVENT_LOST_SOURCE },
	    err);
}

static int
put_citation(struct order *o, const struct event *ev, struct error *err)
{
	const struct citation *c = ev->citation;
	struct block *b = find(o, ev->key);
	struct cited **at, *item;

	if (b == NULL)
		return lose_citation(o, err);
	if (b == o->live)
		return pass_citation(o, b, c, err);
	o->cited += c->url.n + c->title.n + c->quote.n + sizeof(*c);
	if (o->cited > ORDER_MAX_BYTES)
		return lose_citation(o, err);
	item = ARENA_NEW(o->arena, struct cited);
	item->c = citation_dup(o->arena, c);
	for (at = &b->cited; *at != NULL; at = &(*at)->next)
		;
	*at = item;
	return 0;
}

/* A second CLOSE, or one of a block never opened, hurts nobody. */
static int
put_close(struct order *o, const struct event *ev, struct error *err)
{
	struct block *b = find(o, ev->key);

	if (b == NULL)
		return 0;
	b->closed = true;
	return b == o->live ? advance(o, err) : 0;
}

static int
put_stop(struct order *o, const struct event *ev, struct error *err)
{
	struct block *b;

	if (o->stopped)
		return 0;
	o->stopped = true;
	for (b = o->live; b != NULL; b = b->next)
		b->closed = true;
	if (o->live != NULL && advance(o, err) != 0)
		return -1;
	assert(o->live == NULL && o->held == 0);
	return sink_put(o->next, ev, err);
}

static int
order_put(struct sink *s, const struct event *ev, struct error *err)
{
	struct order *o = (struct order *)s;

	switch (ev->kind) {
	case EVENT_START:
		if (o->started)
			return 0;
		o->started = true;
		break;
	case EVENT_OPEN:
		return put_open(o, ev, err);
	case EVENT_DELTA:
	case EVENT_SIGNATURE:
		return put_text(o, ev, err);
	case EVENT_CITATION:
		return put_citation(o, ev, err);
	case EVENT_CLOSE:
		return put_close(o, ev, err);
	case EVENT_STOP:
		return put_stop(o, ev, err);
	case EVENT_HEAD:
	case EVENT_USAGE:
	case EVENT_PING:
	case EVENT_FRAME:
	case EVENT_LOST:
		break;
	}
	return sink_put(o->next, ev, err);
}

struct sink *
order_new(struct arena *a, struct sink *next)
{
	struct order *o = ARENA_NEW(a, struct order);

	o->sink.put = order_put;
	o->next = next;
	o->arena = a;
	return &o->sink;
}
