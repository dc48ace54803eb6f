/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "core/arena.h"
#include "core/chat.h"
#include "core/evidence.h"
#include "core/experiment.h"
#include "core/fits.h"
#include "core/health.h"
#include "core/ledger.h"
#include "core/plan.h"
#include "core/task.h"
#include "route_kit.h"
#include "tests/unit/unit.h"

/* 2026-11-24T13:30:00Z */
#define WALL_US INT64_C(1795527000000000)
#define CALLS   2000

/* One call after the other, by a configuration and a snapshot. */
struct fixture {
	struct scratch s;
	struct buf complaints;
	struct conf *conf;
	struct arena *a;
	struct health *health;
	struct fits *fits;
	struct chat chat;
	struct ask ask;
	struct ledger_call row;
	struct planner p;
	struct error err;
};

/* Text with ' for each ", which C has other uses for. */
static const char *
quoted(struct arena *a, const char *text)
{
	char *out = arena_memdup(a, text, strlen(text)), *p;

	for (p = out; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	return out;
}

static void
next_call(struct fixture *f)
{
	uint64_t seed = f->p.seed + 1;

	memset(&f->row, 0, sizeof(f->row));
	f->err = (struct error){ 0 };
	f->p = (struct planner){ .arena = f->a,
		.conf = f->conf,
		.health = f->health,
		.fits = f->fits,
		.ask = &f->ask,
		.row = &f->row,
		.wall_us = WALL_US,
		.seed = seed,
		.err = &f->err };
}

static void
begin(struct fixture *f, const char *members)
{
	struct arena *a = arena_new(1 << 20);

	memset(f, 0, sizeof(*f));
	scratch_make(&f->s);
	buf_init(&f->complaints, CONF_MAX_COMPLAINT_BYTES);
	f->conf = kit_conf(quoted(a, members), &f->complaints);
	arena_free(a);
	if (f->conf == NULL)
		print_error("%s\n", f->complaints.p);
	assert_non_null(f->conf);
	f->a = arena_new((size_t)1 << 28);
	f->health = calloc(1, sizeof(*f->health));
	f->fits = fits_new(str_of(f->s.dir));
	f->chat.arena = f->a;
	f->ask.arena = f->a;
	f->ask.chat = &f->chat;
	f->ask.model = STR("x");
	next_call(f);
}

static void
end(struct fixture *f)
{
	conf_free(f->conf);
	arena_free(f->a);
	free(f->health);
	fits_free(f->fits);
	buf_release(&f->complaints);
	scratch_drop(&f->s);
}

/* The snapshot is looked at once a second: by a new reader, at once. */
static void
publish(struct fixture *f, struct str text)
{
	struct error err = { 0 };

	assert_int_equal(fits_write(f->s.fd, text, &err), 0);
	fits_free(f->fits);
	f->fits = fits_new(str_of(f->s.dir));
	f->p.fits = f->fits;
}

static struct plan *
make(struct fixture *f)
{
	struct plan *plan =
	    plan_make(&f->p, conf_route_find(f->conf, STR("x"))->route);

	assert_non_null(plan);
	return plan;
}

/* The model that a plan begins with. */
static struct str
first_of(const struct plan *plan)
{
	return plan_first(plan)->leaf->target.model;
}

static const char *
complaints_of(struct fixture *f, const char *members)
{
	struct arena *a = arena_new(1 << 20);

	buf_init(&f->complaints, CONF_MAX_COMPLAINT_BYTES);
	f->conf = kit_conf(quoted(a, members), &f->complaints);
	arena_free(a);
	return f->complaints.p;
}

#define ARMS "'arms': [ 'a/m', 'b/n' ], 'judge': 'c/j'"

static void
what_is_wrong_with_an_experiment_is_told_with_its_path(void **state)
{
	static const struct {
		const char *experiment, *want;
	} cases[] = {
		{ "{}",
		    "experiments.e.arms: must be a list of 2 to 8 arms\n"
		    "experiments.e: \"judge\" is missing\n" },
		{ "{ 'arms': [ 'a/m' ], 'judge': 'c/j' }",
		    "experiments.e.arms: must be a list of 2 to 8 arms\n" },
		{ "{ 'arms': [ 'a/m', 'a/m' ], 'judge': 'c/j' }",
		    "experiments.e.arms[1]: there is an arm called \"a/m\"\n" },
		{ "{ 'arms': [ 'a/m', { 'model': 'b/n' } ], 'judge': 'c/j' }",
		    "experiments.e.arms[1]: must be a name or { \"name\": …, "
		    "\"use\": …, \"set\": …, \"weight\": n }\n" },
		{ "{ 'arms': [ 'a/m', { 'use': { 'model': 'b/n' } } ], "
		  "'judge': 'c/j' }",
		    "experiments.e.arms[1]: needs a \"name\" of at most 64 "
		    "bytes\n" },
		{ "{ 'arms': [ 'a/m', { 'use': 'b/n', 'set': { 'model': 'z' } "
		  "} ], 'judge': 'c/j' }",
		    "experiments.e.arms[1].set.model: cannot be set by a "
		    "route\n" },
		{ "{ 'arms': [ 'a/m', { 'use': 'b/n', 'wait': 0 } ], 'judge': "
		  "'c/j' }",
		    "experiments.e.arms[1].wait: unknown key, known: name, "
		    "use, set, weight\n" },
		{ "{ 'arms': [ 'a/m', { 'use': 'b/n', 'weight': 0 } ], "
		  "'judge': 'c/j' }",
		    "experiments.e.arms[1].weight: must be between 1 and "
		    "1000000\n" },
		{ "{ 'arms': [ 'a/m', 'b/n' ], 'judge': { 'fallback': [ "
		  "'c/j', 'b/n' ] } }",
		    "experiments.e.judge: b/n would judge its own answers, as "
		    "arm \"b/n\" (allow it with \"judge_may_be_arm\")\n" },
		{ "{ " ARMS ", 'sample': 1.5 }",
		    "experiments.e.sample: must be between 0 and 1\n" },
		{ "{ " ARMS ", 'sample': 'all' }",
		    "experiments.e.sample: must be between 0 and 1\n" },
		{ "{ " ARMS ", 'epsilon': 0 }",
		    "experiments.e.epsilon: must be between 0.001 and 0.5\n" },
		{ "{ " ARMS ", 'mode': 'race' }",
		    "experiments.e.mode: unknown value \"race\", known: "
		    "shadow, split\n" },
		{ "{ " ARMS ", 'start': 'soon' }",
		    "experiments.e.start: must be a date, or a time such as "
		    "\"2026-03-01T09:00:00Z\"\n" },
		{ "{ " ARMS ", 'start': '2026-02-01', 'end': '2026-01-01' }",
		    "experiments.e: \"end\" is not after \"start\"\n" },
		{ "{ " ARMS ", 'budget_usd': 10 }",
		    "experiments.e.budget_usd: must be a decimal string, such "
		    "as \"0.01\"\n" },
		{ "{ " ARMS
		  ", 'criteria': [ '1','2','3','4','5','6','7','8','9' ] }",
		    "experiments.e: \"criteria\" are at most 8, each of 64 "
		    "bytes\n" },
		{ "{ " ARMS ", 'armz': [] }",
		    "experiments.e.armz: unknown key, did you mean "
		    "\"arms\"?\n" },
		{ "{ 'arms': [ 'a/m', 'x' ], 'judge': 'c/j' }, 'f': { " ARMS
		  " } }, 'routes': { 'x': { 'experiment': 'e' }",
		    "experiments.e.arms[1]: leads back to itself: x > x\n" },
		{ "{ 'arms': [ 'a/m', { 'name': 'y', 'use': { 'best': 'e' } } "
		  "], 'judge': 'c/j' }",
		    "experiments.e.arms[1].use.best: experiment \"e\" leads "
		    "back to itself\n" },
	};
	struct fixture f;
	char text[1024];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		snprintf(text, sizeof(text), "'experiments': { 'e': %s }",
		    cases[i].experiment);
		assert_string_equal(complaints_of(&f, text), cases[i].want);
		assert_null(f.conf);
		buf_release(&f.complaints);
	}
	assert_string_equal(
	    complaints_of(&f, "'experiments': { 'a/b': { " ARMS " } }"),
	    "experiments.a/b: a name is made of letters, digits, \"-\", \"_\" "
	    "and \".\", at most 64\n");
	buf_release(&f.complaints);
	assert_string_equal(
	    complaints_of(&f,
		"'tasks': [ { 'if': { 'rain': 1 }, 'task': 't' }, { 'task': "
		"'t' }, { 'if': { 'user': 'u' }, 'task': '' } ]"),
	    "tasks[0].if.rain: unknown condition, known: and, or, not, model, "
	    "task, user, session, key, account, tags, header, input_tokens, "
	    "tools, images, json_schema, stream, time\n"
	    "tasks[1]: must be { \"if\": …, \"task\": NAME }\n"
	    "tasks[2].task: must be a name of at most 64 bytes\n");
	buf_release(&f.complaints);
}

