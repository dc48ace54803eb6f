/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/health.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/metrics_text.h"
#include "core/state.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define PROCESSES 6
#define ROUNDS    3000

static int
setup(void **state)
{
	log_open("/dev/null", LOG_LEVEL_ERROR);
	return scratch_setup(state);
}

static struct metrics *
attach(const struct scratch *s)
{
	struct error err = { .kind = ERROR_NONE };
	struct metrics *m = metrics_attach(s->fd, &err);

	assert_string_equal(err.msg, "");
	assert_non_null(m);
	return m;
}

struct sum {
	int64_t value, count, others;
	unsigned series;
};

static void
add_up(void *arg, const struct metric_series *s)
{
	struct sum *sum = arg;
	size_t n = 0;

	sum->series++;
	sum->value += s->value;
	if (str_is(s->labels[0], "other"))
		sum->others += s->value;
	while (s->counts != NULL && s->family->bounds[n] != 0)
		n++;
	if (s->counts != NULL)
		sum->count += s->counts[n];
}

static struct sum
sum_of(struct metrics *m, enum metric metric)
{
	struct sum sum = { 0, 0, 0, 0 };

	metrics_each(m, metric, add_up, &sum);
	return sum;
}

static void
count(struct metrics *m, enum metric metric, const char *label, int64_t n)
{
	const struct str labels[METRICS_LABELS] = { str_of(label) };

	metrics_add(m, metric, labels, n);
}

/* --- processes --- */

/* Count until told how often, and say so after each. */
static void
work(const struct scratch *s, _Atomic int64_t *done, int rounds)
{
	struct metrics *m = attach(s);
	char label[16];
	int i;

	for (i = 0; rounds == 0 || i < rounds; i++) {
		snprintf(label, sizeof(label), "e%d", i % 40);
		count(m, METRIC_REJECTED, label, 1);
		count(m, METRIC_OVERHEAD, label, i);
		atomic_fetch_add(done, 1);
	}
	metrics_detach(m);
}

static pid_t
start(const struct scratch *s, _Atomic int64_t *done, int rounds)
{
	pid_t pid = fork();

	if (pid == 0) {
		work(s, done, rounds);
		_exit(0);
	}
	return pid;
}

