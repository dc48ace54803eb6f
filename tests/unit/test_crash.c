/* SPDX-License-Identifier: MIT */
/*
 * Processes that write and ingest are killed at random moments, for 3 s or
 * $SLUICE_CRASH_S.  What they acknowledged through a pipe must be there, once;
 * what they left open must be unknown; nobody may hang.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/journal.h"
#include "core/jtext.h"
#include "core/ledger.h"
#include "core/log.h"
#include "core/shm.h"
#include "core/state.h"
#include "core/store.h"
#include "core/visit.h"
#include "tests/unit/scratch.h"

#define WORKERS    4
#define MAX_CALLS  2000000
#define KILL_EVERY INT64_C(50000)
#define HANG_US    INT64_C(20000000) /* an acknowledgement must come in that */
#define DEFAULT_S  3

/* What a worker says when ledger_write has returned. */
struct ack {
	char kind;      /* 'o' opened, 'c' closed, 'e' an error */
	char text[199]; /* the call's id; what went wrong */
};

struct call {
	char id[CALL_ID_BYTES];
	bool closed;
};

struct pool {
	struct scratch scratch;
	pid_t pids[WORKERS];
	int acks[2];
	struct call *calls; /* by id after sort_calls, one a call */
	size_t n;
	int64_t heard_us;
	int kills, errors;
};

static void
say(int fd, char kind, const char *text)
{
	struct ack ack = { .kind = kind };

	snprintf(ack.text, sizeof(ack.text), "%s", text);
	if (write(fd, &ack, sizeof(ack)) != sizeof(ack))
		_exit(1);
}

static void
write_row(
    struct state *s, struct ledger_call *row, enum call_outcome outcome, int fd)
{
	struct error err = { .kind = ERROR_NONE };

	row->outcome = outcome;
	if (ledger_write(s, row, &err) != 0)
		say(fd, 'e', err.msg);
	else
		say(fd, outcome == CALL_OPEN ? 'o' : 'c', row->id);
}

/*
 * Up to eight calls open at a time; an ingest now and then.  Every other
 * worker comes back as somebody else after 40 calls, as CGI processes do, and
 * closes what looked dead meanwhile.
 */
static void
work(const struct pool *p)
{
	struct error err = { .kind = ERROR_NONE };
	struct state *s =
	    state_open(str_of(p->scratch.dir), DURABILITY_PROCESS, &err);
	struct ledger_call rows[8] = { { .id = "" } };
	unsigned i;

	for (i = 0; s != NULL; i++) {
		struct ledger_call *row = &rows[i % 8];

		if (row->id[0] != '\0')
			write_row(s, row, CALL_OK, p->acks[1]);
		*row = (struct ledger_call){ .started_us = clock_wall_us(),
			.endpoint = "/v1/chat/completions" };
		ledger_id(row->id, row->started_us);
		write_row(s, row, CALL_OPEN, p->acks[1]);
		error_clear(&err);
		if (i % 50 == 0 && state_ingest(s, i % 100, &err) < 0)
			say(p->acks[1], 'e', err.msg);
		if (getpid() % 2 == 0 || i % 40 != 39)
			continue;
		state_close(s);
		s = state_open(
		    str_of(p->scratch.dir), DURABILITY_PROCESS, &err);
	}
	say(p->acks[1], 'e', err.msg);
}

static pid_t
start(const struct pool *p)
{
	pid_t pid = fork();

	if (pid == 0) {
		work(p);
		_exit(0);
	}
	return pid;
}

static ssize_t
hear(struct pool *p)
{
	struct ack acks[128];
	struct pollfd fd = { .fd = p->acks[0], .events = POLLIN };
	ssize_t n = poll(&fd, 1, 5) > 0 ? read(fd.fd, acks, sizeof(acks)) : 0;
	size_t i;

	for (i = 0; n > 0 && i < (size_t)n / sizeof(*acks); i++) {
		p->heard_us = clock_mono_us();
		if (acks[i].kind == 'e') {
			if (strstr(acks[i].text, "a moment ago") == NULL)
				print_message("error: %s\n", acks[i].text);
			p->errors++;
			continue;
		}
		assert_true(p->n < MAX_CALLS);
		memcpy(p->calls[p->n].id, acks[i].text, CALL_ID_BYTES);
		p->calls[p->n++].closed = acks[i].kind == 'c';
	}
	return n;
}

static void
kill_one(struct pool *p, int i)
{
	kill(p->pids[i], SIGKILL);
	assert_int_equal(waitpid(p->pids[i], NULL, 0), p->pids[i]);
}

static int
by_id(const void *a, const void *b)
{
	const struct call *x = a, *y = b;

	return strcmp(x->id, y->id);
}

/* One entry a call, closed if any of its entries is. */
static void
sort_calls(struct pool *p)
{
	size_t i, n = 0;

	qsort(p->calls, p->n, sizeof(*p->calls), by_id);
	for (i = 0; i < p->n; i++)
		if (n > 0 && strcmp(p->calls[n - 1].id, p->calls[i].id) == 0)
			p->calls[n - 1].closed |= p->calls[i].closed;
		else
			p->calls[n++] = p->calls[i];
	p->n = n;
}

static bool
has_outcome(struct str row, const char *quoted)
{
	struct str v;

	return jtext_get(row, "outcome", &v) && str_is(v, quoted);
}