static void
an_experiment_has_its_defaults_and_what_the_file_says(void **state)
{
	const struct experiment *e;
	struct fixture f;

	(void)state;
	begin(&f,
	    "'experiments': { 'e': { " ARMS " }, 'f': { 'arms': [ 'a/m', { "
	    "'name': 'terse', 'use': 'b/n', 'set': { 'system': 's' }, "
	    "'weight': 3 } ], 'judge': 'b/n', 'judge_may_be_arm': true, "
	    "'mode': 'split', 'sticky': 'session', 'sample': 1, 'rubric': "
	    "'r', 'criteria': [ 'c', 'd' ], 'budget_usd': '0.5', 'start': "
	    "'2026-01-01', 'stop': 'never', 'keep_days': 7, 'quality_floor': "
	    "0.9 } }");
	e = experiment_find(f.conf, STR("e"));
	assert_int_equal(e->n_arms, 2);
	assert_int_equal(e->mode, EXPERIMENT_SHADOW);
	assert_int_equal(e->sticky, STICKY_USER);
	assert_true(e->sample == 0.1 && e->epsilon == 0.05);
	assert_true(e->quality_floor == 0.8 && e->stop_decided);
	assert_int_equal(e->budget_pusd, INT64_C(10000000000000));
	assert_int_equal(e->max_verdicts, 2000);
	assert_int_equal(strlen(e->version), 16);
	e = experiment_find(f.conf, STR("f"));
	assert_int_equal(experiment_arm(e, STR("terse")), 1);
	assert_int_equal(experiment_arm(e, STR("other")), -1);
	assert_int_equal(e->arms[1].weight, 3);
	assert_int_equal(e->mode, EXPERIMENT_SPLIT);
	assert_int_equal(e->sticky, STICKY_SESSION);
	assert_true(e->sample == 1 && !e->stop_decided && e->judge_may_be_arm);
	assert_int_equal(e->keep_days, 7);
	assert_true(str_is(e->criteria->next->s, "d"));
	assert_false(experiment_due(e, INT64_C(1767225599000000)));
	assert_true(experiment_due(e, WALL_US));
	assert_null(experiment_find(f.conf, STR("g")));
	end(&f);
}

