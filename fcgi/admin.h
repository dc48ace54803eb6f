/* SPDX-License-Identifier: MIT */
/*
 * The admin and self-service API, /sluice/v1/ (README, "Admin API"): the
 * table of its endpoints, who may use them, and what all of them share.  One
 * endpoint is one row of the table in admin.c and one function.
 *
 * An admin sees all; any other key what is its own, and is told 404 of the
 * rest.  A write needs an admin, comes from no foreign page (Origin), is JSON
 * and ends up in the audit log (core/trail.h).
 */
#ifndef FCGI_ADMIN_H
#define FCGI_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/jtree.h"
#include "core/jw.h"
#include "core/str.h"

struct dialect;
struct exchange;
struct key;
struct state;

#define ADMIN_STARS     2
#define ADMIN_PAGE      50 /* entries, where `limit` is not given */
#define ADMIN_PAGE_MOST 200

/* One request to the API. */
struct admin {
	struct exchange *x;
	const struct key *key; /* who asks; NULL: nobody in particular */
	bool all;              /* sees what belongs to others, too */
	struct state *state;
	struct str stars[ADMIN_STARS]; /* what the path has for each '*' */
	struct jnode body;             /* of a write: an object */
	struct jw w;                   /* the answer */
	int status;                    /* of the answer; 200 if not set */
	struct str target;             /* of a write: what it is about */
	struct error err;
};

/*
 * A handler writes one JSON value to ad->w, or none with status 204.
 *
 * Returns  0, or -1 with ad->err.
 */
typedef int admin_fn(struct admin *ad);

/* admin_answer(x): the handler of all below /sluice/v1/. */
void admin_answer(struct exchange *x);

/* Errors as application/problem+json (RFC 9457), for all below /sluice/. */
extern const struct dialect dialect_problem;

/*
 * admin_owner(ad):
 * Returns  the id of the one key whose calls may be seen; absent: all.
 */
struct str admin_owner(const struct admin *ad);

/* admin_missing(ad, what, name): ERROR_NOT_FOUND.  Returns -1. */
int admin_missing(struct admin *ad, const char *what, struct str name);

enum admin_kind {
	ADMIN_TEXT,  /* struct str */
	ADMIN_FLAG,  /* bool */
	ADMIN_COUNT, /* int64_t, from 0 (query: 1) to max */
	ADMIN_TIME,  /* int64_t, wall microseconds; 0: none */
	ADMIN_USD,   /* int64_t, pUSD; a string, or a number */
	ADMIN_SHARE, /* double, 0 to 1; null: -1 */
	ADMIN_NAMES, /* struct name *: a list of strings (body only) */
	ADMIN_NODE   /* struct jnode: an object (body only) */
};

/* A parameter of the query, or a member of the body. */
struct admin_opt {
	const char *name;
	enum admin_kind kind;
	void *value; /* untouched when it is not given; null: zero */
	int64_t max; /* ADMIN_COUNT: 0: any; ADMIN_TEXT: bytes of any kind, 0: a
		      * line of 512 */
	bool required;
	bool given;
};

/*
 * admin_query(ad, opts, n), admin_body(ad, at, opts, n):
 * Read the query string; the object ${at}.
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST: unknown, twice, of no use, missing.
 * Memory   the exchange's arena.
 */
int admin_query(struct admin *ad, struct admin_opt *opts, size_t n)
    __attribute__((warn_unused_result));
int admin_body(struct admin *ad, const struct jnode *at, struct admin_opt *opts,
    size_t n) __attribute__((warn_unused_result));

/* The endpoints, by file. */
admin_fn admin_usage;
admin_fn admin_requests, admin_request;
admin_fn admin_keys, admin_key, admin_key_create, admin_key_edit,
    admin_key_rotate, admin_key_revoke;
admin_fn admin_accounts, admin_account, admin_account_create,
    admin_account_edit, admin_account_remove, admin_credential_set,
    admin_credential_remove;
admin_fn admin_budgets, admin_budget_set, admin_budget_remove;
admin_fn admin_me, admin_models, admin_health, admin_audit;
admin_fn admin_feedback;
admin_fn admin_cache, admin_cache_purge;
admin_fn admin_experiments, admin_experiment, admin_verdicts, admin_verdict,
    admin_experiment_start, admin_experiment_stop, admin_experiment_promote,
    admin_experiment_label, admin_experiment_forget;

#endif
