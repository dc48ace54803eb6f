/* SPDX-License-Identifier: MIT */
/*
 * Disks that are full, at every stage and with every few pages left, or
 * read-only: what was acknowledged stays, what cannot be is refused, /healthz
 * says why, and all goes on when there is room again.
 *
 * On a small tmpfs and a small ext4 (a file), mounted where nobody else sees
 * them; skipped where that is not allowed.
 */
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

#include "core/backup.h"
#include "core/copy.h"
#include "core/key.h"
#include "core/shm.h"
#include "core/status.h"
#include "tests/unit/calls.h"
#include "tests/unit/unit.h"

#define PAGE       4096
#define TMPFS      "size=16m"
#define EXT4_BYTES ((off_t)96 << 20) /* enough to have ballast */

/* libdb does not free an environment in which it has panicked. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libdb-5.3.so\nleak:zeroed\n";
}

struct disk {
	struct calls calls;
	bool mounted;
	char image[80];
	int64_t n, pusd; /* acknowledged */
	int keys, failures;
};

static bool apart; /* in a mount namespace of our own */

/* A program that says nothing: its exit code. */
static int
run(const char *const argv[])
{
	int status, null;
	pid_t pid = fork();

	if (pid == 0) {
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status)
	    ? WEXITSTATUS(status)
	    : -1;
}

static bool
mount_ext4(struct disk *d)
{
	const char *dir = d->calls.scratch.dir;
	const char *const make[] = { "mkfs.ext4", "-q", "-F", "-m", "0", "-b",
		"4096", d->image, NULL };
	const char *const mount[] = { "mount", "-o", "loop", d->image, dir,
		NULL };
	int fd;

	snprintf(d->image, sizeof(d->image), "%s.image", dir);
	fd = open(d->image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, EXT4_BYTES) != 0)
		return false;
	close(fd);
	return run(make) == 0 && run(mount) == 0;
}