static void
version_of(const char *members, char version[EXPERIMENT_VERSION_BYTES])
{
	struct fixture f;

	begin(&f, members);
	memcpy(version, experiment_find(f.conf, STR("e"))->version,
	    EXPERIMENT_VERSION_BYTES);
	end(&f);
}

static void
a_new_version_begins_where_evidence_would_mean_something_else(void **state)
{
	static const struct {
		const char *members;
		bool same;
	} cases[] = {
		{ "'experiments': { 'e': { 'arms': [ 'a/m', 'r' ], 'judge': "
		  "'c/j', 'sample': 0.5, 'epsilon': 0.1, 'keep_days': 3, "
		  "'budget_usd': '3', 'mode': 'split' } }, 'routes': { 'r': { "
		  "'fallback': [ 's', 'a/o' ] }, 's': 'b/n' }",
		    true },
		{ "'experiments': { 'e': { 'arms': [ 'a/m', 'r' ], 'judge': "
		  "'c/k' } }, 'routes': { 'r': { 'fallback': [ 's', 'a/o' ] }, "
		  "'s': 'b/n' }",
		    false },
		{ "'experiments': { 'e': { 'arms': [ 'a/m', 'r' ], 'judge': "
		  "'c/j', 'rubric': 'x' } }, 'routes': { 'r': { 'fallback': [ "
		  "'s', 'a/o' ] }, 's': 'b/n' }",
		    false },
		{ "'experiments': { 'e': { 'arms': [ 'a/m', { 'name': 'r', "
		  "'use': 'r', 'set': { 'effort': 'low' } } ], 'judge': 'c/j' "
		  "} }, 'routes': { 'r': { 'fallback': [ 's', 'a/o' ] }, 's': "
		  "'b/n' }",
		    false },
		/* Far below: what a route leads to that an arm names. */
		{ "'experiments': { 'e': { 'arms': [ 'a/m', 'r' ], 'judge': "
		  "'c/j' } }, 'routes': { 'r': { 'fallback': [ 's', 'a/o' ] }, "
		  "'s': 'b/other' }",
		    false },
		/* Text that is spelled as a route, within itself. */
		{ "'experiments': { 'e': { 'arms': [ 'a/m', 'r' ], 'judge': "
		  "'c/j' } }, 'routes': { 'r': { 'fallback': [ 's', 'a/o' ] }, "
		  "'s': { 'model': 'b/n', 'set': { 'user': 's' } } }",
		    false },
	};
	/* The same words in another shape. */
	static const char *const shapes[] = {
		"'experiments': { 'e': { 'arms': [ { 'name': 'x', 'use': { "
		"'model': 'a/m', 'set': { 'effort': 'low' }, 'timeout_ms': 5 "
		"} }, 'b/n' ], 'judge': 'c/j' } }",
		"'experiments': { 'e': { 'arms': [ { 'name': 'x', 'use': { "
		"'model': 'a/m', 'set': { 'effort': 'low', 'timeout_ms': 5 } "
		"} }, 'b/n' ], 'judge': 'c/j' } }",
	};
	char first[EXPERIMENT_VERSION_BYTES], other[EXPERIMENT_VERSION_BYTES];
	size_t i;

	(void)state;
	version_of("'experiments': { 'e': { 'arms': [ 'a/m', 'r' ], 'judge': "
		   "'c/j' } }, 'routes': { 'r': { 'fallback': [ 's', 'a/o' ] "
		   "}, 's': 'b/n' }",
	    first);
	for (i = 0; i < COUNT(cases); i++) {
		version_of(cases[i].members, other);
		assert_int_equal(strcmp(first, other) == 0, cases[i].same);
	}
	version_of(shapes[0], first);
	version_of(shapes[1], other);
	assert_string_not_equal(first, other);
}

