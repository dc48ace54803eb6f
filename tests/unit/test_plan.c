/* SPDX-License-Identifier: MIT */
#include "core/affinity.h"
#include "core/arena.h"
#include "core/chat.h"
#include "core/health.h"
#include "core/jtext.h"
#include "core/ledger.h"
#include "core/money.h"
#include "core/plan.h"
#include "route_kit.h"
#include "tests/unit/unit.h"

/* 2026-11-24T13:30:00Z */
#define WALL_US INT64_C(1795527000000000)

/* One call and the routes it may take. */
struct fixture {
	struct buf complaints;
	struct conf *conf;
	struct arena *a;
	struct health *health;
	struct chat chat;
	struct ask ask;
	struct ledger_call row;
	struct planner p;
	struct error err;
};

static struct str
header(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "x-team") == 0 ? STR("red") : STR_NONE;
}

static void
begin(struct fixture *f, const char *members)
{
	memset(f, 0, sizeof(*f));
	buf_init(&f->complaints, CONF_MAX_COMPLAINT_BYTES);
	f->conf = kit_conf(members, &f->complaints);
	if (f->conf == NULL)
		print_error("%s\n", f->complaints.p);
	assert_non_null(f->conf);
	f->a = arena_new(1 << 26);
	f->health = calloc(1, sizeof(*f->health));
	f->chat.arena = f->a;
	f->ask.arena = f->a;
	f->ask.chat = &f->chat;
	f->ask.model = STR("x");
	f->p = (struct planner){ .arena = f->a,
		.conf = f->conf,
		.health = f->health,
		.ask = &f->ask,
		.row = &f->row,
		.header = header,
		.wall_us = WALL_US,
		.seed = 1,
		.err = &f->err };
}

static void
end(struct fixture *f)
{
	conf_free(f->conf);
	arena_free(f->a);
	free(f->health);
	buf_release(&f->complaints);
}

static void
prompt(struct fixture *f, const char *text)
{
	struct turn *t = chat_turn(&f->chat, ROLE_USER);

	chat_part(&f->chat, &t->parts, PART_TEXT)->text = str_of(text);
	memset(f->p.tokens, 0, sizeof(f->p.tokens));
}

static struct plan *
make(struct fixture *f)
{
	return plan_make(&f->p, conf_route_find(f->conf, STR("x"))->route);
}

static void
write_plan(struct buf *out, const struct plan *plan)
{
	const struct plan *item;

	if (plan->kind == PLAN_TARGET) {
		buf_adds(out, plan->leaf->target.model);
		return;
	}
	buf_addch(out, plan->kind == PLAN_CHAIN ? '(' : '[');
	for (item = plan->first; item != NULL; item = item->next) {
		write_plan(out, item);
		if (item->next != NULL)
			buf_addch(out, ' ');
	}
	buf_addch(out, plan->kind == PLAN_CHAIN ? ')' : ']');
}

static void
assert_plan(struct fixture *f, const char *want)
{
	struct buf *out = buf_new(f->a, 4096);
	struct plan *plan = make(f);

	assert_non_null(plan);
	write_plan(out, plan);
	assert_string_equal(out->p, want);
}

static void
plans_are_chains_of_targets_chains_and_races(void **state)
{
	static const struct {
		const char *routes, *want;
	} cases[] = {
		{ "\"routes\": { \"x\": \"a/m\" }", "(m)" },
		{ "\"routes\": { \"x\": { \"fallback\": [ \"a/m\", \"y\" ] }, "
		  "\"y\": { \"race\": [ \"a/n\", { \"fallback\": [ \"b/o\", "
		  "\"b/p\" ] } ] } }",
		    "(m [n (o p)])" },
		{ "\"routes\": { \"x\": { \"race\": [ \"a/m\", \"a/n\" ] } }",
		    "([m n])" },
	};
	struct fixture f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&f, cases[i].routes);
		assert_plan(&f, cases[i].want);
		end(&f);
	}
}

