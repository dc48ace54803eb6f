/* SPDX-License-Identifier: MIT */
/*
 * Chaos for the response cache: four processes get, put and purge on a cache
 * that is always at its ceiling, and are killed, outside and inside, or
 * stopped for a while, at random moments; for 5 s, or $SLUICE_CRASH_S.  A hit
 * must be what was put under its key, nobody may wait long, and the ceiling
 * must hold.
 */
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "core/arena.h"
#include "core/cache_env.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/shm.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define WORKERS   4
#define MAX_BYTES (INT64_C(8) << 20)
#define KEYS      3000
#define MAX_VALUE 20000
#define WAIT_US   INT64_C(1000000) /* nobody waits longer */
#define STOP_US   INT64_C(300000)
#define DEFAULT_S 5
#define TTL_US    INT64_C(60000000)

struct report {
	int64_t gets, hits, puts, waited_us;
	char wrong[168]; /* "": nothing */
};

struct pool {
	struct scratch scratch;
	pid_t pids[WORKERS];
	int reports[2];
	int stopped; /* index, -1: nobody */
	int64_t cont_at_us;
	int kills, inside, stops;
	struct report sum;
	uint32_t seed;
};

static uint32_t
next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* --- a responder --- */

struct worker {
	struct cache *cache;
	struct arena *arena;
	struct report report;
	uint32_t seed;
	int fd;
};

/* Length and bytes follow from the key and the version, its first byte. */
static struct str
value_of(struct arena *a, uint32_t key, unsigned char version)
{
	uint32_t seed = key * 31 + version;
	size_t n = 1 + next(&seed) % (key % 8 == 0 ? MAX_VALUE : 1500), i;
	char *p = arena_alloc(a, n);

	for (i = 0; i < n; i++)
		p[i] = (char)(next(&seed) >> 3);
	p[0] = (char)version;
	return (struct str){ p, n };
}

static void
key_of(uint32_t n, unsigned char key[CACHE_KEY])
{
	memset(key, 7, CACHE_KEY);
	memcpy(key, &n, sizeof(n));
}

static void
wrong(struct worker *w, const char *what, const char *why)
{
	snprintf(
	    w->report.wrong, sizeof(w->report.wrong), "%s: %.150s", what, why);
}

static void
get_one(struct worker *w, uint32_t n)
{
	struct error err = { .kind = ERROR_NONE };
	unsigned char key[CACHE_KEY];
	struct cache_item item;
	struct str want;
	int rc;

	key_of(n, key);
	rc = cache_get(w->cache, key, w->arena, &item, &err);
	w->report.gets++;
	if (rc < 0)
		wrong(w, "get", err.msg);
	if (rc != 1)
		return;
	w->report.hits++;
	want = value_of(w->arena, n, (unsigned char)item.value.p[0]);
	if (!str_eq(item.value, want) || item.cost_pusd != n)
		wrong(w, "get", "the value of something else");
}

static void
put_one(struct worker *w, uint32_t n)
{
	struct error err = { .kind = ERROR_NONE };
	unsigned char key[CACHE_KEY];
	struct cache_item item = { .account = n % 3 == 0 ? STR("a") : STR("b"),
		.route = STR("r"),
		.stored_us = clock_wall_us(),
		.cost_pusd = n };
	int rc;

	item.expires_us = item.stored_us + TTL_US;
	item.value = value_of(w->arena, n, (unsigned char)next(&w->seed));
	key_of(n, key);
	rc = cache_put(w->cache, key, &item, &err);
	w->report.puts += rc == 1;
	if (rc < 0)
		wrong(w, "put", err.msg);
}

static void
purge_some(struct worker *w)
{
	struct cache_purge what = { .account = STR("a") };
	struct error err = { .kind = ERROR_NONE };
	int64_t n;

	/* Who is stopped inside may be waited for in vain. */
	if (cache_purge(w->cache, &what, &n, &err) != 0 &&
	    strcmp(err.msg, "cache: busy") != 0)
		wrong(w, "purge", err.msg);
}

static void
tell(struct worker *w)
{
	if (write(w->fd, &w->report, sizeof(w->report)) != sizeof(w->report))
		_exit(1);
	w->report = (struct report){ .wrong = "" };
}

static void
respond(const char *dir, int fd, uint32_t seed)
{
	struct worker w = { .seed = seed, .fd = fd };
	struct error err = { .kind = ERROR_NONE };
	int64_t begun_us, us;
	int i;

	w.arena = arena_new(16 << 20);
	w.cache = cache_open(str_of(dir), MAX_BYTES, &err);
	if (w.cache == NULL)
		wrong(&w, "open", err.msg);
	cache_limit(w.cache, MAX_BYTES, MAX_BYTES / 2);
	for (i = 1; w.cache != NULL; i++) {
		begun_us = clock_mono_us();
		if (next(&w.seed) % 3 == 0)
			put_one(&w, next(&w.seed) % KEYS);
		else
			get_one(&w, next(&w.seed) % KEYS);
		us = clock_mono_us() - begun_us;
		if (us > w.report.waited_us)
			w.report.waited_us = us;
		arena_reset(w.arena);
		if (i % 20000 == 0)
			purge_some(&w);
		if (i % 100 == 0 || w.report.wrong[0] != '\0')
			tell(&w);
	}
	tell(&w);
	_exit(0);
}

/* --- the pool --- */

static pid_t
start(struct pool *p)
{
	uint32_t seed = next(&p->seed);
	pid_t pid = fork();

	if (pid == 0) {
		close(p->reports[0]);
		respond(p->scratch.dir, p->reports[1], seed);
	}
	return pid;
}

