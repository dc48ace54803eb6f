/* SPDX-License-Identifier: MIT */
/*
 * Private to core/route_run.c (what events lead to) and core/route_step.c
 * (how nodes begin, and what they may spend).  Everybody else includes
 * core/route_run.h.
 */
#ifndef CORE_ROUTE_STEP_H
#define CORE_ROUTE_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/route_run.h"

/* What no attempt goes to any more: a target, or all of a provider. */
struct dead {
	const struct target *target;
	bool provider;
	struct dead *next;
};

/*
 * step_serves(run, s, need):
 * May the target ${s} begin, as far as the failures so far go?
 */
bool step_serves(
    const struct route_run *run, const struct step *s, unsigned need);

/* step_to_come(run, s): attempts that what has not begun in ${s} may take. */
unsigned step_to_come(const struct route_run *run, const struct step *s);

/* step_may_repeat(run, s): would a retry leave enough for later targets? */
bool step_may_repeat(const struct route_run *run, const struct step *s);

/* step_note(run, s, err): remember ${err}; the primary's counts most. */
void step_note(struct route_run *run, struct step *s, const struct error *err);

/*
 * step_start(run, s):
 * Start an attempt, whatever health says.
 *
 * Returns  false if it could not even begin: ${s} is OVER then.
 */
bool step_start(struct route_run *run, struct step *s);

/*
 * step_begin(run, s, now_us), step_begin_chain(run, s, child, now_us):
 * Begin ${s}; go on with chain ${s} at ${child}.
 *
 * Returns  false if nothing in it can begin.
 */
bool step_begin(struct route_run *run, struct step *s, int64_t now_us);
bool step_begin_chain(
    struct route_run *run, struct step *s, struct step *child, int64_t now_us);

/* step_running(race): how many of its racers are under way. */
unsigned step_running(const struct step *race);

/* step_add_racer(run, race, now_us): the next that can begin; or false. */
bool step_add_racer(struct route_run *run, struct step *race, int64_t now_us);

/* step_plan_hedge(race, now_us): set the time of the next racer. */
void step_plan_hedge(struct step *race, int64_t now_us);

#endif