static void
conditions_hold_or_not(void **state)
{
	static const struct {
		const char *cond;
		bool holds;
	} cases[] = {
		{ "{ \"model\": \"x\" }", true },
		{ "{ \"model\": { \"ne\": \"x\" } }", false },
		{ "{ \"task\": \"sort\" }", true },
		{ "{ \"task\": { \"prefix\": \"so\" } }", true },
		{ "{ \"task\": { \"in\": [ \"a\", \"sort\" ] } }", true },
		{ "{ \"task\": { \"in\": [ \"a\", \"b\" ] } }", false },
		{ "{ \"user\": \"\" }", false },
		{ "{ \"user\": { \"ne\": \"u\" } }", true },
		{ "{ \"key\": \"sk-1\", \"account\": \"team\" }", true },
		{ "{ \"key\": \"sk-1\", \"account\": \"other\" }", false },
		{ "{ \"tags\": { \"env\": \"dev\" } }", true },
		{ "{ \"tags\": { \"none\": \"dev\" } }", false },
		{ "{ \"header\": { \"x-team\": { \"prefix\": \"r\" } } }",
		    true },
		{ "{ \"header\": { \"x-none\": \"red\" } }", false },
		{ "{ \"input_tokens\": { \"gt\": 2, \"lt\": 50 } }", true },
		{ "{ \"input_tokens\": { \"gt\": 50 } }", false },
		{ "{ \"tools\": true }", true },
		{ "{ \"images\": false }", true },
		{ "{ \"json_schema\": true }", false },
		{ "{ \"stream\": true }", true },
		{ "{ \"time\": { \"gt\": \"13:00\", \"lt\": \"14:00\" } }",
		    true },
		{ "{ \"time\": { \"lt\": \"13:30\" } }", false },
		{ "{ \"not\": { \"task\": \"sort\" } }", false },
		{ "{ \"or\": [ { \"task\": \"a\" }, { \"stream\": true } ] }",
		    true },
		{ "{ \"and\": [ { \"task\": \"sort\" }, { \"or\": [ { "
		  "\"stream\": false }, { \"task\": \"b\" } ] } ] }",
		    false },
	};
	struct header tag = { STR("env"), STR("dev"), NULL };
	char text[512];
	struct fixture f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text),
		    "\"routes\": { \"x\": { \"when\": [ { \"if\": %s, "
		    "\"use\": \"a/yes\" } ], \"otherwise\": \"a/no\" } }",
		    cases[i].cond);
		begin(&f, text);
		f.row.task = STR("sort");
		f.row.key = STR("sk-1");
		f.row.account = STR("team");
		f.row.tags = &tag;
		f.ask.stream = true;
		prompt(&f, "eight words are not so many after all");
		chat_tool(&f.chat);
		if (strcmp(cases[i].holds ? "yes" : "no",
			plan_first(make(&f))->leaf->target.model.p) != 0)
			print_error("%s\n", cases[i].cond);
		assert_plan(&f, cases[i].holds ? "(yes)" : "(no)");
		end(&f);
	}
}

#define THREE                                                                  \
	"\"routes\": { \"x\": { \"split\": [ { \"use\": \"a/m\", \"weight\": " \
	"50 }, { \"use\": \"a/n\", \"weight\": 30 }, { \"use\": \"a/o\", "     \
	"\"weight\": 20 } ], \"sticky\": \"session\" } }"

/* chi-square with 2 degrees of freedom: 18.4 is p = 0.0001. */
static void
assert_shares(const int n[3])
{
	const double want[] = { 5000, 3000, 2000 };
	double chi = 0;
	int i;

	for (i = 0; i < 3; i++)
		chi += (n[i] - want[i]) * (n[i] - want[i]) / want[i];
	assert_true(chi < 18.4);
}

static int
drawn(struct fixture *f)
{
	return *plan_first(make(f))->leaf->target.model.p - 'm';
}

static void
split_keeps_its_weights_drawn_or_sticky(void **state)
{
	int by_luck[3] = { 0 }, by_user[3] = { 0 }, i, first;
	char user[32];
	struct fixture f;

	(void)state;
	begin(&f, THREE);
	for (i = 0; i < 10000; i++)
		by_luck[drawn(&f)]++;
	for (i = 0; i < 10000; i++) {
		snprintf(user, sizeof(user), "session-%d", i);
		f.row.session = str_of(user);
		first = drawn(&f);
		by_user[first]++;
		assert_int_equal(drawn(&f), first);
	}
	assert_shares(by_luck);
	assert_shares(by_user);
	end(&f);
}

