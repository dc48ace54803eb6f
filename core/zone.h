/* SPDX-License-Identifier: MIT */
/*
 * Time zones by IANA name, read from the system's zoneinfo (RFC 8536), so
 * that nobody has to set TZ for a whole process; and the calendar windows
 * that budgets count in.
 *
 * Beyond the last transition that a file lists (2037 in those of Linux
 * distributions) the last offset goes on.
 */
#ifndef CORE_ZONE_H
#define CORE_ZONE_H

#include <stdint.h>

#include "core/str.h"

struct arena;
struct zone;

/*
 * zone_load(a, name):
 * Returns  the zone in ${a}; NULL if the system knows none of that name.
 *          "UTC" needs no file.
 */
const struct zone *zone_load(struct arena *a, struct str name);

/* A calendar day, week (from Monday), month; or all of time. */
enum window {
	WINDOW_DAY,
	WINDOW_WEEK,
	WINDOW_MONTH,
	WINDOW_TOTAL,
	WINDOWS
};

extern const char *const window_words[WINDOWS];

/*
 * window_of(word):
 * Returns  the window called ${word}, or WINDOWS.
 */
enum window window_of(struct str word);

/*
 * window_start(z, w, now_us), window_end(z, w, now_us):
 * Returns  when the window that ${now_us} lies in began, and when it ends:
 *          wall microseconds.  WINDOW_TOTAL began at 0 and ends at INT64_MAX.
 */
int64_t window_start(const struct zone *z, enum window w, int64_t now_us);
int64_t window_end(const struct zone *z, enum window w, int64_t now_us);

#endif
