/* SPDX-License-Identifier: MIT */
#include "core/arena.h"
#include "core/chat.h"
#include "core/route.h"
#include "route_kit.h"
#include "tests/unit/unit.h"

/* Load ${routes}; what is wrong must be ${want}, "" for nothing. */
static void
expect(const char *routes, const char *want)
{
	struct buf complaints;
	struct conf *conf;

	buf_init(&complaints, CONF_MAX_COMPLAINT_BYTES);
	conf = kit_conf(routes, &complaints);
	if (strcmp(complaints.p, want) != 0)
		print_error("%s\n", routes);
	assert_string_equal(complaints.p, want);
	assert_int_equal(conf != NULL, want[0] == '\0');
	conf_free(conf);
	buf_release(&complaints);
}

static void
every_kind_of_node_is_read_and_they_nest(void **state)
{
	static const char *const good[] = {
		"\"routes\": {}",
		"\"routes\": { \"x\": \"a/m\" }",
		"\"routes\": { \"x\": { \"model\": \"a/m\", \"set\": { "
		"\"temperature\": 0 }, \"timeout_ms\": 100 } }",
		"\"routes\": { \"x\": { \"fallback\": [ \"a/m\", { \"model\": "
		"\"b/m\", \"on\": [ \"context\", \"policy\" ] } ], "
		"\"attempts\": 5 } }",
		"\"routes\": { \"x\": { \"race\": [ { \"fallback\": [ \"a/m\", "
		"\"b/m\" ] }, \"y\" ], \"hedge_ms\": \"auto\", \"max_racers\": "
		"3, \"max_extra_usd\": \"0.01\" }, \"y\": \"b/m\" }",
		"\"routes\": { \"x\": { \"split\": [ { \"use\": \"a/m\", "
		"\"weight\": 9 }, { \"use\": \"y\" } ], \"sticky\": \"user\" "
		"}, "
		"\"y\": { \"cheapest\": [ \"a/m\", \"b/m\" ] } }",
		"\"routes\": { \"x\": { \"when\": [ { \"if\": { \"task\": "
		"\"t\", \"not\": { \"stream\": true } }, \"use\": \"a/m\" } ], "
		"\"otherwise\": { \"fastest\": [ \"a/m\", \"b/m\" ] } } }",
		"\"routes\": { \"x\": \"short\", \"y\": \"a/m\" }, "
		"\"aliases\": { \"short\": \"y\" }",
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(good); i++)
		expect(good[i], "");
}

/*
 * The same node in a request: its first complaint, but for cycles, which only
 * names that are still being read can make.
 */
static void
expect_of_request(struct conf *conf, const char *node, const char *want)
{
	struct arena *a = arena_new(1 << 20);
	struct jnode root = { 0 }, at = { .up = &root, .key = "x" };
	struct error err = { 0 };
	const char *line_end = strchr(want, '\n');
	size_t n = (size_t)(line_end - want) - strlen("routes.");

	assert_int_equal(jtree_read(a, str_of(node), &root, &err), 0);
	at.v = root.v;
	assert_null(route_request(conf, a, &at, &err));
	assert_int_equal(err.kind, ERROR_BAD_REQUEST);
	assert_int_equal(err.status, 400);
	if (strncmp(err.msg, want + strlen("routes."), n) != 0)
		print_error("%s: %s\n", node, err.msg);
	assert_memory_equal(err.msg, want + strlen("routes."), n);
	assert_memory_equal(err.msg, err.param, strlen(err.param));
	arena_free(a);
}