static _Atomic int64_t *
shared_counter(void)
{
	void *p = mmap(NULL, sizeof(int64_t), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

static void
nothing_is_lost_when_processes_count_at_once(void **state)
{
	const struct scratch *s = *state;
	_Atomic int64_t *done = shared_counter();
	struct metrics *m;
	struct sum sum;
	int i, status;

	for (i = 0; i < PROCESSES; i++)
		start(s, done, ROUNDS);
	for (i = 0; i < PROCESSES; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	m = attach(s);
	assert_int_equal(sum_of(m, METRIC_REJECTED).value, PROCESSES * ROUNDS);
	sum = sum_of(m, METRIC_OVERHEAD);
	assert_int_equal(sum.count, PROCESSES * ROUNDS);
	assert_int_equal(
	    sum.value, PROCESSES * (int64_t)ROUNDS * (ROUNDS - 1) / 2);
	metrics_detach(m);
}

static void
a_kill_at_any_instant_loses_at_most_what_was_under_way(void **state)
{
	const struct scratch *s = *state;
	_Atomic int64_t *done = shared_counter();
	struct metrics *m;
	int64_t value;
	pid_t pids[PROCESSES];
	int i, round, kills = 0;

	for (round = 0; round < 8; round++) {
		int64_t before = atomic_load(done);

		for (i = 0; i < PROCESSES; i++)
			pids[i] = start(s, done, 0);
		while (atomic_load(done) < before + 500 * (round + 1))
			continue;
		for (i = 0; i < PROCESSES; i++, kills++) {
			kill(pids[i], SIGKILL);
			waitpid(pids[i], NULL, 0);
		}
	}
	m = attach(s);
	value = sum_of(m, METRIC_REJECTED).value;
	assert_true(value >= atomic_load(done));
	assert_true(value <= atomic_load(done) + kills);
	assert_int_equal(sum_of(m, METRIC_REJECTED).series, 32);
	/* and whoever comes goes on */
	count(m, METRIC_REJECTED, "e1", 5);
	assert_int_equal(sum_of(m, METRIC_REJECTED).value, value + 5);
	metrics_detach(m);
}

/* --- the file --- */

static void
counters_outlive_their_process(void **state)
{
	const struct scratch *s = *state;
	struct metrics *m = attach(s);

	count(m, METRIC_REJECTED, "a", 7);
	metrics_detach(m);
	m = attach(s);
	assert_int_equal(sum_of(m, METRIC_REJECTED).value, 7);
	metrics_detach(m);
}

static void
a_damaged_file_is_replaced(void **state)
{
	static const struct {
		long at;      /* byte that is changed */
		size_t bytes; /* new size; 0: as it is */
	} cases[] = { { 0, 0 }, { 8, 0 }, { 12, 0 }, { 16, 0 }, { 30, 0 },
		{ 45, 0 }, { -1, 1 }, { -1, 4096 }, { -1, 5000000 } };
	const struct scratch *s = *state;
	struct metrics *m;
	char byte = '#';
	size_t i;
	int fd;

	for (i = 0; i < COUNT(cases); i++) {
		m = attach(s);
		count(m, METRIC_REJECTED, "a", 7);
		metrics_detach(m);
		fd = openat(s->fd, "metrics", O_RDWR | O_CLOEXEC);
		if (cases[i].at >= 0)
			assert_int_equal(pwrite(fd, &byte, 1, cases[i].at), 1);
		else
			assert_int_equal(
			    ftruncate(fd, (off_t)cases[i].bytes), 0);
		close(fd);
		m = attach(s);
		assert_int_equal(sum_of(m, METRIC_REJECTED).value, 0);
		metrics_detach(m);
		unlinkat(s->fd, "metrics", 0);
	}
}

static void
names_that_do_not_fit_their_key_are_not_shown(void **state)
{
	const struct scratch *s = *state;
	struct metrics *m = attach(s);
	char all[900000], *at;
	size_t n;
	int fd;

	count(m, METRIC_REJECTED, "unmistakable", 7);
	count(m, METRIC_REJECTED, "another", 1);
	metrics_detach(m);
	n = scratch_read(s, "metrics", all, sizeof(all));
	at = memmem(all, n, "unmistakable", 12);
	assert_non_null(at);
	fd = openat(s->fd, "metrics", O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "\"\n} 1\n", 6, at - all), 6);
	close(fd);
	m = attach(s);
	assert_int_equal(sum_of(m, METRIC_REJECTED).value, 1);
	metrics_detach(m);
}

static void
without_a_file_nothing_is_counted_and_nothing_fails(void **state)
{
	struct scratch s = *(struct scratch *)*state;
	struct error err = { .kind = ERROR_NONE };

	s.fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_null(metrics_attach(s.fd, &err));
	assert_int_equal(err.kind, ERROR_STORE);
	close(s.fd);
	count(NULL, METRIC_REJECTED, "a", 1);
	assert_int_equal(sum_of(NULL, METRIC_REJECTED).series, 0);
	assert_false(metrics_resting(NULL, 0));
	metrics_rest(NULL, 1);
	metrics_detach(NULL);
}

static void
the_collector_rests_for_all_processes(void **state)
{
	struct metrics *one = attach(*state), *two = attach(*state);

	assert_false(metrics_resting(two, 5));
	metrics_rest(one, 100);
	assert_true(metrics_resting(two, 99));
	assert_false(metrics_resting(two, 100));
	metrics_detach(one);
	metrics_detach(two);
}

/* --- labels --- */

static void
more_series_than_fit_count_as_other(void **state)
{
	struct metrics *m = attach(*state);
	const unsigned most = metrics_families[METRIC_REJECTED].series;
	char label[32];
	struct sum sum;
	unsigned i;

	for (i = 0; i < 10 * most; i++) {
		snprintf(label, sizeof(label), "error %u", i);
		count(m, METRIC_REJECTED, label, 1);
	}
	sum = sum_of(m, METRIC_REJECTED);
	assert_int_equal(sum.series, most);
	assert_int_equal(sum.value, 10 * most);
	assert_int_equal(sum.others, 9 * most + 1);
	count(m, METRIC_REJECTED, "error 3", 1); /* known: not another one */
	assert_int_equal(sum_of(m, METRIC_REJECTED).others, 9 * most + 1);
	assert_int_equal(sum_of(m, METRIC_CACHE).series, 0);
	metrics_detach(m);
}

static void
write_all(struct scratch *s, bool open, struct buf *out)
{
	struct error err = { .kind = ERROR_NONE };
	struct state *st = state_open(str_of(s->dir), DURABILITY_PROCESS, &err);
	struct health_target *t;

	assert_non_null(st);
	t = health_find(
	    state_targets(st), STR("p"), STR("m\"\n\\<b>\xe2\x80\xae"));
	health_report(t, &(struct health_report){ HEALTH_RATE, false, 60000 },
	    clock_mono_us());
	metrics_text(st, open, out);
	state_close(st);
}

static void
hostile_labels_are_shown_harmlessly(void **state)
{
	static const char hostile[] = "a\"b\\c\nd\x01\xff\xe2\x80\xae<b>";
	struct scratch *s = *state;
	struct metrics *m;
	char large[10001];
	struct buf out;
	const char *p;

	memset(large, 'x', sizeof(large));
	large[10000] = '\0';
	m = attach(s);
	count(m, METRIC_REJECTED, hostile, 1);
	count(m, METRIC_REJECTED, large, 2);
	count(m, METRIC_REJECTED, "", 4);
	metrics_detach(m);
	buf_init(&out, 1u << 20);
	write_all(s, false, &out);
	assert_non_null(strstr(out.p,
	    "sluice_rejected_total{error=\"a\\\"b\\\\c_d_____<b>\"} 1\n"));
	assert_non_null(strstr(out.p, "xxxx\"} 2\n"));
	assert_non_null(strstr(out.p, "sluice_rejected_total{} 4\n"));
	assert_non_null(strstr(out.p,
	    "sluice_breaker_state{provider=\"p\","
	    "model=\"m\\\"_\\\\<b>___\"} 2\n"));
	for (p = out.p; *p != '\0'; p++)
		assert_true(*p == '\n' || (*p >= ' ' && *p <= '~'));
	buf_release(&out);
}

/* --- text --- */

static void
histograms_count_up_to_each_bound(void **state)
{
	static const int64_t seen[] = { 0, 100, 101, 999999, 5000000 };
	static const struct {
		const char *line;
	} lines[] = {
		{ "# TYPE sluice_gateway_overhead_seconds histogram\n" },
		{ "_bucket{endpoint=\"e\",le=\"0.0001\"} 2\n" },
		{ "_bucket{endpoint=\"e\",le=\"0.00025\"} 3\n" },
		{ "_bucket{endpoint=\"e\",le=\"0.25\"} 3\n" },
		{ "_bucket{endpoint=\"e\",le=\"1.0\"} 4\n" },
		{ "_bucket{endpoint=\"e\",le=\"+Inf\"} 5\n" },
		{ "_sum{endpoint=\"e\"} 6.000200\n" },
		{ "_count{endpoint=\"e\"} 5\n" },
	};
	struct scratch *s = *state;
	struct metrics *m = attach(s);
	struct buf out;
	size_t i;

	for (i = 0; i < COUNT(seen); i++)
		count(m, METRIC_OVERHEAD, "e", seen[i]);
	count(m, METRIC_OVERHEAD, "e", -1); /* a clock that went back */
	metrics_detach(m);
	buf_init(&out, 1u << 20);
	write_all(s, false, &out);
	for (i = 0; i < COUNT(lines); i++)
		if (strstr(out.p, lines[i].line) == NULL)
			fail_msg("%s is not in %s", lines[i].line, out.p);
	buf_release(&out);
}

static void
dollars_are_exact(void **state)
{
	struct scratch *s = *state;
	struct metrics *m = attach(s);
	const struct str labels[METRICS_LABELS] = { STR("p"), STR("m") };
	struct buf out;

	metrics_add(m, METRIC_COST, labels, INT64_C(123456789000000001));
	metrics_detach(m);
	buf_init(&out, 1u << 20);
	write_all(s, false, &out);
	assert_non_null(strstr(out.p,
	    "sluice_cost_usd_total{provider=\"p\",model=\"m\"} "
	    "123456.789000000001\n"));
	buf_release(&out);
}

/* Each family has one head, before all of its samples. */
static void
openmetrics_names_families_without_total_and_ends(void **state)
{
	struct scratch *s = *state;
	struct metrics *m = attach(s);
	struct buf out;

	count(m, METRIC_REJECTED, "a", 1);
	count(m, METRIC_REJECTED, "b", 1);
	metrics_detach(m);
	buf_init(&out, 1u << 20);
	write_all(s, true, &out);
	assert_non_null(strstr(out.p,
	    "# TYPE sluice_rejected counter\n"
	    "sluice_rejected_total{error=\"a\"} 1\n"
	    "sluice_rejected_total{error=\"b\"} 1\n"));
	assert_string_equal(out.p + out.n - 6, "# EOF\n");
	buf_reset(&out);
	write_all(s, false, &out);
	assert_non_null(
	    strstr(out.p, "# TYPE sluice_rejected_total counter\n"));
	assert_null(strstr(out.p, "# EOF"));
	buf_release(&out);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, scratch_teardown)
	static const struct CMUnitTest tests[] = {
		CASE(nothing_is_lost_when_processes_count_at_once),
		CASE(a_kill_at_any_instant_loses_at_most_what_was_under_way),
		CASE(counters_outlive_their_process),
		CASE(a_damaged_file_is_replaced),
		CASE(names_that_do_not_fit_their_key_are_not_shown),
		CASE(without_a_file_nothing_is_counted_and_nothing_fails),
		CASE(the_collector_rests_for_all_processes),
		CASE(more_series_than_fit_count_as_other),
		CASE(hostile_labels_are_shown_harmlessly),
		CASE(histograms_count_up_to_each_bound),
		CASE(dollars_are_exact),
		CASE(openmetrics_names_families_without_total_and_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
