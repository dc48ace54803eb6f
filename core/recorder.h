/* SPDX-License-Identifier: MIT */
/*
 * The sink of a call that goes upstream and whose answer others may get: it
 * records the events, for the cache and for those who follow in flight, and
 * passes them on.
 */
#ifndef CORE_RECORDER_H
#define CORE_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "core/event.h"
#include "core/sink.h"

struct arena;
struct buf;
struct flight;
struct ledger_call;

struct recorder {
	struct sink sink;
	struct sink *next;             /* NULL: nobody reads here any more */
	struct error lost;             /* why: what next said */
	const struct ledger_call *row; /* who answers */
	struct flight *flight;         /* NULL: alone */
	struct buf *entry;             /* for the cache */
	struct buf *spool; /* for the flight, since the last flush */
	enum wire issuer;
	bool begun;
	struct buf *text; /* of deltas that become one in entry */
	int key;          /* their block */
	enum stop_reason stop;
	bool refused;
};

/* Where a recorder records to. */
struct recorder_opts {
	const struct ledger_call *row;
	struct flight *flight;
	size_t max_entry_bytes;
};

/* recorder_init(r, a, opts, next): nothing recorded. */
void recorder_init(struct recorder *r, struct arena *a,
    const struct recorder_opts *opts, struct sink *next);

/* recorder_flush(r): let followers have what there is. */
void recorder_flush(struct recorder *r);

/*
 * recorder_end(r, cost_pusd), recorder_fail(r, err):
 * The last record: the answer is complete, or has failed for everybody.
 */
void recorder_end(struct recorder *r, int64_t cost_pusd);
void recorder_fail(struct recorder *r, const struct error *err);

/*
 * recorder_refuses(r):
 * Returns  why what came is not for the cache, or NULL.
 */
const char *recorder_refuses(const struct recorder *r);

#endif
