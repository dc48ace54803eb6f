/* SPDX-License-Identifier: MIT */
#include "core/trials_prune.h"

#include <stdbool.h>
#include <stdio.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/jw.h"
#include "core/ledger.h"
#include "core/store.h"
#include "core/trial_body.h"
#include "core/visit.h"

#define BATCH      500
#define LIST_BYTES ((size_t)64 << 20)
#define SEPARATOR  '\x1f' /* trial_key */

/* A version that there is evidence of. */
struct version {
	struct str head; /* of its keys */
	struct str name; /* of the experiment */
	int64_t last_us;
	struct version *next;
};

struct sweep {
	enum store_table table;
	/* 1: the entry goes, 0: it stays, -1: so do all above it. */
	int (*goes)(const struct sweep *s, struct str key, struct str value);
	struct str word; /* what it is looked for: end, name, account */
	int64_t before_us;
	struct version *versions;
	struct arena *arena;
	struct str keys[BATCH];
	int n;
	int64_t gone;
};

/* --- going through a table --- */

static int
see(void *arg, struct str key, struct str value)
{
	struct sweep *s = arg;
	int goes = s->goes(s, key, value);

	if (goes > 0)
		s->keys[s->n++] = str_dup(s->arena, key);
	return goes < 0 || s->n == BATCH;
}

static int
txn_sweep(struct txn *t, void *arg)
{
	struct sweep *s = arg;
	int i;

	s->n = 0;
	if (store_scan(t, s->table, STR_NONE, see, s) < 0)
		return -1;
	for (i = 0; i < s->n; i++)
		if (store_del(t, s->table, s->keys[i]) != 0)
			return -1;
	return 0;
}

/* The last part of a key: of a verdict or a trial its call. */
static struct str
call_of(struct str key)
{
	size_t i = key.n;

	while (i > 0 && key.p[i - 1] != SEPARATOR)
		i--;
	return str_skip(key, i);
}

static void
end_bodies(const struct sweep *s, struct state *state)
{
	char call[CALL_ID_BYTES];
	int i;

	if (s->table != STORE_VERDICTS && s->table != STORE_TRIALS)
		return;
	for (i = 0; i < s->n; i++) {
		(void)snprintf(
		    call, sizeof(call), "%.*s", STR_ARG(call_of(s->keys[i])));
		trial_body_forget(state, call);
	}
}

/* In batches, each from the beginning: what is gone is not met again. */
static int
sweep(struct sweep *s, struct state *state, struct store *store,
    struct error *err)
{
	int rc;

	s->arena = arena_new(LIST_BYTES);
	do {
		arena_reset(s->arena);
		rc = store_txn(store, txn_sweep, s, err);
		if (rc == 0) {
			end_bodies(s, state);
			s->gone += s->n;
		}
	} while (rc == 0 && s->n == BATCH);
	arena_free(s->arena);
	return rc;
}

/* --- with age --- */

static int
verdict_is_old(const struct sweep *s, struct str key, struct str value)
{
	(void)value;
	return str_cmp(call_of(key), s->word) < 0;
}

static int
feedback_is_old(const struct sweep *s, struct str key, struct str value)
{
	(void)value;
	return str_cmp(key, s->word) < 0 ? 1 : -1;
}

static struct str
head_of(struct str key)
{
	return (struct str){ key.p, key.n - call_of(key).n };
}

static int64_t
last_of(struct str evidence)
{
	struct str raw;
	int64_t us = 0;

	if (!jtext_get(evidence, "last_us", &raw) ||
	    str_i64(raw, 0, INT64_MAX, &us) != 0)
		return 0;
	return us;
}

static int
note_version(void *arg, struct str key, struct str value)
{
	struct sweep *s = arg;
	struct version *v = s->versions;
	int64_t last_us = last_of(value);

	/* all of one version stand together */
	if (v == NULL || !str_eq(v->head, head_of(key))) {
		v = ARENA_NEW(s->arena, struct version);
		v->head = str_dup(s->arena, head_of(key));
		(void)str_split(v->head, SEPARATOR, &v->name);
		v->next = s->versions;
		s->versions = v;
	}
	if (last_us > v->last_us)
		v->last_us = last_us;
	return 0;
}

static int
txn_versions(struct txn *t, void *arg)
{
	struct sweep *s = arg;

	s->versions = NULL;
	return store_scan(t, STORE_EVIDENCE, STR_NONE, note_version, s);
}

