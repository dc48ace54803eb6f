/* SPDX-License-Identifier: MIT */
#include "providers/names.h"
#include "tests/unit/provider_kit.h"

#define URL "https://api.anthropic.com"

#define BLOCK_HI "{\"type\":\"text\",\"text\":\"hi\"}"
#define HI_WANT  "\"messages\":[{\"role\":\"user\",\"content\":[" BLOCK_HI "]}]"

/* What a history with calls of f needs, though there are no tools. */
#define OLD_TOOL(name)                                                         \
	"{\"name\":\"" name "\",\"input_schema\":{\"type\":\"object\"}}"
#define HISTORY_TOOLS                                                          \
	"\"tools\":[" OLD_TOOL("f") "],\"tool_choice\":{\"type\":\"none\"}"

#define LOW_TO_HIGH (1u << EFFORT_LOW | 1u << EFFORT_MEDIUM | 1u << EFFORT_HIGH)

static int
setup(void **state)
{
	return kit_setup(state, &provider_anthropic, URL);
}

static int64_t
wanted_limit(const struct kit_case *c)
{
	if (c->max_tokens)
		return c->max_tokens;
	return c->known ? 32000 : 8192;
}

static void
check_prepare(const struct kit_case *c, size_t n)
{
	struct kit k;

	for (; n > 0; n--, c++) {
		kit_case_begin(&k, c, &provider_anthropic, URL);
		kit_same_json(&k, k.request.body,
		    arena_printf(k.arena,
			"{\"model\":\"m\",\"max_tokens\":%lld,%s}",
			(long long)wanted_limit(c), c->want));
		kit_case_end(&k, c);
	}
}

