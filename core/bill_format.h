/* SPDX-License-Identifier: MIT */
/* The formats of bill.h: data of the vendors, which main injects. */
#ifndef CORE_BILL_FORMAT_H
#define CORE_BILL_FORMAT_H

#include <stdbool.h>

enum bill_role {
	BILL_IGNORED,
	BILL_UNIX,     /* start of the time, seconds since 1970 */
	BILL_UNIX_END, /* and its end */
	BILL_TIME,     /* the same, RFC 3339 or a date */
	BILL_TIME_END,
	BILL_MODEL,
	BILL_LINE_ITEM, /* "gpt-5-mini, input": the model and what of it */
	BILL_KEY,
	BILL_CURRENCY, /* must be USD */
	BILL_USD,      /* from here on: added up */
	BILL_CENTS,
	BILL_REQUESTS,
	BILL_INPUT,
	BILL_OUTPUT
};

struct bill_column {
	const char *name; /* of the column, or the member's path */
	enum bill_role role;
	bool required;
};

struct bill_format {
	const char *vendor, *name;
	bool json;
	const struct bill_column *columns; /* of a line; ends with no name */
};

struct bill_formats {
	const struct bill_format *list;   /* ends with one without a name */
	const struct bill_column *bucket; /* what holds the lines of one time,
					   * in JSON; ends with no name */
};

#endif
