/* SPDX-License-Identifier: MIT */
#include "core/trials_table.h"

#include "core/buf.h"
#include "core/error.h"
#include "core/evidence.h"

#define EVIDENCE_BYTES ((size_t)4 << 20)

int
trials_table_experiment(
    struct txn *t, struct str name, struct experiment_record *r)
{
	struct str json;
	int rc = store_get(t, STORE_EXPERIMENTS, name, &json);

	*r = (struct experiment_record){ .name = name };
	if (rc == 1 && experiment_record_read(t->arena, json, r) != 0)
		return error_set(t->err, ERROR_STORE,
		    "a record of experiments makes no sense");
	return rc < 0 ? -1 : 0;
}

int
trials_table_put_experiment(struct txn *t, const struct experiment_record *r)
{
	return store_put(t, STORE_EXPERIMENTS, r->name,
	    experiment_record_write(t->arena, r));
}

int
trials_table_charge(
    struct txn *t, struct str name, int64_t pusd, enum trial_drop why)
{
	struct experiment_record r;

	if (trials_table_experiment(t, name, &r) != 0)
		return -1;
	if (pusd > 0 && pusd <= INT64_MAX - r.spent_pusd)
		r.spent_pusd += pusd;
	if (why < TRIAL_DROPS)
		r.dropped[why]++;
	return trials_table_put_experiment(t, &r);
}

int
trials_table_put(struct txn *t, const struct trial_record *r)
{
	return store_put(
	    t, STORE_TRIALS, str_of(r->call), trial_record_write(t->arena, r));
}

int
trials_table_evidence(struct txn *t, const struct experiment *e,
    const struct trial_record *r, struct str *key, struct evidence **ev)
{
	struct str json;
	int rc;

	*key = trial_key(t->arena, r->experiment, r->version, r->task);
	rc = store_get(t, STORE_EVIDENCE, *key, &json);
	if (rc < 0)
		return -1;
	*ev = rc == 0 ? evidence_new(t->arena, e, r->task)
		      : evidence_read(t->arena, json, t->err);
	return *ev != NULL ? 0 : -1;
}

int
trials_table_put_evidence(
    struct txn *t, struct str key, const struct evidence *ev)
{
	struct buf *out = buf_new(t->arena, EVIDENCE_BYTES);

	evidence_json(ev, out);
	return store_put(t, STORE_EVIDENCE, key, buf_str(out));
}