static void
the_task_is_what_was_said_or_tagged_or_the_first_rule(void **state)
{
	struct header tag = { .name = STR("task"), .value = STR("tagged") };
	struct fixture f;

	(void)state;
	begin(&f,
	    "'tasks': [ { 'if': { 'user': 'u' }, 'task': 'one' }, { 'if': { "
	    "'key': { 'prefix': 'sk-' } }, 'task': 'two' } ]");
	assert_int_equal(task_of(&f.p).n, 0);
	f.row.key = STR("sk-sl-1");
	assert_true(str_is(task_of(&f.p), "two"));
	f.row.user = STR("u");
	assert_true(str_is(task_of(&f.p), "one"));
	f.row.tags = &tag;
	assert_true(str_is(task_of(&f.p), "tagged"));
	f.row.task = STR("said");
	assert_true(str_is(task_of(&f.p), "said"));
	end(&f);
}

#define SPLIT                                                                  \
	"'experiments': { 'e': { 'task': 't', 'mode': 'split', 'sample': "     \
	"0.5, "                                                                \
	"'arms': [ 'a/m', { 'use': 'b/n', 'weight': 3 } ], 'judge': 'c/j' } "  \
	"}, 'routes': { 'x': { 'experiment': 'e' } }"

static void
arms_have_their_shares_and_users_keep_theirs(void **state)
{
	char user[16];
	struct str first;
	struct fixture f;
	int i, n = 0, sampled = 0;

	(void)state;
	begin(&f, SPLIT);
	for (i = 0; i < CALLS; i++) {
		next_call(&f);
		snprintf(user, sizeof(user), "user%d", i);
		f.row.task = STR("t");
		f.row.user = str_of(user);
		first = first_of(make(&f));
		n += str_is(first, "n");
		sampled += f.p.trials != NULL;
		if (f.p.trials != NULL) {
			assert_int_equal(
			    f.p.trials->served, str_is(first, "n"));
			assert_int_equal(
			    f.p.trials->other, !str_is(first, "n"));
		}
		assert_true(str_eq(first_of(make(&f)), first));
	}
	assert_in_range(n, CALLS * 70 / 100, CALLS * 80 / 100);
	assert_in_range(sampled, CALLS * 46 / 100, CALLS * 54 / 100);
	end(&f);
}

