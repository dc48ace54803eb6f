/* SPDX-License-Identifier: MIT */
#include "core/zone.h"

#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "core/arena.h"

#define DIR            "/usr/share/zoneinfo/"
#define MAX_FILE_BYTES 65536
#define HEAD_BYTES     44
#define MAX_NAME_BYTES 64
#define DAY_S          INT64_C(86400)
#define SECOND_US      INT64_C(1000000)

/* From at[i] on clocks are ahead of UTC by offset[i] seconds. */
struct zone {
	int64_t first; /* offset before at[0] */
	int64_t *at, *offset;
	size_t n;
};

/* The counts of a TZif header, in the order of the file. */
enum {
	ISUT,
	ISSTD,
	LEAP,
	TIMES,
	TYPES,
	CHARS,
	COUNTS
};

const char *const window_words[WINDOWS] = {
	[WINDOW_DAY] = "day",
	[WINDOW_WEEK] = "week",
	[WINDOW_MONTH] = "month",
	[WINDOW_TOTAL] = "total",
};

/* A big-endian number of ${n} bytes, two's complement. */
static int64_t
number(const char *p, size_t n)
{
	uint64_t v = (unsigned char)p[0] & 0x80 ? UINT64_MAX : 0;
	size_t i;

	for (i = 0; i < n; i++)
		v = v << 8 | (unsigned char)p[i];
	return (int64_t)v;
}

static struct str
read_file(struct arena *a, struct str name)
{
	char *p = arena_alloc(a, MAX_FILE_BYTES);
	int fd = open(
	    arena_printf(a, DIR "%.*s", STR_ARG(name)), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, p, MAX_FILE_BYTES) : -1;

	if (fd >= 0)
		close(fd);
	return (struct str){ .p = p, .n = n > 0 ? (size_t)n : 0 };
}

/* Take a header off ${s}; the size of its block with times of ${width}. */
static bool
take_head(struct str *s, size_t count[COUNTS], size_t width, size_t *block)
{
	size_t i;

	if (s->n < HEAD_BYTES || !str_starts(*s, "TZif"))
		return false;
	for (i = 0; i < COUNTS; i++) {
		count[i] = (size_t)number(s->p + 20 + 4 * i, 4);
		if (count[i] > MAX_FILE_BYTES)
			return false;
	}
	*s = str_skip(*s, HEAD_BYTES);
	*block = count[TIMES] * (width + 1) + count[TYPES] * 6 + count[CHARS] +
	    count[LEAP] * (width + 4) + count[ISSTD] + count[ISUT];
	return *block <= s->n && count[TYPES] > 0;
}

/* The block of 64-bit times, which every file since 2005 has. */
static bool
parse(struct arena *a, struct str s, struct zone *z)
{
	size_t count[COUNTS], block, i, type;
	const char *types, *offsets;

	if (!take_head(&s, count, 4, &block))
		return false;
	s = str_skip(s, block);
	if (!take_head(&s, count, 8, &block))
		return false;
	z->n = count[TIMES];
	z->at = ARENA_ARRAY(a, int64_t, z->n + 1);
	z->offset = ARENA_ARRAY(a, int64_t, z->n + 1);
	types = s.p + 8 * z->n;
	offsets = types + z->n;
	z->first = number(offsets, 4);
	for (i = 0; i < z->n; i++) {
		type = (unsigned char)types[i];
		if (type >= count[TYPES])
			return false;
		z->at[i] = number(s.p + 8 * i, 8);
		z->offset[i] = number(offsets + 6 * type, 4);
	}
	return true;
}

/* Names lead to files: nothing but letters, digits, "+-_" and inner "/". */
static bool
is_name(struct str s)
{
	size_t i;

	if (s.n == 0 || s.n > MAX_NAME_BYTES || s.p[0] == '/')
		return false;
	for (i = 0; i < s.n; i++)
		if (strchr("+-_/0123456789abcdefghijklmnopqrstuvwxyz"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
			s.p[i]) == NULL)
			return false;
	return true;
}

const struct zone *
zone_load(struct arena *a, struct str name)
{
	struct zone *z = ARENA_NEW(a, struct zone);

	if (str_is(name, "UTC"))
		return z;
	if (!is_name(name) || !parse(a, read_file(a, name), z))
		return NULL;
	return z;
}

static int64_t
offset_at(const struct zone *z, int64_t s)
{
	size_t low = 0, high = z->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (z->at[mid] <= s)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 ? z->offset[low - 1] : z->first;
}

/*
 * The UTC second at which local clocks show ${local}; where they leap over it
 * (in Santiago midnight is skipped once a year), the one at which they leap.
 */
static int64_t
to_utc(const struct zone *z, int64_t local)
{
	int64_t guess = local - offset_at(z, local);
	int64_t s = local - offset_at(z, guess);

	return s + offset_at(z, s) == local || s > guess ? s : guess;
}

/* Days since 1970 of the first of a month; ${month} counts from year 0. */
static int64_t
first_of(int64_t month)
{
	int64_t y = month / 12, m = month % 12 + 1, era, yoe;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 +
	    (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 - 719468;
}

/* The month, counted from year 0, that day ${days} since 1970 lies in. */
static int64_t
month_of(int64_t days)
{
	int64_t month = 1970 * 12 + days / 31; /* not too late, for 1970 on */

	while (first_of(month + 1) <= days)
		month++;
	while (first_of(month) > days)
		month--;
	return month;
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* The window's first day, or that of the next, in local days since 1970. */
static int64_t
first_day(enum window w, int64_t day, bool next)
{
	switch (w) {
	case WINDOW_WEEK: /* 1970-01-01 was a Thursday */
		return day - (day + 3) % 7 + (next ? 7 : 0);
	case WINDOW_MONTH:
		return first_of(month_of(day) + next);
	case WINDOW_DAY:
	case WINDOW_TOTAL:
	case WINDOWS:
		break;
	}
	return day + next;
}

static int64_t
edge(const struct zone *z, enum window w, int64_t now_us, bool next)
{
	int64_t s = now_us > 0 ? now_us / SECOND_US : 0;
	int64_t day = floor_div(s + offset_at(z, s), DAY_S);

	return to_utc(z, first_day(w, day, next) * DAY_S) * SECOND_US;
}

enum window
window_of(struct str word)
{
	enum window w = WINDOW_DAY;

	while (w < WINDOWS && !str_is(word, window_words[w]))
		w++;
	return w;
}

int64_t
window_start(const struct zone *z, enum window w, int64_t now_us)
{
	return w == WINDOW_TOTAL ? 0 : edge(z, w, now_us, false);
}

int64_t
window_end(const struct zone *z, enum window w, int64_t now_us)
{
	return w == WINDOW_TOTAL ? INT64_MAX : edge(z, w, now_us, true);
}
