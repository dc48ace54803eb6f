/* SPDX-License-Identifier: MIT */
/*
 * Backups, damage and what is made of it; and kills at every few system calls
 * of ingest, prune, backup and recovery: afterwards all is there, once.
 */
#include <signal.h>
#include <sys/wait.h>

#include "core/audit.h"
#include "core/backup.h"
#include "core/copy.h"
#include "core/key.h"
#include "core/prune.h"
#include "core/recover.h"
#include "core/rollup.h"
#include "core/shm.h"
#include "core/status.h"
#include "core/store.h"
#include "core/trail.h"
#include "tests/unit/calls.h"
#include "tests/unit/unit.h"

#define PAGE 4096

/* libdb does not free an environment in which it has panicked. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libdb-5.3.so\nleak:zeroed\n";
}

static void
write_calls(struct calls *c, int n)
{
	struct one_call one;
	int i;

	for (i = 0; i < n; i++) {
		calls_fill(&one, clock_wall_us(), 1);
		calls_write(c, &one, CALL_OPEN);
		calls_write(c, &one, CALL_OK);
	}
}

/* A process that comes, writes ${*arg} calls and leaves one open. */
static void
write_and_die(struct calls *c, void *arg)
{
	struct one_call one;

	write_calls(c, *(int *)arg);
	calls_fill(&one, clock_wall_us(), 1);
	calls_write(c, &one, CALL_OPEN);
}

static char *
path(struct calls *c, const char *name)
{
	static char text[2][128];
	static int turn;

	turn = !turn;
	snprintf(text[turn], sizeof(text[turn]), "%s/%s", c->scratch.dir, name);
	return text[turn];
}

static void
backup(struct calls *c, const char *name)
{
	struct audit found;

	error_clear(&c->err);
	if (backup_make(c->state, path(c, name), &found, &c->err) != 0)
		fail_msg("%s", c->err.msg);
}

static struct recovery
run_recover(struct calls *c, const char *from)
{
	struct recovery r;

	error_clear(&c->err);
	if (recover(c->state, from, &r, &c->err) != 0)
		fail_msg("%s", c->err.msg);
	return r;
}

/* Write nonsense over some pages of a table. */
static void
damage(struct calls *c, const char *file, int first, int n)
{
	char junk[PAGE];
	int fd = openat(c->scratch.fd, file, O_WRONLY | O_CLOEXEC), i;

	memset(junk, 'j', sizeof(junk));
	assert_true(fd >= 0);
	for (i = 0; i < n; i++)
		assert_int_equal(
		    pwrite(fd, junk, PAGE, (off_t)(first + i) * PAGE), PAGE);
	close(fd);
}

static void
a_backup_is_verified_and_covers_its_journals(void **state)
{
	struct calls *c = *state;
	struct audit found;
	int n = 5;

	calls_in_child(c, write_and_die, &n);
	write_calls(c, 3);
	backup(c, "b");
	assert_int_equal(scratch_count(&c->scratch, "j/done", "", NULL), 0);
	assert_int_equal(scratch_count(&c->scratch, "b", "verified", NULL), 1);
	assert_int_equal(
	    scratch_count(&c->scratch, ".", "backup.last", NULL), 1);
	assert_int_equal(backup_verify(path(c, "b"), &found, &c->err), 0);
	assert_int_equal(found.rows, 9);
	assert_int_equal(calls_tally(c).calls, 9);
}

/* One process goes on writing while another backs up. */
static void
a_backup_under_load_verifies(void **state)
{
	struct calls *c = *state;
	struct audit found;
	char name[8];
	int64_t rows = 0;
	pid_t pid = fork();
	int i;

	if (pid == 0) {
		c->state = NULL;
		calls_reopen(c);
		for (;;) {
			write_calls(c, 20);
			(void)state_ingest(c->state, 0, &c->err);
		}
	}
	write_calls(c, 1);
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "b%d", i);
		backup(c, name);
		assert_int_equal(
		    backup_verify(path(c, name), &found, &c->err), 0);
		assert_true(found.rows >= rows);
		rows = found.rows;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_true(calls_tally(c).calls >= rows && rows > 1);
	run_recover(c, path(c, "b0"));
	assert_true(calls_tally(c).calls >= rows);
}

