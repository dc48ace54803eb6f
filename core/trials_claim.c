/* SPDX-License-Identifier: MIT */
/* Taking the next trial, and cleaning up after those who died at theirs. */
#include <stdatomic.h>
#include <stdio.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/shm.h"
#include "core/store.h"
#include "core/trial_body.h"
#include "core/trials.h"
#include "core/trials_table.h"
#include "core/visit.h"

#define HELD_US  INT64_C(60000000)   /* whoever is at one may die at it */
#define CLEAN_US INT64_C(3600000000) /* what is kept has its time */

struct claim {
	int64_t now_us;
	struct arena *arena; /* of the records */
	struct trial_list {
		struct trial_record r;
		struct trial_list *next;
	} * all;
	struct trial_record *taken; /* NULL: none is due */
	int64_t next_us;            /* when one is, wall; 0: none is left */
	bool held;                  /* somebody is at one */
};

static int
list(void *arg, struct str key, struct str value)
{
	struct claim *c = arg;
	struct trial_list *l = ARENA_NEW(c->arena, struct trial_list);

	if (trial_record_read(c->arena, value, &l->r) != 0)
		(void)snprintf(
		    l->r.call, sizeof(l->r.call), "%.*s", STR_ARG(key));
	l->next = c->all;
	c->all = l;
	return 0;
}

/* What a dead process was at: free again, or gone. */
static int
free_dead(struct txn *t, struct trial_record *r)
{
	int64_t spent = r->reserved_pusd;

	if (r->version.n == 0) /* no record at all */
		return store_del(t, STORE_TRIALS, str_of(r->call));
	if (r->pid == 0 || shm_process_lives(r->pid, r->started))
		return 0;
	r->pid = 0;
	if (r->stage == TRIAL_SHADOW) {
		r->version = STR_NONE;
		return store_del(t, STORE_TRIALS, str_of(r->call)) == 0
		    ? trials_table_charge(t, r->experiment, spent, TRIAL_LOST)
		    : -1;
	}
	return trials_table_put(t, r) == 0
	    ? trials_table_charge(t, r->experiment, spent, TRIAL_DROPS)
	    : -1;
}

static bool
waits(const struct trial_record *r)
{
	return r->version.n > 0 && r->pid == 0 && r->stage == TRIAL_JUDGE;
}

/* The one that is due for longest, and when the next will be. */
static void
choose(struct claim *c)
{
	struct trial_list *l;

	for (l = c->all; l != NULL; l = l->next) {
		c->held |= l->r.version.n > 0 && l->r.pid != 0;
		if (waits(&l->r) &&
		    (c->taken == NULL || l->r.due_us < c->taken->due_us))
			c->taken = &l->r;
	}
	for (l = c->all; l != NULL; l = l->next)
		if (waits(&l->r) && &l->r != c->taken &&
		    (c->next_us == 0 || l->r.due_us < c->next_us))
			c->next_us = l->r.due_us;
	if (c->taken != NULL && c->taken->due_us > c->now_us) {
		c->next_us = c->taken->due_us;
		c->taken = NULL;
	}
}

static int
txn_claim(struct txn *t, void *arg)
{
	struct claim *c = arg;
	struct trial_list *l;

	c->all = NULL;
	c->taken = NULL;
	c->next_us = 0;
	c->held = false;
	if (store_scan(t, STORE_TRIALS, STR_NONE, list, c) != 0)
		return -1;
	for (l = c->all; l != NULL; l = l->next)
		if (free_dead(t, &l->r) != 0)
			return -1;
	choose(c);
	if (c->taken == NULL)
		return 0;
	c->held = true;
	shm_process(&c->taken->pid, &c->taken->started);
	return trials_table_put(t, c->taken);
}

static bool
is_alive(void *arg, struct str call)
{
	const struct claim *c = arg;
	const struct trial_list *l;

	for (l = c->all; l != NULL; l = l->next)
		if (l->r.version.n > 0 && str_is(call, l->r.call))
			return true;
	return false;
}

static int
visit_claim(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct claim *c = arg;

	if (store_txn(store, txn_claim, c, err) != 0)
		return -1;
	trial_body_clean(s, c->now_us, is_alive, c);
	return 0;
}

/*
 * When to look again, for trials_due; whoever has put one since has said so
 * himself.
 */
static void
note_next(struct state *s, const struct claim *c)
{
	int64_t wait = c->held ? HELD_US : CLEAN_US, nothing = INT64_MAX;

	if (c->next_us > 0 && c->next_us - c->now_us < wait)
		wait = c->next_us - c->now_us;
	atomic_compare_exchange_strong(shm_slot(s->shm, SHM_TRIALS_DUE_US),
	    &nothing, wait > 0 ? clock_mono_us() + wait : 0);
}

static int
claim_one(struct state *s, int64_t now_us, struct arena *a,
    struct trial_record *r, struct str *body, struct error *err)
{
	struct claim c = { .now_us = now_us, .arena = a };
	int rc;

	/* Whatever is put from here on moves it again. */
	atomic_store(shm_slot(s->shm, SHM_TRIALS_DUE_US), INT64_MAX);
	if (visit_patiently(s, visit_claim, &c, err) != 0) {
		atomic_store(shm_slot(s->shm, SHM_TRIALS_DUE_US), 0);
		return -1;
	}
	note_next(s, &c);
	if (c.taken == NULL)
		return 0;
	*r = *c.taken;
	rc = trial_body_get(s, r->call, a, body, err);
	return rc == 1 ? 1 : 2;
}

int
trials_claim(struct state *s, int64_t now_us, struct arena *a,
    struct trial_record *r, struct str *body, struct error *err)
{
	struct error why = { .kind = ERROR_NONE };
	int rc = claim_one(s, now_us, a, r, body, &why);

	while (rc == 2) {
		error_clear(&why);
		if (trials_drop(s, NULL, r, TRIAL_DAMAGED, -1, 0, err) != 0)
			return -1;
		rc = claim_one(s, now_us, a, r, body, &why);
	}
	if (rc < 0 && err != NULL)
		*err = why;
	return rc;
}

bool
trials_due(struct state *s)
{
	return clock_mono_us() >= shm_get(s->shm, SHM_TRIALS_DUE_US);
}
