/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/conf.h"
#include "core/route_run.h"
#include "tests/unit/unit.h"

#define MS       INT64_C(1000)
#define MAX_LOG  512
#define MAX_NAME 16

/*
 * A world that is played: a plan from a string, scripts for its targets, a
 * clock.  Plans: letters are targets, (…) is a chain, [n …] a race of n at a
 * time, [n/k …] of which the first k may run together, and [n~ms …] with a
 * hedge; A+ is marked for context overflow.
 * Scripts, by letter: a digit string of what happens at each call, after
 * 10 ms each unless said otherwise:
 *	. content   5 a 503   9 a 429 (retry after 2 s)   8 a 429 (60 s)
 *	1 a 401     3 a 403   4 a 400   c context   p policy   h hangs
 *	x cannot even be prepared
 */
struct play {
	struct arena *a;
	struct conf_provider providers[26];
	struct route_target leaves[26];
	const char *scripts[26];
	int64_t delay_ms[26]; /* 0: 10 */
	bool open[26];
	int calls[26];
	struct route_run run;
	int64_t now_us;
	char log
	    [MAX_LOG]; /* "+a" started, "-a" failed, "!a" won, "~a" stopped */
	int running, most_running, wins;
	struct flight {
		struct step *step;
		int64_t due_us; /* 0: landed; INT64_MAX: hangs */
		char what;
	} flights[256];
	size_t n_flights;
};

static void
note(struct play *p, char what, const struct step *s)
{
	size_t n = strlen(p->log);

	if (n + 3 < sizeof(p->log))
		snprintf(p->log + n, sizeof(p->log) - n, "%c%c", what,
		    *s->plan->leaf->target.model.p);
}

static int
number_of(const struct step *s)
{
	return *s->plan->leaf->target.model.p - 'a';
}

static int
op_start(void *arg, struct step *s, struct error *err)
{
	struct play *p = arg;
	int i = number_of(s);
	const char *script = p->scripts[i] ? p->scripts[i] : ".";
	size_t at = (size_t)p->calls[i], n = strlen(script);
	char what = script[at < n ? at : n - 1];
	int64_t ms = p->delay_ms[i] ? p->delay_ms[i] : 10;

	if (what == 'x')
		return error_set(err, ERROR_BAD_REQUEST, "cannot be");
	p->calls[i]++;
	note(p, '+', s);
	assert_true(p->n_flights < 256);
	s->data = &p->flights[p->n_flights];
	p->flights[p->n_flights++] = (struct flight){ s,
		what == 'h' ? INT64_MAX : p->now_us + ms * MS, what };
	if (++p->running > p->most_running)
		p->most_running = p->running;
	return 0;
}

static void
land(struct play *p, struct flight *f)
{
	f->due_us = 0;
	p->running--;
}

static void
op_stop(void *arg, struct step *s)
{
	struct play *p = arg;

	note(p, '~', s);
	land(p, s->data);
}

static bool
op_may(void *arg, const struct step *s, bool take)
{
	struct play *p = arg;

	(void)take;
	return !p->open[number_of(s)];
}

static struct error
error_of(struct flight *f)
{
	struct error e = { 0 };

	switch (f->what) {
	case '5':
		error_set(&e, ERROR_UP_OVERLOADED, "busy");
		break;
	case '9':
	case '8':
		error_set(&e, ERROR_UP_RATE, "slow down");
		e.retry_after_ms = f->what == '9' ? 2000 : 60000;
		break;
	case '1':
	case '3':
		error_set(&e, ERROR_UP_CREDENTIALS, "who");
		f->step->status = f->what == '1' ? 401 : 403;
		break;
	case '4':
		error_set(&e, ERROR_UP_REFUSED, "what");
		break;
	case 'c':
	case 'p':
		error_set(&e, ERROR_UP_REFUSED, "no");
		snprintf(e.code, sizeof(e.code), "%s",
		    f->what == 'c' ? "context_length_exceeded"
				   : "content_filter");
		break;
	default:
		error_set(&e, ERROR_UP_TIMEOUT, "too late");
		break;
	}
	return e;
}