static void
a_backup_needs_an_empty_place(void **state)
{
	struct calls *c = *state;
	struct audit found;

	write_calls(c, 1);
	backup(c, "b");
	assert_int_equal(
	    backup_make(c->state, path(c, "b"), &found, &c->err), -1);
	assert_non_null(strstr(c->err.msg, "is not empty"));
	error_clear(&c->err);
	assert_int_equal(backup_make(c->state, "/proc/x", &found, &c->err), -1);
	error_clear(&c->err);
	assert_int_equal(backup_verify("/nonexistent", &found, &c->err), -1);
}

static void
note_in_the_trail(struct calls *c, const char *action)
{
	struct trail_entry entry = { .key = STR("cli"),
		.action = str_of(action) };
	int fd = trail_open(c->state, &c->err);

	assert_true(fd >= 0);
	trail_write(fd, &entry);
	trail_close(fd);
}

static void
assert_newest_in_the_trail(struct calls *c, const char *action)
{
	struct arena *a = arena_new(1u << 20);
	struct trail_page page;

	assert_int_equal(
	    trail_read(c->state, a, STR_NONE, 1, &page, &c->err), 0);
	assert_int_equal(page.n, 1);
	assert_non_null(strstr(str_cstr(a, page.lines[0]), action));
	arena_free(a);
}

static void
the_audit_log_comes_back_with_a_backup_where_it_is_gone(void **state)
{
	struct calls *c = *state;

	note_in_the_trail(c, "key.first");
	backup(c, "b");
	note_in_the_trail(c, "key.second");
	run_recover(c, path(c, "b"));
	assert_newest_in_the_trail(c, "key.second");
	assert_int_equal(unlinkat(c->scratch.fd, TRAIL_FILE, 0), 0);
	run_recover(c, path(c, "b"));
	assert_newest_in_the_trail(c, "key.first");
}

static void
a_damaged_backup_is_found_out(void **state)
{
	struct calls *c = *state;
	struct audit found;

	write_calls(c, 200);
	backup(c, "b");
	damage(c, "b/env/ledger.db", 3, 1);
	assert_int_equal(backup_verify(path(c, "b"), &found, &c->err), -1);
}

/* The database alone is rebuilt from the newest backup and the journals. */
static void
a_rebuild_begins_with_the_last_backup(void **state)
{
	struct calls *c = *state;
	int n = 3;

	write_calls(c, 100);
	calls_in_child(c, write_and_die, &n);
	backup(c, "b");
	calls_in_child(c, write_and_die, &n);
	write_calls(c, 7);
	assert_int_equal(calls_tally(c).calls, 100 + 4 + 4 + 7);
	damage(c, "env/ledger.db", 0, 4);
	assert_int_equal(calls_tally(c).calls, 100 + 4 + 4 + 7);
	assert_int_equal(calls_tally(c).cost_pusd, 100 + 3 + 3 + 7);
	assert_int_equal(shm_get(c->state->shm, SHM_REBUILDS), 1);
}

/* No backup, no journals: what can be read is saved. */
static void
recover_reads_what_is_left(void **state)
{
	enum {
		N = 2000
	};
	struct calls *c = *state;
	struct recovery r;
	struct status st;

	write_calls(c, N);
	assert_int_equal(calls_tally(c).calls, N);
	calls_reopen(c);
	calls_ingest(c);
	copy_remove(path(c, "j/done"));
	assert_int_equal(mkdirat(c->state->jfd, "done", 0700), 0);
	damage(c, "env/ledger.db", 20, 10);
	r = run_recover(c, NULL);
	assert_true(r.rebuilt);
	assert_false(r.from_backup);
	assert_in_range(r.salvaged, N - 120, N - 1);
	assert_int_equal(calls_tally(c).calls, r.salvaged);
	assert_int_equal(calls_tally(c).cost_pusd, r.salvaged);
	r = run_recover(c, NULL);
	assert_false(r.rebuilt);
	status_of(c->state, &st);
	assert_int_equal(st.level, STATUS_OK);
}

