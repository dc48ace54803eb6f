/* SPDX-License-Identifier: MIT */
/*
 * Keys of the response cache.  The heart is a property over random pairs:
 * requests are drawn as values, written down in some spelling, and have equal
 * keys exactly when the values are equal.
 */
#include "core/arena.h"
#include "core/buf.h"
#include "core/cache_key.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/plan.h"
#include "core/provider.h"
#include "fcgi/dialect.h"
#include "tests/unit/unit.h"

#define PAIRS 4000

static const struct conf_provider provider = { .name = { "openai", 6 } };

struct fixture {
	struct arena *arena;
	struct route_target targets[3];
	struct plan leaves[3], plan;
};

static int
setup(void **state)
{
	static const char *const models[] = { "m", "n", "m" };
	struct arena *a = arena_new((size_t)1 << 30);
	struct fixture *f = ARENA_NEW(a, struct fixture);
	size_t i;

	f->arena = a;
	for (i = 0; i < 3; i++) {
		f->targets[i].target.provider = &provider;
		f->targets[i].target.model = str_of(models[i]);
		f->leaves[i].leaf = &f->targets[i];
	}
	f->targets[2].set = STR("{\"temperature\":0}");
	f->plan.kind = PLAN_CHAIN;
	f->plan.first = &f->leaves[0];
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(f->arena);
	return 0;
}

static const struct cache_subject nobody;

/* The key of ${body} in ${d}; 32 bytes. */
static struct str
key_for(struct fixture *f, const struct cache_subject *who,
    const struct dialect *d, struct str body)
{
	struct ask ask = { .arena = f->arena,
		.operation = d->operation,
		.wire = d->wire,
		.body = body,
		.decode = d->decode };
	struct cache_subject s = *who;
	struct error err = { 0 };
	unsigned char key[CACHE_KEY];

	s.plan = &f->plan;
	s.ask = &ask;
	if (cache_key(&s, key, &err) != 0)
		fail_msg("%.*s: %s", STR_ARG(body), err.msg);
	return (struct str){ .p = arena_memdup(f->arena, key, sizeof(key)),
		.n = sizeof(key) };
}

static struct str
key_of(struct fixture *f, const struct dialect *d, const char *body)
{
	return key_for(f, &nobody, d, str_of(body));
}

/* ---- random requests ---- */

static uint64_t seed = 20261124;

