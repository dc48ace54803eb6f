/* SPDX-License-Identifier: MIT */
/* The way of records from journals to the database, and its accidents. */
#include <sys/wait.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/ledger.h"
#include "core/log.h"
#include "core/shm.h"
#include "core/state.h"
#include "core/visit.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* libdb does not free an environment in which it has panicked. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libdb-5.3.so\nleak:zeroed\n";
}

struct fixture {
	struct scratch scratch;
	struct state *state;
	struct error err;
};

static struct state *
open_state(struct fixture *f)
{
	struct state *s =
	    state_open(str_of(f->scratch.dir), DURABILITY_POWER, &f->err);

	assert_string_equal(f->err.msg, "");
	return s;
}

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	log_open("/dev/null", LOG_LEVEL_ERROR);
	scratch_make(&f.scratch);
	f.state = open_state(&f);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	state_close(f->state);
	scratch_drop(&f->scratch);
	return 0;
}

static void
write_to(struct state *s, struct ledger_call *row, enum call_outcome outcome)
{
	struct error err = { .kind = ERROR_NONE };

	if (row->id[0] == '\0') {
		row->started_us = clock_wall_us();
		ledger_id(row->id, row->started_us);
	}
	row->outcome = outcome;
	assert_int_equal(ledger_write(s, row, &err), 0);
}

struct seen {
	char last[4096];
	int n, unknown;
};

static bool
see(void *arg, struct str row)
{
	struct seen *s = arg;

	snprintf(s->last, sizeof(s->last), "%.*s", STR_ARG(row));
	s->n++;
	s->unknown += strstr(s->last, "\"outcome\":\"unknown\"") != NULL;
	return true;
}

static struct seen
read_all(struct fixture *f)
{
	struct ledger_filter all = { 0 };
	struct seen s = { .n = 0 };

	error_clear(&f->err);
	if (ledger_read(f->state, &all, see, &s, &f->err) != 0)
		fail_msg("%s", f->err.msg);
	return s;
}

static int64_t
counter(struct fixture *f, enum shm_slot slot)
{
	return shm_get(f->state->shm, slot);
}