static void
arrive(struct play *p, struct flight *f)
{
	struct error e;

	land(p, f);
	if (f->what == '.') {
		note(p, '!', f->step);
		p->wins++;
		route_run_won(&p->run, f->step);
		return;
	}
	e = error_of(f);
	note(p, '-', f->step);
	route_run_failed(&p->run, f->step, &e, p->now_us);
}

/* What happens next: a flight lands, a timer fires, or the deadline. */
static bool
turn(struct play *p)
{
	struct flight *next = NULL;
	int64_t due = p->run.wake_us > 0 ? p->run.wake_us : INT64_MAX, at;
	size_t i;

	for (i = 0; i < p->n_flights; i++) {
		at = p->flights[i].due_us;
		if (at == 0)
			continue;
		/* The engine's own limit is the deadline. */
		if (at > p->run.deadline_us) {
			at = p->run.deadline_us;
			p->flights[i].what = 't';
			p->flights[i].due_us = at;
		}
		if (at < due) {
			due = at;
			next = &p->flights[i];
		}
	}
	if (due == INT64_MAX)
		return false;
	assert_true(due <= p->run.deadline_us);
	p->now_us = due;
	if (next != NULL)
		arrive(p, next);
	else
		route_run_wake(&p->run, p->now_us);
	return true;
}

static struct plan *read_plan(struct play *p, const char **s);

static void
read_items(struct play *p, const char **s, struct plan *list, char end)
{
	struct plan **tail = &list->first;

	while (**s != end) {
		*tail = read_plan(p, s);
		tail = &(*tail)->next;
	}
	++*s;
}

static struct plan *
read_leaf(struct play *p, struct plan *plan, char letter, bool marked)
{
	int i = letter - 'a';
	struct route_target *leaf = &p->leaves[i];
	char *name = arena_alloc(p->a, 2);

	name[0] = letter;
	leaf->target.provider = &p->providers[i];
	leaf->target.model = (struct str){ name, 1 };
	leaf->on = marked ? ROUTE_ON_CONTEXT : 0;
	plan->leaf = leaf;
	return plan;
}

static struct plan *
read_plan(struct play *p, const char **s)
{
	struct plan *plan = ARENA_NEW(p->a, struct plan);
	char c = *(*s)++, *end;

	if (c == '(') {
		plan->kind = PLAN_CHAIN;
		read_items(p, s, plan, ')');
	} else if (c == '[') {
		plan->kind = PLAN_RACE;
		plan->racers = (unsigned)strtol(*s, &end, 10);
		if (*end == '/')
			plan->together = (unsigned)strtol(end + 1, &end, 10);
		if (*end == '~')
			plan->hedge_us = strtol(end + 1, &end, 10) * MS;
		*s = end + (*end == ' ');
		read_items(p, s, plan, ']');
	} else {
		plan->kind = PLAN_TARGET;
		read_leaf(p, plan, c, **s == '+');
		*s += **s == '+';
	}
	return plan;
}

static void
play_init(struct play *p)
{
	memset(p, 0, sizeof(*p));
	p->a = arena_new(1 << 22);
	p->now_us = 1000 * MS;
}

static void
play_run(struct play *p, const char *plan, unsigned attempts, int64_t ms)
{
	static const struct route_ops ops = { op_start, op_stop, op_may };
	struct route_run_opts opts = { .ops = &ops, .arg = p, .seed = 7 };

	opts.plan = read_plan(p, &plan);
	opts.attempts = attempts;
	opts.deadline_us = p->now_us + ms * MS;
	route_run_init(&p->run, p->a, &opts);
	route_run_begin(&p->run, p->now_us);
	while (!p->run.over && p->run.winner == NULL)
		assert_true(turn(p));
}

struct scene {
	const char *plan;
	const char *scripts; /* "a:5. b:9" */
	const char *log;
	enum error_kind err;
	unsigned attempts;
	const char *open; /* letters of open targets */
};

static void
read_scripts(struct play *p, const char *s)
{
	char *all = str_cstr(p->a, str_of(s)), *word, *next;

	for (word = all; word != NULL && *word != '\0'; word = next) {
		next = strchr(word, ' ');
		if (next != NULL)
			*next++ = '\0';
		p->scripts[word[0] - 'a'] = word + 2;
	}
}