static ssize_t
hear(struct pool *p)
{
	struct report r[16];
	struct pollfd fd = { .fd = p->reports[0], .events = POLLIN };
	ssize_t n = poll(&fd, 1, 2) > 0 ? read(fd.fd, r, sizeof(r)) : 0;
	size_t i;

	for (i = 0; n > 0 && i < (size_t)n / sizeof(*r); i++) {
		if (r[i].wrong[0] != '\0')
			fail_msg("%s", r[i].wrong);
		p->sum.gets += r[i].gets;
		p->sum.hits += r[i].hits;
		p->sum.puts += r[i].puts;
		if (r[i].waited_us > p->sum.waited_us)
			p->sum.waited_us = r[i].waited_us;
	}
	return n;
}

static void
kill_one(struct pool *p, int i)
{
	kill(p->pids[i], SIGKILL);
	assert_int_equal(waitpid(p->pids[i], NULL, 0), p->pids[i]);
	if (p->stopped == i)
		p->stopped = -1;
}

/* Chance rarely hits the few microseconds inside: wait for the owner. */
static int
who_is_inside(struct pool *p, struct cache *c)
{
	int64_t until_us = clock_mono_us() + 20000, pid;
	int i;

	while (clock_mono_us() < until_us) {
		pid = shm_get(c->shm, SHM_OWNER_PID);
		for (i = 0; i < WORKERS; i++)
			if (pid != 0 && p->pids[i] == pid)
				return i;
	}
	return (int)(next(&p->seed) % WORKERS);
}

static void
strike(struct pool *p, struct cache *c, int64_t now_us)
{
	int i = next(&p->seed) % 2 == 0 ? (int)(next(&p->seed) % WORKERS)
					: who_is_inside(p, c);

	if (next(&p->seed) % 12 == 0 && p->stopped < 0) {
		kill(p->pids[i], SIGSTOP);
		p->stopped = i;
		p->cont_at_us = now_us + STOP_US;
		p->stops++;
		return;
	}
	kill_one(p, i);
	p->pids[i] = start(p);
	p->kills++;
}

static void
run_and_kill(struct pool *p, struct cache *c, int64_t seconds)
{
	int64_t begun_us = clock_mono_us(), now_us, next_us = 0;
	int i;

	for (i = 0; i < WORKERS; i++)
		p->pids[i] = start(p);
	while ((now_us = clock_mono_us()) - begun_us < seconds * 1000000) {
		hear(p);
		if (p->stopped >= 0 && now_us >= p->cont_at_us) {
			kill(p->pids[p->stopped], SIGCONT);
			p->stopped = -1;
		}
		if (now_us - begun_us < next_us)
			continue;
		strike(p, c, now_us);
		next_us = now_us - begun_us + 40000 + next(&p->seed) % 120000;
	}
	for (i = 0; i < WORKERS; i++)
		kill_one(p, i);
	close(p->reports[1]);
	while (hear(p) > 0)
		;
}

/* After all that it is as good as new. */
static void
look_at_it(struct pool *p, struct cache *c)
{
	struct worker w = { .cache = c, .arena = arena_new(16 << 20) };
	struct error err = { .kind = ERROR_NONE };
	struct cache_stats st;
	uint32_t i;

	for (i = 0; i < 100; i++)
		put_one(&w, i);
	assert_true(w.report.puts > 0);
	for (i = 0; i < KEYS; i++) {
		get_one(&w, i);
		arena_reset(w.arena);
	}
	assert_string_equal(w.report.wrong, "");
	if (cache_stats(c, w.arena, &st, &err) != 0)
		fail_msg("%s", err.msg);
	assert_in_range(st.file_bytes, 0, MAX_BYTES + MAX_BYTES / 20);
	assert_int_equal(st.damaged, 0);
	assert_int_equal(scratch_count(&p->scratch, "cache", "", NULL), 3);
	print_message("%d kills, %d stops, %lld died inside; %lld gets, %lld "
		      "hits, %lld puts; longest wait %lld ms; %lld wipes\n",
	    p->kills, p->stops, (long long)shm_get(c->shm, SHM_OWNER_DEATHS),
	    (long long)p->sum.gets, (long long)p->sum.hits,
	    (long long)p->sum.puts, (long long)p->sum.waited_us / 1000,
	    (long long)st.wipes);
	arena_free(w.arena);
}

static void
a_kill_never_makes_a_wrong_value_or_a_long_wait(void **state)
{
	const char *text = getenv("SLUICE_CRASH_S");
	int64_t seconds = text != NULL ? strtoll(text, NULL, 10) : DEFAULT_S;
	struct pool p = { .stopped = -1, .seed = 1 };
	struct error err = { .kind = ERROR_NONE };
	struct cache *c;

	(void)state;
	log_open("/dev/null", LOG_LEVEL_ERROR);
	scratch_make(&p.scratch);
	assert_int_equal(pipe(p.reports), 0);
	c = cache_open(str_of(p.scratch.dir), MAX_BYTES, &err);
	assert_non_null(c);
	run_and_kill(&p, c, seconds);
	look_at_it(&p, c);
	assert_true(shm_get(c->shm, SHM_OWNER_DEATHS) > 0);
	assert_true(p.sum.hits > 0);
	assert_in_range(p.sum.waited_us, 0, WAIT_US);
	cache_close(c);
	close(p.reports[0]);
	scratch_drop(&p.scratch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_kill_never_makes_a_wrong_value_or_a_long_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