static void
the_incumbent_takes_over_and_that_is_no_trial(void **state)
{
	struct fixture f;
	const struct plan *plan;

	(void)state;
	begin(&f, SPLIT);
	do {
		next_call(&f);
		f.row.task = STR("t");
		plan = make(&f);
	} while (f.p.trials == NULL || f.p.trials->served == 0);
	assert_true(str_is(first_of(plan->first), "n"));
	assert_true(str_is(first_of(plan->first->next), "m"));
	assert_true(trial_holds(f.p.trials, plan_first(plan)));
	assert_false(trial_holds(f.p.trials, plan_first(plan->first->next)));
	assert_false(trial_holds(f.p.trials, NULL));
	end(&f);
}

/* The experiment that the call is a part of if ${answered} answers it. */
static struct str
part_of(const struct fixture *f, const struct plan *answered)
{
	const struct trial *t = f->p.trials;

	while (t != NULL && !trial_holds(t, answered))
		t = t->next;
	return t != NULL ? t->experiment->name : STR_NONE;
}

static void
of_several_experiments_of_a_route_the_one_that_answers_counts(void **state)
{
	struct fixture f;
	const struct plan *plan;

	(void)state;
	begin(&f,
	    "'experiments': { 'e': { 'sample': 1, 'arms': [ 'a/m', 'b/n' ], "
	    "'judge': 'c/j' }, 'g': { 'sample': 1, 'arms': [ 'a/o', 'b/o' ], "
	    "'judge': 'c/j' } }, 'routes': { 'x': { 'fallback': [ { "
	    "'experiment': 'e' }, { 'best': [ 'a/p', 'b/p' ] }, { "
	    "'experiment': 'g' } ] } }");
	plan = make(&f)->first;
	assert_true(str_is(part_of(&f, plan_first(plan)), "e"));
	plan = plan->next;
	assert_null(part_of(&f, plan_first(plan)).p);
	plan = plan->next;
	assert_true(str_is(part_of(&f, plan_first(plan)), "g"));
	end(&f);
}

/* How many of ${n} calls take part. */
static int
trials(struct fixture *f, int n, const char *task)
{
	int i, found = 0;

	for (i = 0; i < n; i++) {
		next_call(f);
		f->row.task = str_of(task);
		make(f);
		found += f->p.trials != NULL;
	}
	return found;
}