static int
setup(void **state)
{
	static struct disk d;
	const char *kind = *state;
	struct calls *c = &d.calls;

	memset(&d, 0, sizeof(d));
	log_open("/dev/null", LOG_LEVEL_ERROR);
	scratch_make(&c->scratch);
	if (apart)
		d.mounted = strcmp(kind, "ext4") == 0
		    ? mount_ext4(&d)
		    : mount("none", c->scratch.dir, kind, 0, TMPFS) == 0;
	*state = &d;
	if (!d.mounted)
		return 0;
	close(c->scratch.fd);
	c->scratch.fd =
	    open(c->scratch.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	calls_reopen(c);
	return 0;
}

static int
teardown(void **state)
{
	struct disk *d = *state;

	state_close(d->calls.state);
	close(d->calls.scratch.fd);
	if (d->mounted)
		umount2(d->calls.scratch.dir, MNT_DETACH);
	d->calls.scratch.fd = -1;
	rmdir(d->calls.scratch.dir);
	if (d->image[0] != '\0')
		unlink(d->image);
	return 0;
}

static struct disk *
disk_of(void **state)
{
	struct disk *d = *state;

	if (!d->mounted) {
		print_message("cannot mount a small disk here\n");
		skip();
	}
	return d;
}

/* Take all the room but ${left} bytes. */
static void
fill(struct disk *d, off_t left)
{
	static const off_t steps[] = { 1 << 20, 1 << 16, PAGE };
	int fd = openat(d->calls.scratch.fd, "fill",
	    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	off_t at = 0;
	size_t i;

	assert_true(fd >= 0);
	for (i = 0; i < 3; i++)
		while (posix_fallocate(fd, at, steps[i]) == 0)
			at += steps[i];
	assert_int_equal(ftruncate(fd, at > left ? at - left : 0), 0);
	close(fd);
}

/* There is room again; nobody need wait for the next try. */
static void
make_room(struct disk *d)
{
	assert_int_equal(unlinkat(d->calls.scratch.fd, "fill", 0), 0);
	atomic_store(shm_slot(d->calls.state->shm, SHM_RETRY_AT_US), 0);
}

/* One call; false if it could not be acknowledged. */
static bool
try_call(struct disk *d)
{
	struct calls *c = &d->calls;
	struct one_call one;

	error_clear(&c->err);
	calls_fill(&one, clock_wall_us(), 7);
	one.row.outcome = CALL_OPEN;
	one.at[0].outcome = ATTEMPT_OPEN;
	if (ledger_write(c->state, &one.row, &c->err) != 0)
		return false;
	d->n++; /* it counts, if only as unknown */
	one.row.outcome = CALL_OK;
	one.at[0].outcome = ATTEMPT_WON;
	if (ledger_write(c->state, &one.row, &c->err) != 0)
		return false;
	d->pusd += 7;
	return true;
}

static struct status
status(struct disk *d)
{
	struct status st;

	status_of(d->calls.state, &st);
	return st;
}

/* Once a second it looks for room. */
static void
wait_for_room(struct disk *d)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	int64_t until_us = clock_mono_us() + 10000000;

	do {
		nanosleep(&pause, NULL);
		error_clear(&d->calls.err);
	} while (state_health(d->calls.state, &d->calls.err) != 0 &&
	    clock_mono_us() < until_us);
	assert_string_equal(d->calls.err.msg, "");
}

/* All that was acknowledged, as another process finds it. */
static void
check(struct disk *d)
{
	struct calls_tally t;

	calls_reopen(&d->calls);
	atomic_store(shm_slot(d->calls.state->shm, SHM_RETRY_AT_US), 0);
	t = calls_tally(&d->calls);
	assert_int_equal(t.calls, d->n);
	assert_int_equal(t.cost_pusd, d->pusd);
	assert_int_equal(t.found.open, 0);
	assert_int_equal(shm_get(d->calls.state->shm, SHM_REBUILDS), 0);
}

static void
on_a_full_disk_calls_have_what_is_reserved(void **state)
{
	struct disk *d = disk_of(state);
	struct status st;
	int more = 0;

	assert_true(try_call(d));
	check(d);
	assert_true(try_call(d));
	fill(d, 0);
	assert_int_equal(state_health(d->calls.state, &d->calls.err), 0);
	st = status(d);
	assert_int_equal(st.level, STATUS_DEGRADED);
	assert_non_null(strstr(st.reason, "the disk is full"));
	while (try_call(d))
		more++;
	assert_int_equal(d->calls.err.kind, ERROR_STORE);
	assert_non_null(strstr(d->calls.err.msg, "No space left"));
	assert_in_range(more, 200, 5000);
	st = status(d);
	assert_int_equal(st.level, STATUS_FAILED);
	assert_non_null(strstr(st.reason, "no room"));
	make_room(d);
	wait_for_room(d);
	assert_true(try_call(d));
	assert_int_equal(status(d).level, STATUS_OK);
	check(d);
}

static void
add_key(struct disk *d)
{
	struct key key = { .name = STR("k"), .account = STR("t") };
	char id[KEY_ID_BYTES], text[KEY_TEXT_BYTES];

	error_clear(&d->calls.err);
	if (key_create(d->calls.state, &key, id, text, &d->calls.err) == 0)
		d->keys++;
}

static void
count_key(void *arg, const struct key *key)
{
	(void)key;
	++*(int *)arg;
}

/* All that writes, with no more than ${left} bytes to do it in. */
static void
work_with(struct disk *d, off_t left, int at)
{
	struct calls *c = &d->calls;
	struct audit found;
	char copy[80];
	int i;

	for (i = 0; i < 20; i++)
		assert_true(try_call(d));
	fill(d, left);
	d->failures += calls_kill_at(c, calls_try_ingest, at) < 0;
	error_clear(&c->err);
	if (calls_try_ingest(c) != 0)
		d->failures++;
	for (i = 0; i < 20; i++)
		d->failures += !try_call(d);
	atomic_store(shm_slot(c->state->shm, SHM_RETRY_AT_US), 0);
	add_key(d);
	snprintf(copy, sizeof(copy), "%s/copy", c->scratch.dir);
	error_clear(&c->err);
	d->failures += backup_make(c->state, copy, &found, &c->err) != 0;
	make_room(d);
	copy_remove(copy);
	unlinkat(c->scratch.fd, "backup.last", 0);
}

static void
whatever_room_is_left_nothing_is_lost(void **state)
{
	static const int pages[] = { 0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144,
		233, 377, 610 };
	struct disk *d = disk_of(state);
	int keys;
	size_t i;

	for (i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		work_with(d, (off_t)pages[i] * PAGE, 300 + (int)i * 71);
		wait_for_room(d);
		check(d);
		keys = 0;
		assert_int_equal(
		    key_each(d->calls.state, count_key, &keys, &d->calls.err),
		    0);
		assert_in_range(keys, d->keys, i + 1);
	}
	assert_true(d->keys > 0 && d->failures > 0);
}

/* Recovery needs room to write: the ballast is there for that. */
static void
a_full_disk_can_be_recovered_from_with_the_ballast(void **state)
{
	struct disk *d = disk_of(state);
	struct calls *c = &d->calls;
	struct stat st;
	int i;

	for (i = 0; i < 300; i++)
		assert_true(try_call(d));
	check(d);
	assert_int_equal(fstatat(c->scratch.fd, "ballast", &st, 0), 0);
	assert_true(try_call(d));
	fill(d, 0);
	/* More than one log file, so that the room must come from somewhere. */
	for (i = 0; i < 1000; i++) {
		assert_true(try_call(d));
		if (i % 100 == 99 && calls_try_ingest(c) != 0)
			fail_msg("%s", c->err.msg);
	}
	assert_int_equal(fstatat(c->scratch.fd, "ballast", &st, 0), -1);
	make_room(d);
	check(d);
	assert_int_equal(fstatat(c->scratch.fd, "ballast", &st, 0), 0);
}

static void
a_read_only_disk_is_named(void **state)
{
	struct disk *d = disk_of(state);
	struct calls *c = &d->calls;

	assert_true(try_call(d));
	state_close(c->state);
	c->state = NULL;
	assert_int_equal(
	    mount(NULL, c->scratch.dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	error_clear(&c->err);
	assert_null(
	    state_open(str_of(c->scratch.dir), DURABILITY_PROCESS, &c->err));
	assert_int_equal(c->err.kind, ERROR_STORE);
	assert_non_null(strstr(c->err.msg, c->scratch.dir));
	assert_non_null(strstr(c->err.msg, "Read-only file system"));
	assert_int_equal(
	    mount(NULL, c->scratch.dir, NULL, MS_REMOUNT, NULL), 0);
	check(d);
}

#define ON(kind, f)                                                            \
	{                                                                      \
#f " (" kind ")", f, setup, teardown, (void *)(uintptr_t)kind  \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON("tmpfs", on_a_full_disk_calls_have_what_is_reserved),
		ON("ext4", on_a_full_disk_calls_have_what_is_reserved),
		ON("tmpfs", whatever_room_is_left_nothing_is_lost),
		ON("ext4", whatever_room_is_left_nothing_is_lost),
		ON("ext4", a_full_disk_can_be_recovered_from_with_the_ballast),
		ON("tmpfs", a_read_only_disk_is_named),
		ON("ext4", a_read_only_disk_is_named),
	};

	apart = unshare(CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
