/* SPDX-License-Identifier: MIT */
/*
 * What a route comes to for one call: a tree of targets, chains (one after
 * the other) and races (side by side).  Made in the call's front from the
 * request, prices and health; run by route_run.h.
 */
#ifndef CORE_PLAN_H
#define CORE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/experiment.h"
#include "core/route.h"
#include "core/str.h"
#include "core/tokens.h"

struct arena;
struct ask;
struct conf;
struct error;
struct fits;
struct health;
struct jw;
struct ledger_call;

enum plan_kind {
	PLAN_TARGET,
	PLAN_CHAIN,
	PLAN_RACE
};

struct plan {
	enum plan_kind kind;
	const struct route_target *leaf; /* TARGET */
	const char *why;                 /* TARGET: how it came here */
	unsigned attempts; /* CHAIN: its attempts; 0: as many as targets */
	unsigned racers;   /* RACE: at a time */
	unsigned together; /* RACE: the first so many may run beside others, the
			    * rest alone; 0: all may */
	int64_t hedge_us;  /* RACE: before the next one starts */
	struct plan *first, *next;
};

/* What choices may depend on. */
struct planner {
	struct arena *arena; /* the call's */
	const struct conf *conf;
	struct health *health; /* NULL: nothing is known */
	struct fits *fits;     /* likewise */
	struct ask *ask;
	const struct ledger_call *row;                     /* labels */
	struct str (*header)(void *arg, const char *name); /* NULL: none */
	void *arg;
	int64_t mono_us, wall_us;
	bool no_trial;        /* it takes no part in experiments */
	struct trial *trials; /* the parts it may take, of all that was planned
			       * for it; NULL: none */
	bool compared; /* prices were: the cache of a conversation counts */
	bool issuer_known;
	enum wire issuer;                /* see plan_stays */
	uint64_t seed;                   /* of all that is random */
	unsigned splits;                 /* above what is being planned */
	int64_t tokens[TOKENS_FAMILIES]; /* estimates; 0: not yet made */
	struct str cache_key; /* in hex, for plan_json; absent: none */
	struct error *err;
};

/*
 * plan_make(p, route):
 * Returns  the plan, always a chain, or NULL with p->err: nobody can serve.
 */
struct plan *plan_make(struct planner *p, const struct route *route);

/* plan_route(p, route): as plan_make, for a child, and of any kind. */
struct plan *plan_route(struct planner *p, const struct route *route);

/* plan_new(p, kind), plan_add(list, item): for the kinds. */
struct plan *plan_new(struct planner *p, enum plan_kind kind);
void plan_add(struct plan *list, struct plan *item);

/*
 * plan_why(p, plan, why):
 * Note how the first target of ${plan} was chosen, unless it says so.
 */
void plan_why(struct planner *p, struct plan *plan, const char *why);

/* plan_random(p): the next of the call's random numbers. */
uint64_t plan_random(struct planner *p);

/*
 * plan_input_tokens(p, target):
 * Returns  the estimated input of the request at ${target} (NULL: anywhere).
 */
int64_t plan_input_tokens(struct planner *p, const struct target *target);

/* The decoded request, or NULL if it does not decode. */
const struct chat *plan_chat(struct planner *p);

/*
 * plan_price(p, target, worst, pusd):
 * What the call would cost at ${target}: its estimated input, and as output
 * max_tokens; without one 1024 tokens.  What the target has of the
 * conversation in its cache counts as such.  With ${worst} it is the most the
 * call may cost: a quarter more input than estimated, the model's most
 * output, each at the dearest price (price_worst).
 *
 * Returns  true with ${*pusd}, or false: no price is known.
 */
bool plan_price(
    struct planner *p, const struct target *target, bool worst, int64_t *pusd);

/*
 * plan_worst(p, plan, pusd, unpriced):
 * The most that ${plan} may cost: a chain its dearest member, a race all.
 *
 * Returns  true with ${*pusd}, or false with the target that has no price.
 */
bool plan_worst(struct planner *p, const struct plan *plan, int64_t *pusd,
    const struct target **unpriced);

/*
 * plan_cannot(p, target):
 * Returns  why ${target} cannot serve the request (context, tools, images,
 *          documents, JSON schema), or NULL.  Unknown models can.
 */
const char *plan_cannot(struct planner *p, const struct target *target);

/*
 * plan_stays(p, target):
 * Returns  true unless the conversation holds opaque state (signed thinking,
 *          encrypted reasoning) that ${target}'s format would have to drop.
 */
bool plan_stays(struct planner *p, const struct target *target);

/* plan_holds_state(p): there is such state at all. */
bool plan_holds_state(struct planner *p);

/*
 * plan_bring_home(p, list):
 * Put the member of ${list} first that has the conversation in its prompt
 * cache, where beginning with the one that is first would cost more.
 */
void plan_bring_home(struct planner *p, struct plan *list);

/* plan_first(plan): the target that a plan begins with. */
const struct plan *plan_first(const struct plan *plan);

/* plan_leaves(plan): attempts it takes at most; a race counts as one. */
unsigned plan_leaves(const struct plan *plan);

/* plan_json(p, plan, w): write the answer to a dry run (design §15). */
void plan_json(struct planner *p, const struct plan *plan, struct jw *w);

#endif