static void
show(const struct scene *scenes, size_t n)
{
	struct play p;
	const char *o;
	size_t i;

	for (i = 0; i < n; i++) {
		play_init(&p);
		read_scripts(&p, scenes[i].scripts);
		for (o = scenes[i].open; o != NULL && *o != '\0'; o++)
			p.open[*o - 'a'] = true;
		play_run(&p, scenes[i].plan, scenes[i].attempts, 60000);
		if (strcmp(p.log, scenes[i].log) != 0)
			print_error(
			    "%s with %s\n", scenes[i].plan, scenes[i].scripts);
		assert_string_equal(p.log, scenes[i].log);
		assert_int_equal(p.run.err.kind, scenes[i].err);
		arena_free(p.a);
	}
}

static void
failures_lead_on_by_class(void **state)
{
	static const struct scene scenes[] = {
		{ "(ab)", "a:.", "+a!a", 0, 0, NULL },
		{ "(a)", "a:5.", "+a-a+a!a", 0, 0, NULL },
		{ "(a)", "a:55.", "+a-a+a-a", ERROR_UP_OVERLOADED, 0, NULL },
		{ "(ab)", "a:55 b:.", "+a-a+a-a+b!b", 0, 0, NULL },
		{ "(abc)", "a:5 b:5 c:.", "+a-a+b-b+c!c", 0, 0, NULL },
		{ "(ab)", "a:9 b:.", "+a-a+b!b", 0, 0, NULL },
		{ "(a)", "a:9.", "+a-a+a!a", 0, 0, NULL },
		{ "(a)", "a:8.", "+a-a", ERROR_UP_RATE, 0, NULL },
		{ "(ab)", "a:9 b:9.", "+a-a+b-b+b!b", 0, 0, NULL },
		{ "(ab)", "a:1 b:.", "+a-a+b!b", 0, 0, NULL },
		{ "(ab)", "a:1 b:1", "+a-a+b-b", ERROR_UP_CREDENTIALS, 0,
		    NULL },
		{ "(aa)", "a:1.", "+a-a", ERROR_UP_CREDENTIALS, 0, NULL },
		{ "(ab)", "a:1 b:5", "+a-a+b-b+b-b", ERROR_UP_OVERLOADED, 0,
		    NULL },
		{ "(ab)", "a:4 b:.", "+a-a", ERROR_UP_REFUSED, 0, NULL },
		{ "((ab)c)", "a:4 c:.", "+a-a", ERROR_UP_REFUSED, 0, NULL },
		{ "(ab)", "a:x b:.", "+b!b", 0, 0, NULL },
		{ "(ab)", "a:x b:x", "", ERROR_BAD_REQUEST, 0, NULL },
		{ "(ab)", "a:h b:.", "+a-a", ERROR_UP_TIMEOUT, 0, NULL },
		{ "((ab)(cd))", "a:9 b:9 c:9 d:.", "+a-a+b-b+c-c+d!d", 0, 0,
		    NULL },
	};

	(void)state;
	show(scenes, sizeof(scenes) / sizeof(scenes[0]));
}

static void
only_marked_targets_take_over_an_overflow(void **state)
{
	static const struct scene scenes[] = {
		{ "(abc+)", "a:c b:. c:.", "+a-a+c!c", 0, 0, NULL },
		{ "(abc+)", "a:9 b:9 c:.", "+a-a+b-b+b-b", ERROR_UP_RATE, 0,
		    NULL },
		{ "(ab)", "a:c b:.", "+a-a", ERROR_UP_REFUSED, 0, NULL },
		{ "(ab+c+)", "a:c b:9 c:.", "+a-a+b-b+c!c", 0, 0, NULL },
		{ "(ab+)", "a:p b:.", "+a-a", ERROR_UP_REFUSED, 0, NULL },
		{ "((ad)(bc+))", "a:c c:.", "+a-a+c!c", 0, 0, NULL },
	};

	(void)state;
	show(scenes, sizeof(scenes) / sizeof(scenes[0]));
}

