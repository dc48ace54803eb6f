/* SPDX-License-Identifier: MIT */
/*
 * Single flight: of identical calls that miss the cache at the same time, in
 * whatever thread, process or CGI run, one goes upstream.  It leads: what it
 * records (cache_events.h) it appends to a file named after the key, and the
 * others follow by reading that from the beginning.
 *
 *	head	"SLF1", then where the present run begins (8 bytes)
 *	run	records; END or ERROR is the last
 *
 * The leader holds an OFD write lock on byte 0, each follower a read lock on
 * byte 1: the kernel releases both whoever dies how.  A run without an end
 * whose leader is gone is dead.  Then each follower joins again, and whoever
 * comes to lead begins a new run behind it in the same file.  A leader that
 * is done removes the file; late followers still hold it.  That of a dead one
 * whom nobody follows goes with the next sweep.
 *
 * Only joining blocks, on a few system calls; it is for the front.
 */
#ifndef CORE_FLIGHT_H
#define CORE_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/cache.h"
#include "core/str.h"

struct arena;
struct buf;
struct flight;
struct flights;
struct loop;

#define FLIGHT_MAX_BYTES ((int64_t)16 << 20) /* of a run; more is not shared */

/*
 * flights_new(data_dir), flights_free(fl):
 * Returns  this process's part in all flights; its files are in
 *          ${data_dir}/flight.  flight_join may be called by several threads,
 *          what comes after it by the one with the loop.
 */
struct flights *flights_new(struct str data_dir);
void flights_free(struct flights *fl);

/*
 * flights_sweep(fl):
 * Remove what dead leaders have left, unless this process has looked within
 * the last second.  Each join does so too.  By any thread.
 */
void flights_sweep(struct flights *fl);

/*
 * flight_join(fl, a, key):
 * Lead, or follow who does.
 *
 * Returns  the flight, left when ${a} ends if not before; NULL where files or
 *          locks do not work: then everybody goes for himself.
 */
struct flight *flight_join(
    struct flights *fl, struct arena *a, const unsigned char key[CACHE_KEY]);

/* flight_leads(f): this call goes upstream, and writes. */
bool flight_leads(const struct flight *f);

/* ---- the leader ---- */

/*
 * flight_write(f, records):
 * Append.  Where that fails or is too much the flight is left, and each
 * follower helps himself.
 */
void flight_write(struct flight *f, struct str records);

/* flight_followed(f): somebody follows. */
bool flight_followed(const struct flight *f);

/* flight_bytes(f): what the present run has. */
int64_t flight_bytes(const struct flight *f);

/*
 * flight_leave(f, done):
 * As leader: the end has been written if ${done}, else somebody else has to
 * do it.  As follower, or NULL: no more than that.
 */
void flight_leave(struct flight *f, bool done);

/* ---- followers ---- */

/*
 * flight_watch(f, loop, woken, arg):
 * Call ${woken} from the loop when there may be something to read, or the
 * leader may be gone; until flight_leave.
 */
void flight_watch(
    struct flight *f, struct loop *loop, void (*woken)(void *arg), void *arg);

enum flight_news {
	FLIGHT_SILENT, /* nothing new */
	FLIGHT_BYTES,  /* some were appended to the buffer */
	FLIGHT_AGAIN,  /* a new run has begun: forget the old one's bytes */
	FLIGHT_DEAD    /* nothing new, and nobody leads: join again */
};

#define FLIGHT_PIECE_BYTES ((size_t)128 << 10)

/*
 * flight_read(f, out):
 * Append to ${out} what is there, up to FLIGHT_PIECE_BYTES, for which there
 * must be room.
 */
enum flight_news flight_read(struct flight *f, struct buf *out);

#endif
