/* SPDX-License-Identifier: MIT */
/* Private to selftest.c and selftest_rows.c: the table of what is tried. */
#ifndef CORE_SELFTEST_ROWS_H
#define CORE_SELFTEST_ROWS_H

#include <stdbool.h>

#include "core/str.h"
#include "core/wire.h"

struct arena;

#define SELFTEST_WANTS 6

/* A member of an answer. */
struct selftest_want {
	const char *path;
	const char *is; /* raw; a lone [ { or ": any such, but not empty; "":
			 * a number */
};

struct selftest_dialect {
	enum wire wire;
	const char *path;
	const char *credential; /* the header before the key */
	const char *header;     /* another one; NULL: none */
	bool asks_usage;        /* streams have usage on request only */
};

enum selftest_need {
	SELFTEST_MUST,
	SELFTEST_IF_THERE, /* the endpoint may not exist */
	SELFTEST_IF_ABLE   /* nor may the model be able to */
};

/* Makes the second request's body, or what its path has more than the first's,
 * of the first answer; absent: cannot. */
typedef struct str selftest_then(struct arena *a, struct str answer);

struct selftest_row {
	const char *name;
	const struct selftest_dialect *dialect;
	const char *body;  /* NULL: GET */
	const char *model; /* raw; NULL: the one to try */
	bool stream;
	bool raw;    /* send body as it is */
	bool no_key; /* without credential */
	bool error;  /* wants status 4xx, */
	int status;  /* or this one; 0: 4xx, or 200 */
	enum selftest_need need;
	selftest_then *then;
	const char *method; /* of the second request, to a path; NULL: POST a
			     * body */
	struct selftest_want wants[SELFTEST_WANTS]; /* of the last answer */
};

extern const struct selftest_row selftest_rows[]; /* ends with name NULL */

/* selftest_get(doc, path): the raw value there, or the absent str. */
struct str selftest_get(struct str doc, const char *path);

#endif
