/* SPDX-License-Identifier: MIT */
#include "providers/vectors.h"

#include "core/error.h"
#include "core/event.h"
#include "core/sink.h"

#include "providers/answer.h"

int
vectors_start(const struct document *d, struct sink *out, struct str model,
    struct error *err)
{
	struct event ev = { .kind = EVENT_START, .name = model };

	if (model.n == 0)
		ev.name = d->target->model;
	return sink_put(out, &ev, err);
}

int
vectors_put(struct sink *out, int key, struct str vector, struct error *err)
{
	struct event ev = { .block = BLOCK_VECTOR, .key = key };
	static const enum event_kind kinds[] = { EVENT_OPEN, EVENT_DELTA,
		EVENT_CLOSE };
	size_t i;

	if (vector.n == 0 || vector.p[0] != '[')
		return error_set(err, ERROR_UP_BROKEN,
		    "the provider's embedding is no list of numbers");
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		ev.kind = kinds[i];
		ev.text = ev.kind == EVENT_DELTA ? vector : STR_NONE;
		if (sink_put(out, &ev, err) != 0)
			return -1;
	}
	return 0;
}

int
vectors_none(const struct document *d, const struct frame *f, enum wire wire,
    struct error *err)
{
	struct jnode root;

	if (answer_json(d->arena, f->data, &root, err) != 0 ||
	    answer_check(d->arena, f, &root, wire, err) != 0)
		return -1;
	return error_set(
	    err, ERROR_UP_BROKEN, "the provider's answer has no embeddings");
}