static void
opening_does_not_touch_the_database(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(scratch_count(&f->scratch, ".", "env", NULL), 0);
	assert_int_equal(scratch_count(&f->scratch, "j", ".jl", NULL), 0);
	assert_int_equal(fstat(f->scratch.fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(state_health(f->state, &f->err), 0);
}

static void
missing_parents_are_made(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct stat st;
	struct state *s;

	snprintf(path, sizeof(path), "%s/a/b/c", f->scratch.dir);
	s = state_open(str_of(path), DURABILITY_PROCESS, &f->err);
	assert_non_null(s);
	state_close(s);
	assert_int_equal(fstatat(f->scratch.fd, "a/b", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void
a_bad_data_dir_is_named(void **state)
{
	struct fixture *f = *state;
	const struct {
		const char *dir, *says;
	} cases[] = {
		{ "/proc/nowhere/x", "data_dir /proc/nowhere/x: No such" },
		{ "/dev/null/x", "data_dir /dev/null/x: Not a directory" },
		{ "", "No such file" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		error_clear(&f->err);
		assert_null(state_open(
		    str_of(cases[i].dir), DURABILITY_PROCESS, &f->err));
		assert_int_equal(f->err.kind, ERROR_STORE);
		assert_non_null(strstr(f->err.msg, cases[i].says));
	}
	state_close(NULL);
}

static void
a_foreign_data_dir_is_refused(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(fchown(f->scratch.fd, 12345, 12345), 0);
	assert_null(
	    state_open(str_of(f->scratch.dir), DURABILITY_PROCESS, &f->err));
	assert_non_null(strstr(f->err.msg, "belongs to user 12345"));
}

static void
an_append_is_dirty_until_an_ingest_covers_it(void **state)
{
	struct fixture *f = *state;
	struct ledger_call row = { .id = "" };
	struct state *other = open_state(f);

	state_ingest(f->state, 0, &f->err);
	assert_false(state_dirty(f->state));
	assert_int_equal(state_backlog_ms(other), 0);
	write_to(f->state, &row, CALL_OK);
	assert_true(state_dirty(f->state));
	assert_false(state_dirty(other));
	while (state_backlog_ms(other) == 0)
		;
	assert_int_equal(state_ingest(other, 0, &f->err), 0);
	assert_false(state_dirty(f->state));
	assert_int_equal(state_backlog_ms(f->state), 0);
	state_close(other);
}

static void
a_held_lease_is_not_waited_for(void **state)
{
	struct fixture *f = *state;
	struct ledger_call row = { .id = "" };
	struct state *other = open_state(f);

	write_to(f->state, &row, CALL_OK);
	assert_int_equal(shm_lock(other->shm, 0, &f->err), 1);
	assert_int_equal(state_ingest(f->state, 0, &f->err), 0);
	assert_true(state_dirty(f->state));
	shm_unlock(other->shm);
	state_close(other);
}

/* What lives stays, what is dead and read goes to j/done. */
static void
journals_of_the_dead_are_archived(void **state)
{
	struct fixture *f = *state;
	struct ledger_call mine = { .id = "" }, theirs = { .id = "" };
	struct state *other = open_state(f);
	struct stat st;
	char name[256], path[300];

	write_to(f->state, &mine, CALL_OK);
	write_to(other, &theirs, CALL_OK);
	assert_int_equal(read_all(f).n, 2);
	assert_int_equal(scratch_count(&f->scratch, "j", ".jl", NULL), 2);
	state_close(other);
	assert_int_equal(read_all(f).n, 2);
	assert_int_equal(scratch_count(&f->scratch, "j", ".jl", NULL), 1);
	assert_int_equal(scratch_count(&f->scratch, "j/done", ".jl", name), 1);
	snprintf(path, sizeof(path), "j/done/%s", name);
	assert_int_equal(fstatat(f->scratch.fd, path, &st, 0), 0);
	assert_true(st.st_blocks * 512 <= 8192);
	assert_int_equal(counter(f, SHM_INGESTED), 2);
	assert_int_equal(counter(f, SHM_DONE_FILES), 1);
}

/* A child that opens a call, tries a provider, and dies. */
static void
die_with_an_open_call(struct fixture *f)
{
	struct ledger_attempt second = {
		.provider = STR("p"), .model = STR("m"), .outcome = ATTEMPT_OPEN
	};
	struct ledger_attempt first = { .provider = STR("p"),
		.model = STR("m"),
		.outcome = ATTEMPT_FAILED,
		.cost = { COST_REPORTED, true, 0, NULL },
		.next = &second };
	struct ledger_call open = { .attempts = &first };
	struct ledger_call closed = { .id = "call_0" };
	struct state *s;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		s = open_state(f);
		write_to(s, &closed, CALL_OPEN);
		write_to(s, &open, CALL_OPEN);
		write_to(s, &closed, CALL_OK);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void
open_calls_of_the_dead_become_unknown(void **state)
{
	struct fixture *f = *state;
	struct ledger_call mine = { .id = "" };
	struct seen s;

	die_with_an_open_call(f);
	s = read_all(f);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.unknown, 1);
	assert_non_null(strstr(s.last,
	    "\"cost_usd\":null,\"cost_note\":"
	    "\"the process that served the call "
	    "ended before it\""));
	assert_non_null(strstr(s.last, "\"outcome\":\"failed\""));
	assert_non_null(strstr(s.last, "\"cost_source\":\"reported\""));
	assert_non_null(strstr(s.last, "\"cost_source\":\"unknown\""));
	assert_null(strstr(s.last, "\"outcome\":\"open\""));
	assert_int_equal(counter(f, SHM_UNKNOWN_CALLS), 1);

	write_to(f->state, &mine, CALL_OPEN);
	s = read_all(f);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.unknown, 1);
}

/* Bytes that are no record, and a good frame around no row. */
static void
nonsense_is_kept_and_skipped(void **state)
{
	static const char *const names[] = {
		"0000000000000001-1-00000000.000000.jl",
		"0000000000000002-1-00000000.000000.jl",
	};
	struct fixture *f = *state;
	struct ledger_call row = { .id = "" };
	struct str odd[] = { STR("\2O{\"id\":\"x\"}"), STR("\1Z{\"id\":\"x\"}"),
		STR("\1O{\"id\":"), STR("\1O{\"di\":1}"), STR("") };
	char path[80];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "j/%s", names[i]);
		scratch_write(&f->scratch, path, "garbage", 7);
	}
	for (i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		assert_int_equal(state_append(f->state, odd[i], &f->err), 0);
	write_to(f->state, &row, CALL_OK);
	assert_int_equal(read_all(f).n, 1);
	assert_int_equal(counter(f, SHM_BAD_RECORDS), 7);
	assert_int_equal(scratch_count(&f->scratch, "j/bad", "", NULL), 7);
	assert_int_equal(scratch_count(&f->scratch, "j/done", "", NULL), 2);
	assert_int_equal(read_all(f).n, 1);
	assert_int_equal(counter(f, SHM_BAD_RECORDS), 7);
}

/* Whole files may come again: nothing is counted twice. */
static void
reading_journals_again_changes_nothing(void **state)
{
	struct fixture *f = *state;
	char name[256], from[300], to[300];

	die_with_an_open_call(f);
	assert_int_equal(read_all(f).n, 2);
	assert_int_equal(scratch_count(&f->scratch, "j/done", "", name), 1);
	snprintf(from, sizeof(from), "j/done/%s", name);
	snprintf(to, sizeof(to), "j/%s", name);
	read_all(f); /* forgets the offset */
	assert_int_equal(renameat(f->scratch.fd, from, f->scratch.fd, to), 0);
	assert_int_equal(read_all(f).n, 2);
	assert_int_equal(read_all(f).unknown, 1);
}

static void
a_damaged_database_is_rebuilt_from_journals(void **state)
{
	struct fixture *f = *state;
	struct ledger_call row;
	char junk[16384];
	int i;

	for (i = 0; i < 20; i++) {
		row = (struct ledger_call){ .id = "" };
		write_to(f->state, &row, CALL_OK);
	}
	die_with_an_open_call(f);
	assert_int_equal(read_all(f).n, 22);
	memset(junk, 'j', sizeof(junk));
	scratch_write(&f->scratch, "env/ledger.db", junk, sizeof(junk));
	assert_int_equal(read_all(f).n, 22);
	assert_int_equal(read_all(f).unknown, 1);
	assert_int_equal(counter(f, SHM_REBUILDS), 1);
	assert_int_equal(scratch_count(&f->scratch, ".", "env", NULL), 1);
}

/* A leaf page that only a read finds: after three failures it is given up. */
static void
a_damage_found_at_work_is_given_three_tries(void **state)
{
	struct fixture *f = *state;
	struct ledger_filter all = { 0 };
	struct seen s = { .n = 0 };
	struct ledger_call row;
	int i, fd;

	for (i = 0; i < 400; i++) {
		row = (struct ledger_call){ .id = "" };
		write_to(f->state, &row, CALL_OK);
	}
	assert_int_equal(read_all(f).n, 400);
	fd = openat(f->scratch.fd, "env/ledger.db", O_WRONLY | O_CLOEXEC);
	for (i = 2; i < 20; i++)
		assert_int_equal(pwrite(fd, "junk", 4, i * 4096 + 100), 4);
	close(fd);
	for (i = 0; i < 3; i++) {
		error_clear(&f->err);
		assert_int_equal(
		    ledger_read(f->state, &all, see, &s, &f->err), -1);
		assert_int_equal(f->err.kind, ERROR_STORE);
	}
	error_clear(&f->err);
	assert_int_equal(state_ingest(f->state, 0, &f->err), -1);
	assert_non_null(strstr(f->err.msg, "failed a moment ago"));
	assert_int_equal(read_all(f).n, 400);
	assert_int_equal(counter(f, SHM_REBUILDS), 1);
}

static void
nobody_goes_where_eight_have_died(void **state)
{
	struct fixture *f = *state;
	struct ledger_filter all = { 0 };
	struct seen s = { .n = 0 };

	atomic_store(shm_slot(f->state->shm, SHM_ENTERED), 8);
	atomic_store(shm_slot(f->state->shm, SHM_RETRY_AT_US),
	    clock_mono_us() + 1000000);
	assert_int_equal(ledger_read(f->state, &all, see, &s, &f->err), -1);
	assert_non_null(strstr(f->err.msg, "died inside"));
	atomic_store(shm_slot(f->state->shm, SHM_RETRY_AT_US), 0);
	assert_int_equal(read_all(f).n, 0); /* who dares, and comes back */
	assert_int_equal(counter(f, SHM_ENTERED), 0);
}

static int
visit_nothing(struct state *s, struct store *store, void *arg, struct error *e)
{
	(void)s;
	(void)store;
	(void)arg;
	(void)e;
	return 0;
}

/* Pages in memory. */
static long
resident(void)
{
	FILE *in = fopen("/proc/self/statm", "re");
	long size = 0, pages = 0;

	assert_non_null(in);
	assert_int_equal(fscanf(in, "%ld %ld", &size, &pages), 2);
	fclose(in);
	return pages;
}

static void
visits_leave_nothing_behind(void **state)
{
	struct fixture *f = *state;
	struct ledger_call row = { 0 };
	struct scratch self = { .fd =
				    open("/proc/self", O_RDONLY | O_CLOEXEC) };
	long pages = 0;
	int i, files = 0;

	for (i = 0; i < 300; i++) {
		if (i == 100) {
			pages = resident();
			files = scratch_count(&self, "fd", "", NULL);
		}
		if (i % 50 == 0)
			write_to(f->state, &row, CALL_OK);
		assert_int_equal(
		    visit(f->state, 0, visit_nothing, NULL, &f->err), 0);
		assert_int_equal(state_ingest(f->state, 2000, &f->err), 0);
		row.id[0] = '\0';
	}
	assert_int_equal(scratch_count(&self, "fd", "", NULL), files);
#ifndef __SANITIZE_ADDRESS__
	assert_in_range(resident(), 0, pages + 256);
#else
	(void)pages;
#endif
	close(self.fd);
}

static void
the_archive_has_a_ceiling(void **state)
{
	enum {
		N = 4096
	};
	struct fixture *f = *state;
	struct state *other = open_state(f);
	struct ledger_call row = { .id = "" };
	char path[80];
	int i;

	for (i = 0; i < N; i++) {
		snprintf(
		    path, sizeof(path), "j/done/%016d-1-00000000.000000.jl", i);
		scratch_write(&f->scratch, path, "", 0);
	}
	write_to(other, &row, CALL_OK);
	state_close(other);
	read_all(f);
	assert_int_equal(scratch_count(&f->scratch, "j/done", "", NULL), N);
	assert_int_equal(
	    faccessat(f->scratch.fd,
		"j/done/0000000000000000-1-00000000.000000.jl", F_OK, 0),
	    -1);
	assert_int_equal(counter(f, SHM_DONE_FILES), N);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(opening_does_not_touch_the_database),
		TEST(missing_parents_are_made),
		TEST(a_bad_data_dir_is_named),
		TEST(a_foreign_data_dir_is_refused),
		TEST(an_append_is_dirty_until_an_ingest_covers_it),
		TEST(a_held_lease_is_not_waited_for),
		TEST(journals_of_the_dead_are_archived),
		TEST(open_calls_of_the_dead_become_unknown),
		TEST(nonsense_is_kept_and_skipped),
		TEST(reading_journals_again_changes_nothing),
		TEST(a_damaged_database_is_rebuilt_from_journals),
		TEST(a_damage_found_at_work_is_given_three_tries),
		TEST(nobody_goes_where_eight_have_died),
		TEST(visits_leave_nothing_behind),
		TEST(the_archive_has_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
