/* SPDX-License-Identifier: MIT */
/*
 * Talking to providers: one libcurl multi on one event loop.  HTTP/2 where
 * the other side has it, connections kept and shared, TLS verified against
 * the CA directory, answers decompressed.  Everything runs on the loop's
 * thread; callbacks come from loop_turn, never from inside these calls.
 */
#ifndef CORE_UPSTREAM_H
#define CORE_UPSTREAM_H

#include <stdint.h>

#include "core/str.h"

struct arena;
struct error;
struct header;
struct loop;
struct transfer;
struct upstream;
struct upstream_request;

struct upstream_limits {
	int64_t connect_ms;       /* TCP and TLS handshake */
	int64_t first_content_ms; /* until the caller says so, see below */
	int64_t idle_ms;          /* between two pieces, after the first */
	int64_t total_ms;         /* over all */
};

/* How a transfer ends; on_end comes exactly once unless cancelled. */
enum transfer_end {
	TRANSFER_DONE,    /* complete HTTP answer */
	TRANSFER_CUT,     /* connection lost, or HTTP framing broken */
	TRANSFER_CONNECT, /* no connection: DNS, refused, TLS */
	TRANSFER_TIMEOUT  /* one of the limits */
};

struct transfer_events {
	/* Status and headers of the final answer, once, before any data. */
	void (*on_head)(void *arg, int status, const struct header *headers);
	/* Decoded body bytes, valid during the call. */
	void (*on_data)(void *arg, struct str bytes);
	/* ${why}: a sentence for the log and the error message, no secrets. */
	void (*on_end)(void *arg, enum transfer_end end, const char *why);
};

/*
 * upstream_new(loop), upstream_free(u):
 * Returns  the engine.  It sets curl up for its first transfer only, because
 *          that costs 2 MB of TLS library and some milliseconds.  Free it
 *          after all transfers have ended or been cancelled.
 */
struct upstream *upstream_new(struct loop *loop);
void upstream_free(struct upstream *u);

/*
 * upstream_rest(u):
 * Close the connections that are kept, unless a transfer runs.  For a process
 * that is idle: curl itself looks at them only when the next transfer starts,
 * and uses none that was idle for UPSTREAM_KEPT_S (CURLOPT_MAXAGE_CONN).
 */
#define UPSTREAM_KEPT_S 118
void upstream_rest(struct upstream *u);

/*
 * transfer_start(u, a, rq, limits, ev, arg, err):
 * Send ${rq} and report to ${ev}.  A canned answer is played by timers
 * through the same callbacks.
 *
 * Takes    everything ${rq} points to: must stay until the end; ${a}: the
 *          attempt's arena, where the transfer lives.
 * Returns  the transfer, or NULL: ERROR_INTERNAL.  It is valid until on_end
 *          has returned or transfer_cancel has been called.
 */
struct transfer *transfer_start(struct upstream *u, struct arena *a,
    const struct upstream_request *rq, const struct upstream_limits *limits,
    const struct transfer_events *ev, void *arg, struct error *err);

/* transfer_content(t): the first content has come; idle_ms counts now. */
void transfer_content(struct transfer *t);

/*
 * transfer_pause(t), transfer_resume(t):
 * Stop and continue reading from the provider: flow control.  Time spent
 * paused does not count as idle.
 */
void transfer_pause(struct transfer *t);
void transfer_resume(struct transfer *t);

/*
 * transfer_cancel(t):
 * Have it closed (HTTP/2: the stream reset) by the loop, behind what runs
 * now: the winner of a race passes its first bytes on before its losers are
 * closed.  No callback follows.  Allowed from inside its own callbacks.
 */
void transfer_cancel(struct transfer *t);

#endif