static void
only_calls_that_it_is_about_take_part(void **state)
{
	const struct experiment *e;
	struct buf line;
	struct fixture f;
	int i;

	(void)state;
	begin(&f, SPLIT);
	e = experiment_find(f.conf, STR("e"));
	assert_true(trials(&f, 50, "t") > 10);
	assert_int_equal(trials(&f, 50, "other"), 0);
	assert_int_equal(trials(&f, 50, NULL), 0);
	for (i = 0; i < 50; i++) {
		next_call(&f);
		f.row.task = STR("t");
		f.p.no_trial = true;
		assert_true(str_is(first_of(make(&f)), "m"));
		assert_null(f.p.trials);
	}
	f.ask.operation = OPERATION_COUNT;
	assert_int_equal(trials(&f, 50, "t"), 0);
	f.ask.operation = OPERATION_CHAT;
	buf_init(&line, FITS_MAX_BYTES);
	fits_line_whole(&line, e, STR_NONE);
	publish(&f, buf_str(&line));
	assert_int_equal(trials(&f, 50, "t"), 0);
	publish(&f,
	    STR("{\"experiment\":\"e\",\"version\":\"0\",\"task\":"
		"\"t\",\"resting\":true}\n"));
	assert_true(trials(&f, 50, "t") > 10); /* another version rests */
	buf_release(&line);
	end(&f);
}

static void
before_and_after_its_time_the_incumbent_answers(void **state)
{
	static const char *const times[] = { "'start': '2027-01-01'",
		"'end': '2026-11-24'" };
	struct fixture f;
	char text[512];
	size_t i;
	int call;

	(void)state;
	for (i = 0; i < COUNT(times); i++) {
		snprintf(text, sizeof(text),
		    "'experiments': { 'e': { 'mode': 'split', 'sample': 1, "
		    "%s, " ARMS
		    " } }, 'routes': { 'x': { 'experiment': 'e' } }",
		    times[i]);
		begin(&f, text);
		for (call = 0; call < 50; call++) {
			next_call(&f);
			assert_true(str_is(first_of(make(&f)), "m"));
			assert_null(f.p.trials);
		}
		end(&f);
	}
}

static void
in_the_shadow_the_incumbent_answers_and_the_others_take_turns(void **state)
{
	struct fixture f;
	int i, others[3] = { 0 };

	(void)state;
	begin(&f,
	    "'experiments': { 'e': { 'sample': 1, 'arms': [ 'a/m', 'b/n', "
	    "'a/o' ], 'judge': 'c/j' } }, 'routes': { 'x': { 'experiment': "
	    "'e' } }");
	for (i = 0; i < 300; i++) {
		next_call(&f);
		f.row.user = STR("one");
		assert_true(str_is(first_of(make(&f)), "m"));
		assert_non_null(f.p.trials);
		assert_int_equal(f.p.trials->served, 0);
		assert_int_equal(f.p.trials->task.n, 0);
		others[f.p.trials->other]++;
	}
	assert_int_equal(others[0], 0);
	assert_in_range(others[1], 120, 180);
	end(&f);
}

static void
who_cannot_serve_a_call_takes_no_part_in_it(void **state)
{
	struct fixture f;
	int i;

	(void)state;
	begin(&f,
	    "'models': { 'b/n': { 'context': 10 } }, 'experiments': { 'e': { "
	    "'sample': 1, 'mode': 'split', " ARMS
	    " } }, 'routes': { 'x': { 'experiment': 'e' } }");
	f.ask.chat = NULL;
	f.ask.body = (struct str){ .p = arena_alloc(f.a, 4000), .n = 4000 };
	for (i = 0; i < 40; i++) {
		next_call(&f);
		assert_true(str_is(first_of(make(&f)), "m"));
		assert_null(f.p.trials);
	}
	end(&f);
}

