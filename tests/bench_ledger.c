/* SPDX-License-Identifier: MIT */
/*
 * What the ledger costs: `make bench` prints these lines as Markdown.
 *
 *	bench_ledger DIR append SECONDS process|power [RATE]
 *		4 processes write calls (an open and a closing record each)
 *		and ingest twice a second, as responders do; as fast as they
 *		can, or RATE records a second
 *	bench_ledger DIR fill CALLS
 *		put calls of the year 2026 into the database, then as `ask`
 *	bench_ledger DIR ask
 *		open the database after a clean end and after a kill, and ask
 *		for summaries
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/ingest.h"
#include "core/journal.h"
#include "core/ledger.h"
#include "core/ledger_row.h"
#include "core/limit.h"
#include "core/log.h"
#include "core/provider.h"
#include "core/rollup.h"
#include "core/state.h"
#include "core/store.h"
#include "core/usage_query.h"
#include "core/visit.h"
#include "core/zone.h"

#define PROCS      4
#define THREADS    8      /* with "power" */
#define BUCKETS    100000 /* of 1 us */
#define INGEST_NS  500000000L
#define SESSION_US INT64_C(300000000) /* ten calls, a million a year */
#define DAY_US     INT64_C(86400000000)
#define YEAR_US    INT64_C(1767225600000000) /* 2026-01-01 */

/* Shared by all processes. */
struct figures {
	_Atomic int64_t records;
	_Atomic int64_t by_us[BUCKETS + 1];
	_Atomic int64_t stop;
};

struct job {
	const char *dir;
	struct state *state;
	struct figures *figures;
	unsigned seed;
	int64_t call_us; /* from one call to the next, per thread; 0: at once */
};

static _Noreturn void
die(const char *what, const struct error *err)
{
	fprintf(stderr, "%s: %s\n", what, err != NULL ? err->msg : "");
	exit(1);
}