static void
a_sticky_split_within_another_one_has_its_own_shares(void **state)
{
	int n[4] = { 0 }, i;
	char user[32];
	struct fixture f;

	(void)state;
	begin(&f,
	    "\"routes\": { \"x\": { \"split\": [ { \"use\": \"y\" }, { "
	    "\"use\": \"z\" } ], \"sticky\": \"user\" }, \"y\": { "
	    "\"split\": [ { \"use\": \"a/m\" }, { \"use\": \"a/n\" } ], "
	    "\"sticky\": \"user\" }, \"z\": { \"split\": [ { \"use\": "
	    "\"a/o\" }, { \"use\": \"a/p\" } ], \"sticky\": \"user\" } }");
	for (i = 0; i < 4000; i++) {
		snprintf(user, sizeof(user), "user-%d", i);
		f.row.user = str_of(user);
		n[drawn(&f)]++;
	}
	for (i = 0; i < 4; i++)
		assert_in_range(n[i], 850, 1150);
	end(&f);
}

#define PRICED                                                                 \
	"\"routes\": { \"x\": { \"cheapest\": [ \"a/m0\", \"a/m1\", \"a/m2\"," \
	" \"a/m3\" ] } }, \"models\": { %s }"
#define MODEL                                                                  \
	"\"a/m%d\": { \"context\": 1000, \"output\": %d, \"price\": { "        \
	"\"input\": \"%d\", \"output\": \"%d\" } }%s"

/* A thousand requests against four models, by the formula. */
static void
cheapest_equals_brute_force(void **state)
{
	static const int in[] = { 1, 3, 8, 2 }, out[] = { 40, 20, 5, 30 };
	static const int most[] = { 4000, 300, 50, 900 };
	char models[1024], text[2048], words[512];
	uint64_t seed = 42;
	struct fixture f;
	int64_t tokens, best, cost;
	size_t n = 0;
	int i, k, first, o;

	(void)state;
	for (k = 0; k < 4; k++)
		n += (size_t)snprintf(models + n, sizeof(models) - n, MODEL, k,
		    most[k], in[k], out[k], k < 3 ? ", " : "");
	snprintf(text, sizeof(text), PRICED, models);
	begin(&f, text);
	for (i = 0; i < 1000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1;
		memset(words, 'z', sizeof(words));
		words[(seed >> 33) % sizeof(words)] = '\0';
		words[sizeof(words) - 1] = '\0';
		f.chat.turns = NULL;
		prompt(&f, words);
		f.chat.max_tokens = (int64_t)(seed >> 40) % 1200;
		tokens =
		    tokens_chat(tokens_family(WIRE_NONE, STR_NONE), &f.chat);
		best = INT64_MAX;
		first = -1;
		for (k = 0; k < 4; k++) {
			o = f.chat.max_tokens ? (int)f.chat.max_tokens : 1024;
			if (o > most[k])
				o = most[k];
			cost = tokens * in[k] + (int64_t)o * out[k];
			if (cost < best) {
				best = cost;
				first = k;
			}
		}
		assert_int_equal(
		    plan_first(make(&f))->leaf->target.model.p[1] - '0', first);
	}
	end(&f);
}

static void
cheapest_drops_what_cannot_serve(void **state)
{
	static const char members[] =
	    "\"routes\": { \"x\": { \"cheapest\": [ \"a/small\", \"a/blind\", "
	    "\"a/unknown\", \"a/big\" ] } }, \"models\": { \"a/small\": { "
	    "\"context\": 20, \"price\": { \"input\": \"1\", \"output\": \"1\" "
	    "} }, \"a/blind\": { \"context\": 90000, \"can\": [ \"schema\" ], "
	    "\"price\": { \"input\": \"2\", \"output\": \"2\" } }, \"a/big\": "
	    "{ \"context\": 90000, \"can\": [ \"tools\" ], \"price\": { "
	    "\"input\": \"9\", \"output\": \"9\" } } }";
	struct fixture f;

	(void)state;
	begin(&f, members);
	prompt(&f, "hello");
	assert_plan(&f, "(small blind big unknown)");
	chat_tool(&f.chat)->name = STR("t");
	prompt(&f, "a tool it is");
	assert_plan(&f, "(big unknown)");
	end(&f);
}

