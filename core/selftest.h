/* SPDX-License-Identifier: MIT */
/*
 * A client that tries whether a gateway, or a provider, keeps to the formats
 * that it claims to speak: whole answers, streams and their grammar, tool calls
 * and their results, what is stored and counted, errors.  selftest_rows.c has
 * the table of what is tried.
 */
#ifndef CORE_SELFTEST_H
#define CORE_SELFTEST_H

#include "core/str.h"

struct arena;

enum selftest_verdict {
	SELFTEST_HOLDS,
	SELFTEST_FAILS,
	SELFTEST_ABSENT /* there is no such endpoint, or not for this model */
};

struct selftest_result {
	const char *name; /* "chat: a stream" */
	enum selftest_verdict verdict;
	const char *why; /* it fails, or is absent; NULL where it holds */
};

struct selftest {
	struct arena *arena;
	struct str base; /* "https://host", with or without /v1 */
	struct str key;
	struct str model; /* that is asked */
	/* Each result as it comes. */
	void (*tell)(void *arg, const struct selftest_result *r);
	void *arg;
};

/*
 * selftest_run(t):
 * Try everything.
 *
 * Returns  the number of failures.
 * Blocks   on some thirty calls to the model.
 */
unsigned selftest_run(struct selftest *t);

#endif
