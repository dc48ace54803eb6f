/* SPDX-License-Identifier: MIT */
/* Driving a dialect's encoder in tests: events in, bytes out. */
#ifndef TESTS_REPLY_H
#define TESTS_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/error.h"
#include "core/event.h"
#include "core/provider.h"
#include "fcgi/dialect.h"

struct reply {
	const struct dialect *dialect;
	struct arena *arena;
	struct buf out;
	struct ask ask;
	struct encoder *enc;
	struct sink *in; /* orders what goes to the encoder */
	struct receipt receipt;
	struct error err;
};

/* What a test asks for. */
struct reply_opts {
	bool stream, include_usage;
	bool known; /* the cost is */
	int64_t pusd;
};

void reply_begin(struct reply *a, const struct dialect *dialect,
    const struct reply_opts *opts);
void reply_put(struct reply *a, const struct event *ev);
/* Put ${n} events and finish; check the grammar of a stream in own words. */
void reply_run(struct reply *a, const struct event *ev, size_t n);
/* Finish, fail the test if that fails, and check the grammar. */
void reply_finish(struct reply *a);
void reply_check(struct reply *a);
void reply_end(struct reply *a);

/* The output must be exactly ${want}. */
void reply_is(const struct reply *a, const char *want);

/* End with ${err} after the head has gone, and check the grammar. */
void reply_fail(struct reply *a, const struct error *err);

/* An error of a provider, and what it is in a stream and as a document. */
struct reply_error {
	const char *raw;
	enum wire wire;
	const char *stream, *body;
};
void reply_errors(const struct dialect *dialect, struct error *err,
    const struct reply_error *cases, size_t n);

/* A stream of ${n} events, and 100,000 more like the last, needs no memory. */
void reply_is_frugal(
    const struct dialect *dialect, const struct event *ev, size_t n);

/* Put events up to the last, a ${last}. */
void reply_put_until(
    struct reply *a, const struct event *ev, enum event_kind last);

/* Events for tables. */
#define EV_STR(s)                                                              \
	{                                                                      \
		.p = (s), .n = sizeof(s) - 1                                   \
	}
#define HEAD(w)                                                                \
	{                                                                      \
		.kind = EVENT_HEAD, .wire = (w), .framing = FRAMING_SSE        \
	}
#define WHOLE(w)                                                               \
	{                                                                      \
		.kind = EVENT_HEAD, .wire = (w)                                \
	}
#define START(m)                                                               \
	{                                                                      \
		.kind = EVENT_START, .id = EV_STR("own_1"), .name = EV_STR(m)  \
	}
#define OPEN(k, b)                                                             \
	{                                                                      \
		.kind = EVENT_OPEN, .key = (k), .block = (b)                   \
	}
#define CALL(k, i, f)                                                          \
	{                                                                      \
		.kind = EVENT_OPEN, .key = (k), .block = BLOCK_TOOL,           \
		.id = EV_STR(i), .name = EV_STR(f)                             \
	}
#define DELTA(k, t)                                                            \
	{                                                                      \
		.kind = EVENT_DELTA, .key = (k), .text = EV_STR(t)             \
	}
#define SIGN(k, t)                                                             \
	{                                                                      \
		.kind = EVENT_SIGNATURE, .key = (k), .text = EV_STR(t)         \
	}
#define CLOSE(k)                                                               \
	{                                                                      \
		.kind = EVENT_CLOSE, .key = (k)                                \
	}
#define USAGE                                                                  \
	{                                                                      \
		.kind = EVENT_USAGE, .usage = &reply_usage                     \
	}
#define STOP(s)                                                                \
	{                                                                      \
		.kind = EVENT_STOP, .stop = (s)                                \
	}
#define STOP_FOR(s, t)                                                         \
	{                                                                      \
		.kind = EVENT_STOP, .stop = (s), .text = EV_STR(t)             \
	}
#define PING                                                                   \
	{                                                                      \
		.kind = EVENT_PING                                             \
	}
#define FRAME(t)                                                               \
	{                                                                      \
		.kind = EVENT_FRAME, .text = EV_STR(t)                         \
	}

/* 10 input, 4 cache read, 2 written for 1 h, 5 output, 3 reasoning. */
extern const struct usage reply_usage;

/* Up to REPLY_EVENTS random events of one whole answer, blocks interleaved. */
#define REPLY_EVENTS 128
size_t reply_random(uint64_t seed, struct event ev[REPLY_EVENTS]);

/* Body of a fixture file in ${a}, or absent. */
struct str reply_file(struct arena *a, const char *dir, const char *name);

/*
 * Call ${fn} for the directory of each recorded answer of ${api}, status 200
 * and with the wire's own bytes.
 *
 * Returns  how many there were: 0 without fixtures.
 */
size_t reply_fixtures(const char *api, void (*fn)(const char *dir));

#endif