static void
nobody_can_is_the_clients_error(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f,
	    "\"routes\": { \"x\": { \"cheapest\": [ \"a/small\" ] } }, "
	    "\"models\": { \"a/small\": { \"context\": 5 } }");
	prompt(&f, "this is far more than five tokens, whoever counts them");
	assert_null(make(&f));
	assert_int_equal(f.err.kind, ERROR_BAD_REQUEST);
	assert_string_equal(
	    f.err.msg, "a/small has too small a context window");
	end(&f);
}

/* ${n} calls, one after the other; how many of them the second one gets. */
static int
calls(struct fixture *f, const int64_t us[2], int n)
{
	int second = 0, i, k;

	for (i = 0; i < n; i++) {
		k = drawn(f);
		second += k;
		health_lap(
		    health_find(f->health, STR("a"), k ? STR("n") : STR("m")),
		    us[k], 100, us[k]);
	}
	return second;
}

/* Within 50 calls, but for the one in 20 that explores; within 100 again. */
static void
fastest_converges_and_finds_out(void **state)
{
	static const struct {
		int64_t before[2], after[2]; /* microseconds */
	} cases[] = {
		{ { 90000, 20000 }, { 20000, 90000 } },
		{ { 300000, 60000 }, { 10000, 60000 } },
		{ { 2000000, 60000 }, { 10000, 60000 } },
		{ { 30000000, 400000 }, { 200000, 400000 } },
		{ { 70000, 60000 }, { 60000, 70000 } },
		{ { 110000, 60000 }, { 50000, 60000 } },
	};
	struct fixture f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&f,
		    "\"routes\": { \"x\": { \"fastest\": [ \"a/m\", "
		    "\"a/n\" ] } }");
		calls(&f, cases[i].before, 50);
		assert_true(calls(&f, cases[i].before, 100) >= 94);
		calls(&f, cases[i].after, 100);
		if (calls(&f, cases[i].after, 100) > 6)
			print_error("case %zu\n", i);
		assert_true(calls(&f, cases[i].after, 100) <= 6);
		end(&f);
	}
}

static void
a_race_wastes_no_more_than_it_may(void **state)
{
	static const struct {
		const char *extra;
		unsigned together;
	} cases[] = {
		{ "\"9\"", 3 },
		{ "\"0.003\"", 3 },
		{ "\"0.0015\"", 2 },
		{ "\"0\"", 1 },
	};
	char text[1024];
	struct fixture f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text),
		    "\"routes\": { \"x\": { \"race\": [ \"a/m\", \"a/n\", "
		    "\"a/o\" ], \"max_racers\": 3, \"max_extra_usd\": %s } }, "
		    "\"models\": { \"a/m\": { \"output\": 1000, \"price\": { "
		    "\"input\": \"0\", \"output\": \"1\" } }, \"a/n\": { "
		    "\"output\": 1000, \"price\": { \"input\": \"0\", "
		    "\"output\": \"1\" } }, \"a/o\": { \"output\": 1000, "
		    "\"price\": { \"input\": \"0\", \"output\": \"1\" } } }",
		    cases[i].extra);
		begin(&f, text);
		prompt(&f, "hi");
		assert_int_equal(make(&f)->first->together, cases[i].together);
		end(&f);
	}
}

static void
what_a_race_wastes_is_the_dear_one_if_the_cheap_one_wins(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f,
	    "\"routes\": { \"x\": { \"race\": [ \"a/m\", \"a/n\" ], "
	    "\"max_extra_usd\": \"0.002\" } }, \"models\": { \"a/m\": { "
	    "\"output\": 1000, \"price\": { \"input\": \"0\", \"output\": "
	    "\"9\" } }, \"a/n\": { \"output\": 1000, \"price\": { "
	    "\"input\": \"0\", \"output\": \"1\" } } }");
	prompt(&f, "hi");
	assert_int_equal(make(&f)->first->together, 1);
	end(&f);
}