static void
what_is_wrong_is_told_with_its_path(void **state)
{
	static const struct {
		const char *node; /* of the route x */
		const char *want;
	} cases[] = {
		{ "7", "routes.x: must be a name or an object\n" },
		{ "{}",
		    "routes.x: needs \"model\" or one strategy: fallback, "
		    "race, split, cheapest, fastest, when, best, "
		    "experiment\n" },
		{ "{ \"fallback\": [] }",
		    "routes.x.fallback: must be a list with at least one "
		    "target\n" },
		{ "{ \"cheapest\": [] }",
		    "routes.x.cheapest: must be a list with at least one "
		    "target\n" },
		{ "{ \"fastest\": {} }",
		    "routes.x.fastest: must be a list with at least one "
		    "target\n" },
		{ "{ \"split\": [] }",
		    "routes.x.split: must be a list with at least one { "
		    "\"use\", \"weight\" }\n" },
		{ "{ \"when\": [], \"otherwise\": \"a/m\" }",
		    "routes.x.when: must be a list with at least one case\n" },
		{ "{ \"split\": [ { \"use\": \"a/m\", \"weight\": -1 } ] }",
		    "routes.x.split[0].weight: must be between 1 and "
		    "1000000\n" },
		{ "{ \"race\": \"a/m\" }",
		    "routes.x.race: must be a list with at least one "
		    "target\n" },
		{ "{ \"race\": [ \"a/m\" ], \"fallback\": [ \"a/m\" ] }",
		    "routes.x.race: a second strategy beside \"fallback\"\n" },
		{ "{ \"model\": \"a/m\", \"race\": [ \"a/m\" ] }",
		    "routes.x.race: a second strategy beside \"model\"\n" },
		{ "{ \"fallback\": [ \"a/m\" ], \"hedge_ms\": 1 }",
		    "routes.x.hedge_ms: unknown key, known: fallback, "
		    "attempts, cache, cache_ttl_s\n" },
		{ "{ \"fallback\": [ \"a/m\" ], \"cache\": \"yes\" }",
		    "routes.x.cache: must be on or off\n" },
		{ "{ \"fallback\": [ \"a/m\" ], \"cache_ttl_s\": 0 }",
		    "routes.x.cache_ttl_s: must be between 1 and 31536000\n" },
		{ "{ \"fallback\": [ \"a/m\" ], \"attempts\": 0 }",
		    "routes.x.attempts: must be between 1 and 100\n" },
		{ "{ \"fallback\": [ { \"model\": \"a/m\", \"on\": [ "
		  "\"context\" ] }, \"b/m\" ] }",
		    "routes.x.fallback[0]: the first target cannot wait for a "
		    "failure (\"on\")\n" },
		{ "{ \"fallback\": [ { \"model\": \"a/m\", \"on\": [ \"rain\" "
		  "] } ] }",
		    "routes.x.fallback[0].on[0]: must be \"context\" or "
		    "\"policy\"\n" },
		{ "{ \"model\": \"a/m\", \"set\": { \"model\": \"z\" } }",
		    "routes.x.set.model: cannot be set by a route\n" },
		{ "{ \"model\": \"a/m\", \"timeout_ms\": -4 }",
		    "routes.x.timeout_ms: must be between 1 and 86400000\n" },
		{ "{ \"race\": [ \"a/m\" ], \"hedge_ms\": \"soon\" }",
		    "routes.x.hedge_ms: must be a number or \"auto\"\n" },
		{ "{ \"race\": [ \"a/m\" ], \"max_racers\": 1 }",
		    "routes.x.max_racers: must be between 2 and 16\n" },
		{ "{ \"race\": [ \"a/m\" ], \"max_extra_usd\": 0.01 }",
		    "routes.x.max_extra_usd: must be a decimal string, such as "
		    "\"0.01\"\n" },
		{ "{ \"split\": [ { \"use\": \"a/m\", \"weight\": 0 } ] }",
		    "routes.x.split[0].weight: must be between 1 and "
		    "1000000\n" },
		{ "{ \"split\": [ \"a/m\" ] }",
		    "routes.x.split[0]: must be { \"use\": …, \"weight\": n "
		    "}\n" },
		{ "{ \"split\": [ { \"use\": \"a/m\" } ], \"sticky\": \"moon\" "
		  "}",
		    "routes.x.sticky: must be \"user\", \"session\", \"key\" "
		    "or \"none\"\n" },
		{ "{ \"when\": [ { \"if\": { \"rain\": 1 }, \"use\": \"a/m\" } "
		  "], \"otherwise\": \"a/m\" }",
		    "routes.x.when[0].if.rain: unknown condition, known: and, "
		    "or, not, model, task, user, session, key, account, tags, "
		    "header, input_tokens, tools, images, json_schema, stream, "
		    "time\n" },
		{ "{ \"when\": [ { \"if\": { \"input_tokens\": \"9\" }, "
		  "\"use\": \"a/m\" } ], \"otherwise\": \"a/m\" }",
		    "routes.x.when[0].if.input_tokens: must be an integer\n" },
		{ "{ \"when\": [ { \"if\": { \"task\": { \"gt\": \"9\" } }, "
		  "\"use\": \"a/m\" } ], \"otherwise\": \"a/m\" }",
		    "routes.x.when[0].if.task.gt: is no operator for this\n" },
		{ "{ \"when\": [ { \"if\": { \"task\": {} }, \"use\": \"a/m\" "
		  "} ], \"otherwise\": \"a/m\" }",
		    "routes.x.when[0].if.task: needs an operator\n" },
		{ "{ \"when\": [ { \"if\": { \"tags\": {} }, \"use\": \"a/m\" "
		  "} ], \"otherwise\": \"a/m\" }",
		    "routes.x.when[0].if.tags: must be an object of names\n" },
		{ "{ \"when\": [ { \"if\": { \"time\": \"9 o'clock\" }, "
		  "\"use\": \"a/m\" } ], \"otherwise\": \"a/m\" }",
		    "routes.x.when[0].if.time: must be \"HH:MM\"\n" },
		{ "{ \"when\": [ { \"if\": { \"stream\": true }, \"use\": "
		  "\"a/m\" } ] }",
		    "routes.x: \"otherwise\" is missing\n" },
		{ "{ \"best\": [], \"task\": \"t\" }",
		    "routes.x.best: must be a list with at least one target, "
		    "or the name of an experiment\n" },
		{ "{ \"best\": [ \"a/m\", { \"model\": \"a/n\" } ] }",
		    "routes.x.best[1]: must be a name or { \"arm\": NAME, "
		    "\"use\": … }\n" },
		{ "{ \"best\": [ { \"use\": { \"model\": \"a/n\" } } ] }",
		    "routes.x.best[0]: needs \"arm\", the name it has in "
		    "experiments\n" },
		{ "{ \"best\": \"e\" }",
		    "routes.x.best: there is no experiment \"e\"\n" },
		{ "{ \"best\": [ \"a/m\" ], \"task\": 3 }",
		    "routes.x.task: must be the name of a task\n" },
		{ "{ \"best\": [ \"a/m\" ], \"quality_floor\": 80 }",
		    "routes.x.quality_floor: must be between 0 and 1\n" },
		{ "{ \"experiment\": \"e\" }",
		    "routes.x.experiment: there is no experiment \"e\"\n" },
		{ "\"x\"", "routes.x: leads back to itself: x > x\n" },
		{ "{ \"fallback\": [ 1, {}, \"a/m\" ] }",
		    "routes.x.fallback[0]: must be a name or an object\n"
		    "routes.x.fallback[1]: needs \"model\" or one strategy: "
		    "fallback, race, split, cheapest, fastest, when, best, "
		    "experiment\n" },
	};
	struct buf complaints;
	struct conf *conf;
	char text[1024];
	size_t i;

	(void)state;
	buf_init(&complaints, CONF_MAX_COMPLAINT_BYTES);
	conf = kit_conf("", &complaints);
	assert_non_null(conf);
	for (i = 0; i < COUNT(cases); i++) {
		snprintf(text, sizeof(text), "\"routes\": { \"x\": %s }",
		    cases[i].node);
		expect(text, cases[i].want);
		if (cases[i].node[0] == '{')
			expect_of_request(conf, cases[i].node, cases[i].want);
	}
	conf_free(conf);
	buf_release(&complaints);
}

