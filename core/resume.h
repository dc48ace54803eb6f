/* SPDX-License-Identifier: MIT */
/*
 * The sink that goes on with an answer where another telling of it broke
 * off.  It remembers what has passed; after resume_again the events come from
 * the beginning once more, cut into other pieces perhaps, and nothing passes
 * until they have said as much, word for word.
 */
#ifndef CORE_RESUME_H
#define CORE_RESUME_H

#include <stdbool.h>
#include <stddef.h>

#include "core/sink.h"

struct arena;
struct buf;

struct resume {
	struct sink sink;
	struct sink *next;
	struct buf *said;
	size_t matched; /* bytes of said, since resume_again */
	bool again;     /* not all of it has been said again */
};

/* resume_init(r, a, next): nothing has been said. */
void resume_init(struct resume *r, struct arena *a, struct sink *next);

/*
 * resume_again(r):
 * From here the answer is told anew.
 *
 * Errors   (of put) ERROR_UP_BROKEN: it differs, or too much had been said.
 */
void resume_again(struct resume *r);

#endif
