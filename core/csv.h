/* SPDX-License-Identifier: MIT */
/*
 * Reading CSV (RFC 4180): quoted fields, doubled quotes, CRLF or LF, a byte
 * order mark.  Strict: quotes within unquoted fields and text behind quoted
 * ones are errors.
 */
#ifndef CORE_CSV_H
#define CORE_CSV_H

#include <stddef.h>

#include "core/str.h"

struct arena;
struct error;

#define CSV_MAX_FIELDS 64

struct csv_row {
	struct str fields[CSV_MAX_FIELDS]; /* decoded, never absent */
	size_t n;
	size_t line; /* where it begins, from 1 */
};

struct csv {
	struct arena *arena; /* of decoded fields */
	struct str rest;
	size_t line;
};

/* csv_init(c, a, text): begin to read ${text}. */
void csv_init(struct csv *c, struct arena *a, struct str text);

/*
 * csv_next(c, row, err):
 * Returns  1 with the next row, which is not empty; 0 at the end;
 *          -1: ERROR_BAD_REQUEST with the line.
 */
int csv_next(struct csv *c, struct csv_row *row, struct error *err)
    __attribute__((warn_unused_result));

#endif