static void
an_unknown_target_is_told_with_what_is_near(void **state)
{
	struct buf complaints;

	(void)state;
	buf_init(&complaints, CONF_MAX_COMPLAINT_BYTES);
	assert_null(kit_conf("\"routes\": { \"smart\": { \"fallback\": [ "
			     "\"a/m\", \"smrt/m\" ] } }",
	    &complaints));
	assert_non_null(strstr(complaints.p,
	    "routes.smart.fallback[1]: unknown model \"smrt/m\""));
	buf_release(&complaints);
}

static void
cycles_are_refused_however_long(void **state)
{
	(void)state;
	expect("\"routes\": { \"p\": { \"fallback\": [ \"a/m\", \"q\" ] }, "
	       "\"q\": { \"race\": [ \"r\", \"b/m\" ] }, \"r\": \"z\" }, "
	       "\"aliases\": { \"z\": \"p\" }",
	    "routes.r: leads back to itself: p > q > r > p\n");
}

/* A route that doubles 7 times has 128 targets. */
static void
a_tree_has_a_ceiling(void **state)
{
	char text[1024] = "\"routes\": { \"r0\": \"a/m\"";
	size_t n = strlen(text);
	int i;

	(void)state;
	for (i = 1; i <= 7; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    ", \"r%d\": { \"fallback\": [ \"r%d\", \"r%d\" ] }", i,
		    i - 1, i - 1);
	snprintf(text + n, sizeof(text) - n, " }");
	expect(text, "routes.r7: has more than 64 targets\n");
}

