/* SPDX-License-Identifier: MIT */
#include "core/clock.h"

#include <stdio.h>
#include <time.h>

#define SECOND_US  INT64_C(1000000)
#define YEAR_1K_S  INT64_C(-30610224000) /* 1000-01-01 */
#define YEAR_10K_S INT64_C(253402300800) /* 10000-01-01 */

static int64_t
clock_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * SECOND_US + ts.tv_nsec / 1000;
}

int64_t
clock_wall_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

int64_t
clock_mono_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

char *
clock_text(int64_t us, char out[CLOCK_TEXT_BYTES])
{
	int64_t part = us % SECOND_US, s = us / SECOND_US;
	struct tm tm;
	time_t t;
	size_t n;

	if (part < 0) {
		part += SECOND_US;
		s--;
	}
	t = s < YEAR_1K_S ? YEAR_1K_S : s >= YEAR_10K_S ? YEAR_10K_S - 1 : s;
	gmtime_r(&t, &tm);
	n = strftime(out, CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(
	    out + n, CLOCK_TEXT_BYTES - n, ".%06uZ", (unsigned)part % 1000000);
	return out;
}

/* Takes ${n} digits off the front of ${s}; -1 if they are not there. */
static int
digits(struct str *s, size_t n, int *out)
{
	int v = 0;
	size_t i;

	if (s->n < n)
		return -1;
	for (i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return -1;
		v = v * 10 + (s->p[i] - '0');
	}
	*s = str_skip(*s, n);
	*out = v;
	return 0;
}

/* Takes one byte that is in ${set} off the front of ${s}; 0 if none is. */
static char
one_of(struct str *s, const char *set)
{
	char c = s->n ? s->p[0] : '\0';

	if (c == '\0' || strchr(set, c) == NULL)
		return '\0';
	*s = str_skip(*s, 1);
	return c;
}

static int
parse_date(struct str *s, struct tm *tm)
{
	if (digits(s, 4, &tm->tm_year) != 0 || !one_of(s, "-") ||
	    digits(s, 2, &tm->tm_mon) != 0 || !one_of(s, "-") ||
	    digits(s, 2, &tm->tm_mday) != 0)
		return -1;
	if (tm->tm_mon < 1 || tm->tm_mon > 12 || tm->tm_mday < 1)
		return -1;
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	return 0;
}

static int
parse_time(struct str *s, struct tm *tm)
{
	if (digits(s, 2, &tm->tm_hour) != 0 || !one_of(s, ":") ||
	    digits(s, 2, &tm->tm_min) != 0 || !one_of(s, ":") ||
	    digits(s, 2, &tm->tm_sec) != 0)
		return -1;
	if (tm->tm_hour > 23 || tm->tm_min > 59 || tm->tm_sec > 60)
		return -1;
	return 0;
}

/* ".123456", or nothing; digits below the microsecond do not count. */
static int
parse_fraction(struct str *s, int64_t *us)
{
	int64_t unit = SECOND_US;
	int d;

	*us = 0;
	if (!one_of(s, "."))
		return 0;
	if (digits(s, 1, &d) != 0)
		return -1;
	do {
		unit /= 10;
		*us += d * unit;
	} while (digits(s, 1, &d) == 0);
	return 0;
}

/* "Z" or "+hh:mm". */
static int
parse_zone(struct str *s, int64_t *offset_s)
{
	char sign = one_of(s, "Zz+-");
	int h, m;

	*offset_s = 0;
	if (sign == 'Z' || sign == 'z')
		return 0;
	if (sign == '\0' || digits(s, 2, &h) != 0 || !one_of(s, ":") ||
	    digits(s, 2, &m) != 0 || h > 23 || m > 59)
		return -1;
	*offset_s = (h * 60 + m) * (sign == '-' ? -60 : 60);
	return 0;
}

int
clock_parse(struct str s, int64_t *us)
{
	struct tm tm = { .tm_isdst = 0 };
	int64_t fraction_us = 0, offset_s = 0;
	int mday;
	time_t t;

	if (parse_date(&s, &tm) != 0)
		return -1;
	if (s.n > 0 &&
	    (!one_of(&s, "Tt ") || parse_time(&s, &tm) != 0 ||
		parse_fraction(&s, &fraction_us) != 0 ||
		parse_zone(&s, &offset_s) != 0))
		return -1;
	mday = tm.tm_mday;
	tm.tm_sec -= tm.tm_sec == 60; /* a leap second does not change day */
	t = timegm(&tm);
	if (s.n > 0 || tm.tm_mday != mday)
		return -1;
	*us = (t - offset_s) * SECOND_US + fraction_us;
	return 0;
}
