/* SPDX-License-Identifier: MIT */
/*
 * The part of bench_cache.sh that needs C: a cache of so many entries at its
 * ceiling, used by four processes.
 *
 *	bench_cache DIR ENTRIES SECONDS
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/cache.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"

#define PROCS       4
#define BUCKETS     20000 /* microseconds */
#define ENTRY_BYTES 4520  /* of ceiling, for values of 500 to 6000 bytes */
#define FIXED_BYTES (INT64_C(26) << 20)
#define PACE_US     1000
#define SPIN_US     20 /* about a look-up: what the machine does to it */
#define TTL_US      INT64_C(3600000000)

/* Shared by the processes. */
struct figures {
	_Atomic int64_t by_us[BUCKETS + 1];
	_Atomic int64_t n, hits;
};

struct job {
	const char *dir;
	int64_t entries, max_bytes, end_us;
	int puts_in_100; /* of the calls */
	int64_t pace_us; /* a call of each process every so often; 0: always */
	bool idle;       /* be busy for SPIN_US instead of a look-up */
	struct figures *gets, *puts;
	struct figures *own; /* gets, less the wait for a processor */
	int schedstat;       /* of the process, where that is counted */
	unsigned seed;
};

static void *
shared(size_t n)
{
	void *p = mmap(
	    NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	return p;
}

static void
die(const char *what, const struct error *err)
{
	fprintf(stderr, "%s: %s\n", what, err->msg);
	exit(1);
}

static unsigned
next(unsigned *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static struct cache *
open_cache(const struct job *j)
{
	struct error err = { .kind = ERROR_NONE };
	struct cache *c = cache_open(str_of(j->dir), j->max_bytes, &err);

	if (c == NULL)
		die("open", &err);
	return c;
}

static void
key_of(int64_t n, unsigned char key[CACHE_KEY])
{
	memset(key, 1, CACHE_KEY);
	memcpy(key, &n, sizeof(n));
}

static int
put(struct cache *c, int64_t n, size_t bytes)
{
	static const char text[CACHE_MAX_VALUE_BYTES];
	struct error err = { .kind = ERROR_NONE };
	struct cache_item item = { .account = n % 2 ? STR("a") : STR("b"),
		.route = STR("smart"),
		.stored_us = clock_wall_us(),
		.value = { text, bytes } };
	unsigned char key[CACHE_KEY];
	int rc;

	key_of(n, key);
	item.expires_us = item.stored_us + TTL_US;
	rc = cache_put(c, key, &item, &err);
	if (rc < 0)
		die("put", &err);
	return rc;
}

static int
get(struct cache *c, struct arena *a, int64_t n)
{
	struct error err = { .kind = ERROR_NONE };
	unsigned char key[CACHE_KEY];
	struct cache_item item;
	int rc;

	key_of(n, key);
	rc = cache_get(c, key, a, &item, &err);
	if (rc < 0)
		die("get", &err);
	arena_reset(a);
	return rc;
}

static size_t
size_of(unsigned *seed)
{
	return 500 + next(seed) % 5500;
}

static void
note(struct figures *f, int64_t us, int hit)
{
	f->by_us[us < BUCKETS ? us : BUCKETS]++;
	f->n++;
	f->hits += hit;
}

static double
percentile(const struct figures *f, double p)
{
	int64_t n = 0, want = (int64_t)((double)f->n * p);
	int us = 0;

	while (us < BUCKETS && (n += f->by_us[us]) <= want)
		us++;
	return us;
}

/* How long the process was ready to run and did not, so far. */
static int64_t
queued_us(const struct job *j)
{
	char text[128];
	ssize_t n = pread(j->schedstat, text, sizeof(text) - 1, 0);
	char *second;

	text[n > 0 ? n : 0] = '\0';
	second = strchr(text, ' ');
	return second != NULL ? strtoll(second, NULL, 10) / 1000 : 0;
}

static int
spin(void)
{
	int64_t until_us = clock_mono_us() + SPIN_US;

	while (clock_mono_us() < until_us)
		;
	return 1;
}

static void
call(struct job *j, struct cache *c, struct arena *a)
{
	bool is_put = (int)(next(&j->seed) % 100) < j->puts_in_100;
	int64_t key = next(&j->seed) % j->entries, queued = queued_us(j);
	int64_t us = clock_mono_us();
	int rc;

	if (j->idle)
		rc = spin();
	else if (is_put)
		rc = put(c, j->entries + next(&j->seed), size_of(&j->seed));
	else
		rc = get(c, a, key);
	us = clock_mono_us() - us;
	note(is_put ? j->puts : j->gets, us, rc);
	if (is_put)
		return;
	us -= queued_us(j) - queued;
	note(j->own, us > 0 ? us : 0, rc);
}

static void
process(struct job *j)
{
	const struct timespec pause = { .tv_nsec = j->pace_us * 1000 };
	struct cache *c = open_cache(j);
	struct arena *a = arena_new(16 << 20);

	j->schedstat = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
	while (clock_mono_us() < j->end_us) {
		if (j->pace_us > 0)
			nanosleep(&pause, NULL);
		call(j, c, a);
	}
	cache_close(c);
	_exit(0);
}

static void
run(struct job *j, int procs, int seconds, const char *what)
{
	pid_t pids[PROCS];
	int i;

	j->gets = shared(sizeof(*j->gets));
	j->own = shared(sizeof(*j->own));
	j->puts = shared(sizeof(*j->puts));
	j->end_us = clock_mono_us() + seconds * INT64_C(1000000);
	for (i = 0; i < procs; i++) {
		j->seed += 7919;
		pids[i] = fork();
		if (pids[i] == 0)
			process(j);
	}
	for (i = 0; i < procs; i++)
		waitpid(pids[i], NULL, 0);
	printf("| %s: look-ups/s, hits | %" PRId64 ", %.1f %% |\n", what,
	    j->gets->n / seconds,
	    100.0 * (double)j->gets->hits / (double)j->gets->n);
	printf("| %s: a look-up, p50, p99, p99.9 (aims 50, 1000) | %.0f, "
	       "%.0f, %.0f us |\n",
	    what, percentile(j->gets, 0.5), percentile(j->gets, 0.99),
	    percentile(j->gets, 0.999));
	printf("| %s: the same less the wait for a processor | %.0f, %.0f, "
	       "%.0f us |\n",
	    what, percentile(j->own, 0.5), percentile(j->own, 0.99),
	    percentile(j->own, 0.999));
	if (j->puts->n == 0)
		return;
	printf("| %s: a put with eviction, p50, p99, p99.9 (aim 10000) | "
	       "%.0f, %.0f, %.0f us |\n",
	    what, percentile(j->puts, 0.5), percentile(j->puts, 0.99),
	    percentile(j->puts, 0.999));
	printf("| %s: puts/s, of them stored | %" PRId64 ", %.1f %% |\n", what,
	    j->puts->n / seconds,
	    100.0 * (double)j->puts->hits / (double)j->puts->n);
}

/* Up to its ceiling, so that from now on each put evicts. */
static void
fill(struct job *j)
{
	struct error err = { .kind = ERROR_NONE };
	struct cache *c = open_cache(j);
	struct arena *a = arena_new(16 << 20);
	struct cache_stats st = { 0 };
	int64_t i, begun_us = clock_mono_us();

	for (i = j->entries + j->entries / 5; i-- > 0;)
		put(c, i, size_of(&j->seed));
	begun_us = clock_mono_us() - begun_us;
	if (cache_stats(c, a, &st, &err) != 0)
		die("stats", &err);
	printf("| puts/s, one process | %" PRId64 " |\n",
	    (j->entries + j->entries / 5) * 1000000 / begun_us);
	printf("| entries at the ceiling, evicted so far | %" PRId64
	       ", %" PRId64 " |\n",
	    st.entries, st.evictions);
	arena_free(a);
	cache_close(c);
}

static void
sizes(struct job *j)
{
	static const size_t bytes[] = { 1 << 12, 1 << 16, 1 << 18, 1 << 20 };
	struct cache *c = open_cache(j);
	struct arena *a = arena_new(16 << 20);
	struct figures *f;
	int64_t begun_us;
	size_t i;
	int n, way;

	for (i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		printf("| %zu KB: put, get, p50", bytes[i] >> 10);
		for (way = 0; way < 2; way++) {
			f = shared(sizeof(*f));
			for (n = 0; n < 100; n++) {
				begun_us = clock_mono_us();
				if (way == 0)
					put(c, -1 - n, bytes[i]);
				else
					get(c, a, -1 - n);
				note(f, clock_mono_us() - begun_us, 1);
			}
			printf("%s %.0f", way == 0 ? " |" : ",",
			    percentile(f, 0.5));
		}
		printf(" us |\n");
	}
	arena_free(a);
	cache_close(c);
}

static void
ends(struct job *j)
{
	struct error err = { .kind = ERROR_NONE };
	struct cache_purge all = { .older_us = 0 };
	struct arena *a = arena_new(16 << 20);
	int64_t open_us = clock_mono_us(), n;
	struct cache *c = open_cache(j);
	struct cache_stats st;

	get(c, a, 1);
	open_us = clock_mono_us() - open_us;
	if (cache_stats(c, a, &st, &err) != 0)
		die("stats", &err);
	printf("| on the disk, of the ceiling (aim 105 %%) | %" PRId64
	       " MB, %.1f %% |\n",
	    st.file_bytes >> 20,
	    100.0 * (double)st.file_bytes / (double)st.max_bytes);
	printf("| damaged, busy, wiped | %" PRId64 ", %" PRId64 ", %" PRId64
	       " |\n",
	    st.damaged, st.busy, st.wipes);
	printf("| a CGI run: open and the first look-up | %" PRId64 " us |\n",
	    open_us);
	n = clock_mono_us();
	if (cache_purge(c, &all, &n, &err) != 0)
		die("purge", &err);
	open_us = clock_mono_us();
	if (cache_purge(c, &all, &n, &err) != 0)
		die("purge", &err);
	printf("| to begin anew, after a death or a purge | %" PRId64 " us |\n",
	    clock_mono_us() - open_us);
	arena_free(a);
	cache_close(c);
}

int
main(int argc, char **argv)
{
	struct job j = { .seed = 1 };
	int seconds;

	if (argc != 4)
		return 2;
	log_open("stderr", LOG_LEVEL_ERROR);
	j.dir = argv[1];
	j.entries = strtoll(argv[2], NULL, 10);
	j.max_bytes = j.entries * ENTRY_BYTES + FIXED_BYTES;
	seconds = (int)strtol(argv[3], NULL, 10);
	fill(&j);
	run(&j, 1, seconds, "1 process");
	run(&j, PROCS, seconds, "4 processes, saturated");
	j.idle = true;
	run(&j, PROCS, seconds, "the same with 20 us of nothing");
	j.idle = false;
	j.puts_in_100 = 10;
	run(&j, PROCS, seconds, "4 processes, saturated, 1 put in 10");
	j.pace_us = PACE_US;
	run(&j, PROCS, seconds, "4 processes, paced, 1 put in 10");
	j.idle = true;
	j.puts_in_100 = 0;
	run(&j, PROCS, seconds, "4 processes, paced, 20 us of nothing");
	sizes(&j);
	ends(&j);
	return 0;
}
