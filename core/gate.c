/* SPDX-License-Identifier: MIT */
#include "core/gate.h"

#include "core/arena.h"
#include "core/event.h"

struct held {
	struct event ev;
	struct usage usage; /* what ev.usage pointed to */
	struct held *next;
};

bool
event_is_content(const struct event *ev)
{
	if (ev->kind == EVENT_OPEN)
		return ev->block == BLOCK_TOOL || ev->block == BLOCK_REDACTED;
	return ev->kind == EVENT_CITATION ||
	    (ev->kind == EVENT_DELTA && ev->text.n > 0);
}

static void
hold(struct gate *g, const struct event *ev)
{
	struct held *h = ARENA_NEW(g->arena, struct held);

	h->ev = *ev;
	h->ev.id = str_dup(g->arena, ev->id);
	h->ev.name = str_dup(g->arena, ev->name);
	h->ev.text = str_dup(g->arena, ev->text);
	if (ev->usage != NULL) {
		h->usage = *ev->usage;
		h->ev.usage = &h->usage;
	}
	*g->tail = h;
	g->tail = &h->next;
	g->events++;
	g->bytes += ev->text.n;
}

int
gate_open(struct gate *g, struct error *err)
{
	struct held *h;

	if (!g->open && g->commit != NULL) {
		g->next = g->commit(g->arg, err);
		if (g->next == NULL)
			return -1;
	}
	g->open = true;
	for (h = g->held; h != NULL; h = h->next) {
		if (sink_put(g->next, &h->ev, err) != 0)
			return -1;
	}
	g->held = NULL;
	return 0;
}

/* Is there room for ${ev} among the first of ${events} and ${bytes}? */
static bool
fits(const struct gate *g, const struct event *ev, size_t events, size_t bytes)
{
	return g->events < events && g->bytes + ev->text.n < bytes;
}

/* Held, or dropped: true if that is all there is to do with ${ev}. */
static bool
waits(struct gate *g, const struct event *ev)
{
	bool ping = ev->kind == EVENT_PING ||
	    (ev->kind == EVENT_FRAME && g->after_ping);

	g->after_ping = ev->kind == EVENT_PING;
	if (event_is_content(ev))
		return false;
	if (ping && !fits(g, ev, GATE_MAX_EVENTS / 2, GATE_MAX_BYTES / 2))
		return true;
	if (!fits(g, ev, GATE_MAX_EVENTS, GATE_MAX_BYTES))
		return false;
	hold(g, ev);
	return true;
}

static int
gate_put(struct sink *s, const struct event *ev, struct error *err)
{
	struct gate *g = (struct gate *)s;

	if (!g->open && waits(g, ev))
		return 0;
	if (!g->open && gate_open(g, err) != 0)
		return -1;
	return sink_put(g->next, ev, err);
}

void
gate_init(struct gate *g, struct arena *a, struct sink *next)
{
	*g = (struct gate){ .sink = { gate_put }, .next = next, .arena = a };
	g->tail = &g->held;
}