static void
parameters_keep_within_what_the_api_takes(void **state)
{
	static const struct kit_case cases[] = {
		{ .chat = "{" HI "}", .want = HI_WANT, .losses = "" },
		{ .chat = "{" HI ",\"max_tokens\":99000}",
		    .known = true,
		    .want = HI_WANT,
		    .losses = "max_tokens" },
		{ .chat = "{" HI ",\"max_tokens\":50,\"temperature\":1.5,"
			  "\"top_p\":0.5,\"top_k\":3,\"seed\":1,"
			  "\"presence_penalty\":1,\"stop\":[\"a\",\" \"],"
			  "\"user\":\"u\",\"service_tier\":\"default\"}",
		    .known = true,
		    .can = MODEL_TEMPERATURE,
		    .want = HI_WANT ",\"temperature\":1,\"top_k\":3,"
				    "\"stop_sequences\":[\"a\"],\"metadata\":{"
				    "\"user_id\":\"u\"},\"service_tier\":"
				    "\"standard_only\"",
		    .losses = "temperature top_p presence_penalty seed",
		    .max_tokens = 50 },
		{ .chat = "{" HI ",\"temperature\":0.5,\"service_tier\":"
			  "\"flex\"}",
		    .known = true,
		    .want = HI_WANT,
		    .losses = "temperature service_tier" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

static void
thinking_is_asked_for_as_the_model_knows_it(void **state)
{
	static const struct kit_case cases[] = {
		{ .chat = "{" HI ",\"effort\":\"max\",\"temperature\":0.5}",
		    .known = true,
		    .efforts = LOW_TO_HIGH,
		    .can = MODEL_ADAPTIVE | MODEL_TEMPERATURE,
		    .want = HI_WANT ",\"thinking\":{\"type\":\"adaptive\","
				    "\"display\":\"summarized\"},"
				    "\"output_config\":{\"effort\":\"high\"}",
		    .losses = "temperature" },
		{ .chat = "{" HI ",\"effort\":\"none\"}",
		    .known = true,
		    .can = MODEL_ADAPTIVE,
		    .efforts = LOW_TO_HIGH,
		    .want = HI_WANT ",\"output_config\":{\"effort\":\"low\"}",
		    .losses = "" },
		{ .chat = "{" HI ",\"effort\":\"none\"}",
		    .known = true,
		    .can = MODEL_ADAPTIVE,
		    .efforts = LOW_TO_HIGH | 1u << EFFORT_NONE,
		    .want = HI_WANT ",\"thinking\":{\"type\":\"disabled\"}",
		    .losses = "" },
		{ .chat = "{" HI ",\"effort\":\"medium\",\"thinking_hidden\":"
			  "true}",
		    .known = true,
		    .can = MODEL_BUDGET,
		    .want = HI_WANT ",\"thinking\":{\"type\":\"enabled\","
				    "\"budget_tokens\":9600,\"display\":"
				    "\"omitted\"}",
		    .losses = "" },
		{ .chat = "{" HI ",\"effort\":\"low\",\"max_tokens\":1000}",
		    .known = true,
		    .can = MODEL_BUDGET,
		    .want = HI_WANT,
		    .losses = "reasoning_effort",
		    .max_tokens = 1000 },
		{ .chat = "{" HI ",\"effort\":\"low\"}",
		    .known = true,
		    .want = HI_WANT,
		    .losses = "reasoning_effort" },
		{ .chat = "{" HI ",\"effort\":\"none\"}",
		    .known = true,
		    .can = MODEL_BUDGET,
		    .want = HI_WANT,
		    .losses = "" },
		/* a budget excludes a forced tool, and a loop without it */
		{ .chat = "{" HI ",\"effort\":\"low\",\"tool_choice\":"
			  "\"required\",\"tools\":[{\"name\":\"f\"}]}",
		    .known = true,
		    .can = MODEL_BUDGET | MODEL_FORCED | MODEL_PREFILL,
		    .want = HI_WANT ",\"tools\":[{\"name\":\"f\","
				    "\"input_schema\":{\"type\":\"object\"}}],"
				    "\"tool_choice\":{\"type\":\"any\"}",
		    .losses = "reasoning_effort" },
		{ .chat = "{\"effort\":\"low\",\"turns\":[{\"role\":"
			  "\"assistant\",\"parts\":[{\"kind\":\"call\","
			  "\"id\":\"c\",\"name\":\"f\"}]}]}",
		    .known = true,
		    .can = MODEL_BUDGET,
		    .want = "\"messages\":[{\"role\":\"user\",\"content\":[{"
			    "\"type\":\"text\",\"text\":\".\"}]},{\"role\":"
			    "\"assistant\",\"content\":[{\"type\":\"tool_use\","
			    "\"id\":\"c\",\"name\":\"f\",\"input\":{}}]},{"
			    "\"role\":\"user\",\"content\":[{\"type\":"
			    "\"tool_result\",\"tool_use_id\":\"c\",\"content\":"
			    "[{\"type\":\"text\",\"text\":\"[no result]\"}]}]}"
			    "]," HISTORY_TOOLS,
		    .losses = "reasoning_effort" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

static void
tools_get_an_object_schema(void **state)
{
	static const struct kit_case cases[] = {
		{ .chat = "{" HI ",\"tools\":[{\"name\":\"f\",\"description\":"
			  "\"d\",\"strict\":true,\"schema\":"
			  "\"{\\\"properties\\\":{}}\"},{\"name\":\"g\","
			  "\"schema\":\"{\\\"type\\\":\\\"object\\\"}\"},{"
			  "\"name\":\"h\",\"custom\":true,\"grammar\":\"{}\""
			  "}],\"tool_choice\":\"named\",\"tool_choice_name\":"
			  "\"f\",\"parallel_off\":true}",
		    .known = true,
		    .can = MODEL_SCHEMA | MODEL_FORCED,
		    .want = HI_WANT
		    ",\"tools\":[{\"name\":\"f\",\"description\":\"d\","
		    "\"input_schema\":{\"properties\":{},\"type\":\"object\","
		    "\"additionalProperties\":false},\"strict\":true},{"
		    "\"name\":\"g\",\"input_schema\":{"
		    "\"type\":\"object\"}},{\"name\":\"h\",\"input_schema\":{"
		    "\"type\":\"object\",\"properties\":{\"input\":{\"type\":"
		    "\"string\"}},\"required\":[\"input\"],"
		    "\"additionalProperties\":false}}],\"tool_choice\":{"
		    "\"type\":\"tool\",\"name\":\"f\","
		    "\"disable_parallel_tool_use\":true}",
		    .losses = "tools.format" },
		{ .chat = "{" HI ",\"tools\":[{\"name\":\"f\",\"strict\":true}"
			  "],\"parallel_off\":true}",
		    .known = true,
		    .want = HI_WANT ",\"tools\":[{\"name\":\"f\","
				    "\"input_schema\":{\"type\":\"object\"}}],"
				    "\"tool_choice\":{\"type\":\"auto\","
				    "\"disable_parallel_tool_use\":true}",
		    .losses = "tools.strict" },
		{ .chat = "{" HI ",\"tools\":[{\"name\":\"f\"}],"
			  "\"tool_choice\":\"none\",\"parallel_off\":true}",
		    .want = HI_WANT ",\"tools\":[{\"name\":\"f\","
				    "\"input_schema\":{\"type\":\"object\"}}],"
				    "\"tool_choice\":{\"type\":\"none\"}",
		    .losses = "" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

static void
newest_models_are_asked_where_they_cannot_be_made_to(void **state)
{
	static const struct kit_case cases[] = {
		{ .chat = "{" HI ",\"tools\":[{\"name\":\"f\"}],"
			  "\"tool_choice\":\"named\",\"tool_choice_name\":"
			  "\"f\"}",
		    .known = true,
		    .want =
			HI_WANT ",\"system\":[{\"type\":\"text\","
				"\"text\":\"You must call the tool f now."
				"\"}],\"tools\":[" OLD_TOOL(
				    "f") "],"
					 "\"tool_choice\":{\"type\":\"auto\"}",
		    .losses = "tool_choice" },
		{ .chat = "{" HI ",\"tools\":[{\"name\":\"f\"}],"
			  "\"tool_choice\":\"required\",\"parallel_off\":"
			  "true}",
		    .known = true,
		    .can = MODEL_FORCED,
		    .want = HI_WANT ",\"tools\":[" OLD_TOOL(
			"f") "],"
			     "\"tool_choice\":{\"type\":\"any\","
			     "\"disable_parallel_tool_use\":true}",
		    .losses = "" },
		{ .chat = "{\"turns\":[{\"role\":\"user\",\"parts\":[{"
			  "\"kind\":\"text\",\"text\":\"hi\"}]},{\"role\":"
			  "\"assistant\",\"parts\":[{\"kind\":\"text\","
			  "\"text\":\"a \"}]}]}",
		    .known = true,
		    .want = "\"messages\":[{\"role\":\"user\",\"content\":"
			    "[" BLOCK_HI "]},{\"role\":\"assistant\","
			    "\"content\":[{\"type\":\"text\",\"text\":\"a\"}"
			    "]},{\"role\":\"user\",\"content\":[{\"type\":"
			    "\"text\",\"text\":\"Go on exactly where you "
			    "stopped.\"}]}]",
		    .losses = "messages.prefill" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

static void
a_schema_says_in_words_what_the_api_does_not_know(void **state)
{
	static const struct kit_case cases[] = {
		{ .chat = "{" HI ",\"output\":\"schema\",\"schema\":\"{"
			  "\\\"type\\\":\\\"object\\\",\\\"properties\\\":"
			  "{\\\"n\\\":{\\\"minimum\\\":1.0}}}\"}",
		    .known = true,
		    .can = MODEL_SCHEMA,
		    .want = HI_WANT
		    ",\"output_config\":{\"format\":{\"type\":"
		    "\"json_schema\",\"schema\":{\"type\":\"object\","
		    "\"properties\":{\"n\":{\"description\":\"Must hold: "
		    "minimum 1.0\"}},\"additionalProperties\":false}}}",
		    .losses = "json_schema.minimum" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

static void
names_and_stops_that_the_api_refuses_are_ours_to_keep(void **state)
{
	struct kit *k = *state;
	struct kit_sink sink;

	kit_chat(k,
	    "{" HI ",\"tools\":[{\"name\":\"a.b\"}],\"stop\":[\"x\","
	    "\"\\n\"]}");
	assert_int_equal(kit_prepare(k), 0);
	assert_true(str_find(k->request.body, STR("\"a_b_")) > 0);
	assert_true(str_is(k->request.cut->s, "\n"));
	assert_null(k->request.cut->next);
	assert_int_equal(
	    kit_decode(k, FRAMING_WHOLE,
		str_of(arena_printf(k->arena,
		    "{\"type\":\"message\",\"content\":[{\"type\":"
		    "\"tool_use\",\"id\":\"i\",\"name\":\"%.*s\"}]}",
		    STR_ARG(name_for(k->arena, STR("a.b"), WIRE_ANTHROPIC)))),
		0, &sink),
	    0);
	assert_non_null(strstr(sink.text->p, "tool i a.b\n"));
}

static void
output_formats_become_a_schema_or_an_instruction(void **state)
{
	static const struct kit_case cases[] = {
		{ .chat = "{" HI ",\"output\":\"schema\",\"schema\":\"{}\"}",
		    .known = true,
		    .can = MODEL_SCHEMA,
		    .want = HI_WANT ",\"output_config\":{\"format\":{\"type\":"
				    "\"json_schema\",\"schema\":{}}}",
		    .losses = "" },
		{ .chat = "{" HI ",\"output\":\"schema\",\"schema\":\"{}\"}",
		    .known = true,
		    .want = HI_WANT ",\"system\":[{\"type\":\"text\",\"text\":"
				    "\"Answer with one JSON value and nothing "
				    "else. It must match this JSON Schema:\\n{}"
				    "\"}]",
		    .losses = "response_format" },
		{ .chat = "{" HI ",\"output\":\"json\"}",
		    .want = HI_WANT ",\"system\":[{\"type\":\"text\",\"text\":"
				    "\"Answer with one JSON object and nothing "
				    "else.\"}]",
		    .losses = "response_format" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

static void
conversations_alternate_and_answer_every_call(void **state)
{
	static const struct kit_case cases[] = {
		/* system first as blocks with marks, later as user text */
		{ .chat = "{\"turns\":[{\"role\":\"system\",\"parts\":[{"
			  "\"kind\":\"text\",\"text\":\"s\",\"mark\":\"1h\"}]"
			  "},{\"role\":\"user\",\"name\":\"n\",\"parts\":[{"
			  "\"kind\":\"text\",\"text\":\"hi\"},{\"kind\":"
			  "\"text\",\"text\":\" \"}]},{\"role\":\"system\","
			  "\"parts\":[{\"kind\":\"text\",\"text\":\"x\"}]},{"
			  "\"role\":\"assistant\",\"parts\":[{\"kind\":"
			  "\"text\",\"text\":\"a \\n\"}]}]}",
		    .known = true,
		    .can = MODEL_PREFILL,
		    .want = "\"system\":[{\"type\":\"text\",\"text\":\"s\","
			    "\"cache_control\":{\"type\":\"ephemeral\","
			    "\"ttl\":\"1h\"}}],\"messages\":[{\"role\":"
			    "\"user\",\"content\":[" BLOCK_HI ",{\"type\":"
			    "\"text\",\"text\":\"<system>\\nx\\n</system>\"}]}"
			    ",{\"role\":\"assistant\",\"content\":[{\"type\":"
			    "\"text\",\"text\":\"a\"}]}]",
		    .losses = "messages.name" },
		/* results first and in order, foreign ids and arguments */
		{ .chat = "{\"turns\":[{\"role\":\"user\",\"parts\":[{"
			  "\"kind\":\"text\",\"text\":\"hi\"}]},{\"role\":"
			  "\"assistant\",\"parts\":[{\"kind\":\"call\","
			  "\"id\":\"a:1\",\"name\":\"f\",\"text\":"
			  "\"{\\\"x\\\":1.0}\"}]},{\"role\":\"assistant\","
			  "\"parts\":[{\"kind\":\"call\",\"id\":\"b\","
			  "\"name\":\"g\",\"text\":\"{bad\"}]},{\"role\":"
			  "\"user\",\"parts\":[{\"kind\":\"text\",\"text\":"
			  "\"q\"},{\"kind\":\"result\",\"id\":\"b\","
			  "\"is_error\":true},{\"kind\":\"result\",\"id\":"
			  "\"a:1\",\"parts\":[{\"kind\":\"text\",\"text\":"
			  "\"r\"},{\"kind\":\"image\",\"url\":\"https://i\"}]"
			  "}]}]}",
		    .want =
			"\"messages\":[{\"role\":\"user\",\"content\":"
			"[" BLOCK_HI "]},{\"role\":\"assistant\",\"content\":[{"
			"\"type\":\"tool_use\",\"id\":\"a_1_dbbd3e69\","
			"\"name\":\"f\",\"input\":{\"x\":1.0}},{\"type\":"
			"\"tool_use\",\"id\":\"b\",\"name\":\"g\","
			"\"input\":{\"_raw\":\"{bad\"}}]},{\"role\":"
			"\"user\",\"content\":[{\"type\":\"tool_result\","
			"\"tool_use_id\":\"a_1_dbbd3e69\",\"content\":[{"
			"\"type\":\"text\",\"text\":\"r\"},{\"type\":"
			"\"image\",\"source\":{\"type\":\"url\",\"url\":"
			"\"https://i\"}}]},{\"type\":\"tool_result\","
			"\"tool_use_id\":\"b\",\"content\":[{\"type\":"
			"\"text\",\"text\":\"Error\"}],\"is_error\":true},"
			"{\"type\":\"text\",\"text\":\"q\"}]}],"
			"\"tools\":[" OLD_TOOL("f") "," OLD_TOOL(
			    "g") "],"
				 "\"tool_choice\":{\"type\":\"none\"}",
		    .losses = "tool_calls.function.arguments" },
		/* thinking goes back to its issuer only */
		{ .chat = "{\"turns\":[{\"role\":\"user\",\"parts\":[{"
			  "\"kind\":\"text\",\"text\":\"hi\"}]},{\"role\":"
			  "\"assistant\",\"parts\":[{\"kind\":\"thinking\","
			  "\"text\":\"t\",\"signature\":\"s\",\"issuer\":"
			  "\"anthropic\"},{\"kind\":\"thinking\",\"redacted\":"
			  "true,\"signature\":\"d\",\"issuer\":\"anthropic\"},"
			  "{\"kind\":\"thinking\",\"text\":\"u\","
			  "\"signature\":\"s\",\"issuer\":\"gemini\"},{"
			  "\"kind\":\"thinking\",\"text\":\"v\",\"issuer\":"
			  "\"anthropic\"},{\"kind\":\"text\",\"text\":\"a\"}]"
			  "},{\"role\":\"user\",\"parts\":[{\"kind\":\"text\","
			  "\"text\":\"hi\"}]}]}",
		    .want =
			"\"messages\":[{\"role\":\"user\",\"content\":"
			"[" BLOCK_HI "]},{\"role\":\"assistant\",\"content\":[{"
			"\"type\":\"thinking\",\"thinking\":\"t\","
			"\"signature\":\"s\"},{\"type\":"
			"\"redacted_thinking\",\"data\":\"d\"},{\"type\":"
			"\"text\",\"text\":\"a\"}]},{\"role\":\"user\","
			"\"content\":[" BLOCK_HI "]}]",
		    .losses = "thinking" },
		/* documents and images in all their forms */
		{ .chat = "{\"turns\":[{\"role\":\"user\",\"parts\":[{"
			  "\"kind\":\"image\",\"data\":\"QQ==\",\"mime\":"
			  "\"image/png\",\"detail\":\"low\"},{\"kind\":"
			  "\"document\",\"text\":\"x\",\"name\":\"n\"},{"
			  "\"kind\":\"document\",\"data\":\"QQ==\",\"mime\":"
			  "\"application/pdf\",\"mark\":\"5m\"},{\"kind\":"
			  "\"document\",\"url\":\"https://d\"}]}]}",
		    .want = "\"messages\":[{\"role\":\"user\",\"content\":[{"
			    "\"type\":\"image\",\"source\":{\"type\":"
			    "\"base64\",\"media_type\":\"image/png\",\"data\":"
			    "\"QQ==\"}},{\"type\":\"document\",\"source\":{"
			    "\"type\":\"text\",\"media_type\":\"text/plain\","
			    "\"data\":\"x\"},\"title\":\"n\"},{\"type\":"
			    "\"document\",\"source\":{\"type\":\"base64\","
			    "\"media_type\":\"application/pdf\",\"data\":"
			    "\"QQ==\"},\"cache_control\":{\"type\":"
			    "\"ephemeral\",\"ttl\":\"5m\"}},{\"type\":"
			    "\"document\",\"source\":{\"type\":\"url\","
			    "\"url\":\"https://d\"}}]}]",
		    .losses = "image_url.detail" },
		/* nobody said anything */
		{ .chat = "{\"turns\":[]}",
		    .want = "\"messages\":[{\"role\":\"user\",\"content\":[{"
			    "\"type\":\"text\",\"text\":\".\"}]}]",
		    .losses = "" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

static void
what_would_change_the_meaning_is_refused_with_its_path(void **state)
{
	static const char *const parts[] = {
		"{\"kind\":\"image\",\"data\":\"QQ==\",\"mime\":\"image/"
		"tiff\"}",
		"{\"kind\":\"image\",\"file_id\":\"f\"}",
		"{\"kind\":\"audio\",\"data\":\"QQ==\"}",
		"{\"kind\":\"document\",\"data\":\"QQ==\",\"mime\":\"a/b\"}",
		"{\"kind\":\"result\",\"id\":\"nobody\"}",
	};
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(parts); i++) {
		kit_init(&k, &provider_anthropic, URL);
		kit_chat(&k,
		    arena_printf(k.arena,
			"{\"turns\":[{\"role\":\"user\",\"parts\":[{\"kind\":"
			"\"text\",\"text\":\"a\"},%s]}]}",
			parts[i]));
		assert_int_equal(kit_prepare(&k), -1);
		assert_int_equal(k.err.kind, ERROR_BAD_REQUEST);
		assert_string_equal(k.err.param, "turns[0].parts[1]");
		kit_release(&k);
	}
}

static void
at_most_four_cache_marks_are_sent(void **state)
{
	static const char part[] =
	    "{\"kind\":\"text\",\"text\":\"a\",\"mark\":\"5m\"}";
	struct kit *k = *state;
	struct str body;
	long at;
	int n = 0;

	kit_chat(k,
	    arena_printf(k->arena,
		"{\"turns\":[{\"role\":\"user\",\"parts\":[%s,%s,%s,%s,%s]}]}",
		part, part, part, part, part));
	assert_int_equal(kit_prepare(k), 0);
	for (body = k->request.body;
	     (at = str_find(body, STR("cache_control"))) >= 0; n++)
		body = str_skip(body, (size_t)at + 1);
	assert_int_equal(n, 4);
	assert_string_equal(kit_losses(k), "prompt_cache_breakpoint");
}

static void
bytes_of_the_same_format_pass_with_another_model(void **state)
{
	struct kit *k = *state;

	k->ask.wire = WIRE_ANTHROPIC;
	k->ask.stream = true;
	k->ask.body = STR("{\"x\":1.50, \"model\":\"c\",\"stream\":true }");
	k->target.model = STR("claude \"x\"");
	assert_int_equal(kit_prepare(k), 0);
	assert_true(str_is(k->request.body,
	    "{\"x\":1.50, \"model\":\"claude \\\"x\\\"\",\"stream\":true }"));
}

static void
headers_carry_key_and_version(void **state)
{
	static const char *const urls[] = { URL, URL "/v1" };
	struct kit *k = *state;
	const struct header *h;

	kit_chat(k, "{" HI "}");
	header_add(k->arena, &k->ask.headers, STR("anthropic-version"),
	    STR("2026-10-21"));
	header_add(k->arena, &k->ask.headers, STR("anthropic-beta"), STR("b"));
	for (size_t i = 0; i < COUNT(urls); i++) {
		k->vendor.base_url = str_of(urls[i]);
		assert_int_equal(kit_prepare(k), 0);
		h = k->request.headers;
		assert_string_equal(k->request.url, URL "/v1/messages");
		assert_true(str_is(header_get(h, "x-api-key"), "secret"));
		/* headers of another format's client are not meant for us */
		assert_true(
		    str_is(header_get(h, "anthropic-version"), "2023-06-01"));
		assert_null(header_get(h, "anthropic-beta").p);
	}
	k->ask.wire = WIRE_ANTHROPIC;
	k->ask.body = STR("{}");
	assert_int_equal(kit_prepare(k), 0);
	h = k->request.headers;
	assert_true(str_is(header_get(h, "anthropic-version"), "2026-10-21"));
	assert_true(str_is(header_get(h, "anthropic-beta"), "b"));
}

#define EV(json) "data: {" json "}\n\n"
#define START(usage)                                                           \
	EV("\"type\":\"message_start\",\"message\":{\"id\":\"i\",\"model\":"   \
	   "\"n\",\"usage\":{" usage "}}")
#define OPEN(i, block)                                                         \
	EV("\"type\":\"content_block_start\",\"index\":" i                     \
	   ",\"content_block\":{" block "}")
#define DELTA(i, delta)                                                        \
	EV("\"type\":\"content_block_delta\",\"index\":" i                     \
	   ",\"delta\":{" delta "}")
#define CLOSE(i) EV("\"type\":\"content_block_stop\",\"index\":" i)
#define END(word, usage)                                                       \
	EV("\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" word     \
	   "\"},\"usage\":{" usage "}")                                        \
	EV("\"type\":\"message_stop\"")

struct decode_case {
	enum framing framing;
	const char *body;
	const char *events;
};

static void
answers_decode_to_events(void **state)
{
	static const struct decode_case cases[] = {
		{ FRAMING_SSE,
		    START("\"input_tokens\":9,\"output_tokens\":1")
			OPEN("0", "\"type\":\"thinking\",\"thinking\":\"\"") EV(
			    "\"type\":\"ping\"") DELTA("0",
			    "\"type\":\"thinking_delta\",\"thinking\":\"t\"")
			    DELTA("0",
				"\"type\":\"signature_delta\",\"signature\":"
				"\"s\"") CLOSE("0") OPEN("1",
				"\"type\":\"text\",\"text\":\"\"") DELTA("1",
				"\"type\":\"text_delta\",\"text\":\"a\"")
				CLOSE("1") OPEN("2",
				    "\"type\":\"tool_use\",\"id\":\"x\","
				    "\"name\":"
				    "\"f\",\"input\":{}") DELTA("2",
				    "\"type\":\"input_json_delta\","
				    "\"partial_json\":\"\"") DELTA("2",
				    "\"type\":\"input_json_delta\","
				    "\"partial_json\":\"{}\"") CLOSE("2")
				    END("tool_use",
					"\"output_tokens\":7,"
					"\"output_tokens_details\":{"
					"\"thinking_tokens\":3}"),
		    "start i n\nusage input=9 output=1\nopen 0 thinking\n"
		    "ping\n0 t\nsign 0 s\nclose 0\nopen 1 text\n1 a\nclose 1\n"
		    "open 2 tool x f\n2 {}\nclose 2\n"
		    "usage input=9 output=4 reasoning=3\nstop tool\n" },
		/* server tools are passed over, redacted thinking is not */
		{ FRAMING_SSE,
		    START("") OPEN("0",
			"\"type\":\"server_tool_use\",\"id\":\"w\"") DELTA("0",
			"\"type\":\"input_json_delta\","
			"\"partial_json\":\"{}\"") CLOSE("0") OPEN("1",
			"\"type\":\"redacted_thinking\",\"data\":\"d\"")
			CLOSE("1") END("refusal", ""),
		    /* usage without a count is none */
		    "start i n\nlost server_tool_use\n"
		    "open 1 redacted\nsign 1 d\nclose 1\n"
		    "stop refusal\n" },
		/* usage is cumulative; null keeps what was there */
		{ FRAMING_SSE,
		    START("\"input_tokens\":5,\"cache_read_input_tokens\":2,"
			  "\"cache_creation_input_tokens\":4,"
			  "\"cache_creation\":{\"ephemeral_5m_input_tokens\":"
			  "1,\"ephemeral_1h_input_tokens\":3}")
			END("max_tokens",
			    "\"input_tokens\":null,"
			    "\"output_tokens\":6,"
			    "\"cache_creation_input_tokens\":9"),
		    "start i n\nusage input=5 cache_read=2 cache_write_5m=1 "
		    "cache_write_1h=3\nusage input=5 cache_read=2 "
		    "cache_write_5m=6 cache_write_1h=3 output=6\n"
		    "stop length\n" },
		{ FRAMING_WHOLE,
		    "{\"type\":\"message\",\"id\":\"i\",\"model\":\"n\","
		    "\"content\":[{\"type\":\"thinking\",\"thinking\":\"t\","
		    "\"signature\":\"s\"},{\"type\":\"text\",\"text\":\"a\"},{"
		    "\"type\":\"tool_use\",\"id\":\"x\",\"name\":\"f\","
		    "\"input\":{\"a\":\"/\"}}],\"stop_reason\":"
		    "\"stop_sequence\",\"stop_sequence\":\"END\",\"usage\":{"
		    "\"input_tokens\":1,\"output_tokens\":2}}",
		    "start i n\nopen 0 thinking\n0 t\nsign 0 s\nclose 0\n"
		    "open 1 text\n1 a\nclose 1\nopen 2 tool x f\n"
		    "2 {\"a\":\"/\"}\nclose 2\nusage input=1 output=2\n"
		    "stop sequence END\n" },
		/* every call of a model that the answer took is billed */
		{ FRAMING_SSE,
		    START("\"input_tokens\":1,\"cache_read_input_tokens\":9")
			END("end_turn",
			    "\"input_tokens\":8,\"cache_read_input_tokens\":"
			    "0,\"output_tokens\":2,\"iterations\":[{"
			    "\"type\":\"compaction\",\"input_tokens\":1,"
			    "\"output_tokens\":5,"
			    "\"cache_read_input_tokens\":9},{\"type\":"
			    "\"message\",\"input_tokens\":8,"
			    "\"output_tokens\":2}]"),
		    "start i n\nusage input=1 cache_read=9\n"
		    "usage input=9 cache_read=9 output=7\nstop end\n" },
		{ FRAMING_WHOLE,
		    "{\"type\":\"message\",\"content\":[],\"stop_reason\":"
		    "\"refusal\",\"stop_details\":{\"type\":\"refusal\","
		    "\"explanation\":\"why\"}}",
		    "start  \nstop refusal why\n" },
		{ FRAMING_WHOLE,
		    "{\"type\":\"message\",\"stop_reason\":\"pause_turn\"}",
		    "start  \nstop pause\n" },
		{ FRAMING_WHOLE,
		    "{\"type\":\"message\",\"stop_reason\":"
		    "\"model_context_window_exceeded\"}",
		    "start  \nstop context\n" },
	};
	struct kit *k = *state;
	struct kit_sink sink;

	for (size_t i = 0; i < COUNT(cases); i++) {
		if (kit_decode(k, cases[i].framing, str_of(cases[i].body), 0,
			&sink) != 0)
			fail_msg("%s: %s", cases[i].body, k->err.msg);
		assert_string_equal(sink.text->p, cases[i].events);
	}
}

static void
web_searches_are_counted(void **state)
{
	struct kit *k = *state;
	struct kit_sink sink;

	assert_int_equal(
	    kit_decode(k, FRAMING_WHOLE,
		STR("{\"type\":\"message\",\"usage\":{\"server_tool_use\":{"
		    "\"web_search_requests\":2}}}"),
		0, &sink),
	    0);
	assert_int_equal(sink.usage.web_searches, 2);
}

#define TOOK(type, model, in, out)                                             \
	"{\"type\":\"" type "\",\"model\":\"" model "\",\"input_tokens\":" in  \
	",\"output_tokens\":" out "}"

static void
what_other_models_did_is_told_apart(void **state)
{
	struct kit_sink sink;
	struct kit *k = *state;
	struct usage own;

	assert_int_equal(
	    kit_decode(k, FRAMING_WHOLE,
		STR("{\"type\":\"message\",\"model\":\"m\",\"usage\":{"
		    "\"input_tokens\":12,\"output_tokens\":3,\"iterations\":"
		    "[" TOOK("message", "m", "5", "1") "," TOOK(
			"advisor_message", "big", "100",
			"40") "," TOOK("advisor_message", "big", "10",
			"2") ","
			     "{\"type\":\"compaction\",\"input_tokens\":20,"
			     "\"output_tokens\":4}," TOOK(
				 "fallback_message", "old", "7", "2") "]}}"),
		0, &sink),
	    0);
	assert_int_equal(sink.usage.n_others, 2);
	assert_string_equal(sink.usage.others[0].model, "big");
	assert_int_equal(sink.usage.others[0].tokens[USAGE_INPUT], 110);
	assert_int_equal(sink.usage.others[0].tokens[USAGE_OUTPUT], 42);
	assert_string_equal(sink.usage.others[1].model, "old");
	assert_int_equal(usage_total_input(&sink.usage), 142);
	own = usage_own(&sink.usage);
	assert_int_equal(own.tokens[USAGE_INPUT], 25);
	assert_int_equal(own.tokens[USAGE_OUTPUT], 5);
}

static void
a_cut_stream_is_never_a_normal_end(void **state)
{
	static const char *const bodies[] = { "",
		START("") OPEN("0", "\"type\":\"text\",\"text\":\"a\""),
		START("") EV("\"type\":\"message_delta\",\"delta\":{"
			     "\"stop_reason\":\"end_turn\"}"),
		EV("\"type\":\"ping\"") };

	kit_breaks(*state, bodies, COUNT(bodies));
}

static void
errors_keep_kind_code_and_bytes(void **state)
{
	static const struct {
		const char *error;
		enum error_kind kind;
		int status;
		const char *code;
	} cases[] = {
		{ "\"type\":\"overloaded_error\",\"message\":\"m\"",
		    ERROR_UP_OVERLOADED, 503, "" },
		{ "\"type\":\"api_error\",\"message\":\"m\"", ERROR_UP_BROKEN,
		    502, "" },
		{ "\"type\":\"invalid_request_error\",\"message\":"
		  "\"prompt is too long: 9\"",
		    ERROR_UP_REFUSED, 400, "context_length_exceeded" },
		{ "\"type\":\"invalid_request_error\",\"message\":\"m\","
		  "\"details\":{\"error_code\":\"thread_gone\"}",
		    ERROR_UP_REFUSED, 400, "thread_gone" },
		{ "\"type\":\"rate_limit_error\",\"message\":\"m\"",
		    ERROR_UP_RATE, 429, "" },
	};
	struct kit_sink sink;
	struct kit k;
	char *body;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		kit_init(&k, &provider_anthropic, URL);
		body = arena_printf(k.arena,
		    "event: error\ndata: {\"type\":\"error\",\"error\":{%s}}"
		    "\n\n",
		    cases[i].error);
		assert_int_equal(
		    kit_decode(&k, FRAMING_SSE, str_of(body), 0, &sink), -1);
		assert_int_equal(k.err.kind, cases[i].kind);
		assert_int_equal(k.err.status, cases[i].status);
		assert_string_equal(k.err.code, cases[i].code);
		assert_true(str_is(k.err.raw, body));
		assert_int_equal(k.err.raw_wire, WIRE_ANTHROPIC);
		kit_release(&k);
	}
}

static void
a_refusal_keeps_its_status(void **state)
{
	struct kit *k = *state;

	kit_refuse(k, 404, NULL,
	    STR("{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\","
		"\"message\":\"model: x\"}}"));
	assert_int_equal(k->err.kind, ERROR_UP_REFUSED);
	assert_int_equal(k->err.status, 404);
	assert_string_equal(k->err.msg, "model: x");
	assert_int_equal(k->err.raw_wire, WIRE_ANTHROPIC);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(parameters_keep_within_what_the_api_takes),
		TEST(thinking_is_asked_for_as_the_model_knows_it),
		TEST(tools_get_an_object_schema),
		TEST(newest_models_are_asked_where_they_cannot_be_made_to),
		TEST(a_schema_says_in_words_what_the_api_does_not_know),
		TEST(names_and_stops_that_the_api_refuses_are_ours_to_keep),
		TEST(output_formats_become_a_schema_or_an_instruction),
		TEST(conversations_alternate_and_answer_every_call),
		TEST(what_would_change_the_meaning_is_refused_with_its_path),
		TEST(at_most_four_cache_marks_are_sent),
		TEST(bytes_of_the_same_format_pass_with_another_model),
		TEST(headers_carry_key_and_version),
		TEST(answers_decode_to_events),
		TEST(web_searches_are_counted),
		TEST(what_other_models_did_is_told_apart),
		TEST(a_cut_stream_is_never_a_normal_end),
		TEST(errors_keep_kind_code_and_bytes),
		TEST(a_refusal_keeps_its_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
