/* SPDX-License-Identifier: MIT */
/* What a JSON text says at a path. */
#ifndef TESTS_MEMBER_H
#define TESTS_MEMBER_H

#include "core/jtext.h"
#include "tests/unit/unit.h"

/* The raw value at ${path} must be ${want}. */
static inline void
member_is(struct str json, const char *path, const char *want)
{
	struct str got;

	if (!jtext_get(json, path, &got))
		fail_msg("no %s in %.*s", path, STR_ARG(json));
	if (!str_is(got, want))
		fail_msg("%s: %.*s, not %s", path, STR_ARG(got), want);
}

#endif
