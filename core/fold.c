/* SPDX-License-Identifier: MIT */
/*
 * Text gathers in one buffer a block, which the arena releases: the finished
 * block is a view of it, and no byte is copied twice.
 */
#include "core/fold.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"

#define BLOCK_COST 512 /* bytes that an empty block counts for */

static int
charge(struct fold *f, size_t n, struct error *err)
{
	if (n > FOLD_MAX_BYTES - f->bytes)
		return error_set(err, ERROR_UP_BROKEN,
		    "answer larger than %u bytes", FOLD_MAX_BYTES);
	f->bytes += n;
	return 0;
}

static int
put_start(struct fold *f, const struct event *ev, struct error *err)
{
	if (charge(f, ev->id.n + ev->name.n, err) != 0)
		return -1;
	f->id = str_dup(f->arena, ev->id);
	f->model = str_dup(f->arena, ev->name);
	return 0;
}

static int
put_open(struct fold *f, const struct event *ev, struct error *err)
{
	struct fold_block *b;

	if (charge(f, BLOCK_COST + ev->id.n + ev->name.n, err) != 0)
		return -1;
	b = ARENA_NEW(f->arena, struct fold_block);
	b->kind = ev->block;
	b->id = str_dup(f->arena, ev->id);
	b->name = str_dup(f->arena, ev->name);
	*f->tail = b;
	f->tail = &b->next;
	f->open = b;
	f->text = buf_new(f->arena, FOLD_MAX_BYTES);
	f->signature = NULL;
	b->text = buf_str(f->text);
	return 0;
}

static int
put_text(struct fold *f, const struct event *ev, struct error *err)
{
	if (f->open == NULL)
		return error_set(
		    err, ERROR_INTERNAL, "text outside of a block");
	if (charge(f, ev->text.n, err) != 0)
		return -1;
	if (ev->kind == EVENT_DELTA) {
		buf_adds(f->text, ev->text);
		f->open->text = buf_str(f->text);
		return 0;
	}
	if (f->signature == NULL)
		f->signature = buf_new(f->arena, FOLD_MAX_BYTES);
	buf_adds(f->signature, ev->text);
	f->open->signature = buf_str(f->signature);
	return 0;
}

static int
put_citation(struct fold *f, const struct citation *c, struct error *err)
{
	struct fold_cited **at;

	if (f->open == NULL)
		return 0;
	if (charge(f, BLOCK_COST + c->url.n + c->title.n + c->quote.n, err) !=
	    0)
		return -1;
	for (at = &f->open->cited; *at != NULL; at = &(*at)->next)
		;
	*at = ARENA_NEW(f->arena, struct fold_cited);
	(*at)->c = citation_dup(f->arena, c);
	return 0;
}

static int
put_stop(struct fold *f, const struct event *ev, struct error *err)
{
	if (charge(f, ev->text.n, err) != 0)
		return -1;
	f->stop = ev->stop;
	f->stop_text = str_dup(f->arena, ev->text);
	return 0;
}

static int
fold_put(struct sink *s, const struct event *ev, struct error *err)
{
	struct fold *f = (struct fold *)s;

	switch (ev->kind) {
	case EVENT_START:
		return put_start(f, ev, err);
	case EVENT_OPEN:
		return put_open(f, ev, err);
	case EVENT_DELTA:
	case EVENT_SIGNATURE:
		return put_text(f, ev, err);
	case EVENT_CITATION:
		return put_citation(f, ev->citation, err);
	case EVENT_CLOSE:
		f->open = NULL;
		break;
	case EVENT_USAGE:
		f->usage = *ev->usage;
		break;
	case EVENT_STOP:
		return put_stop(f, ev, err);
	case EVENT_HEAD:
	case EVENT_PING:
	case EVENT_FRAME:
	case EVENT_LOST:
		break;
	}
	return 0;
}

void
fold_init(struct fold *f, struct arena *a)
{
	*f = (struct fold){ .sink = { fold_put }, .arena = a };
	f->tail = &f->blocks;
	usage_init(&f->usage);
}