static void
a_route_may_not_hide_behind_an_alias(void **state)
{
	(void)state;
	expect("\"routes\": { \"x\": \"a/m\" }, \"aliases\": { \"x\": \"b/m\" "
	       "}",
	    "routes.x: there is an alias of this name\n");
}

static void
a_request_gets_the_path_in_its_error(void **state)
{
	struct buf complaints;
	struct conf *conf;
	struct arena *a = arena_new(1 << 20);
	struct jnode root = { 0 },
		     at = { .up = &root, .key = "x-sluice-route" };
	struct error err = { 0 };

	(void)state;
	buf_init(&complaints, CONF_MAX_COMPLAINT_BYTES);
	conf = kit_conf("", &complaints);
	assert_non_null(conf);
	assert_int_equal(
	    jtree_read(
		a, STR("{\"race\":[\"a/m\",{\"split\":[]}]}"), &root, &err),
	    0);
	at.v = root.v;
	assert_null(route_request(conf, a, &at, &err));
	assert_int_equal(err.kind, ERROR_BAD_REQUEST);
	assert_string_equal(err.param, "x-sluice-route.race[1].split");
	conf_free(conf);
	arena_free(a);
	buf_release(&complaints);
}

static void
names_of_a_request_become_a_fallback(void **state)
{
	struct buf complaints;
	struct conf *conf;
	struct arena *a = arena_new(1 << 20);
	struct name second = { .s = STR("b/m") };
	struct name first = { .s = STR("a/m"), .next = &second };
	struct error err = { 0 };
	const struct route *route;

	(void)state;
	buf_init(&complaints, CONF_MAX_COMPLAINT_BYTES);
	conf = kit_conf("", &complaints);
	route = route_request_names(conf, a, &first, &err);
	assert_ptr_equal(route->kind, &route_fallback);
	assert_int_equal(route->n_targets, 2);
	second.s = STR("nobody");
	assert_null(route_request_names(conf, a, &first, &err));
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	assert_string_equal(err.code, "model_not_found");
	conf_free(conf);
	arena_free(a);
	buf_release(&complaints);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_node_is_read_and_they_nest),
		cmocka_unit_test(what_is_wrong_is_told_with_its_path),
		cmocka_unit_test(an_unknown_target_is_told_with_what_is_near),
		cmocka_unit_test(cycles_are_refused_however_long),
		cmocka_unit_test(a_tree_has_a_ceiling),
		cmocka_unit_test(a_route_may_not_hide_behind_an_alias),
		cmocka_unit_test(a_request_gets_the_path_in_its_error),
		cmocka_unit_test(names_of_a_request_become_a_fallback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
