/* SPDX-License-Identifier: MIT */
#include "core/trials.h"

#include <stdatomic.h>

#include "core/error.h"
#include "core/experiment.h"
#include "core/shm.h"
#include "core/store.h"
#include "core/trial_body.h"
#include "core/trials_table.h"
#include "core/visit.h"

#define DAY_US (INT64_C(86400) * 1000000)

/* One change of the queue, in one transaction. */
struct change {
	struct state *state;
	const struct experiment *experiment; /* NULL: not needed */
	const struct trial_record *record;
	const struct verdict *verdict;
	struct str json;
	int64_t spent_pusd;
	enum trial_drop why;
	int arm;   /* that failed; -1: none */
	bool done; /* it has happened */
	/* what to do within the transaction */
	int (*work)(struct txn *t, struct change *c);
};

/* 1 if ${call} is still among the trials. */
static int
has_trial(struct txn *t, const char *call)
{
	struct str json;

	return store_get(t, STORE_TRIALS, str_of(call), &json);
}

/* --- changes --- */

/* When the next is due: whoever looks finds out. */
static void
look(struct state *s)
{
	atomic_store(shm_slot(s->shm, SHM_TRIALS_DUE_US), 0);
}

static int
txn_change(struct txn *t, void *arg)
{
	struct change *c = arg;

	c->done = false;
	return c->work(t, c);
}

/* 1 if it has happened, 0 if not, -1. */
static int
make(struct change *c, struct error *err)
{
	if (visit_txn(c->state, txn_change, c, err) != 0)
		return -1;
	look(c->state);
	return c->done;
}

/* How many there are, and what is set aside for the others of one
 * experiment. */
struct room {
	struct arena *arena;
	const struct trial_record *mine;
	int64_t n, reserved_pusd;
};

static int
add_up(void *arg, struct str key, struct str value)
{
	struct room *room = arg;
	struct trial_record r;

	room->n++;
	if (!str_is(key, room->mine->call) &&
	    trial_record_read(room->arena, value, &r) == 0 &&
	    str_eq(r.experiment, room->mine->experiment) &&
	    r.reserved_pusd <= INT64_MAX - room->reserved_pusd)
		room->reserved_pusd += r.reserved_pusd;
	return 0;
}

static bool
can_afford(
    const struct experiment *e, int64_t spent, int64_t reserved, int64_t more)
{
	if (e->budget_pusd <= 0)
		return true;
	return more <= e->budget_pusd && spent <= e->budget_pusd - more &&
	    reserved <= e->budget_pusd - more - spent;
}

/* Is there money for this trial, besides all the others, and ${spent}? */
static int
afford(struct txn *t, struct change *c, struct room *room,
    struct experiment_record *e)
{
	*room = (struct room){ .arena = t->arena, .mine = c->record };
	if (trials_table_experiment(t, c->record->experiment, e) != 0 ||
	    store_scan(t, STORE_TRIALS, STR_NONE, add_up, room) != 0)
		return -1;
	return can_afford(c->experiment, e->spent_pusd + c->spent_pusd,
	    room->reserved_pusd, c->record->reserved_pusd);
}

/* The tasks of one version that there is evidence about. */
struct tasks {
	struct str prefix; /* of their keys */
	int n;
};

static int
count_task(void *arg, struct str key, struct str value)
{
	struct tasks *tasks = arg;

	(void)value;
	if (key.n < tasks->prefix.n ||
	    memcmp(key.p, tasks->prefix.p, tasks->prefix.n) != 0)
		return 1;
	return ++tasks->n == EXPERIMENT_MAX_TASKS;
}

/* 1 if its task is one that is told apart, or there is room for one more:
 * clients may name as many as they like. */
static int
knows_task(struct txn *t, const struct trial_record *r)
{
	struct tasks tasks = { .n = 0 };
	struct str old;
	int rc = store_get(t, STORE_EVIDENCE,
	    trial_key(t->arena, r->experiment, r->version, r->task), &old);

	if (rc != 0)
		return rc;
	tasks.prefix = trial_key(t->arena, r->experiment, r->version, STR(""));
	if (store_scan(t, STORE_EVIDENCE, tasks.prefix, count_task, &tasks) < 0)
		return -1;
	return tasks.n < EXPERIMENT_MAX_TASKS;
}

static int
begin(struct txn *t, struct change *c)
{
	struct experiment_record e;
	struct room room;
	int rc = afford(t, c, &room, &e);

	if (rc > 0)
		rc = knows_task(t, c->record);
	if (rc <= 0 || e.stopped || room.n >= TRIALS_MAX)
		return rc < 0 ? -1 : 0;
	e.begun++;
	c->done = true;
	return trials_table_put_experiment(t, &e) == 0
	    ? trials_table_put(t, c->record)
	    : -1;
}

int
trials_begin(struct state *s, const struct experiment *e,
    const struct trial_record *r, struct error *err)
{
	struct trial_record mine = *r;
	struct change c = {
		.state = s, .experiment = e, .record = &mine, .work = begin
	};

	mine.stage = TRIAL_SHADOW;
	shm_process(&mine.pid, &mine.started);
	return make(&c, err);
}

static int
txn_paid(struct txn *t, void *arg)
{
	struct change *c = arg;
	struct experiment_record e;
	struct room room;
	int rc = afford(t, c, &room, &e);

	c->done = rc > 0;
	return rc < 0 ? -1 : 0;
}

int
trials_paid(struct state *s, const struct experiment *e,
    const struct trial_record *r, struct error *err)
{
	struct change c = { .state = s, .experiment = e, .record = r };

	return visit_txn(s, txn_paid, &c, err) == 0 ? c.done : -1;
}

