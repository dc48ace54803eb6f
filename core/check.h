/* SPDX-License-Identifier: MIT */
/*
 * What `sluice check` finds wrong with an installation.  Each finding says
 * what is wrong and what to do about it; a fault fails the check, a warning
 * does not.  check_files.c looks at the machine, check_url.c asks through
 * the web server, check_server.c knows the settings of web servers.
 */
#ifndef CORE_CHECK_H
#define CORE_CHECK_H

#include <stdbool.h>

#include "core/str.h"

struct arena;
struct buf;
struct conf;
struct jw;
struct state;

struct finding {
	bool fault;
	const char *about; /* "data_dir" */
	const char *what;
	const char *fix;
	struct finding *next;
};

struct check {
	struct arena *arena;
	const struct conf *conf;
	struct state *state; /* NULL: the store does not work */
	struct str url;      /* that was asked; absent if none was */
	struct finding *first, **tail;
	bool faulty; /* one of them is a fault */
};

/* check_init(c, a, conf, state): nothing found yet. */
void check_init(struct check *c, struct arena *a, const struct conf *conf,
    struct state *state);

/*
 * check_fault(c, about, fix, fmt, ...), check_warn(c, about, fix, fmt, ...):
 * Note a finding.  ${fix} must stay.
 */
void check_fault(struct check *c, const char *about, const char *fix,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void check_warn(struct check *c, const char *about, const char *fix,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* check_text(c, out), check_json(c, w): all findings; an array. */
void check_text(const struct check *c, struct buf *out);
void check_json(const struct check *c, struct jw *w);

/*
 * check_files(c):
 * The data directory inside a web root, open to everybody or on a network
 * file system; secrets in a configuration that everybody may read, or that
 * lies in a web root unguarded.
 */
void check_files(struct check *c);

/*
 * check_network_fs(type):
 * Returns  the name of the network file system with f_type ${type} of
 *          statfs(2), or NULL for any other.
 */
const char *check_network_fs(long type);

/*
 * check_url(c, base, key):
 * Send requests to ${base} ("https://host") and look at what the web server
 * in front makes of them: is sluice there, does Authorization arrive, do
 * events come one by one, may a body be as large as server.max_body_mb, can
 * the configuration be fetched.
 *
 * Takes    ${key}: a gateway key; absent: one is made for ten minutes, and
 *          revoked.
 * Blocks   some seconds; one request sends server.max_body_mb.
 */
void check_url(struct check *c, struct str base, struct str key);

enum check_problem {
	CHECK_AUTHORIZATION,
	CHECK_BUFFERING,
	CHECK_BODY,
	CHECK_PROBLEMS
};

/*
 * check_server_fix(server, problem):
 * Returns  what to add to the web server whose Server header is ${server}
 *          ("Apache/2.4", absent: unknown) against ${problem}.
 * Source   the manuals of the servers, and the tests that run them.
 */
const char *check_server_fix(struct str server, enum check_problem problem);

#endif
