/* SPDX-License-Identifier: MIT */
/*
 * Chaos: eight responders, and the program itself run as CGI, once a call,
 * all on one data_dir, are killed or stopped at random moments; for 6 s, or
 * $SLUICE_CRASH_S.  What they acknowledged through a pipe must be there once,
 * by scan and by look-up, at its price; what they left open must be unknown;
 * sums must be those of the rows; nobody may wait long.
 *
 * The list of reference/berkeley-db.md, "Test for ever", and who does it:
 *	chaos, also with stopped processes	this one; e2e 07, 21
 *	look-up of every key, scan, sums	audit.c, in all of these
 *	no leaks of files and memory		test_state: visits_leave_...
 *	kills at system calls of ingest,	test_recover: ..._anywhere
 *	recovery, backup, pruning		(all of them with the variable)
 *	power cuts, both durabilities		test_power
 *	torn tails, bad checksums		test_journal, test_state
 *	full disk at every stage, read-only	test_disk, e2e 22
 *	foreign, missing, odd directories	test_state
 *	lease, open, recover, lag, figures	bench_ledger
 *	writes beside a stopped leaseholder	test_state: a_held_lease_...
 *	backup under load; restore, same sums	test_recover
 *	network file systems			test_check: known by type only
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "core/audit.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/log.h"
#include "core/price.h"
#include "core/shm.h"
#include "core/state.h"
#include "core/store.h"
#include "core/visit.h"
#include "tests/unit/crash_work.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define WORKERS   8
#define MAX_CALLS 4000000
#define WAIT_US   INT64_C(2000000)  /* nobody waits longer */
#define HANG_US   INT64_C(10000000) /* an acknowledgement must come in that */
#define STOP_US   INT64_C(700000)
#define DEFAULT_S 6
#define LONG_S    60 /* from here on death comes more slowly */

struct call {
	char id[CALL_ID_BYTES];
	bool closed;
	int64_t pusd; /* closed: cost, -1 unknown */
};

/* One run of the program as CGI. */
struct cgi_run {
	pid_t pid; /* 0: none */
	int fd;
	int64_t kill_at_us; /* 0: it may end */
	size_t n;
	char answer[8192];
};

struct pool {
	struct scratch scratch;
	const char *program; /* NULL: no CGI runs */
	char conf[128];
	pid_t pids[WORKERS];
	int stopped; /* index, -1: nobody */
	int64_t cont_at_us;
	int acks[2];
	struct call *calls; /* by id after sort_calls, one a call */
	size_t n;
	int64_t heard_us, waited_us;
	int kills, stops, cgi_runs, cgi_kills, cgi_acks, errors;
	uint32_t seed;
	struct cgi_run cgi;
};

static uint32_t
next(struct pool *p)
{
	p->seed = p->seed * 1664525 + 1013904223;
	return p->seed >> 8;
}

static pid_t
start(struct pool *p)
{
	uint32_t seed = next(p);
	pid_t pid = fork();

	if (pid == 0) {
		close(p->acks[0]);
		crash_respond(p->scratch.dir, p->acks[1], seed);
	}
	return pid;
}

static void
note_call(struct pool *p, const char *id, bool closed, int64_t pusd)
{
	assert_true(p->n < MAX_CALLS);
	snprintf(p->calls[p->n].id, CALL_ID_BYTES, "%s", id);
	p->calls[p->n].closed = closed;
	p->calls[p->n++].pusd = pusd;
}

static ssize_t
hear(struct pool *p)
{
	struct crash_ack acks[128];
	struct pollfd fd = { .fd = p->acks[0], .events = POLLIN };
	ssize_t n = poll(&fd, 1, 5) > 0 ? read(fd.fd, acks, sizeof(acks)) : 0;
	size_t i;

	for (i = 0; n > 0 && i < (size_t)n / sizeof(*acks); i++) {
		p->heard_us = clock_mono_us();
		if (acks[i].waited_us > p->waited_us)
			p->waited_us = acks[i].waited_us;
		if (acks[i].kind != 'e') {
			note_call(
			    p, acks[i].text, acks[i].kind == 'c', acks[i].pusd);
			continue;
		}
		print_message("error: %s\n", acks[i].text);
		p->errors++;
	}
	return n;
}

/* --- CGI --- */

static void
start_cgi(struct pool *p)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	p->cgi = (struct cgi_run){ .fd = fds[0] };
	if (next(p) % 4 == 0)
		p->cgi.kill_at_us = clock_mono_us() + next(p) % 12000;
	p->cgi.pid = fork();
	if (p->cgi.pid == 0) {
		close(fds[0]);
		crash_cgi(p->program, p->conf, fds[1]);
	}
	close(fds[1]);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	p->cgi_runs++;
}