static void
an_automatic_hedge_is_the_p95_of_the_first(void **state)
{
	struct fixture f;
	int i;

	(void)state;
	begin(&f,
	    "\"routing\": { \"hedge_ms\": \"auto\" }, \"routes\": { "
	    "\"x\": { \"race\": [ \"a/m\", \"a/n\" ] } }");
	assert_int_equal(make(&f)->first->hedge_us, 500000);
	for (i = 1; i <= 20; i++)
		health_lap(
		    health_find(f.health, STR("a"), STR("m")), i * 10000, 0, 0);
	assert_int_equal(make(&f)->first->hedge_us, 190000);
	assert_int_equal(make(&f)->first->racers, 2);
	end(&f);
}

static int
decode(struct arena *a, struct str body, struct chat *chat, struct error *err)
{
	struct str raw;

	(void)a;
	if (!jtext_get(body, "max_tokens", &raw) ||
	    str_i64(raw, 0, INT64_MAX, &chat->max_tokens) != 0)
		return error_set(err, ERROR_BAD_REQUEST, "max_tokens");
	return 0;
}

static void
the_worst_case_counts_what_a_route_sets(void **state)
{
	const struct target *unpriced;
	struct fixture f;
	int64_t pusd;

	(void)state;
	begin(&f,
	    "\"routes\": { \"x\": { \"model\": \"a/m\", \"set\": { "
	    "\"max_tokens\": 700 } } }, \"models\": { \"a/m\": { \"output\": "
	    "1000, \"price\": { \"input\": \"0\", \"output\": \"1\" } } }");
	f.ask.chat = NULL;
	f.ask.decode = decode;
	f.ask.body = STR("{\"max_tokens\":5}");
	assert_true(plan_worst(&f.p, make(&f), &pusd, &unpriced));
	assert_int_equal(pusd, 700 * (PUSD_PER_USD / 1000000));
	end(&f);
}

/* Else it would pass for one that nobody knows the price of. */
static void
the_worst_case_of_any_wish_is_an_amount(void **state)
{
	const struct target *unpriced;
	struct fixture f;
	int64_t pusd;

	(void)state;
	begin(&f,
	    "\"routes\": { \"x\": \"a/m\" }, \"models\": { \"a/m\": { "
	    "\"price\": { \"input\": \"0\", \"output\": \"75\" } } }");
	f.ask.chat = NULL;
	f.ask.decode = decode;
	f.ask.body = STR("{\"max_tokens\":9223372036854775807,\"n\":128}");
	assert_true(plan_worst(&f.p, make(&f), &pusd, &unpriced));
	assert_true(pusd > 1000 * PUSD_PER_USD);
	end(&f);
}

static void
what_a_compaction_says_has_a_price_too(void **state)
{
	const struct target *unpriced;
	struct fixture f;
	int64_t pusd;

	(void)state;
	begin(&f,
	    "\"routes\": { \"x\": \"a/m\" }, \"models\": { \"a/m\": { "
	    "\"output\": 1000, \"price\": { \"input\": \"0\", "
	    "\"output\": \"1\" } } }");
	prompt(&f, "hi");
	f.ask.operation = OPERATION_COMPACT;
	assert_true(plan_worst(&f.p, make(&f), &pusd, &unpriced));
	assert_int_equal(pusd, 1000 * (PUSD_PER_USD / 1000000));
	end(&f);
}