static void
recover_twice_is_as_once(void **state)
{
	struct calls *c = *state;
	struct recovery r;
	int n = 5, i;

	calls_in_child(c, write_and_die, &n);
	write_calls(c, 20);
	backup(c, "b");
	calls_in_child(c, write_and_die, &n);
	write_calls(c, 2);
	for (i = 0; i < 3; i++) {
		r = run_recover(c, path(c, "b"));
		assert_true(r.rebuilt && r.from_backup);
		assert_int_equal(r.found.rows, 6 + 20 + 6 + 2);
		assert_int_equal(calls_tally(c).cost_pusd, 5 + 20 + 5 + 2);
	}
	assert_int_equal(scratch_count(&c->scratch, ".", "", NULL) > 0, true);
	error_clear(&c->err);
	assert_int_equal(
	    recover(c->state, path(c, "nowhere"), &r, &c->err), -1);
	assert_non_null(strstr(c->err.msg, "no backup that has been verified"));
	assert_int_equal(calls_tally(c).calls, 6 + 20 + 6 + 2);
}

static void
count_key(void *arg, const struct key *key)
{
	*(int *)arg += key->revoked_us == 0;
}

/* A backup must not bring back keys that were revoked since, nor lose new. */
static void
keys_are_those_of_the_snapshot(void **state)
{
	struct calls *c = *state;
	struct key key = { .name = STR("a"), .account = STR("t") };
	char first[KEY_ID_BYTES], id[KEY_ID_BYTES], text[KEY_TEXT_BYTES];
	int valid = 0;

	assert_int_equal(key_create(c->state, &key, first, text, &c->err), 0);
	write_calls(c, 1);
	backup(c, "b");
	assert_int_equal(key_revoke(c->state, str_of(first), &c->err), 0);
	key = (struct key){ .name = STR("b"), .account = STR("t") };
	assert_int_equal(key_create(c->state, &key, id, text, &c->err), 0);
	key = (struct key){ .name = STR("c"), .account = STR("t") };
	run_recover(c, path(c, "b"));
	assert_int_equal(key_create(c->state, &key, id, text, &c->err), 0);
	assert_int_equal(key_each(c->state, count_key, &valid, &c->err), 0);
	assert_int_equal(valid, 2);
}

static void
sums_that_are_wrong_are_found(void **state)
{
	struct calls *c = *state;
	struct calls_tally t;
	struct store *store;
	enum store_fault fault;

	write_calls(c, 3);
	assert_int_equal(calls_tally(c).calls, 3);
	store = store_open(c->scratch.dir, &fault, &c->err);
	assert_non_null(store);
	assert_int_equal(rollup_build(store, ROLLUP_EVERY, 0, &c->err), 0);
	store_close(store);
	/* The rows of another day, without their sums. */
	calls_reopen(c);
	t = calls_tally(c);
	assert_int_equal(t.found.rows, 3);
}

/* --- kills --- */

static int
do_recover(struct calls *c)
{
	struct recovery r;

	return recover(c->state, path(c, "b"), &r, &c->err);
}

static int
do_backup(struct calls *c)
{
	struct audit found;

	copy_remove(path(c, "b2"));
	return backup_make(c->state, path(c, "b2"), &found, &c->err);
}

static int
body_prune(struct state *s, struct store *store, void *arg, struct error *err)
{
	int64_t rows = 0;

	(void)arg;
	return prune(
	    s, store, clock_wall_us() - 5 * CALLS_DAY_US, 0, &rows, err);
}

static int
do_prune(struct calls *c)
{
	return visit_patiently(c->state, body_prune, NULL, &c->err);
}

/* What each round adds to the books, old rows for prune included. */
static void
add_work(struct calls *c, int64_t *calls, int64_t *cost)
{
	struct one_call one;
	int n = 2;

	calls_in_child(c, write_and_die, &n);
	write_calls(c, 3);
	calls_fill(&one, clock_wall_us() - 9 * CALLS_DAY_US, 1);
	calls_write(c, &one, CALL_OK);
	*calls += 2 + 1 + 3 + 1;
	*cost += 2 + 3 + 1;
}