static unsigned
draw(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

/* Each member is absent (0) or one of a few values. */
enum {
	TEXT,
	ROLE,
	MAX,
	TEMPERATURE,
	STOP,
	TOOL,
	STRICT,
	UNKNOWN,
	BIG,
	FORMAT,
	MEMBERS
};

struct value {
	unsigned of[MEMBERS];
};

static struct value
draw_value(void)
{
	struct value v;
	int i;

	for (i = 0; i < MEMBERS; i++)
		v.of[i] = draw(3);
	return v;
}

static const char *
spelt(const char *const *ways, unsigned n)
{
	return ways[draw(n)];
}

/* The member's text for its value, in one of its spellings. */
static const char *
member(unsigned m, unsigned value)
{
	static const char *const ways[MEMBERS][2][3] = {
		[MAX] = { { "\"max_tokens\":7", "\"max_tokens\" : 7.0",
			      "\"max\\u005ftokens\":7" },
		    { "\"max_tokens\":70", "\"max_tokens\":7e1",
			"\"max_tokens\":70.0" } },
		[TEMPERATURE] = { { "\"temperature\":0.5",
				      "\"temperature\":5e-1",
				      "\"temperature\":0.50" },
		    { "\"temperature\":1", "\"temperature\":1.0",
			"\"temperature\":10E-1" } },
		[STOP] = { { "\"stop\":[\"a\"]", "\"stop\":[\n\"a\"]",
			       "\"stop\":[ \"\\u0061\" ]" },
		    { "\"stop\":[\"a\",\"b\"]", "\"stop\":[\"a\" ,\"b\"]",
			"\"stop\":[\"a\",\"\\u0062\"]" } },
		[UNKNOWN] = { { "\"future\":{\"x\":1,\"y\":[2]}",
				  "\"future\":{\"y\":[2.0],\"x\":1}",
				  "\"future\": {\"x\":1 ,\"y\":[2]}" },
		    { "\"future\":{\"x\":2,\"y\":[2]}",
			"\"future\":{\"y\":[20e-1],\"x\":2}",
			"\"future\":{\"y\":[2],\"x\":2}" } },
		[BIG] = { { "\"seed\":9007199254740993",
			      "\"seed\":9007199254740993.0",
			      "\"seed\":9007199254740993e0" },
		    { "\"seed\":9007199254740994",
			"\"seed\":90071992547409940"
			"e-1",
			"\"seed\":9007199254740994" } },
		[FORMAT] = { { "\"response_format\":{\"type\":\"json_object\"}",
				 "\"response_format\":{\"type\" :\"json_object"
				 "\"}",
				 "\"response_format\":{\"\\u0074ype\":\"json_"
				 "object\"}" },
		    { "\"response_format\":{\"type\":\"json_schema\",\"json_"
		      "schema\":{\"name\":\"n\",\"schema\":{\"a\":1,\"b\":2}}}",
			"\"response_format\":{\"json_schema\":{\"schema\":{"
			"\"b\":2.0,\"a\":1},\"name\":\"n\"},\"type\":\"json_"
			"schema\"}",
			"\"response_format\":{\"type\":\"json_schema\",\"json_"
			"schema\":{\"name\":\"n\",\"schema\":{\"b\":2,\"a\":1}"
			"}}" } },
	};

	return spelt(ways[m][value - 1], 3);
}

/* Does struct chat lack some of it?  Then JSON that is written otherwise is
 * another request, even if it comes to the same. */
static bool
is_beyond(const struct value *v)
{
	return v->of[UNKNOWN] != 0 || v->of[BIG] != 0;
}

static void
write_messages(struct buf *b, const struct value *v)
{
	static const char *const texts[] = { "x", "y", "x y" };
	static const char *const roles[] = { "user", "assistant", "system" };

	buf_addf(b, "\"messages\":%s[{", draw(2) ? " " : "");
	if (draw(2) || is_beyond(v))
		buf_addf(b, "\"role\":\"%s\",\"content\":\"%s\"",
		    roles[v->of[ROLE]], texts[v->of[TEXT]]);
	else
		buf_addf(b,
		    "\"content\":[{\"text\":\"%s\",\"type\":\"text\"}],"
		    "\"role\":\"%s\"",
		    texts[v->of[TEXT]], roles[v->of[ROLE]]);
	buf_addz(b, "}]");
}

static void
write_tool(struct buf *b, const struct value *v)
{
	static const char *const strict[] = { "", ",\"strict\":true",
		",\"strict\":false" };

	/* without it is as false: not strict */
	buf_addf(b,
	    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f%u\","
	    "\"parameters\":%s%s}}]",
	    v->of[TOOL],
	    draw(2) ? "{\"type\":\"object\",\"n\":1}"
		    : "{\"n\":1.0, \"type\":\"object\"}",
	    strict[v->of[STRICT]]);
}

static void
write_ignored(struct buf *b, unsigned n)
{
	static const char *const texts[] = { "\"stream\":true",
		"\"stream\":false", "\"user\":\"u\"",
		"\"metadata\":{\"a\":\"b\"}", "\"store\":true",
		"\"model\":\"m\"", "\"prompt_cache_key\":\"k\"",
		"\"stream_options\":{\"include_usage\":true}" };

	buf_addz(b, texts[n]);
}

static void
write_member(struct buf *b, const struct value *v, unsigned m)
{
	switch (m) {
	case TEXT:
		write_messages(b, v);
		break;
	case TOOL:
		write_tool(b, v);
		break;
	default:
		buf_addz(b, member(m, v->of[m]));
	}
}

/* In an order, with some members that do not count, in some spelling. */
static struct str
write_request(struct arena *a, const struct value *v)
{
	struct buf *b = buf_new(a, 1 << 16);
	unsigned i, m, from = draw(MEMBERS), step = draw(2) ? 1 : MEMBERS - 1;
	const char *comma = "";
	unsigned ignored = draw(12);

	buf_addz(b, "{");
	if (ignored < 8) {
		write_ignored(b, ignored);
		comma = ",";
	}
	for (i = 0; i < MEMBERS; i++) {
		m = (from + i * step) % MEMBERS;
		if (m == ROLE || m == STRICT || (m != TEXT && v->of[m] == 0))
			continue;
		buf_addf(b, "%s%s", comma, draw(3) ? "" : "\n ");
		write_member(b, v, m);
		comma = ",";
	}
	buf_addz(b, "}");
	return buf_str(b);
}

/* Of members that say nothing the value does not count. */
static bool
same_value(const struct value *a, const struct value *b)
{
	int i;

	for (i = 0; i < MEMBERS; i++) {
		if (i == STRICT &&
		    (a->of[TOOL] == 0 ||
			(!is_beyond(a) && (a->of[i] == 1) == (b->of[i] == 1))))
			continue;
		if (a->of[i] != b->of[i])
			return false;
	}
	return true;
}

static void
keys_are_equal_exactly_when_the_requests_are(void **state)
{
	struct fixture *f = *state;
	struct value one, two;
	struct str a, b;
	unsigned i, n_same = 0, n = PAIRS;
	bool same;

	for (i = 0; i < n; i++) {
		one = two = draw_value();
		if (draw(2)) /* else the same, spelt otherwise */
			two.of[draw(MEMBERS)] = draw(3);
		if (draw(4) == 0)
			two = draw_value();
		a = write_request(f->arena, &one);
		b = write_request(f->arena, &two);
		same = same_value(&one, &two);
		n_same += same;
		if (str_eq(key_for(f, &nobody, &dialect_openai_chat, a),
			key_for(f, &nobody, &dialect_openai_chat, b)) != same)
			fail_msg("%s:\n%.*s\n%.*s",
			    same ? "not equal" : "equal", STR_ARG(a),
			    STR_ARG(b));
	}
	assert_true(n_same > n / 4 && n_same < n * 3 / 4);
}

/* ---- cases ---- */

static void
what_chat_holds_is_shared_between_dialects(void **state)
{
	struct fixture *f = *state;
	const char *chat =
	    "{\"model\":\"a\",\"max_tokens\":5,\"stream\":true,\"messages\":["
	    "{\"role\":\"system\",\"content\":\"s\"},"
	    "{\"role\":\"user\",\"content\":\"u\"},"
	    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":"
	    "\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\","
	    "\"arguments\":\"{\\\"b\\\": 1,\\\"a\\\":2}\"}}]},"
	    "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"r\"}],"
	    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
	    "\"parameters\":{\"type\":\"object\"}}}]}";
	const char *messages =
	    "{\"model\":\"b\",\"max_tokens\":5,\"system\":\"s\",\"messages\":["
	    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"u\","
	    "\"cache_control\":{\"type\":\"ephemeral\"}}]},"
	    "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\","
	    "\"id\":\"c\",\"name\":\"f\",\"input\":{\"a\":2,\"b\":1}}]},"
	    "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
	    "\"tool_use_id\":\"c\",\"content\":\"r\"}]}],"
	    "\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}"
	    "}]}";
	const char *responses =
	    "{\"model\":\"c\",\"max_output_tokens\":5,\"instructions\":\"s\","
	    "\"store\":false,\"input\":[{\"role\":\"user\",\"content\":\"u\"},"
	    "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\","
	    "\"arguments\":\"{\\\"a\\\":2,\\\"b\\\":1}\"},"
	    "{\"type\":\"function_call_output\",\"call_id\":\"c\","
	    "\"output\":\"r\"}],\"tools\":[{\"type\":\"function\",\"name\":"
	    "\"f\",\"parameters\":{\"type\":\"object\"}}]}";
	struct str key = key_of(f, &dialect_openai_chat, chat);

	assert_true(str_eq(key, key_of(f, &dialect_anthropic, messages)));
	assert_true(
	    str_eq(key, key_of(f, &dialect_openai_responses, responses)));
}

#define CHAT(more)    "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]" more
#define SAYS(message) "{\"messages\":[{\"role\":\"user\"," message "}]}"

/* Each differs from all others, though some decode to the same chat. */
static void
what_chat_does_not_hold_counts_all_the_same(void **state)
{
	static const char *const all[] = { CHAT("}"), CHAT(",\"future\":true}"),
		CHAT(",\"future\":{}}"), CHAT(",\"future\":[]}"),
		CHAT(",\"logit_bias\":{\"1\":1}}"),
		CHAT(",\"logit_bias\":{\"1\":2}}"),
		CHAT(",\"verbosity\":"
		     "\"low\"}"),
		CHAT(",\"reasoning\":{\"enabled\":true}}"),
		CHAT(",\"stop\":\"a\"}"), CHAT(",\"service_tier\":\"flex\"}"),
		CHAT(",\"tools\":[{\"type\":\"function\",\"function\":{"
		     "\"name\":\"f\"}}],\"tool_choice\":{\"type\":"
		     "\"function\",\"function\":{\"name\":\"f\"}}}"),
		CHAT(",\"tools\":[{\"type\":\"function\",\"function\":{"
		     "\"name\":\"f\"}}],\"tool_choice\":{\"type\":"
		     "\"function\",\"function\":{\"name\":\"f\",\"x\":1}}}"),
		SAYS("\"content\":\"x\",\"name\":\"n\""),
		SAYS("\"content\":\"x\",\"later\":1"),
		SAYS("\"content\":\"x\",\"tool_call_id\":\"t\""),
		SAYS(
		    "\"content\":[{\"type\":\"text\",\"text\":\"x\",\"w\":0}]"),
		"{\"messages\":[{\"role\":\"system\",\"content\":\"x\"}]}",
		"{\"messages\":[{\"role\":\"developer\",\"content\":\"x\"}]}" };
	struct fixture *f = *state;
	size_t i, k, n = sizeof(all) / sizeof(all[0]);

	for (i = 0; i < n; i++)
		for (k = 0; k < i; k++)
			if (str_eq(key_of(f, &dialect_openai_chat, all[i]),
				key_of(f, &dialect_openai_chat, all[k])))
				fail_msg("%s\n%s", all[i], all[k]);
}

static void
accounts_keys_and_nobody_share_nothing(void **state)
{
	const struct cache_subject all[] = { { .key = STR("k") },
		{ .key = STR("l") }, { .account = STR("k") },
		{ .account = STR("a"), .key = STR("k") },
		{ .account = STR("ab") }, nobody };
	const struct cache_subject mate = { .account = STR("a"),
		.key = STR("other") };
	const struct cache_subject alone = { .account = STR("default"),
		.key = STR("k") };
	struct fixture *f = *state;
	struct str body = STR(CHAT("}"));
	size_t i, k;

	for (i = 0; i < 6; i++)
		for (k = 0; k < i; k++)
			assert_false(str_eq(
			    key_for(f, &all[i], &dialect_openai_chat, body),
			    key_for(f, &all[k], &dialect_openai_chat, body)));
	assert_true(str_eq(key_for(f, &all[3], &dialect_openai_chat, body),
	    key_for(f, &mate, &dialect_openai_chat, body)));
	assert_true(str_eq(key_for(f, &all[0], &dialect_openai_chat, body),
	    key_for(f, &alone, &dialect_openai_chat, body)));
}

static void
the_targets_count_but_not_their_order(void **state)
{
	struct fixture *f = *state;
	struct str one, both, other, set, arm;

	one = key_of(f, &dialect_openai_chat, CHAT("}"));
	f->leaves[0].next = &f->leaves[1];
	both = key_of(f, &dialect_openai_chat, CHAT("}"));
	f->plan.first = &f->leaves[1];
	f->leaves[1].next = &f->leaves[0];
	f->leaves[0].next = NULL;
	other = key_of(f, &dialect_openai_chat, CHAT("}"));
	f->plan.first = &f->leaves[2];
	set = key_of(f, &dialect_openai_chat, CHAT("}"));
	f->plan.first = &f->leaves[0];
	f->leaves[1].next = NULL;
	/* What an arm of an experiment sets, too. */
	f->targets[0].over = STR("{\"system\":\"Be terse.\"}");
	arm = key_of(f, &dialect_openai_chat, CHAT("}"));
	f->targets[0].over = STR_NONE;
	assert_true(str_eq(both, other));
	assert_false(str_eq(one, both));
	assert_false(str_eq(one, set));
	assert_false(str_eq(one, arm));
}

static void
a_text_to_embed_has_the_key_of_itself(void **state)
{
	static const char *const bodies[] = { "{\"input\":[\"a\",\"b\"]}",
		"{\"input\":\"b\",\"encoding_format\":\"base64\"}",
		"{\"input\":\"b\",\"dimensions\":3}",
		"{\"input\":\"b\",\"input_type\":\"query\"}" };
	struct fixture *f = *state;
	unsigned char keys[4][CACHE_KEY];
	struct error err = { 0 };
	size_t i;

	for (i = 0; i < 4; i++) {
		struct ask ask = { .arena = f->arena,
			.operation = OPERATION_EMBED,
			.wire = WIRE_OPENAI_CHAT,
			.body = str_of(bodies[i]),
			.decode = dialect_openai_embeddings.decode };
		struct cache_subject s = { .plan = &f->plan, .ask = &ask };

		assert_non_null(ask_chat(&ask, &err));
		cache_key_text(&s, STR("b"), keys[i]);
	}
	assert_memory_equal(keys[0], keys[1], CACHE_KEY);
	assert_memory_not_equal(keys[0], keys[2], CACHE_KEY);
	assert_memory_not_equal(keys[0], keys[3], CACHE_KEY);
	assert_memory_not_equal(keys[2], keys[3], CACHE_KEY);
}

static void
what_does_not_decode_is_keyed_by_its_bytes(void **state)
{
	struct fixture *f = *state;
	struct str one = key_of(f, &dialect_openai_chat, CHAT(",\"n\":2}"));

	assert_true(str_eq(
	    one, key_of(f, &dialect_openai_chat, CHAT(", \"n\" : 2.0}"))));
	assert_false(
	    str_eq(one, key_of(f, &dialect_openai_chat, CHAT(",\"n\":3}"))));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_equal_exactly_when_the_requests_are),
		cmocka_unit_test(what_chat_holds_is_shared_between_dialects),
		cmocka_unit_test(what_chat_does_not_hold_counts_all_the_same),
		cmocka_unit_test(accounts_keys_and_nobody_share_nothing),
		cmocka_unit_test(the_targets_count_but_not_their_order),
		cmocka_unit_test(a_text_to_embed_has_the_key_of_itself),
		cmocka_unit_test(what_does_not_decode_is_keyed_by_its_bytes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