static unsigned
next(unsigned *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void *
shared(size_t n)
{
	void *p = mmap(
	    NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap", NULL);
	return p;
}

/* A call as a busy team makes them: all that can be given is given. */
struct sample {
	struct ledger_call row;
	struct ledger_attempt attempt;
	struct header tag;
	char text[6][48];
};

static void
name(char out[48], const char *prefix, unsigned n)
{
	snprintf(out, 48, "%s%012u", prefix, n);
}

static void
fill_sample(struct sample *s, unsigned *seed, int64_t at_us)
{
	static const char *const models[] = { "gpt-5-mini", "gpt-5.5",
		"claude-sonnet-5", "gemini-2.5-flash", "gpt-5-nano" };
	struct ledger_attempt *at = &s->attempt;

	memset(s, 0, sizeof(*s));
	name(s->text[0], "sk-sl-", next(seed) % 40);
	name(s->text[1], "team-", next(seed) % 8);
	name(s->text[2], "user@example.org/", next(seed) % 200);
	name(s->text[3], "session-", (unsigned)(at_us / SESSION_US));
	name(s->text[4], "task-", next(seed) % 20);
	name(s->text[5], "app-", next(seed) % 12);
	*at = (struct ledger_attempt){ .provider = STR("openai"),
		.model = str_of(models[next(seed) % 5]),
		.credential = STR("conf"),
		.outcome = ATTEMPT_WON,
		.status = 200,
		.ttft_ms = 250,
		.duration_ms = 1900 };
	at->returned_model = at->model;
	usage_init(&at->usage);
	at->usage.tokens[USAGE_INPUT] = 1000 + next(seed) % 8000;
	at->usage.tokens[USAGE_OUTPUT] = next(seed) % 2000;
	at->usage.source = USAGE_REPORTED;
	at->cost = (struct cost){ COST_REPORTED, true,
		at->usage.tokens[USAGE_INPUT] * 250000 +
		    at->usage.tokens[USAGE_OUTPUT] * 2000000,
		NULL };
	at->price = STR("2026-07-02");
	s->tag = (struct header){ STR("app"), str_of(s->text[5]), NULL };
	s->row = (struct ledger_call){ .started_us = at_us,
		.key = str_of(s->text[0]),
		.account = str_of(s->text[1]),
		.user = str_of(s->text[2]),
		.session = str_of(s->text[3]),
		.task = str_of(s->text[4]),
		.tags = &s->tag,
		.endpoint = "/v1/chat/completions",
		.dialect = "openai-chat",
		.stream = true,
		.requested = STR("smart"),
		.route = STR("smart"),
		.answered = STR("openai/gpt-5-mini"),
		.ttft_ms = 260,
		.duration_ms = 2000,
		.cost = at->cost,
		.attempts = at };
	ledger_id(s->row.id, at_us);
}

static void
timed_write(struct job *j, const struct ledger_call *row)
{
	struct error err = { .kind = ERROR_NONE };
	int64_t begun_us = clock_mono_us(), us;

	if (ledger_write(j->state, row, &err) != 0)
		die("append", &err);
	us = clock_mono_us() - begun_us;
	j->figures->by_us[us < BUCKETS ? us : BUCKETS]++;
	j->figures->records++;
}

static void *
write_calls(void *arg)
{
	struct job *j = arg;
	struct sample s;
	int64_t due_us = clock_mono_us();

	while (!j->figures->stop) {
		for (due_us += j->call_us; clock_mono_us() + 1000 < due_us;)
			nanosleep(
			    &(struct timespec){ .tv_nsec = 500000 }, NULL);
		fill_sample(&s, &j->seed, clock_wall_us());
		s.attempt.outcome = ATTEMPT_OPEN;
		s.row.outcome = CALL_OPEN;
		timed_write(j, &s.row);
		s.attempt.outcome = ATTEMPT_WON;
		s.row.outcome = CALL_OK;
		s.row.ended_us = clock_wall_us();
		s.row.status = 200;
		timed_write(j, &s.row);
	}
	return NULL;
}

static void *
ingest_now_and_then(void *arg)
{
	const struct timespec pause = { .tv_nsec = INGEST_NS };
	struct job *j = arg;
	struct error err;
	int n;

	while (!j->figures->stop) {
		error_clear(&err);
		for (n = 0; state_ingest(j->state, 0, &err) == 1 && n < 4;)
			n++;
		if (err.kind != ERROR_NONE)
			fprintf(stderr, "ingest: %s\n", err.msg);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void
process(struct job *j, bool power)
{
	struct job jobs[THREADS];
	struct error err = { .kind = ERROR_NONE };
	pthread_t ids[THREADS], ingester;
	int i, n = power ? THREADS : 1;

	j->state = state_open(str_of(j->dir),
	    power ? DURABILITY_POWER : DURABILITY_PROCESS, &err);
	if (j->state == NULL)
		die("open", &err);
	pthread_create(&ingester, NULL, ingest_now_and_then, j);
	for (i = 0; i < n; i++) {
		jobs[i] = *j;
		jobs[i].seed += (unsigned)i * 7919u;
		pthread_create(&ids[i], NULL, write_calls, &jobs[i]);
	}
	for (i = 0; i < n; i++)
		pthread_join(ids[i], NULL);
	pthread_join(ingester, NULL);
	state_close(j->state);
	_exit(0);
}

static int64_t
percentile(const struct figures *f, double p)
{
	int64_t n = 0, want = (int64_t)((double)f->records * p);
	int us = 0;

	for (; us < BUCKETS && n < want; us++)
		n += f->by_us[us];
	return us;
}

static int64_t
dir_bytes(const char *dir, const char *sub, const char *tail)
{
	char line[64] = "", command[512];
	FILE *in;

	snprintf(command, sizeof(command), "cd %s/%s && cat %s | wc -c", dir,
	    sub, tail);
	in = popen(command, "r");
	if (in == NULL || fgets(line, sizeof(line), in) == NULL)
		line[0] = '\0';
	if (in != NULL)
		pclose(in);
	return strtoll(line, NULL, 10);
}

static void
append(const char *dir, int seconds, bool power, int64_t rate)
{
	const struct timespec tick = { .tv_nsec = 20000000 };
	struct figures *f = shared(sizeof(*f));
	struct error err = { .kind = ERROR_NONE };
	struct state *s;
	struct job j = { .dir = dir,
		.figures = f,
		.call_us = rate > 0
		    ? 2000000 * PROCS * (power ? THREADS : 1) / rate
		    : 0 };
	int64_t lag_ms = 0, lag, end_us, drained_us;
	pid_t pids[PROCS];
	int i;

	for (i = 0; i < PROCS; i++) {
		j.seed = (unsigned)i + 1;
		pids[i] = fork();
		if (pids[i] == 0)
			process(&j, power);
	}
	s = state_open(str_of(dir), DURABILITY_PROCESS, &err);
	if (s == NULL)
		die("open", &err);
	end_us = clock_mono_us() + seconds * INT64_C(1000000);
	while (clock_mono_us() < end_us) {
		nanosleep(&tick, NULL);
		lag = state_backlog_ms(s);
		lag_ms = lag > lag_ms ? lag : lag_ms;
	}
	f->stop = 1;
	for (i = 0; i < PROCS; i++)
		waitpid(pids[i], NULL, 0);
	drained_us = clock_mono_us();
	while (state_ingest(s, 2000, &err) == 1)
		continue;
	drained_us = clock_mono_us() - drained_us;
	printf("| records/s, %d processes%s, durability %s | %" PRId64 " |\n",
	    PROCS, power ? " of 8 threads" : "", power ? "power" : "process",
	    f->records / seconds);
	printf("| a record: p50, p99, p99.9 | %" PRId64 ", %" PRId64
	       ", %" PRId64 " us |\n",
	    percentile(f, 0.5), percentile(f, 0.99), percentile(f, 0.999));
	printf("| longest backlog under load, then time to catch up | %" PRId64
	       " ms, %" PRId64 " ms |\n",
	    lag_ms, drained_us / 1000);
	printf("| bytes a call: database, of them sums | %" PRId64 ", %" PRId64
	       " |\n",
	    dir_bytes(dir, "env", "*.db") * 2 / f->records,
	    dir_bytes(dir, "env", "rollup.db facts.db") * 2 / f->records);
	state_close(s);
}

struct filling {
	int64_t calls, done;
	int64_t from_us, step_us; /* the first, from one to the next */
	unsigned seed;
};

static int
txn_fill(struct txn *t, void *arg)
{
	struct filling *f = arg;
	struct rollup *sums = rollup_begin(t);
	struct sample s;
	struct buf *b;
	int i;

	for (i = 0; sums != NULL && i < 256 && f->done < f->calls; i++) {
		fill_sample(&s, &f->seed, f->from_us + f->done * f->step_us);
		s.row.outcome = CALL_OK;
		s.row.status = 200;
		s.row.ended_us = s.row.started_us + 2000000;
		b = buf_new(t->arena, JOURNAL_MAX_PAYLOAD);
		buf_addch(b, LEDGER_RECORD_VERSION);
		buf_addch(b, LEDGER_CLOSE);
		ledger_json(&s.row, b);
		if (ledger_row_apply(t, sums, buf_str(b), STR("x")) != 0)
			return -1;
		f->done++;
	}
	return sums == NULL ? -1 : rollup_end(sums);
}

static int
visit_fill(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct filling *f = arg;
	int i;

	(void)s;
	if (rollup_build(store, ROLLUP_EVERY, 0, err) != 0)
		return -1;
	for (i = 0; i < 100 && f->done < f->calls; i++)
		if (store_txn(store, txn_fill, f, err) != 0)
			return -1;
	return store_checkpoint(store, err);
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

static int
txn_one(struct txn *t, void *arg)
{
	(void)arg;
	return store_put(t, STORE_META, STR("bench"), STR("x"));
}

/* Commit a batch of calls as they come, and die before the checkpoint. */
static int
visit_die(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct filling f = { .calls = 256,
		.from_us = YEAR_US + 365 * DAY_US + clock_mono_us(),
		.step_us = 100,
		.seed = (unsigned)clock_mono_us() };

	(void)s;
	(void)arg;
	if (store_txn(store, txn_one, NULL, err) == 0 &&
	    store_txn(store, txn_fill, &f, err) == 0)
		kill(getpid(), SIGKILL);
	return -1;
}

static int
by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The median of 21 visits, each after a clean end or after a kill. */
static int64_t
time_open(struct state *s, bool killed)
{
	struct error err = { .kind = ERROR_NONE };
	int64_t us[21];
	pid_t pid;
	int i;

	for (i = 0; i < 21; i++) {
		pid = killed ? fork() : -1;
		if (pid == 0) {
			_exit(visit(s, 2000, visit_die, NULL, &err));
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
		us[i] = clock_mono_us();
		if (visit(s, 2000, visit_nothing, NULL, &err) != 0)
			die("visit", &err);
		us[i] = clock_mono_us() - us[i];
	}
	qsort(us, 21, sizeof(*us), by_size);
	return us[10];
}

/* ${key}: of one key of one account alone; NULL: of all. */
static void
time_query(struct state *s, const char *by, const char *key, size_t top)
{
	struct usage_query q = { .top = top };
	struct usage_result r;
	struct error err = { .kind = ERROR_NONE };
	int64_t best = INT64_MAX, us;
	struct arena *a;
	int i;

	if (usage_query_parse(str_of(by), &q, &err) != 0)
		die(by, &err);
	if (key != NULL) {
		q.only[ROLLUP_KEY] = str_of(key);
		q.only[ROLLUP_ACCOUNT] = STR("team-000000000003");
	}
	for (i = 0; i < 3; i++) {
		a = arena_new(USAGE_QUERY_BYTES);
		us = clock_mono_us();
		if (ledger_usage(s, &q, a, &r, &err) != 0)
			die(by, &err);
		us = clock_mono_us() - us;
		best = us < best ? us : best;
		arena_free(a);
	}
	printf("| the year by %s%s%s (%zu groups, %" PRId64
	       " calls) | %.1f ms |\n",
	    by, key != NULL ? " of one key" : "",
	    top > 0 ? ", the top ten" : "", r.n, r.total.calls,
	    (double)best / 1000);
}

/* How long it takes to know what was spent when the header does not: a cell
 * of the room is new for each zone. */
static void
time_count(struct state *s, enum window w, const char *zone)
{
	struct limits *l = limits_new(s);
	struct arena *a = arena_new(1 << 20);
	struct error err = { .kind = ERROR_NONE };
	const struct budget b = { .scope = BUDGET_ACCOUNT,
		.window = w,
		.name = STR("team-000000000003"),
		.pusd = INT64_MAX };
	struct limit_ask when = { .now_us = clock_wall_us(),
		.zone = zone_load(a, str_of(zone)),
		.zone_name = str_of(zone) };
	struct limit_standing now;
	int64_t us = clock_mono_us();

	if (limit_standing(l, &b, &when, &now, &err) != 0)
		die("count", &err);
	us = clock_mono_us() - us;
	printf("| a budget counted anew: %s, %s | %.1f ms |\n", window_words[w],
	    zone, (double)us / 1000);
	arena_free(a);
	limits_free(l);
}

static void
ask(const char *dir)
{
	static const char *const bys[] = { "key", "account", "model",
		"provider", "tag", "user", "task", "session", "day",
		"day,model", "key,model", "account,user", "user,task" };
	static const char *const tops[] = { "day,model", "day,user",
		"day,session", "day,key,task" };
	static const char *const owns[] = { "day", "day,model", "user", "tag" };
	struct error err = { .kind = ERROR_NONE };
	struct state *s = state_open(str_of(dir), DURABILITY_PROCESS, &err);
	struct arena *a = arena_new(1 << 16);
	size_t i;

	if (s == NULL)
		die("open", &err);
	printf("| lease, open, recover, close: after a clean end, after a kill"
	       " | %.1f ms, %.1f ms |\n",
	    (double)time_open(s, false) / 1000,
	    (double)time_open(s, true) / 1000);
	for (i = 0; i < sizeof(bys) / sizeof(*bys); i++)
		time_query(s, bys[i], NULL, 0);
	for (i = 0; i < sizeof(tops) / sizeof(*tops); i++)
		time_query(s, tops[i], NULL, 10);
	for (i = 0; i < sizeof(owns) / sizeof(*owns); i++)
		time_query(s, owns[i], "sk-sl-000000000007", 10);
	unlinkat(AT_FDCWD, arena_printf(a, "%s/hdr", dir), 0);
	state_close(s);
	s = state_open(str_of(dir), DURABILITY_PROCESS, &err);
	if (s == NULL)
		die("open", &err);
	time_count(s, WINDOW_TOTAL, "UTC");
	time_count(s, WINDOW_MONTH, "UTC");
	time_count(s, WINDOW_MONTH, "America/New_York");
	arena_free(a);
	state_close(s);
}

static void
fill(const char *dir, int64_t calls)
{
	struct filling f = { .calls = calls,
		.from_us = YEAR_US,
		.step_us = 365 * DAY_US / calls,
		.seed = 1 };
	struct error err = { .kind = ERROR_NONE };
	struct state *s = state_open(str_of(dir), DURABILITY_PROCESS, &err);
	int64_t begun_us = clock_mono_us();

	while (f.done < calls)
		if (s == NULL || visit(s, 2000, visit_fill, &f, &err) != 0)
			die("fill", &err);
	printf("| rows/s into the database, one process | %" PRId64 " |\n",
	    calls * 1000000 / (clock_mono_us() - begun_us));
	printf("| a database of %" PRId64 " calls | %" PRId64 " MB |\n", calls,
	    dir_bytes(dir, "env", "*.db") >> 20);
	state_close(s);
	ask(dir);
}

int
main(int argc, char **argv)
{
	log_open("stderr", LOG_LEVEL_ERROR);
	if (argc >= 5 && strcmp(argv[2], "append") == 0)
		append(argv[1], (int)strtol(argv[3], NULL, 10),
		    strcmp(argv[4], "power") == 0,
		    argc > 5 ? strtoll(argv[5], NULL, 10) : 0);
	else if (argc == 4 && strcmp(argv[2], "fill") == 0)
		fill(argv[1], strtoll(argv[3], NULL, 10));
	else if (argc == 3 && strcmp(argv[2], "ask") == 0)
		ask(argv[1]);
	else
		return 2;
	return 0;
}
