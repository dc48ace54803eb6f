/* SPDX-License-Identifier: MIT */
#include "core/tee.h"

#include "core/arena.h"
#include "core/error.h"

struct tee {
	struct sink sink;
	struct sink *main, *aside;
};

static int
tee_put(struct sink *s, const struct event *ev, struct error *err)
{
	struct tee *t = (struct tee *)s;
	struct error ignored = { .kind = ERROR_NONE };

	if (t->aside != NULL && sink_put(t->aside, ev, &ignored) != 0)
		t->aside = NULL;
	return sink_put(t->main, ev, err);
}

struct sink *
tee_new(struct arena *a, struct sink *main, struct sink *aside)
{
	struct tee *t = ARENA_NEW(a, struct tee);

	*t = (struct tee){ { tee_put }, main, aside };
	return &t->sink;
}