static void
kill_everywhere(struct calls *c, int (*body)(struct calls *c), int step)
{
	int64_t calls = 10, cost = 10;
	struct calls_tally t;
	bool thorough = getenv("SLUICE_CRASH_S") != NULL;
	int at = 1, rounds = 0;
	int killed = 1;

	if (!thorough)
		step *= 8;
	write_calls(c, 10);
	calls_ingest(c);
	backup(c, "b");
	for (; killed == 1; at += step + rounds % 3, rounds++) {
		add_work(c, &calls, &cost);
		killed = calls_kill_at(c, body, at);
		assert_true(killed >= 0);
		if (body == do_recover)
			run_recover(c, NULL);
		t = calls_tally(c);
		assert_int_equal(t.calls, calls);
		assert_int_equal(t.cost_pusd, cost);
		assert_int_equal(t.found.open, 0);
	}
	print_message("%d kills within %d system calls\n", rounds - 1, at);
	assert_int_equal(shm_get(c->state->shm, SHM_BAD_RECORDS), 0);
}

static void
ingest_may_be_killed_anywhere(void **state)
{
	kill_everywhere(*state, calls_try_ingest, 9);
}

static void
recovery_may_be_killed_anywhere(void **state)
{
	kill_everywhere(*state, do_recover, 41);
}

static void
a_backup_may_be_killed_anywhere(void **state)
{
	kill_everywhere(*state, do_backup, 41);
}

static void
pruning_may_be_killed_anywhere(void **state)
{
	kill_everywhere(*state, do_prune, 15);
}

/* --- status --- */

static void
the_status_says_what_is_wrong(void **state)
{
	struct calls *c = *state;
	struct status st;

	status_of(NULL, &st);
	assert_int_equal(st.level, STATUS_FAILED);
	status_of(c->state, &st);
	assert_int_equal(st.level, STATUS_OK);
	assert_string_equal(st.reason, "");
	assert_null(st.filesystem);
	atomic_store(shm_slot(c->state->shm, SHM_FAULTS), 1);
	status_of(c->state, &st);
	assert_int_equal(st.level, STATUS_DEGRADED);
	assert_non_null(strstr(st.reason, "the database fails"));
	atomic_store(shm_slot(c->state->shm, SHM_FAULTS), 0);
	atomic_store(
	    shm_slot(c->state->shm, SHM_OLDEST_US), clock_mono_us() - 20000000);
	status_of(c->state, &st);
	assert_non_null(strstr(st.reason, "journals wait"));
	scratch_write(&c->scratch, VISIT_SALVAGE, "", 0);
	status_of(c->state, &st);
	assert_non_null(strstr(st.reason, "sluice recover"));
	if (geteuid() == 0)
		return; /* may write anywhere */
	assert_int_equal(fchmod(c->state->jfd, 0500), 0);
	status_of(c->state, &st);
	assert_int_equal(st.level, STATUS_FAILED);
	assert_int_equal(fchmod(c->state->jfd, 0700), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, calls_setup, calls_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_backup_is_verified_and_covers_its_journals),
		TEST(a_backup_under_load_verifies),
		TEST(a_backup_needs_an_empty_place),
		TEST(the_audit_log_comes_back_with_a_backup_where_it_is_gone),
		TEST(a_damaged_backup_is_found_out),
		TEST(a_rebuild_begins_with_the_last_backup),
		TEST(recover_reads_what_is_left),
		TEST(recover_twice_is_as_once),
		TEST(keys_are_those_of_the_snapshot),
		TEST(sums_that_are_wrong_are_found),
		TEST(ingest_may_be_killed_anywhere),
		TEST(recovery_may_be_killed_anywhere),
		TEST(a_backup_may_be_killed_anywhere),
		TEST(pruning_may_be_killed_anywhere),
		TEST(the_status_says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