/* Put the record as it is, if it is still there. */
static int
replace(struct txn *t, struct change *c)
{
	int rc = has_trial(t, c->record->call);

	if (rc <= 0)
		return rc;
	c->done = true;
	if (trials_table_put(t, c->record) != 0)
		return -1;
	return trials_table_charge(
	    t, c->record->experiment, c->spent_pusd, TRIAL_DROPS);
}

static int
offer(struct txn *t, struct change *c)
{
	struct experiment_record e;
	struct room room;
	int rc = afford(t, c, &room, &e);

	if (rc < 0)
		return -1;
	if (rc == 0)
		c->why = TRIAL_UNPAID;
	return rc == 0 ? 0 : replace(t, c);
}

int
trials_offer(struct state *s, const struct experiment *e,
    const struct trial_record *r, struct str body, int64_t spent_pusd,
    struct error *err)
{
	struct trial_record mine = *r;
	struct change c = { .state = s,
		.experiment = e,
		.record = &mine,
		.spent_pusd = spent_pusd,
		.why = TRIAL_DAMAGED,
		.work = offer };
	int rc = 0;

	mine.stage = TRIAL_JUDGE;
	mine.pid = 0;
	if (body.n <= TRIALS_MAX_BYTES) {
		if (trial_body_put(s, mine.call, body, err) != 0)
			return -1;
		rc = make(&c, err);
	}
	return rc != 0 ? rc
		       : trials_drop(s, NULL, r, c.why, -1, spent_pusd, err);
}

int
trials_later(struct state *s, const struct trial_record *r, int64_t spent_pusd,
    struct error *err)
{
	struct trial_record mine = *r;
	struct change c = { .state = s,
		.record = &mine,
		.spent_pusd = spent_pusd,
		.work = replace };

	mine.pid = 0;
	return make(&c, err) < 0 ? -1 : 0;
}

/* The arm that failed is told by it. */
static int
count_failure(struct txn *t, struct change *c)
{
	const struct trial_record *r = c->record;
	struct evidence *ev;
	struct str key;
	int side = r->arms[1] == c->arm;

	if (trials_table_evidence(t, c->experiment, c->record, &key, &ev) != 0)
		return -1;
	evidence_failed(ev, (unsigned)c->arm, r->cost_pusd[side]);
	return trials_table_put_evidence(t, key, ev);
}

static int
drop(struct txn *t, struct change *c)
{
	int rc = has_trial(t, c->record->call);

	if (rc <= 0)
		return rc;
	c->done = true;
	if (c->arm >= 0 && count_failure(t, c) != 0)
		return -1;
	if (store_del(t, STORE_TRIALS, str_of(c->record->call)) != 0)
		return -1;
	return trials_table_charge(
	    t, c->record->experiment, c->spent_pusd, c->why);
}

int
trials_drop(struct state *s, const struct experiment *e,
    const struct trial_record *r, enum trial_drop why, int arm,
    int64_t spent_pusd, struct error *err)
{
	struct change c = { .state = s,
		.experiment = e,
		.record = r,
		.spent_pusd = spent_pusd,
		.why = why,
		.arm = arm,
		.work = drop };

	if (make(&c, err) < 0)
		return -1;
	trial_body_end(s, r->call, 0);
	return 0;
}

/* --- the verdict --- */

static int
count_verdict(struct txn *t, struct change *c)
{
	struct experiment_record e;
	struct evidence *ev;
	struct str key;

	if (trials_table_evidence(t, c->experiment, c->record, &key, &ev) != 0)
		return -1;
	evidence_add(ev, c->verdict);
	if (trials_table_put_evidence(t, key, ev) != 0 ||
	    trials_table_experiment(t, c->record->experiment, &e) != 0)
		return -1;
	e.judged++;
	return trials_table_put_experiment(t, &e);
}

static int
settle(struct txn *t, struct change *c)
{
	const struct trial_record *r = c->record;
	struct str call = str_of(r->call), old;
	struct str key = trial_key(t->arena, r->experiment, r->version, call);
	int rc = store_get(t, STORE_VERDICTS, key, &old);
	int lives = has_trial(t, r->call);

	if (rc < 0 || lives < 0)
		return -1;
	if (rc == 0 && lives == 0)
		return 0; /* forgotten while it was being judged */
	c->done = rc == 0;
	if (c->done &&
	    (store_put(t, STORE_VERDICTS, key, c->json) != 0 ||
		count_verdict(t, c) != 0))
		return -1;
	if (store_del(t, STORE_TRIALS, call) != 0)
		return -1;
	return trials_table_charge(
	    t, r->experiment, c->spent_pusd, TRIAL_DROPS);
}

int
trials_verdict(struct state *s, const struct experiment *e,
    const struct trial_record *r, const struct verdict *v, struct str json,
    int64_t spent_pusd, struct error *err)
{
	struct change c = { .state = s,
		.experiment = e,
		.record = r,
		.verdict = v,
		.json = json,
		.spent_pusd = spent_pusd,
		.work = settle };
	int64_t days = e->keep_days;
	int rc = make(&c, err);

	if (rc >= 0)
		trial_body_end(
		    s, r->call, days > 0 ? v->judged_us + days * DAY_US : 0);
	return rc;
}

int
trials_kept(struct state *s, const char *call, int64_t now_us, struct arena *a,
    struct str *body, struct error *err)
{
	return trial_body_kept(s, call, now_us, a, body, err);
}
