/* SPDX-License-Identifier: MIT */
/*
 * Plays an answer that needs no network through the same callbacks.  Each
 * step arms the next one first and calls out last, because the transfer may
 * be gone when a callback returns.
 */
#include "core/arena.h"
#include "core/provider.h"
#include "core/transfer.h"

struct canned_play {
	struct loop_timer timer;
	const struct canned_chunk *next;
	int64_t due_us; /* of the next step; INT64_MAX: hangs */
	bool head_done;
};

static void
plan(struct transfer *t)
{
	struct canned_play *p = t->play;

	if (p->next)
		p->due_us += p->next->delay_ms * 1000;
	else if (t->request->canned->hang)
		p->due_us = INT64_MAX;
	if (p->due_us != INT64_MAX)
		loop_timer_set(t->up->loop, &p->timer, p->due_us);
}

static struct header *
head_of(struct arena *a, const struct canned *c)
{
	const struct header *h;
	struct header *list = NULL;

	if (c->content_type)
		header_add(
		    a, &list, STR("content-type"), str_of(c->content_type));
	for (h = c->headers; h; h = h->next)
		header_add(a, &list, h->name, h->value);
	return list;
}

static void
step(void *arg)
{
	struct transfer *t = arg;
	struct canned_play *p = t->play;
	const struct canned *c = t->request->canned;
	const struct canned_chunk *chunk = p->next;

	if (!p->head_done) {
		p->head_done = true;
		transfer_connected(t);
		plan(t);
		transfer_head(t, c->status, head_of(t->arena, c));
	} else if (chunk) {
		p->next = chunk->next;
		plan(t);
		transfer_data(t, chunk->bytes);
	} else if (c->cut) {
		transfer_finish(t, TRANSFER_CUT,
		    "connection closed before the answer was complete");
	} else {
		transfer_finish(t, TRANSFER_DONE, "");
	}
}

void
canned_start(struct transfer *t)
{
	struct canned_play *p = ARENA_NEW(t->arena, struct canned_play);

	p->timer = (struct loop_timer){ .fn = step, .arg = t };
	p->next = t->request->canned->chunks;
	p->due_us = t->start_us;
	t->play = p;
	loop_timer_set(t->up->loop, &p->timer, p->due_us);
}

void
canned_pause(struct transfer *t)
{
	loop_timer_stop(t->up->loop, &t->play->timer);
}

void
canned_resume(struct transfer *t)
{
	struct canned_play *p = t->play;

	if (p->due_us == INT64_MAX)
		return;
	/* Do not catch up in a burst what the pause has held back. */
	if (p->due_us < t->last_us)
		p->due_us = t->last_us;
	loop_timer_set(t->up->loop, &p->timer, p->due_us);
}

void
canned_stop(struct transfer *t)
{
	loop_timer_stop(t->up->loop, &t->play->timer);
	t->play = NULL;
}