static void
what_an_arm_sets_is_laid_over_all_its_targets(void **state)
{
	struct fixture f;
	const struct experiment *e;
	struct plan *plan;

	(void)state;
	begin(&f,
	    "'experiments': { 'e': { 'arms': [ 'a/m', { 'name': 'hot', 'use': "
	    "'r', 'set': { 'temperature': 1 } } ], 'judge': 'c/j' } }, "
	    "'routes': { 'r': { 'fallback': [ { 'model': 'b/n', 'set': { "
	    "'top_p': 0 } }, 'a/m' ] } }");
	e = experiment_find(f.conf, STR("e"));
	plan = plan_route(&f.p, e->arms[1].route);
	assert_true(str_is(plan->first->leaf->set, "{\"top_p\":0}"));
	assert_true(str_is(plan->first->leaf->over, "{\"temperature\":1}"));
	assert_null(plan->first->next->leaf->set.p);
	assert_true(
	    str_is(plan->first->next->leaf->over, "{\"temperature\":1}"));
	plan = plan_route(&f.p, e->arms[0].route);
	assert_null(plan_first(plan)->leaf->over.p);
	end(&f);
}

/* Evidence of ${n} verdicts: scores of both arms and what a call costs. */
static struct evidence *
evidence(struct fixture *f, const struct experiment *e, int n, double scores[2],
    const int64_t pusd[2])
{
	struct evidence *ev = evidence_new(f->a, e, STR("t"));
	struct verdict v = { .n_criteria = 1 };
	int i, side;

	for (side = 0; side < 2; side++) {
		v.sides[side].arm = (unsigned)side;
		v.sides[side].cost_pusd = pusd[side];
		v.sides[side].points[0][0] = scores[side];
		v.sides[side].points[1][0] = scores[side];
	}
	for (i = 0; i < n; i++) {
		assert_int_equal(verdict_settle(&v), 0);
		evidence_add(ev, &v);
	}
	return ev;
}

#define BEST                                                                   \
	"'experiments': { 'e': { 'task': 't', 'sample': 1, " ARMS " } }, "     \
	"'routes': { 'x': { 'best': %s, 'quality_floor': 0.8, 'explore': %s "  \
	"} }"

/* How many of ${n} calls of task t begin with the second arm. */
static int
second_of(struct fixture *f, int n)
{
	int i, found = 0;

	for (i = 0; i < n; i++) {
		next_call(f);
		f->row.task = STR("t");
		found += str_is(first_of(make(f)), "n");
	}
	return found;
}

static void
best_is_the_cheapest_that_is_good_enough_for_sure(void **state)
{
	static const struct {
		int n;
		double scores[2];
		int64_t pusd[2];
		bool second;
	} cases[] = {
		{ 200, { 0.95, 0.9 }, { 2000, 1000 }, true },
		{ 200, { 0.95, 0.9 }, { 1000, 2000 }, false },
		{ 200, { 0.95, 0.7 }, { 2000, 1000 }, false }, /* too bad */
		{ 200, { 0.7, 0.9 }, { 1000, 2000 }, true },
		{ 10, { 0.7, 0.9 }, { 2000, 1000 }, false },  /* not for sure */
		{ 200, { 0.7, 0.7 }, { 2000, 1000 }, false }, /* none is */
	};
	const struct experiment *e;
	struct buf text;
	struct fixture f;
	char members[512];
	double scores[2];
	size_t i, form;

	(void)state;
	for (form = 0; form < 2; form++) {
		snprintf(members, sizeof(members), BEST,
		    form == 0 ? "'e'"
			      : "[ 'a/m', { 'arm': 'b/n', 'use': 'b/n' } ]",
		    "0");
		begin(&f, members);
		e = experiment_find(f.conf, STR("e"));
		assert_int_equal(second_of(&f, 20), 0); /* no evidence */
		for (i = 0; i < COUNT(cases); i++) {
			buf_init(&text, FITS_MAX_BYTES);
			memcpy(scores, cases[i].scores, sizeof(scores));
			fits_line(&text, e,
			    evidence(&f, e, cases[i].n, scores, cases[i].pusd),
			    true);
			publish(&f, buf_str(&text));
			assert_int_equal(
			    second_of(&f, 20), cases[i].second ? 20 : 0);
			buf_release(&text);
		}
		end(&f);
	}
}