static void
the_worst_case_counts_what_the_provider_adds_to_the_request(void **state)
{
	static const struct {
		const char *body;
		bool more;
	} cases[] = {
		{ "{\"input\":\"previous_response_id\"}", false },
		{ "{\"previous_response_id\":null}", false },
		{ "{\"previous_response_id\":\"resp_1\"}", true },
		{ "{\"conversation\":{\"id\":\"conv_1\"}}", true },
		{ "{\"input\":[{\"file_id\":\"f\"}]}", true },
		{ "{\"tools\":[{\"type\":\"web_search\"}]}", true },
	};
	const struct target *unpriced;
	struct fixture f;
	int64_t pusd;
	size_t i;

	(void)state;
	begin(&f,
	    "\"routes\": { \"x\": \"a/m\" }, \"models\": { \"a/m\": { "
	    "\"context\": 900, \"price\": { \"input\": \"1\", "
	    "\"output\": \"0\" } } }");
	for (i = 0; i < COUNT(cases); i++) {
		f.ask.body = str_of(cases[i].body);
		assert_true(plan_worst(&f.p, make(&f), &pusd, &unpriced));
		assert_int_equal(
		    pusd == 900 * (PUSD_PER_USD / 1000000), cases[i].more);
	}
	end(&f);
}

static void
the_worst_case_is_the_dearest_of_a_chain_and_all_of_a_race(void **state)
{
	static const char members[] =
	    "\"routes\": { \"x\": { \"fallback\": [ \"a/m\", { \"race\": [ "
	    "\"a/m\", \"a/n\" ] }, \"b/free\" ] } }, \"models\": { \"a/m\": { "
	    "\"output\": 1000, \"price\": { \"input\": \"0\", \"output\": "
	    "\"1\" } }, \"a/n\": { \"output\": 1000, \"price\": { \"input\": "
	    "\"0\", \"output\": \"2\" } } }";
	const struct target *unpriced;
	struct fixture f;
	int64_t pusd;

	(void)state;
	begin(&f, members);
	prompt(&f, "hi");
	assert_true(plan_worst(&f.p, make(&f), &pusd, &unpriced));
	assert_int_equal(pusd, 3000 * (PUSD_PER_USD / 1000000));
	end(&f);
	begin(&f,
	    "\"routes\": { \"x\": { \"fallback\": [ \"b/free\", "
	    "\"a/dear\" ] } }");
	assert_false(plan_worst(&f.p, make(&f), &pusd, &unpriced));
	assert_string_equal(unpriced->model.p, "dear");
	end(&f);
}

#define CACHED                                                                 \
	"\"routes\": { \"x\": { \"cheapest\": [ \"a/m\", \"a/n\" ] } }, "      \
	"\"models\": { \"a/m\": { \"price\": { \"input\": \"2\", "             \
	"\"output\": \"2\" } }, \"a/n\": { \"price\": { \"input\": \"3\", "    \
	"\"cache_read\": \"0.3\", \"output\": \"2\" } } }"

static void
a_conversation_stays_where_it_is_cached_while_that_is_cheaper(void **state)
{
	struct usage u = { .tokens = { [USAGE_CACHE_READ] = 14 } };
	struct target n = { .model = STR("n") };
	struct fixture f;

	(void)state;
	begin(&f, CACHED);
	f.row.session = STR("s-1");
	f.p.mono_us = 1000000;
	n.provider = conf_provider_find(f.conf, STR("a"));
	prompt(&f, "ten words or so to make this all worth while, yes");
	assert_plan(&f, "(m n)");
	affinity_note(&f.p, &n, &u, f.p.mono_us);
	assert_plan(&f, "(n m)");
	f.row.session = STR("s-2");
	assert_plan(&f, "(m n)");
	f.row.session = STR("s-1");
	f.p.mono_us += INT64_C(601000000);
	assert_plan(&f, "(m n)");
	u.tokens[USAGE_CACHE_READ] = 1; /* not worth staying */
	affinity_note(&f.p, &n, &u, f.p.mono_us);
	assert_plan(&f, "(m n)");
	end(&f);
}

static void
without_a_session_the_beginning_is_the_conversation(void **state)
{
	struct usage u = { .tokens = { [USAGE_CACHE_READ] = 20 } };
	struct target n = { .model = STR("n") };
	struct fixture f;

	(void)state;
	begin(&f, CACHED);
	n.provider = conf_provider_find(f.conf, STR("a"));
	prompt(&f, "how do I do this and that and more of it?");
	affinity_note(&f.p, &n, &u, 0);
	prompt(&f, "and then?");
	assert_plan(&f, "(n m)");
	f.row.key = STR("somebody else");
	assert_plan(&f, "(m n)");
	end(&f);
}