/*
 * A row without an acknowledgement is one whose process died in between; its
 * outcome may be either.
 */
struct scan {
	struct pool *pool;
	char last[CALL_ID_BYTES + 2];
	size_t rows, acked;
};

static bool
see(void *arg, struct str row)
{
	struct scan *s = arg;
	struct call want, *call;
	struct str id;

	assert_true(jtext_get(row, "id", &id));
	assert_true(str_cmp(id, str_of(s->last)) > 0);
	snprintf(s->last, sizeof(s->last), "%.*s", STR_ARG(id));
	snprintf(want.id, sizeof(want.id), "%.*s", (int)id.n - 2, id.p + 1);
	call = bsearch(&want, s->pool->calls, s->pool->n, sizeof(want), by_id);
	s->rows++;
	s->acked += call != NULL;
	if (call != NULL && call->closed)
		assert_true(has_outcome(row, "\"ok\""));
	else if (!has_outcome(row, "\"ok\""))
		assert_true(has_outcome(row, "\"unknown\""));
	return true;
}

/* A point lookup: a scan may see what that does not find. */
static int
txn_find(struct txn *t, void *arg)
{
	const struct call *call = arg;
	struct str row;

	return store_get(t, STORE_LEDGER, str_of(call->id), &row) == 1 ? 0 : -1;
}

static int
fail_if_any(void *arg, struct str key, struct str value)
{
	(void)arg;
	(void)key;
	(void)value;
	return 1;
}

static int
txn_none_open(struct txn *t, void *arg)
{
	return store_scan(t, STORE_OPEN, STR_NONE, fail_if_any, arg);
}

static int
look_inside(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct pool *p = arg;
	size_t i;

	(void)s;
	for (i = 0; i < p->n; i++)
		assert_int_equal(
		    store_txn(store, txn_find, &p->calls[i], err), 0);
	assert_int_equal(store_txn(store, txn_none_open, arg, err), 0);
	return 0;
}

static void
run_and_kill(struct pool *p, int64_t for_us)
{
	int64_t begun_us = clock_mono_us(), now_us, next_us = KILL_EVERY;
	uint32_t seed = 1;
	int i;

	for (i = 0; i < WORKERS; i++)
		p->pids[i] = start(p);
	p->heard_us = begun_us;
	while ((now_us = clock_mono_us()) - begun_us < for_us) {
		hear(p);
		assert_true(now_us - p->heard_us < HANG_US);
		if (now_us - begun_us < next_us)
			continue;
		seed = seed * 1664525 + 1013904223;
		i = (int)(seed >> 24) % WORKERS;
		kill_one(p, i);
		p->pids[i] = start(p);
		p->kills++;
		next_us += KILL_EVERY / 2 + (seed >> 8) % KILL_EVERY;
	}
	for (i = 0; i < WORKERS; i++)
		kill_one(p, i);
	close(p->acks[1]);
	while (hear(p) > 0)
		;
}

static void
verify_files(const struct pool *p)
{
	static const char *const names[] = { "ledger", "open", "offsets",
		"keys" };
	char path[128];
	size_t i;
	int status;
	pid_t pid;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/env/%s.db", p->scratch.dir,
		    names[i]);
		pid = fork();
		if (pid == 0) {
			execlp("db5.3_verify", "db5.3_verify", "-q", path,
			    (char *)NULL);
			_exit(0); /* not installed */
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

static void
a_kill_costs_no_acknowledged_row(void **state)
{
	const char *text = getenv("SLUICE_CRASH_S");
	int64_t seconds = text != NULL ? strtoll(text, NULL, 10) : DEFAULT_S;
	struct ledger_filter all = { 0 };
	struct error err = { .kind = ERROR_NONE };
	struct pool p = { .n = 0 };
	struct scan scan = { .pool = &p };
	struct state *s;

	(void)state;
	log_open("stderr", LOG_LEVEL_ERROR);
	scratch_make(&p.scratch);
	p.calls = calloc(MAX_CALLS, sizeof(*p.calls));
	assert_non_null(p.calls);
	assert_int_equal(pipe2(p.acks, O_CLOEXEC), 0);

	run_and_kill(&p, seconds * 1000000);
	sort_calls(&p);
	s = state_open(str_of(p.scratch.dir), DURABILITY_PROCESS, &err);
	assert_non_null(s);
	if (ledger_read(s, &all, see, &scan, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(visit(s, 5000, look_inside, &p, &err), 0);
	print_message("%d kills, %zu calls acknowledged, %zu rows, %d owners "
		      "died, %d calls swept, %d errors\n",
	    p.kills, p.n, scan.rows, (int)shm_get(s->shm, SHM_OWNER_DEATHS),
	    (int)shm_get(s->shm, SHM_UNKNOWN_CALLS), p.errors);
	assert_int_equal(scan.acked, p.n);
	assert_in_range(scan.rows, p.n, p.n + (size_t)p.kills + WORKERS);
	assert_int_equal(p.errors, 0);
	/* A kill may cut a write at the end of a page. */
	assert_in_range(shm_get(s->shm, SHM_BAD_RECORDS), 0, p.kills + WORKERS);
	assert_int_equal(shm_get(s->shm, SHM_REBUILDS), 0);
	state_close(s);
	verify_files(&p);
	close(p.acks[0]);
	free(p.calls);
	scratch_drop(&p.scratch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kill_costs_no_acknowledged_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