/* An answer that is whole was acknowledged, with its price. */
static void
judge_cgi(struct pool *p)
{
	struct str rest = { p->cgi.answer, p->cgi.n }, line, name, value;
	char id[CALL_ID_BYTES] = "";
	int64_t pusd = -1;

	while (rest.p != NULL) {
		rest = str_split(rest, '\n', &line);
		line = str_trim(line);
		if (line.n == 0)
			break;
		value = str_trim(str_split(line, ':', &name));
		if (str_is(name, "x-request-id") ||
		    str_is(name, "X-Request-Id"))
			snprintf(id, sizeof(id), "%.*s", STR_ARG(value));
		if (str_is(name, "x-sluice-cost-usd"))
			assert_int_equal(
			    money_parse(value, PUSD_PER_USD, &pusd), 0);
	}
	rest = str_trim(rest);
	if (id[0] == '\0' || rest.n < 2 || rest.p[rest.n - 1] != '}')
		return;
	assert_true(pusd > 0);
	note_call(p, id, true, pusd);
	p->cgi_acks++;
}

static void
turn_cgi(struct pool *p)
{
	struct cgi_run *c = &p->cgi;
	ssize_t n;

	if (p->program == NULL)
		return;
	if (c->pid == 0)
		start_cgi(p);
	if (c->kill_at_us != 0 && clock_mono_us() >= c->kill_at_us) {
		kill(c->pid, SIGKILL);
		c->kill_at_us = 0;
		p->cgi_kills++;
	}
	n = read(c->fd, c->answer + c->n, sizeof(c->answer) - c->n);
	if (n > 0)
		c->n += (size_t)n;
	if (n > 0 || (n < 0 && errno == EAGAIN))
		return;
	judge_cgi(p);
	assert_int_equal(waitpid(c->pid, NULL, 0), c->pid);
	close(c->fd);
	c->pid = 0;
}

static void
find_program(struct pool *p)
{
	const char *const places[] = { getenv("SLUICE_BIN"), "build/sluice" };
	FILE *f;
	size_t i;

	for (i = 0; i < 2 && p->program == NULL; i++)
		if (places[i] != NULL && access(places[i], X_OK) == 0)
			p->program = places[i];
	snprintf(p->conf, sizeof(p->conf), "%s.json", p->scratch.dir);
	f = fopen(p->conf, "w");
	assert_non_null(f);
	fprintf(f,
	    "{\"data_dir\":\"%s\",\"auth\":{\"required\":false},"
	    "\"providers\":{\"echo\":{\"api\":\"echo\",\"free\":false}},"
	    "\"models\":{\"echo/echo\":{\"price\":{\"input\":\"1.7\","
	    "\"output\":\"4.3\"}}}}",
	    p->scratch.dir);
	fclose(f);
}

/* --- death --- */

static void
kill_one(struct pool *p, int i)
{
	kill(p->pids[i], SIGKILL);
	assert_int_equal(waitpid(p->pids[i], NULL, 0), p->pids[i]);
	if (p->stopped == i)
		p->stopped = -1;
}