/* The node ${f} has; n has become the target with the conversation. */
static void
cached_at_n(struct fixture *f, const char *node)
{
	struct usage u = { .tokens = { [USAGE_CACHE_READ] = 14 } };
	struct target n = { .model = STR("n") };
	char text[1024];

	snprintf(text, sizeof(text),
	    "\"routes\": { \"x\": { %s } }, \"models\": { \"a/m\": { "
	    "\"price\": { \"input\": \"2\", \"output\": \"2\" } }, "
	    "\"a/n\": { \"price\": { \"input\": \"3\", \"cache_read\": "
	    "\"0.3\", \"output\": \"2\" } } }",
	    node);
	begin(f, text);
	f->row.session = STR("s-1");
	n.provider = conf_provider_find(f->conf, STR("a"));
	prompt(f, "ten words or so to make this all worth while, yes");
	health_lap(health_find(f->health, STR("a"), STR("m")), 1000, 0, 0);
	health_lap(health_find(f->health, STR("a"), STR("n")), 2000, 0, 0);
	affinity_note(&f->p, &n, &u, f->p.mono_us);
}

static void
whoever_is_fast_or_races_a_cached_conversation_stays(void **state)
{
	static const struct {
		const char *node, *cached, *other;
	} cases[] = {
		{ "\"cheapest\": [ \"a/m\", \"a/n\" ]", "(n m)", "(m n)" },
		{ "\"fastest\": [ \"a/m\", \"a/n\" ]", "(n m)", "(m n)" },
		{ "\"race\": [ \"a/m\", \"a/n\" ]", "([n m])", "([m n])" },
		{ "\"race\": [ \"a/m\", { \"fallback\": [ \"a/n\", "
		  "\"b/o\" ] } ]",
		    "([(n o) m])", "([m (n o)])" },
		{ "\"fallback\": [ \"a/m\", \"a/n\" ]", "(m n)", "(m n)" },
	};
	struct fixture f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cached_at_n(&f, cases[i].node);
		assert_plan(&f, cases[i].cached);
		f.row.session = STR("s-2");
		assert_plan(&f, cases[i].other);
		f.row.session = STR("s-1");
		f.p.mono_us += INT64_C(601000000);
		assert_plan(&f, cases[i].other);
		end(&f);
	}
}

static void
opaque_state_keeps_a_conversation_with_its_issuer(void **state)
{
	static const struct {
		const char *node, *without, *with;
	} cases[] = {
		{ "\"cheapest\": [ \"b/m\", \"c/n\" ]", "(m n)", "(n m)" },
		{ "\"fastest\": [ \"b/m\", \"c/n\" ]", "(m n)", "(n m)" },
		{ "\"race\": [ \"b/m\", \"c/n\" ]", "([m n])", "([n])" },
		{ "\"race\": [ \"b/m\", \"b/n\" ]", "([m n])", "([m n])" },
		{ "\"fallback\": [ \"b/m\", \"c/n\" ]", "(m n)", "(m n)" },
	};
	char text[256];
	struct part *thinking;
	struct fixture f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "\"routes\": { \"x\": { %s } }",
		    cases[i].node);
		begin(&f, text);
		prompt(&f, "hello");
		assert_plan(&f, cases[i].without);
		thinking =
		    chat_part(&f.chat, &f.chat.turns->parts, PART_THINKING);
		thinking->signature = STR("c2ln");
		thinking->issuer = WIRE_ANTHROPIC;
		f.p.issuer_known = false;
		assert_plan(&f, cases[i].with);
		end(&f);
	}
}