static void
best_explores_its_share_and_takes_part(void **state)
{
	struct fixture f;
	char members[512];
	struct str first;
	int i, n = 0;

	(void)state;
	snprintf(members, sizeof(members), BEST, "'e'", "0.1");
	begin(&f, members);
	for (i = 0; i < CALLS; i++) {
		next_call(&f);
		f.row.task = STR("t");
		first = first_of(make(&f));
		n += str_is(first, "n");
		assert_non_null(f.p.trials);
		assert_int_equal(f.p.trials->served, str_is(first, "n"));
	}
	assert_in_range(n, CALLS * 7 / 100, CALLS * 13 / 100);
	n = 0;
	for (i = 0; i < 50; i++) { /* a session does not go to and fro */
		next_call(&f);
		f.row.session = STR("s");
		n += str_is(first_of(make(&f)), "n");
	}
	assert_true(n == 0 || n == 50);
	end(&f);
}

static void
garbage_in_the_snapshot_is_passed_over(void **state)
{
	const struct experiment *e;
	struct fits_arm arm;
	struct buf text;
	struct fixture f;
	double scores[2] = { 0.9, 0.8 };
	const int64_t pusd[2] = { 2, -1 };

	(void)state;
	begin(&f, SPLIT);
	e = experiment_find(f.conf, STR("e"));
	assert_false(fits_arm(f.fits, e, STR("t"), 0, &arm));
	buf_init(&text, FITS_MAX_BYTES);
	buf_addz(&text, "\n{\n{}\n[7]\nnull\n{\"experiment\":\"e\"}\n");
	fits_line(&text, e, evidence(&f, e, 30, scores, pusd), false);
	buf_addz(&text, "{\"experiment\":\"e\",\"version\":\"");
	publish(&f, buf_str(&text));
	assert_true(fits_arm(f.fits, e, STR("t"), 0, &arm));
	assert_int_equal(arm.n, 30);
	assert_int_equal(arm.call_pusd, 2);
	assert_true(fabs(arm.fit - 0.9) < 0.001 && arm.floor > 0.6);
	assert_true(fits_arm(f.fits, e, STR("t"), 1, &arm));
	assert_int_equal(arm.call_pusd, -1);
	assert_false(fits_arm(f.fits, e, STR("t"), 2, &arm));
	assert_false(fits_arm(f.fits, e, STR("u"), 0, &arm));
	assert_false(fits_arm(NULL, e, STR("t"), 0, &arm));
	assert_false(fits_rests(f.fits, e, STR("t")));
	buf_release(&text);
	end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_is_wrong_with_an_experiment_is_told_with_its_path),
		cmocka_unit_test(
		    an_experiment_has_its_defaults_and_what_the_file_says),
		cmocka_unit_test(
		    a_new_version_begins_where_evidence_would_mean_something_else),
		cmocka_unit_test(
		    the_task_is_what_was_said_or_tagged_or_the_first_rule),
		cmocka_unit_test(arms_have_their_shares_and_users_keep_theirs),
		cmocka_unit_test(the_incumbent_takes_over_and_that_is_no_trial),
		cmocka_unit_test(
		    of_several_experiments_of_a_route_the_one_that_answers_counts),
		cmocka_unit_test(only_calls_that_it_is_about_take_part),
		cmocka_unit_test(
		    before_and_after_its_time_the_incumbent_answers),
		cmocka_unit_test(
		    in_the_shadow_the_incumbent_answers_and_the_others_take_turns),
		cmocka_unit_test(who_cannot_serve_a_call_takes_no_part_in_it),
		cmocka_unit_test(what_an_arm_sets_is_laid_over_all_its_targets),
		cmocka_unit_test(
		    best_is_the_cheapest_that_is_good_enough_for_sure),
		cmocka_unit_test(best_explores_its_share_and_takes_part),
		cmocka_unit_test(garbage_in_the_snapshot_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