static void
attempts_are_budgeted(void **state)
{
	static const struct scene scenes[] = {
		{ "(abc)", "a:9 b:9 c:.", "+a-a+b-b", ERROR_UP_RATE, 2, NULL },
		{ "(a)", "a:55", "+a-a", ERROR_UP_OVERLOADED, 1, NULL },
		{ "(ab)", "a:5 b:5", "+a-a+a-a+b-b+b-b", ERROR_UP_OVERLOADED, 9,
		    NULL },
		/* a race is one attempt, whatever runs in it */
		{ "([2 ab]cd)", "a:9 b:9 c:9 d:.", "+a+b-a-b+c-c+d!d", 0, 3,
		    NULL },
		{ "([2 (ab)(cd)]e)", "a:5 b:5 c:5 d:5 e:.",
		    "+a+c-a+b-c+d-b-d+e!e", 0, 2, NULL },
	};

	(void)state;
	show(scenes, sizeof(scenes) / sizeof(scenes[0]));
}

static void
open_targets_are_passed_over_unless_all_are(void **state)
{
	static const struct scene scenes[] = {
		{ "(ab)", "a:. b:.", "+b!b", 0, 0, "a" },
		{ "(ab)", "a:. b:.", "+a!a", 0, 0, "ab" },
		{ "(ab)", "a:9 b:9", "+a-a+b-b+b-b", ERROR_UP_RATE, 0, "ab" },
		{ "(ab)", "a:9.", "+a-a+a!a", 0, 0, "b" },
		{ "([2 abc])", "a:. b:. c:.", "+a+c!a~c", 0, 0, "b" },
	};

	(void)state;
	show(scenes, sizeof(scenes) / sizeof(scenes[0]));
}

static void
the_first_content_wins_a_race(void **state)
{
	static const struct scene scenes[] = {
		{ "([2 ab])", "a:9 b:.", "+a+b-a!b", 0, 0, NULL },
		{ "([2 ab])", "a:. b:.", "+a+b!a~b", 0, 0, NULL },
		{ "([2 abc])", "a:9 b:h c:.", "+a+b-a+c!c~b", 0, 0, NULL },
		{ "([2 ab]c)", "a:9 b:5 c:.", "+a+b-a-b+c!c", 0, 0, NULL },
		{ "([2 ab]c)", "a:4 b:4 c:.", "+a+b-a-b", ERROR_UP_REFUSED, 0,
		    NULL },
		{ "([2 ab]c)", "a:4 b:5 c:.", "+a+b-a-b+c!c", 0, 0, NULL },
		{ "([2 (ab)c])", "a:9 b:. c:h", "+a+c-a+b!b~c", 0, 0, NULL },
		{ "([2 [2 ab]c])", "a:h b:. c:h", "+a+b+c!b~a~c", 0, 0, NULL },
		/* what the race cannot afford beside others runs alone */
		{ "([2 abc])", "a:9 b:5 c:.", "+a+b-a+c-b!c", 0, 0, NULL },
		{ "([2/2 abc])", "a:9 b:5 c:.", "+a+b-a-b+c!c", 0, 0, NULL },
		{ "([2/1 ab])", "a:5 b:.", "+a-a+b!b", 0, 0, NULL },
	};

	(void)state;
	show(scenes, sizeof(scenes) / sizeof(scenes[0]));
}

static void
a_hedge_starts_after_its_delay(void **state)
{
	struct play p;

	(void)state;
	play_init(&p);
	p.delay_ms[0] = 200;
	play_run(&p, "([2~50 ab])", 0, 60000);
	assert_string_equal(p.log, "+a+b!b~a");
	assert_int_equal(p.now_us, 1060 * MS);
	assert_int_equal(p.run.winner->role, ROLE_HEDGE);
	arena_free(p.a);
	play_init(&p);
	play_run(&p, "([2~50 ab])", 0, 60000);
	assert_string_equal(p.log, "+a!a");
	arena_free(p.a);
	play_init(&p);
	p.scripts[0] = "9";
	play_run(&p, "([2~5000 ab])", 0, 60000);
	assert_string_equal(p.log, "+a-a+b!b");
	assert_int_equal(p.now_us, 1020 * MS);
	arena_free(p.a);
}

static void
the_primarys_error_with_the_soonest_retry_after(void **state)
{
	struct play p;

	(void)state;
	play_init(&p);
	p.scripts[0] = "8";
	p.scripts[1] = "9";
	play_run(&p, "(ab)", 2, 60000);
	assert_int_equal(p.run.err.kind, ERROR_UP_RATE);
	assert_int_equal(p.run.err.retry_after_ms, 2000);
	assert_ptr_equal(p.run.culprit, p.run.root->first);
	arena_free(p.a);
}

