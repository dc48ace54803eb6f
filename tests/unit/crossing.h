/* SPDX-License-Identifier: MIT */
/* One request from a client of one format to a provider of another. */
#ifndef TESTS_CROSSING_H
#define TESTS_CROSSING_H

#include <stddef.h>

/* Places in wires (wires.h). */
enum crossing_format {
	CHAT,
	RESPONSES,
	MESSAGES,
	GEMINI
};

struct crossing {
	const char *line; /* what it shows */
	enum crossing_format from, to;
	const char *body;
	const char *param;    /* refused, and what; NULL: sent */
	const char *wants[3]; /* in the bytes; for what is refused, in the
			       * message */
	const char *losses;   /* all of them, by blanks; "*": any, "*x": among
			       * them */
	const char *never;    /* in the bytes; NULL */
};

/* crossing_check(c): for a model that can do everything; asserts. */
void crossing_check(const struct crossing *c);

#endif