/* A later version of the same experiment has been judged. */
static int
evidence_is_old(const struct sweep *s, struct str key, struct str value)
{
	const struct version *v, *mine = s->versions;
	struct str head = head_of(key);

	(void)value;
	while (mine != NULL && !str_eq(mine->head, head))
		mine = mine->next;
	if (mine == NULL || mine->last_us >= s->before_us)
		return 0;
	for (v = s->versions; v != NULL; v = v->next)
		if (str_eq(v->name, mine->name) && v->last_us > mine->last_us)
			return 1;
	return 0;
}

static int
prune_evidence(
    struct state *s, struct store *store, int64_t before_us, struct error *err)
{
	struct arena *a = arena_new(LIST_BYTES);
	struct sweep evidence = { .table = STORE_EVIDENCE,
		.goes = evidence_is_old,
		.before_us = before_us,
		.arena = a };
	int rc = store_txn(store, txn_versions, &evidence, err);

	if (rc == 0)
		rc = sweep(&evidence, s, store, err);
	arena_free(a);
	return rc;
}

int
trials_prune(struct state *s, struct store *store, struct str end,
    int64_t before_us, struct error *err)
{
	struct sweep verdicts = {
		.table = STORE_VERDICTS, .goes = verdict_is_old, .word = end
	};
	struct sweep feedback = {
		.table = STORE_FEEDBACK, .goes = feedback_is_old, .word = end
	};

	if (sweep(&verdicts, s, store, err) != 0 ||
	    sweep(&feedback, s, store, err) != 0)
		return -1;
	return prune_evidence(s, store, before_us, err);
}

/* --- by name --- */

static int
key_names(const struct sweep *s, struct str key, struct str value)
{
	struct str name;

	(void)value;
	(void)str_split(key, SEPARATOR, &name);
	return str_eq(name, s->word);
}

static bool
member_is(struct str json, const char *member, struct str quoted)
{
	struct str raw;

	return jtext_get(json, member, &raw) && str_eq(raw, quoted);
}

static int
experiment_is(const struct sweep *s, struct str key, struct str value)
{
	(void)key;
	return member_is(value, "experiment", s->word);
}

static int
account_is(const struct sweep *s, struct str key, struct str value)
{
	(void)key;
	return member_is(value, "account", s->word);
}

struct forgetting {
	struct sweep *sweeps;
	size_t n;
	int64_t gone;
};

static int
visit_forget(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct forgetting *f = arg;
	size_t i;

	for (i = 0; i < f->n; i++) {
		if (sweep(&f->sweeps[i], s, store, err) != 0)
			return -1;
		f->gone += f->sweeps[i].gone;
	}
	return 0;
}

static int
forget(struct state *s, struct sweep *sweeps, size_t n, struct error *err)
{
	struct forgetting f = { .sweeps = sweeps, .n = n };

	return visit_patiently(s, visit_forget, &f, err) == 0 ? f.gone > 0 : -1;
}

/* ${name} as the records have it. */
static struct str
quoted(struct arena *a, struct str name)
{
	struct buf *out = buf_new(a, 4096);

	jw_quote(out, name);
	return buf_str(out);
}

int
trials_forget(struct state *s, struct str name, struct error *err)
{
	struct arena *a = arena_new(1u << 16);
	struct sweep sweeps[] = {
		{ .table = STORE_TRIALS, .goes = experiment_is },
		{ .table = STORE_VERDICTS, .goes = key_names, .word = name },
		{ .table = STORE_EVIDENCE, .goes = key_names, .word = name },
		{ .table = STORE_EXPERIMENTS, .goes = key_names, .word = name },
	};
	int rc;

	sweeps[0].word = quoted(a, name);
	rc = forget(s, sweeps, 4, err);
	arena_free(a);
	return rc;
}

int
trials_forget_account(struct state *s, struct str account, struct error *err)
{
	struct arena *a = arena_new(1u << 16);
	struct sweep sweeps[] = {
		{ .table = STORE_TRIALS, .goes = account_is },
		{ .table = STORE_VERDICTS, .goes = account_is },
	};
	int rc;

	sweeps[0].word = sweeps[1].word = quoted(a, account);
	rc = forget(s, sweeps, 2, err);
	arena_free(a);
	return rc;
}
