/* SPDX-License-Identifier: MIT */
/* Driving a dialect's encoder in tests: events in, bytes out. */
#ifndef TESTS_ANSWER_H
#define TESTS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/error.h"
#include "core/event.h"
#include "core/provider.h"
#include "fcgi/dialect.h"

struct answer {
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
struct answer_opts {
	bool stream, include_usage;
	bool known; /* the cost is */
	int64_t pusd;
};

void answer_begin(struct answer *a, const struct dialect *dialect,
    const struct answer_opts *opts);
void answer_put(struct answer *a, const struct event *ev);
/* Put ${n} events, finish; check the grammar of a stream in own words. */
void answer_run(struct answer *a, const struct event *ev, size_t n);
/* Finish, fail the test if that fails, and check the grammar. */
void answer_finish(struct answer *a);
void answer_check(struct answer *a);
void answer_end(struct answer *a);

/* The output must be exactly ${want}. */
void answer_is(const struct answer *a, const char *want);

/* Up to ANSWER_EVENTS random events of one whole answer, blocks interleaved. */
#define ANSWER_EVENTS 128
size_t answer_random(uint64_t seed, struct event ev[ANSWER_EVENTS]);

/* Body of a fixture file in ${a}, or absent. */
struct str answer_file(struct arena *a, const char *dir, const char *name);

/*
 * Call ${fn} for the directory of each recorded answer of ${api}, status 200
 * and with the wire's own bytes.
 *
 * Returns  how many there were: 0 without fixtures.
 */
size_t answer_fixtures(const char *api, void (*fn)(const char *dir));

#endif
