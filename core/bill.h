/* SPDX-License-Identifier: MIT */
/*
 * A provider's own account of what was used, as its exports give it: cost, or
 * tokens, by day and model, perhaps by key.  Which columns or members a
 * format has is data (bill_format.h).  Strict: a file that lacks one, or has
 * one that nobody knows, is refused, for sums over something else would look
 * just as good.
 */
#ifndef CORE_BILL_H
#define CORE_BILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

struct arena;
struct bill_formats;
struct error;

#define BILL_MAX_BYTES ((size_t)64 << 20)
#define BILL_DAY_BYTES 11

struct bill_line {
	char day[BILL_DAY_BYTES]; /* "2026-11-24", UTC */
	struct str model;         /* bill_model; absent: no model's */
	struct str key;           /* name or id; absent: not by key */
	int64_t cost_pusd;
	int64_t requests, input_tokens, output_tokens; /* all kinds */
	struct bill_line *next;
};

struct bill {
	const char *format; /* "OpenAI costs, CSV" */
	bool has_cost;      /* else tokens */
	bool has_requests;
	bool has_keys;
	struct bill_line *lines;
	size_t n;
};

/* An export as it comes. */
struct bill_export {
	const struct bill_formats *formats;
	struct str vendor; /* "openai" */
	struct str text;   /* JSON or CSV */
};

/*
 * bill_read(a, x, bill, err):
 * Returns  0, or -1: ERROR_BAD_REQUEST with the place and what is wrong.
 */
int bill_read(struct arena *a, const struct bill_export *x, struct bill *bill,
    struct error *err) __attribute__((warn_unused_result));

/*
 * bill_vendors(a, formats, vendor):
 * Returns  NULL if there is a format of ${vendor}, else whom there are formats
 *          of, "a or b", in ${a}.
 */
const char *bill_vendors(
    struct arena *a, const struct bill_formats *formats, struct str vendor);

/*
 * bill_model(a, name):
 * Returns  a model's name without what differs between a bill and an answer:
 *          case, "Claude Haiku 4.5" for claude-haiku-4-5, a date at its end.
 */
struct str bill_model(struct arena *a, struct str name);

/*
 * bill_amount(text, scale, pusd):
 * Read a decimal number, also "1e-05", times ${scale} (a power of ten) as an
 * integer, rounded half up.
 *
 * Returns  0, or -1 for what is none, or too large.
 */
int bill_amount(struct str text, int64_t scale, int64_t *pusd)
    __attribute__((warn_unused_result));

#endif
