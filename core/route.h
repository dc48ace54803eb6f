/* SPDX-License-Identifier: MIT */
/*
 * Routes: a tree from the configuration (`routes`) or from a request, that
 * says which targets may serve a call and how.  A node is a name, a leaf
 *	{ "model": "p/m", "set": {…}, "timeout_ms": n, "on": ["context"] }
 * or an object with exactly one strategy key, whose other members are that
 * kind's options; and for calls that begin at it "cache": "on" or "off",
 * "cache_ttl_s": n.  One file per kind, route_<kind>.c; the table is in
 * route.c.
 *
 * Three steps.  Parsing makes the immutable tree, once.  Planning (plan.h),
 * for each call, lets every node choose and order its children; what is left
 * knows only targets, chains and races.  Running (route_run.h) drives that
 * plan.  Trees share subtrees (a route may be named twice) and have no cycle.
 */
#ifndef CORE_ROUTE_H
#define CORE_ROUTE_H

#include <stdint.h>

#include "core/cache_policy.h"
#include "core/jtree.h"
#include "core/provider.h"
#include "core/str.h"

struct arena;
struct conf;
struct error;
struct plan;
struct planner;
struct route_kind;
struct route_test;

#define ROUTE_MAX_TARGETS 64 /* of one tree, counted where they are used */

struct route {
	const struct route_kind *kind;
	struct route_use *uses; /* children in order; NULL for a target */
	unsigned n_targets;
	enum cache_mode cache; /* of calls that begin here */
	int64_t cache_ttl_s;   /* of their answers; 0: not said */
};

/* A child, with what its parent's kind says about it. */
struct route_use {
	const struct route *route;
	int64_t weight;                /* split */
	const struct route_test *test; /* when; NULL: otherwise */
	struct str name;               /* best: the arm that it is */
	struct route_use *next;
};

/* Failures that only targets marked for them take over (`on`). */
enum route_on {
	ROUTE_ON_CONTEXT = 1 << 0, /* the context window is too small */
	ROUTE_ON_POLICY = 1 << 1   /* a content policy forbids it */
};

struct route_target {
	struct route route;
	struct target target;
	struct str set;     /* raw JSON object; absent */
	struct str over;    /* likewise, of an experiment's arm; after set */
	int64_t timeout_ms; /* 0: as everywhere */
	unsigned on;        /* enum route_on; 0: takes over for the rest */
};

/* Where parsing reads names and reports to. */
struct route_reader {
	struct arena *arena; /* the tree's */
	const struct conf *conf;
	struct jnode section;     /* `routes` while it is being read */
	struct jnode experiments; /* likewise; of a request: neither is */
	/* One complaint, with its path; all are told. */
	void (*complain)(void *arg, const struct error *err);
	void *arg;
	struct conf_route *parsing; /* innermost named route */
};

struct route_kind {
	const char *name;    /* its strategy key; NULL: a target */
	const char *options; /* its other members: "a, b" */
	/* Read ${at}; NULL after a complaint. */
	struct route *(*parse)(struct route_reader *r, const struct jnode *at);
	/* Choose and order; NULL: nobody can serve this, p->err says why. */
	struct plan *(*plan)(struct planner *p, const struct route *route);
};

extern const struct route_kind route_target, route_fallback, route_race,
    route_split, route_cheapest, route_fastest, route_when, route_best,
    route_experiment;

/*
 * route_parse(r, at):
 * Read the node at ${at}.
 *
 * Returns  the tree in r->arena, or NULL after complaints, each with the path
 *          of what is wrong.
 */
const struct route *route_parse(struct route_reader *r, const struct jnode *at);

/*
 * route_find(r, name, at):
 * Returns  the tree that ${name} stands for: alias, route, or one target;
 *          NULL after a complaint about ${at}.
 */
const struct route *route_find(
    struct route_reader *r, struct str name, const struct jnode *at);

/*
 * route_request(conf, a, at, err):
 * Read the node ${at} of a request.
 *
 * Returns  the tree in ${a}, or NULL: ERROR_BAD_REQUEST with its path, or
 *          ERROR_NOT_FOUND for a name.
 */
const struct route *route_request(const struct conf *conf, struct arena *a,
    const struct jnode *at, struct error *err);

struct name;

/*
 * route_request_names(conf, a, names, err):
 * Returns  the tree of one name, or a fallback of several; NULL:
 *          ERROR_NOT_FOUND.
 */
const struct route *route_request_names(const struct conf *conf,
    struct arena *a, const struct name *names, struct error *err);

/* For the kinds. */

/* route_chain(r): an empty fallback. */
struct route *route_chain(struct route_reader *r);

/*
 * route_list(r, at, key, route):
 * Read the list ${key} of the object at ${at} as the children of ${route}.
 *
 * Returns  0, or -1 after complaints: no list, an empty one, a bad item.
 */
int route_list(struct route_reader *r, const struct jnode *at, const char *key,
    struct route *route) __attribute__((warn_unused_result));

/*
 * route_use(r, route, child):
 * Append ${child}.
 *
 * Returns  the new use.
 */
struct route_use *route_use(
    struct route_reader *r, struct route *route, const struct route *child);

/*
 * route_members(r, at, strategy, options):
 * Complain about each member of the object at ${at} that is neither
 * ${strategy} (NULL: none) nor one of ${options}, "a, b".
 *
 * Returns  0, or -1 after a complaint.
 */
int route_members(struct route_reader *r, const struct jnode *at,
    const char *strategy, const char *options)
    __attribute__((warn_unused_result));

/*
 * route_set(r, at, set):
 * Read the optional member `set` of ${at}, parameters of a request.
 *
 * Returns  0 with its text, or -1 after a complaint.
 */
int route_set(struct route_reader *r, const struct jnode *at, struct str *set)
    __attribute__((warn_unused_result));

/*
 * route_arm(r, child, set):
 * Returns  the tree of ${child} with ${set} laid over all its targets.
 */
const struct route *route_arm(
    struct route_reader *r, const struct route *child, struct str set);

/* route_bad(r, at, fmt, ...): complain "<path of at>: …".  Returns -1. */
int route_bad(struct route_reader *r, const struct jnode *at, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/*
 * route_i64(r, at, key, range, out):
 * Read the optional integer ${key}; ${*out} keeps its value without it.
 *
 * Returns  0, or -1 after a complaint.
 */
struct route_range {
	int64_t min, max;
};
int route_i64(struct route_reader *r, const struct jnode *at, const char *key,
    struct route_range range, int64_t *out) __attribute__((warn_unused_result));

/* route_share(r, at, key, out): likewise, a number between 0 and 1. */
int route_share(struct route_reader *r, const struct jnode *at, const char *key,
    double *out) __attribute__((warn_unused_result));

#endif
