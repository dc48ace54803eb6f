/* SPDX-License-Identifier: MIT */
/*
 * Budgets: how much a key, an account, a user or a tag may spend in a day,
 * a week, a month, or at all.  A table of the environment, read from
 * budgets.snap (snap.h); what has been spent is in the header (limit.h).
 *
 * A record:
 *	{"id":"key/month/sk-sl-…","scope","name","per","usd","alert_pct"}
 */
#ifndef CORE_BUDGET_H
#define CORE_BUDGET_H

#include <stdint.h>

#include "core/snap.h"
#include "core/str.h"
#include "core/zone.h"

struct arena;
struct error;
struct state;

enum budget_scope {
	BUDGET_KEY,
	BUDGET_ACCOUNT,
	BUDGET_USER,
	BUDGET_TAG, /* name is "k=v" */
	BUDGET_SCOPES
};

extern const char *const budget_scopes[BUDGET_SCOPES];

struct budget {
	enum budget_scope scope;
	enum window window;
	struct str name;
	int64_t pusd;      /* the limit */
	int64_t alert_pct; /* tell when so much of it is spent; 0: do not */
};

/* What budgets.snap becomes: sorted by scope and name. */
struct budget_list {
	struct budget *budgets;
	size_t n;
};

extern const struct snap_kind budget_kind;

/*
 * budget_set(state, b, err):
 * Make budget ${b}, or replace the one of the same scope, name and window.
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST (name), ERROR_STORE.
 * Blocks   on the lease.
 */
int budget_set(struct state *state, const struct budget *b, struct error *err)
    __attribute__((warn_unused_result));

/*
 * budget_remove(state, scope, name, window, err):
 * Remove one budget, or with WINDOWS all of that name.
 *
 * Returns  0, or -1: ERROR_NOT_FOUND, ERROR_STORE.
 */
int budget_remove(struct state *state, enum budget_scope scope, struct str name,
    enum window window, struct error *err) __attribute__((warn_unused_result));

/*
 * budget_read(state, a, list, err):
 * Returns  0 with all budgets in ${a}, or -1: ERROR_STORE.
 */
int budget_read(struct state *state, struct arena *a, struct budget_list *list,
    struct error *err) __attribute__((warn_unused_result));

/* budget_scope_of(word): the scope, or BUDGET_SCOPES. */
enum budget_scope budget_scope_of(struct str word);

/*
 * budget_first(list, scope, name):
 * Returns  the first budget of that scope and name, or NULL; others of the
 *          same follow it.
 */
const struct budget *budget_first(
    const struct budget_list *list, enum budget_scope scope, struct str name);

/* budget_build(a, text): for snap_new; returns a struct budget_list. */
void *budget_build(struct arena *a, struct str text);

#endif
