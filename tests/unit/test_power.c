/* SPDX-License-Identifier: MIT */
/*
 * Power cuts at random moments of appends, ingests, key changes and backups
 * (power.h), with both durabilities.  Whatever is left of the data directory,
 * it opens without repair, its sums are those of its rows, and nothing is
 * there twice.  With `power` all that was acknowledged is there; with
 * `process` all that an ingest has brought into the database.
 *
 * $SLUICE_CRASH_S makes it go on for so many seconds.
 */
#include <dlfcn.h>

#include "core/backup.h"
#include "core/copy.h"
#include "core/key.h"
#include "core/shm.h"
#include "tests/unit/calls.h"
#include "tests/unit/power.h"
#include "tests/unit/unit.h"

#define CUTS  15 /* of each durability */
#define PUSD  7
#define STEPS 14

/* --- what the simulator watches --- */

#define REAL(name)                                                             \
	static __typeof__(&name) real;                                         \
	if (real == NULL)                                                      \
		*(void **)(&real) = dlsym(RTLD_NEXT, #name);                   \
	power_tick()

ssize_t
write(int fd, const void *p, size_t n)
{
	REAL(write);
	return real(fd, p, n);
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	REAL(pwrite);
	return real(fd, p, n, at);
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	REAL(pwrite64);
	return real(fd, p, n, at);
}

/* The disk itself need not hear of it. */
static int
synced(int fd)
{
	power_tick();
	power_synced(fd);
	return 0;
}

int
fsync(int fd)
{
	return synced(fd);
}

int
fdatasync(int fd)
{
	return synced(fd);
}

struct books {
	int64_t begun, closed; /* calls */
	int64_t ingested;      /* of closed: surely in the database */
	int keys;
};

struct world {
	struct calls calls;
	enum conf_durability durability;
	struct books now, at_cut;
	unsigned seed;
	struct scratch image;
	bool cut;
};

static void
note(void *arg)
{
	struct world *w = arg;

	w->at_cut = w->now;
	w->cut = true;
}

static void
reopen(struct world *w)
{
	struct calls *c = &w->calls;

	state_close(c->state);
	error_clear(&c->err);
	c->state = state_open(str_of(c->scratch.dir), w->durability, &c->err);
	assert_string_equal(c->err.msg, "");
}

static void
write_some(struct world *w)
{
	struct one_call one;
	int n = 1 + (int)(rand_r(&w->seed) % 60);

	while (n-- > 0) {
		calls_fill(&one, clock_wall_us(), PUSD);
		w->now.begun++;
		calls_write(&w->calls, &one, CALL_OPEN);
		calls_write(&w->calls, &one, CALL_OK);
		w->now.closed++;
	}
}

static void
ingest_all(struct world *w)
{
	calls_ingest(&w->calls);
	w->now.ingested = w->now.closed;
}

static void
add_key(struct world *w)
{
	struct key key = { .name = STR("k"), .account = STR("t") };
	char id[KEY_ID_BYTES], text[KEY_TEXT_BYTES];

	assert_int_equal(
	    key_create(w->calls.state, &key, id, text, &w->calls.err), 0);
	w->now.keys++;
}

static void
back_up(struct world *w)
{
	struct audit found;
	char path[100];

	snprintf(path, sizeof(path), "%s/backup", w->calls.scratch.dir);
	copy_remove(path);
	assert_int_equal(
	    backup_make(w->calls.state, path, &found, &w->calls.err), 0);
	w->now.ingested = w->now.closed;
}

static void
step(struct world *w)
{
	switch (rand_r(&w->seed) % 10) {
	case 0:
		reopen(w);
		break;
	case 1:
		add_key(w);
		break;
	case 2:
		back_up(w);
		break;
	case 3:
	case 4:
	case 5:
		ingest_all(w);
		break;
	default:
		write_some(w);
	}
}

static void
count_key(void *arg, const struct key *key)
{
	(void)key;
	++*(int *)arg;
}

/* What the next boot finds. */
static void
check_image(struct world *w)
{
	const struct books *b = &w->at_cut;
	struct calls c = { .state = NULL };
	struct calls_tally t;
	int keys = 0;

	c.scratch = w->image;
	calls_reopen(&c);
	t = calls_tally(&c);
	assert_int_equal(t.found.open, 0);
	assert_int_equal(t.found.rows, t.calls);
	assert_int_equal(t.cost_pusd % PUSD, 0);
	assert_in_range(t.calls,
	    w->durability == DURABILITY_POWER ? b->closed : b->ingested,
	    b->begun);
	assert_in_range(t.cost_pusd / PUSD,
	    w->durability == DURABILITY_POWER ? b->closed : b->ingested,
	    t.calls);
	assert_int_equal(shm_get(c.state->shm, SHM_REBUILDS), 0);
	assert_int_equal(key_each(c.state, count_key, &keys, &c.err), 0);
	assert_in_range(keys, b->keys, b->keys + 1);
	state_close(c.state);
}

/* One life of a data directory, with one cut in it. */
static void
live(struct world *w)
{
	struct calls *c = &w->calls;
	int i;

	scratch_make(&c->scratch);
	scratch_make(&w->image);
	w->now = (struct books){ .begun = 0 };
	w->cut = false;
	power_begin(c->scratch.dir, w->seed);
	reopen(w);
	power_cut_at((int)(rand_r(&w->seed) % 1500), w->image.dir, note, w);
	for (i = 0; i < STEPS || power_is_due(); i++)
		step(w);
	power_end();
	state_close(c->state);
	c->state = NULL;
	assert_true(w->cut);
	check_image(w);
	scratch_drop(&w->image);
	scratch_drop(&c->scratch);
}

static void
cut_often(enum conf_durability durability)
{
	static struct world w;
	const char *seconds = getenv("SLUICE_CRASH_S");
	int64_t until_us = clock_mono_us() +
	    (seconds != NULL ? strtoll(seconds, NULL, 10) * 1000000 : 0);
	int n;

	log_open("/dev/null", LOG_LEVEL_ERROR);
	memset(&w, 0, sizeof(w));
	w.durability = durability;
	for (n = 0; n < CUTS || clock_mono_us() < until_us; n++) {
		w.seed = 20261124u + (unsigned)n;
		live(&w);
	}
	print_message("%d cuts\n", n);
}

static void
with_power_all_that_was_acknowledged_is_there(void **state)
{
	(void)state;
	cut_often(DURABILITY_POWER);
}

static void
with_process_all_that_was_ingested_is_there(void **state)
{
	(void)state;
	cut_often(DURABILITY_PROCESS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_power_all_that_was_acknowledged_is_there),
		cmocka_unit_test(with_process_all_that_was_ingested_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