/* Each child once: a request may nest them as it likes. */
static void
splits_within_splits_are_planned_once(void **state)
{
	struct part *thinking;
	struct fixture f;
	char text[4096] = "\"routes\": { \"x\": \"r0\"";
	size_t used;
	int i;

	(void)state;
	for (i = 0; i < 20; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    ", \"r%d\": { \"split\": [ { \"use\": \"r%d\" } ] }", i,
		    i + 1);
	snprintf(text + strlen(text), sizeof(text) - strlen(text),
	    ", \"r20\": \"b/m\" }");
	begin(&f, text);
	prompt(&f, "hello");
	thinking = chat_part(&f.chat, &f.chat.turns->parts, PART_THINKING);
	thinking->signature = STR("c2ln");
	thinking->issuer = WIRE_ANTHROPIC;
	used = arena_used(f.a);
	assert_plan(&f, "(m)");
	assert_true(arena_used(f.a) - used < 65536);
	end(&f);
}

#define SHARES                                                                 \
	"\"routes\": { \"x\": { \"split\": [ { \"use\": \"a/m\", \"weight\": " \
	"50 }, { \"use\": \"c/n\", \"weight\": 30 }, { \"use\": \"c/o\", "     \
	"\"weight\": 20 } ], \"sticky\": \"user\" } }"

/* Those that keep it share by weight; whose share keeps it stays there. */
static void
a_split_keeps_opaque_state_with_its_issuer(void **state)
{
	int n[3] = { 0 }, i, before, k;
	struct part *thinking;
	struct fixture f;
	char user[32];

	(void)state;
	begin(&f, SHARES);
	for (i = 0; i < 1000; i++) {
		snprintf(user, sizeof(user), "user-%d", i);
		f.row.user = str_of(user);
		f.chat.turns = NULL;
		f.p.issuer_known = false;
		prompt(&f, "hello");
		before = drawn(&f);
		thinking =
		    chat_part(&f.chat, &f.chat.turns->parts, PART_THINKING);
		thinking->signature = STR("c2ln");
		thinking->issuer = WIRE_ANTHROPIC;
		f.p.issuer_known = false;
		k = drawn(&f);
		assert_int_equal(drawn(&f), k);
		assert_int_not_equal(k, 0);
		assert_true(before == 0 || k == before);
		n[k]++;
	}
	assert_in_range(n[1], 540, 660); /* 3 of 5 */
	thinking->issuer = WIRE_GEMINI;  /* nobody keeps that */
	f.p.issuer_known = false;
	assert_int_equal(drawn(&f), before);
	end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans_are_chains_of_targets_chains_and_races),
		cmocka_unit_test(conditions_hold_or_not),
		cmocka_unit_test(
		    a_sticky_split_within_another_one_has_its_own_shares),
		cmocka_unit_test(split_keeps_its_weights_drawn_or_sticky),
		cmocka_unit_test(cheapest_equals_brute_force),
		cmocka_unit_test(cheapest_drops_what_cannot_serve),
		cmocka_unit_test(nobody_can_is_the_clients_error),
		cmocka_unit_test(fastest_converges_and_finds_out),
		cmocka_unit_test(a_race_wastes_no_more_than_it_may),
		cmocka_unit_test(
		    what_a_race_wastes_is_the_dear_one_if_the_cheap_one_wins),
		cmocka_unit_test(an_automatic_hedge_is_the_p95_of_the_first),
		cmocka_unit_test(
		    a_conversation_stays_where_it_is_cached_while_that_is_cheaper),
		cmocka_unit_test(
		    without_a_session_the_beginning_is_the_conversation),
		cmocka_unit_test(splits_within_splits_are_planned_once),
		cmocka_unit_test(
		    opaque_state_keeps_a_conversation_with_its_issuer),
		cmocka_unit_test(
		    whoever_is_fast_or_races_a_cached_conversation_stays),
		cmocka_unit_test(a_split_keeps_opaque_state_with_its_issuer),
		cmocka_unit_test(
		    the_worst_case_is_the_dearest_of_a_chain_and_all_of_a_race),
		cmocka_unit_test(the_worst_case_counts_what_a_route_sets),
		cmocka_unit_test(
		    the_worst_case_counts_what_the_provider_adds_to_the_request),
		cmocka_unit_test(the_worst_case_of_any_wish_is_an_amount),
		cmocka_unit_test(what_a_compaction_says_has_a_price_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