static void
a_wait_beyond_the_deadline_is_none(void **state)
{
	struct play p;

	(void)state;
	play_init(&p);
	p.scripts[0] = "9.";
	play_run(&p, "(a)", 0, 1500);
	assert_string_equal(p.log, "+a-a");
	assert_int_equal(p.now_us, 1010 * MS);
	arena_free(p.a);
}

static void
a_policy_refusal_can_be_taken_over_only_where_marked(void **state)
{
	struct play p;

	(void)state;
	play_init(&p);
	p.scripts[0] = "h";
	play_run(&p, "(ab+)", 0, 100);
	assert_false(route_run_takes(&p.run, ROUTE_ON_POLICY));
	assert_true(route_run_takes(&p.run, ROUTE_ON_CONTEXT));
	arena_free(p.a);
}

/* --- random trees x random failures --- */

static uint64_t
rnd(uint64_t *seed, uint64_t n)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1;
	return (*seed >> 33) % n;
}

static char *
random_tree(uint64_t *seed, char *out, int depth, int *letter)
{
	int n = 1 + (int)rnd(seed, 3), i;
	bool race = depth > 0 && rnd(seed, 3) == 0;

	if (depth > 0 && (rnd(seed, 2) == 0 || depth > 2)) {
		*out++ = (char)('a' + *letter % 26);
		++*letter;
		if (*letter > 1 && rnd(seed, 5) == 0)
			*out++ = '+';
		return out;
	}
	*out++ = race ? '[' : '(';
	if (race)
		out += sprintf(out, "%d~%d ", 1 + (int)rnd(seed, 3),
		    (int)rnd(seed, 2) * 30);
	for (i = 0; i < n && *letter < 26; i++)
		out = random_tree(seed, out, depth + 1, letter);
	*out++ = race ? ']' : ')';
	return out;
}

/* What must hold whatever happened. */
static void
check(const struct play *p, int64_t deadline_us, bool waits)
{
	int i, most = waits ? 4 : 2;

	assert_true(p->wins <= 1);
	assert_true(p->run.over != (p->run.winner != NULL));
	assert_true(p->run.winner != NULL || p->run.err.kind != ERROR_NONE);
	assert_int_equal(p->running, 0); /* every attempt is closed */
	assert_true(p->now_us <= deadline_us);
	assert_true(p->run.root->used <= p->run.root->limit);
	for (i = 0; i < 26; i++)
		assert_true(p->calls[i] <= most);
}

static void
random_trees_and_failures_keep_the_rules(void **state)
{
	static const char kinds[] = "..5598134cphx";
	char plan[512], scripts[26][5];
	uint64_t seed = 20261124;
	struct play p;
	int i, k, round, letter;

	(void)state;
	for (round = 0; round < 20000; round++) {
		play_init(&p);
		letter = 0;
		*random_tree(&seed, plan, 0, &letter) = '\0';
		for (i = 0; i < 26; i++) {
			for (k = 0; k < 4; k++)
				scripts[i][k] =
				    kinds[rnd(&seed, sizeof(kinds) - 1)];
			scripts[i][4] = '\0';
			p.scripts[i] = scripts[i];
			p.delay_ms[i] = 1 + (int64_t)rnd(&seed, 200);
			p.open[i] = rnd(&seed, 6) == 0;
		}
		play_run(&p, plan, (unsigned)rnd(&seed, 6),
		    100 + (int64_t)rnd(&seed, 20000));
		check(&p, p.run.deadline_us, true);
		arena_free(p.a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_lead_on_by_class),
		cmocka_unit_test(only_marked_targets_take_over_an_overflow),
		cmocka_unit_test(attempts_are_budgeted),
		cmocka_unit_test(open_targets_are_passed_over_unless_all_are),
		cmocka_unit_test(the_first_content_wins_a_race),
		cmocka_unit_test(a_hedge_starts_after_its_delay),
		cmocka_unit_test(
		    the_primarys_error_with_the_soonest_retry_after),
		cmocka_unit_test(a_wait_beyond_the_deadline_is_none),
		cmocka_unit_test(
		    a_policy_refusal_can_be_taken_over_only_where_marked),
		cmocka_unit_test(random_trees_and_failures_keep_the_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
