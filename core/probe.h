/* SPDX-License-Identifier: MIT */
/*
 * One HTTP request at a time, the way a client of this gateway makes it, with
 * an eye on when the pieces of the answer come: what `sluice check --url` is
 * made of.  Calls to providers go through upstream.h instead.
 */
#ifndef CORE_PROBE_H
#define CORE_PROBE_H

#include <stdint.h>

#include "core/str.h"

struct arena;

struct probe_request {
	const char *url;
	const char *header; /* "x-api-key: …"; NULL: none */
	const char *more;   /* another one */
	const char *method; /* NULL: GET, or POST with a body */
	struct str body;    /* JSON; absent: none */
	int64_t filler;     /* that many spaces after the body */
};

struct probe_answer {
	int status;        /* 0: no answer */
	const char *why;   /* there is none; NULL otherwise */
	struct str server; /* header Server, Location; absent if not sent */
	struct str location;
	struct str body;   /* its beginning */
	unsigned arrivals; /* pieces that came with a pause before them */
};

/*
 * probe_send(a, rq, answer):
 * Send ${rq} and wait for the end of the answer.
 *
 * Memory   the answer lives in ${a}.
 * Returns  0, or -1 where no answer came, with answer->why.
 * Blocks   up to a minute, and longer only while a body leaves.
 */
int probe_send(struct arena *a, const struct probe_request *rq,
    struct probe_answer *answer) __attribute__((warn_unused_result));

#endif