static void
strike(struct pool *p, int64_t now_us)
{
	int i = (int)(next(p) % WORKERS);

	if (next(p) % 4 == 0 && p->stopped < 0) {
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
run_and_kill(struct pool *p, int64_t seconds)
{
	int64_t begun_us = clock_mono_us(), now_us, next_us = 0;
	uint32_t least = seconds >= LONG_S ? 200000 : 40000;
	uint32_t range = seconds >= LONG_S ? 800000 : 80000;
	int i;

	for (i = 0; i < WORKERS; i++)
		p->pids[i] = start(p);
	p->heard_us = begun_us;
	while ((now_us = clock_mono_us()) - begun_us < seconds * 1000000) {
		hear(p);
		turn_cgi(p);
		assert_true(now_us - p->heard_us < HANG_US);
		if (p->stopped >= 0 && now_us >= p->cont_at_us) {
			kill(p->pids[p->stopped], SIGCONT);
			p->stopped = -1;
		}
		if (now_us - begun_us < next_us)
			continue;
		strike(p, now_us);
		next_us = now_us - begun_us + least + next(p) % range;
	}
	for (i = 0; i < WORKERS; i++)
		kill_one(p, i);
	while (p->cgi.pid != 0)
		turn_cgi(p);
	close(p->acks[1]);
	while (hear(p) > 0)
		;
}

/* --- the books --- */

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
	for (i = 0; i < p->n; i++) {
		if (n == 0 || strcmp(p->calls[n - 1].id, p->calls[i].id) != 0)
			p->calls[n++] = p->calls[i];
		else if (p->calls[i].closed)
			p->calls[n - 1] = p->calls[i];
	}
	p->n = n;
}

static bool
is_member(struct str row, const char *path, const char *quoted)
{
	struct str v;

	return jtext_get(row, path, &v) && str_is(v, quoted);
}

/*
 * A row without an acknowledgement is one whose process died in between; its
 * outcome may be either.
 */
struct scan {
	struct pool *pool;
	char last[CALL_ID_BYTES + 2];
	size_t rows, acked;
	int64_t acked_pusd;
};

static void
check_closed(struct scan *s, struct str row, const struct call *call)
{
	char want[MONEY_TEXT_BYTES + 2], text[MONEY_TEXT_BYTES];

	assert_true(is_member(row, "outcome", "\"ok\""));
	snprintf(want, sizeof(want), "\"%s\"", money_text(call->pusd, text));
	assert_true(is_member(row, "cost_usd", call->pusd < 0 ? "null" : want));
	s->acked_pusd += call->pusd > 0 ? call->pusd : 0;
}

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
		check_closed(s, row, call);
	else
		assert_true(is_member(row, "outcome", "\"ok\"") ||
		    is_member(row, "outcome", "\"unknown\""));
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
look_inside(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct pool *p = arg;
	struct audit found;
	size_t i;

	for (i = 0; i < p->n; i++)
		assert_int_equal(
		    store_txn(store, txn_find, &p->calls[i], err), 0);
	if (audit(s->dir, store, &found, err) != 0)
		fail_msg("%s", err->msg);
	assert_int_equal(found.open, 0);
	return 0;
}

static int64_t
tally(const struct pool *p)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->calls[i].closed && p->calls[i].pusd > 0)
			sum += p->calls[i].pusd;
	return sum;
}

static void
settle_the_books(struct pool *p)
{
	struct ledger_filter all = { 0 };
	struct error err = { .kind = ERROR_NONE };
	struct scan scan = { .pool = p };
	char text[MONEY_TEXT_BYTES];
	struct state *s;

	sort_calls(p);
	s = state_open(str_of(p->scratch.dir), DURABILITY_PROCESS, &err);
	assert_non_null(s);
	if (ledger_read(s, &all, see, &scan, &err) != 0)
		fail_msg("%s", err.msg);
	print_message("%d kills, %d stops, %d CGI runs (%d killed, %d "
		      "acknowledged), %zu calls "
		      "acknowledged, %zu rows, %d leaseholders died, %d calls "
		      "swept, longest wait %d ms, USD %s\n",
	    p->kills, p->stops, p->cgi_runs, p->cgi_kills, p->cgi_acks, p->n,
	    scan.rows, (int)shm_get(s->shm, SHM_OWNER_DEATHS),
	    (int)shm_get(s->shm, SHM_UNKNOWN_CALLS), (int)(p->waited_us / 1000),
	    money_text(scan.acked_pusd, text));
	assert_int_equal(scan.acked, p->n);
	assert_in_range(
	    scan.rows, p->n, p->n + (size_t)(p->kills + p->cgi_runs) + WORKERS);
	assert_int_equal(scan.acked_pusd, tally(p));
	assert_int_equal(visit(s, 5000, look_inside, p, &err), 0);
	/* A kill may cut a write at the end of a page. */
	assert_in_range(shm_get(s->shm, SHM_BAD_RECORDS), 0,
	    p->kills + p->cgi_kills + WORKERS);
	assert_int_equal(shm_get(s->shm, SHM_REBUILDS), 0);
	state_close(s);
}

static void
a_kill_costs_no_acknowledged_row(void **state)
{
	const char *text = getenv("SLUICE_CRASH_S");
	int64_t seconds = text != NULL ? strtoll(text, NULL, 10) : DEFAULT_S;
	struct pool p = { .stopped = -1, .seed = 1 };

	(void)state;
	log_open("stderr", LOG_LEVEL_ERROR);
	scratch_make(&p.scratch);
	find_program(&p);
	p.calls = calloc(MAX_CALLS, sizeof(*p.calls));
	assert_non_null(p.calls);
	assert_int_equal(pipe2(p.acks, O_CLOEXEC), 0);
	run_and_kill(&p, seconds);
	settle_the_books(&p);
	assert_int_equal(p.errors, 0);
	if (p.program != NULL)
		assert_true(p.cgi_acks > p.cgi_runs / 2);
	assert_in_range(p.waited_us, 0, WAIT_US);
	close(p.acks[0]);
	free(p.calls);
	unlink(p.conf);
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
