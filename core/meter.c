/* SPDX-License-Identifier: MIT */
#include "core/meter.h"

#include "core/clock.h"
#include "core/gate.h"

#define BYTES_PER_TOKEN 4 /* OpenAI's rule of thumb for English text */

static void
take_usage(struct meter *m, const struct usage *u)
{
	m->usage = *u;
	if (!usage_clean(&m->usage))
		m->usage.source = USAGE_ESTIMATED;
}

static int
meter_put(struct sink *s, const struct event *ev, struct error *err)
{
	struct meter *m = (struct meter *)s;

	if (ev->kind == EVENT_USAGE)
		take_usage(m, ev->usage);
	else if (ev->kind == EVENT_START && ev->name.n > 0)
		m->model = str_dup(m->arena, ev->name);
	else if (ev->kind == EVENT_STOP)
		m->stop = ev->stop;
	else if (ev->kind == EVENT_DELTA && ev->block != BLOCK_VECTOR)
		m->content_bytes += (int64_t)ev->text.n;
	if (m->first_content_us == 0 && event_is_content(ev))
		m->first_content_us = clock_mono_us();
	return sink_put(m->next, ev, err);
}

void
meter_init(struct meter *m, struct arena *a, struct sink *next)
{
	*m = (struct meter){ .sink = { meter_put }, .next = next, .arena = a };
	usage_init(&m->usage);
}

void
meter_estimate(struct meter *m, int64_t input, int64_t least_output)
{
	int64_t seen =
	    (m->content_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;

	if (seen < least_output)
		seen = least_output;
	if (usage_total_input(&m->usage) == 0)
		m->usage.tokens[USAGE_INPUT] = input;
	if (usage_total_output(&m->usage) < seen) {
		m->usage.tokens[USAGE_REASONING] = 0;
		m->usage.tokens[USAGE_OUTPUT] = seen;
	}
	m->usage.source = USAGE_ESTIMATED;
}
