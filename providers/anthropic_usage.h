/* SPDX-License-Identifier: MIT */
/*
 * What an answer of Anthropic's took.  Source: wire.md §3.5.
 */
#ifndef PROVIDERS_ANTHROPIC_USAGE_H
#define PROVIDERS_ANTHROPIC_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/usage.h"

struct jnode;

/* The vendor's counts, cumulative; a later frame overwrites what it has. */
struct anthropic_counts {
	int64_t input, cache_read, cache_write, cache_5m, cache_1h;
	int64_t output, thinking, web_searches;
};

struct anthropic_usage {
	struct anthropic_counts counts;
	struct usage others; /* done by other models, says the last usage */
	enum usage_mode mode;
	char model[64]; /* that answers; "" if it is not said */
	bool counted;   /* there was a count, be it 0 */
};

/*
 * anthropic_usage_read(o, in, usage):
 * Take the member "usage" of ${in} into account.
 *
 * Returns  true with what is known by now in ${usage}; false if there is no
 *          such member, or has never been a count in it.
 */
bool anthropic_usage_read(
    struct anthropic_usage *o, const struct jnode *in, struct usage *usage);

#endif
