/* SPDX-License-Identifier: MIT */
/*
 * What a call consumed, in disjoint buckets: no token is counted twice, so
 * cost is the plain sum of bucket x price.  Each provider's decoder brings
 * its own convention (wire.md §7.3) to this form.
 */
#ifndef CORE_USAGE_H
#define CORE_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

enum usage_bucket {
	USAGE_INPUT, /* uncached text input */
	USAGE_CACHE_READ,
	USAGE_CACHE_WRITE_5M, /* also writes whose lifetime is unknown */
	USAGE_CACHE_WRITE_1H,
	USAGE_CACHE_WRITE_30M,
	USAGE_CACHE_WRITE_12H,
	USAGE_OUTPUT, /* without reasoning */
	USAGE_REASONING,
	USAGE_AUDIO_IN,
	USAGE_AUDIO_OUT,
	USAGE_IMAGE_IN,
	USAGE_IMAGE_OUT,
	USAGE_BUCKETS
};

/* Where the numbers come from; the stronger word wins in a merge. */
enum usage_source {
	USAGE_NONE,
	USAGE_ESTIMATED,
	USAGE_REPORTED
};

/* How the provider has served it, where that has a price of its own. */
enum usage_mode {
	USAGE_STANDARD,
	USAGE_FLEX,
	USAGE_PRIORITY,
	USAGE_BATCH,
	USAGE_FAST,
	USAGE_MODES
};

/* What another model has done for the answer: an advisor, a fallback. */
struct usage_other {
	char model[64];
	int64_t tokens[USAGE_BUCKETS];
};

#define USAGE_OTHERS 4

struct usage {
	int64_t tokens[USAGE_BUCKETS]; /* >= 0 */
	/* What of them has a price of its own; any further ones do not. */
	struct usage_other others[USAGE_OTHERS];
	unsigned n_others;
	int64_t web_searches;       /* per-call units */
	int64_t provider_cost_pusd; /* the provider's own figure, -1 none */
	enum usage_source source;
	enum usage_mode mode;
};

extern const char *const usage_bucket_names[USAGE_BUCKETS];

extern const char *const usage_mode_names[USAGE_MODES];

/*
 * usage_mode_of(word):
 * Returns  the mode that a provider's service tier or speed means; words that
 *          mean none of them are standard.
 */
enum usage_mode usage_mode_of(struct str word);

/* usage_init(u): all zero, no provider cost, source none. */
void usage_init(struct usage *u);

/*
 * usage_take(rest, wanted):
 * Move what goes to a bucket out of ${*rest}, so that buckets never overlap.
 *
 * Returns  ${wanted}, at most what was left, at least 0.
 */
int64_t usage_take(int64_t *rest, int64_t wanted);

/*
 * usage_other(u, model):
 * Returns  the entry of ${model}, a new one if need be; NULL if there is no
 *          room.
 */
struct usage_other *usage_other(struct usage *u, struct str model);

/*
 * usage_own(u):
 * Returns  ${u} without what others have done.
 */
struct usage usage_own(const struct usage *u);

/* usage_total_input(u), usage_total_output(u): sums over buckets, tokens. */
int64_t usage_total_input(const struct usage *u);
int64_t usage_total_output(const struct usage *u);

/*
 * usage_clean(u):
 * Bring absurd figures (negative, above 10^10) to 0 and downgrade the source
 * to estimated if there were any.
 *
 * Returns  true if nothing had to be changed.
 */
bool usage_clean(struct usage *u);

#endif
