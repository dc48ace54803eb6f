/* SPDX-License-Identifier: MIT */
/*
 * The executor: drives a plan (plan.h) as a small state machine.  It knows
 * no upstream, clock or memory but what it is given, so that tests can play
 * all three.
 *
 *	IDLE	  not begun; may begin
 *	RUNNING	  a target: an attempt is under way; a list: some child is
 *	WAITING	  a target: to be tried again at due_us
 *	OVER	  failed, or lost: nothing more comes from here
 *
 * The first target with content wins the whole call, wherever it stands in
 * the tree: all others stop, and from then on nothing starts (the commit
 * point of design §8).  Before that a failure leads on by its class
 * (retry.h), within the attempts of each chain and before one deadline.
 */
#ifndef CORE_ROUTE_RUN_H
#define CORE_ROUTE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "core/ledger.h"
#include "core/plan.h"
#include "core/str.h"

struct arena;

enum step_state {
	STEP_IDLE,
	STEP_RUNNING,
	STEP_WAITING,
	STEP_OVER
};

/* A node of the plan as it runs. */
struct step {
	const struct plan *plan;
	enum step_state state;
	struct step *up, *first, *next;
	struct step *at;        /* CHAIN: the child under way */
	unsigned used, limit;   /* CHAIN: attempts */
	unsigned tries;         /* TARGET: attempts so far */
	int64_t due_us;         /* WAITING; RACE: the next hedge; 0: none */
	bool fatal, curable;    /* RACE: what its children failed with */
	bool hedge;             /* of a racer that started late */
	int status;             /* TARGET: HTTP status of the last attempt,
				 * set by the caller; 0 none */
	enum attempt_role role; /* TARGET: of the attempt that starts */
	void *data;             /* the caller's, of the last attempt */
};

struct route_ops {
	/*
	 * Start an attempt at ${step}, of step->role.  Returns 0, or -1 with
	 * the error: it did not begin and counts for nothing.
	 */
	int (*start)(void *arg, struct step *step, struct error *err);
	/* Another one has won: end it now. */
	void (*stop)(void *arg, struct step *step);
	/* Does health let an attempt begin?  ${take}: it will, now. */
	bool (*may)(void *arg, const struct step *step, bool take);
};

struct dead;

struct route_run {
	struct arena *arena;
	const struct route_ops *ops;
	void *arg;
	int64_t deadline_us;
	uint64_t seed;
	struct step *root;
	struct step *winner;  /* NULL until the commit point */
	bool over;            /* failed for good: err */
	struct error err;     /* when over */
	struct step *culprit; /* whose err is; NULL: nobody's */
	int64_t wake_us;      /* call route_run_wake then; 0: never */
	bool forced;          /* every target was open: health is ignored */
	/* private */
	bool shut_out;     /* health has kept one from beginning */
	unsigned started;  /* attempts */
	unsigned need;     /* enum route_on: only those marked so */
	struct dead *dead; /* credentials and targets */
	struct step *primary, *other;
	struct error *primary_err, *other_err; /* NULL: none; in the arena */
	int64_t least_retry_ms;
};

struct route_run_opts {
	const struct plan *plan; /* a chain */
	const struct route_ops *ops;
	void *arg;
	unsigned attempts; /* of the whole; 0: max(3, targets) */
	int64_t deadline_us;
	uint64_t seed;
};

/*
 * route_run_init(run, a, opts), route_run_begin(run, now_us):
 * Nothing starts before begin.  After every call below see to run->over and
 * run->wake_us.
 */
void route_run_init(
    struct route_run *run, struct arena *a, const struct route_run_opts *opts);
void route_run_begin(struct route_run *run, int64_t now_us);

/*
 * route_run_won(run, step):
 * The attempt at ${step} has content: the others are stopped.
 */
void route_run_won(struct route_run *run, struct step *step);

/* route_run_failed(run, step, err, now_us): its attempt failed without. */
void route_run_failed(struct route_run *run, struct step *step,
    const struct error *err, int64_t now_us);

/* route_run_wake(run, now_us): wake_us has come. */
void route_run_wake(struct route_run *run, int64_t now_us);

/*
 * route_run_takes(run, on):
 * Returns  true if some target marked ${on} could still begin.
 */
bool route_run_takes(const struct route_run *run, enum route_on on);

#endif
