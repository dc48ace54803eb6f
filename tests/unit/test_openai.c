/* SPDX-License-Identifier: MIT */
#include "providers/names.h"
#include "tests/unit/provider_kit.h"

#define URL "https://api.openai.com/v1"

#define HI_TURN                                                                \
	"{\"role\":\"user\",\"parts\":[{\"kind\":\"text\",\"text\":\"hi\"}]}"
#define HI_WANT "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

static int
setup(void **state)
{
	return kit_setup(state, &provider_openai, URL);
}

static void
check_prepare(const struct kit_case *c, size_t n)
{
	struct kit k;

	for (; n > 0; n--, c++) {
		kit_case_begin(&k, c, &provider_openai, URL);
		kit_same_json(&k, k.request.body, c->want);
		kit_case_end(&k, c);
	}
}

static void
parameters_are_named_as_the_model_takes_them(void **state)
{
	static const struct kit_case cases[] = {
		{ .chat = "{" HI "}",
		    .want = "{\"model\":\"m\"," HI_WANT "}",
		    .losses = "" },
		{ .chat = "{" HI ",\"max_tokens\":7,\"temperature\":0.5,"
			  "\"seed\":3,\"top_k\":4,\"stop\":[\"a\",\"b\",\"c\","
			  "\"d\",\"e\"]}",
		    .known = true,
		    .can = MODEL_TEMPERATURE,
		    .want = "{\"model\":\"m\"," HI_WANT
			    ",\"max_completion_tokens\":7,\"temperature\":0.5,"
			    "\"seed\":3,\"stop\":[\"a\",\"b\",\"c\",\"d\"]}",
		    .losses = "top_k" },
		/* Claude Code asks for 128000, whoever answers */
		{ .chat = "{" HI ",\"max_tokens\":128000}",
		    .known = true,
		    .want = "{\"model\":\"m\"," HI_WANT
			    ",\"max_completion_tokens\":32000}",
		    .losses = "max_tokens" },
		{ .chat = "{" HI ",\"seed\":1e300}",
		    .want = "{\"model\":\"m\"," HI_WANT "}",
		    .losses = "seed" },
		{ .chat = "{" HI ",\"max_tokens\":7}",
		    .losses = "",
		    .quirks = QUIRK_MAX_TOKENS,
		    .want = "{\"model\":\"m\"," HI_WANT ",\"max_tokens\":7}" },
		{ .chat = "{" HI ",\"temperature\":0.5,\"top_p\":0.1,"
			  "\"stop\":[\"a\"],\"effort\":\"minimal\"}",
		    .known = true,
		    .can = MODEL_REASONING,
		    .efforts = 1u << EFFORT_LOW | 1u << EFFORT_HIGH,
		    .want = "{\"model\":\"m\"," HI_WANT
			    ",\"reasoning_effort\":\"low\"}",
		    .losses = "temperature top_p" },
		{ .chat = "{" HI ",\"thinking_budget\":10000,"
			  "\"max_tokens\":32000}",
		    .known = true,
		    .can = MODEL_REASONING,
		    .efforts = 1u << EFFORT_LOW | 1u << EFFORT_HIGH |
			1u << EFFORT_MEDIUM,
		    .want = "{\"model\":\"m\"," HI_WANT
			    ",\"max_completion_tokens\":32000,"
			    "\"reasoning_effort\":\"medium\"}",
		    .losses = "" },
		{ .chat = "{" HI ",\"effort\":\"high\"}",
		    .want = "{\"model\":\"m\"," HI_WANT "}",
		    .losses = "thinking" },
		{ .chat = "{" HI ",\"user\":\"u\","
			  "\"service_tier\":\"standard_only\"}",
		    .want = "{\"model\":\"m\"," HI_WANT ",\"user\":\"u\","
			    "\"service_tier\":\"default\"}",
		    .losses = "" },
		{ .chat = "{" HI ",\"output\":\"schema\",\"schema\":\"{}\","
			  "\"schema_strict\":true}",
		    .want = "{\"model\":\"m\"," HI_WANT
			    ",\"response_format\":{\"type\":\"json_schema\","
			    "\"json_schema\":{\"name\":\"answer\",\"schema\":{}"
			    ",\"strict\":true}}}",
		    .losses = "" },
		{ .chat = "{" HI ",\"output\":\"json\"}",
		    .want = "{\"model\":\"m\"," HI_WANT
			    ",\"response_format\":{\"type\":\"json_object\"}}",
		    .losses = "" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

static void
tools_and_their_choice_are_carried_over(void **state)
{
	static const struct kit_case cases[] = {
		{ .chat = "{" HI ",\"tools\":[{\"name\":\"f\",\"description\":"
			  "\"d\",\"schema\":\"{\\\"type\\\":\\\"object\\\","
			  "\\\"additionalProperties\\\":false}\","
			  "\"strict\":true},{\"name\":\"g\",\"schema\":"
			  "\"{\\\"type\\\":\\\"object\\\"}\",\"strict\":true}"
			  "],\"tool_choice\":\"named\","
			  "\"tool_choice_name\":\"f\",\"parallel_off\":true}",
		    .want =
			"{\"model\":\"m\"," HI_WANT
			",\"tools\":[{\"type\":\"function\",\"function\":{"
			"\"name\":\"f\",\"description\":\"d\","
			"\"parameters\":{\"type\":\"object\","
			"\"additionalProperties\":false},\"strict\":true}},{"
			"\"type\":\"function\",\"function\":{\"name\":"
			"\"g\",\"parameters\":{\"type\":\"object\"}}}],"
			"\"tool_choice\":{\"type\":\"function\","
			"\"function\":{\"name\":\"f\"}},"
			"\"parallel_tool_calls\":false}",
		    .losses = "tools.strict" },
		{ .chat = "{" HI ",\"tools\":[{\"name\":\"f\",\"custom\":true,"
			  "\"grammar\":\"{}\"}],\"tool_choice\":\"required\"}",
		    .want = "{\"model\":\"m\"," HI_WANT
			    ",\"tools\":[{\"type\":\"function\",\"function\":{"
			    "\"name\":\"f\",\"parameters\":{\"type\":"
			    "\"object\",\"properties\":{\"input\":{\"type\":"
			    "\"string\"}},\"required\":[\"input\"],"
			    "\"additionalProperties\":false}}}],"
			    "\"tool_choice\":\"required\"}",
		    .losses = "tools.format" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

static void
conversations_keep_their_order_and_lose_by_name(void **state)
{
	static const struct kit_case cases[] = {
		/* system: joined, in place, developer for reasoning models */
		{ .chat = "{\"turns\":[{\"role\":\"system\",\"parts\":[{"
			  "\"kind\":\"text\",\"text\":"
			  "\"x-anthropic-billing-header: x\"},{"
			  "\"kind\":\"text\",\"text\":\"a\",\"mark\":\"5m\"},{"
			  "\"kind\":\"text\",\"text\":\"b\"}]},{\"role\":"
			  "\"user\",\"parts\":[{\"kind\":\"text\",\"text\":"
			  "\"c\"},{\"kind\":\"text\",\"text\":\"d\"}]},{"
			  "\"role\":\"system\",\"parts\":[{\"kind\":\"text\","
			  "\"text\":\"e\"}]}]}",
		    .known = true,
		    .can = MODEL_REASONING,
		    .want = "{\"model\":\"m\",\"messages\":[{\"role\":"
			    "\"developer\",\"content\":\"a\\n\\nb\"},{\"role\":"
			    "\"user\",\"content\":[{\"type\":\"text\",\"text\":"
			    "\"c\"},{\"type\":\"text\",\"text\":\"d\"}]},{"
			    "\"role\":\"developer\",\"content\":\"e\"}]}",
		    .losses = "cache_control" },
		/* tool results first, media after them, errors marked */
		{ .chat = "{\"turns\":[{\"role\":\"assistant\",\"parts\":[{"
			  "\"kind\":\"thinking\",\"text\":\"t\",\"signature\":"
			  "\"s\",\"issuer\":\"anthropic\"},{\"kind\":\"call\","
			  "\"id\":\"1\",\"name\":\"f\",\"text\":\"{}\"},{"
			  "\"kind\":\"call\",\"id\":\"2\",\"name\":\"g\"}]},{"
			  "\"role\":\"user\",\"parts\":[{\"kind\":\"text\","
			  "\"text\":\"q\"},{\"kind\":\"result\",\"id\":\"2\","
			  "\"is_error\":true,\"parts\":[{\"kind\":\"text\","
			  "\"text\":\"bad\"}]},{\"kind\":\"result\",\"id\":"
			  "\"1\",\"parts\":[{\"kind\":\"image\",\"data\":"
			  "\"QUJD\",\"mime\":\"image/png\"}]}]}]}",
		    .want = "{\"model\":\"m\",\"messages\":[{\"role\":"
			    "\"assistant\",\"content\":null,\"tool_calls\":[{"
			    "\"id\":\"1\",\"type\":\"function\",\"function\":{"
			    "\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":"
			    "\"2\",\"type\":\"function\",\"function\":{"
			    "\"name\":\"g\",\"arguments\":\"{}\"}}]},{\"role\":"
			    "\"tool\",\"tool_call_id\":\"1\",\"content\":"
			    "\"[attached in the next message]\"},{\"role\":"
			    "\"tool\",\"tool_call_id\":\"2\",\"content\":"
			    "\"Error: bad\"},{\"role\":\"user\",\"content\":[{"
			    "\"type\":\"text\",\"text\":\"Attached to the "
			    "result of tool call 1:\"},{\"type\":"
			    "\"image_url\",\"image_url\":{\"url\":"
			    "\"data:image/png;base64,QUJD\"}},{\"type\":"
			    "\"text\",\"text\":\"q\"}]}]}",
		    .losses = "thinking is_error" },
		/* documents: text inline, data as a file */
		{ .chat = "{\"turns\":[{\"role\":\"user\",\"parts\":[{"
			  "\"kind\":\"document\",\"text\":\"x\",\"name\":\"n\""
			  "},{\"kind\":\"document\",\"data\":\"QQ==\","
			  "\"mime\":\"application/pdf\"},{\"kind\":\"audio\","
			  "\"data\":\"QQ==\",\"mime\":\"audio/wav\"}]}]}",
		    .want = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
			    "\"content\":[{\"type\":\"text\",\"text\":"
			    "\"<document name=\\\"n\\\">\\nx\\n</document>\"},{"
			    "\"type\":\"file\",\"file\":{\"filename\":"
			    "\"document.pdf\",\"file_data\":"
			    "\"data:application/pdf;base64,QQ==\"}},{\"type\":"
			    "\"input_audio\",\"input_audio\":{\"data\":"
			    "\"QQ==\",\"format\":\"wav\"}}]}]}",
		    .losses = "" },
		/* nobody goes on with what the client has begun */
		{ .chat = "{\"turns\":[" HI_TURN ",{\"role\":\"assistant\","
			  "\"parts\":[{\"kind\":\"text\",\"text\":\"{\"}]}]}",
		    .want = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
			    "\"content\":\"hi\"},{\"role\":\"assistant\","
			    "\"content\":\"{\"}]}",
		    .losses = "messages.prefill" },
		/* an unanswered call is answered; a custom one is wrapped */
		{ .chat = "{\"turns\":[{\"role\":\"assistant\",\"parts\":[{"
			  "\"kind\":\"text\",\"text\":\"a\"},{\"kind\":"
			  "\"call\",\"id\":\"1\",\"name\":\"f\",\"text\":"
			  "\"raw\\\"\",\"custom\":true}]}]}",
		    .want = "{\"model\":\"m\",\"messages\":[{\"role\":"
			    "\"assistant\",\"content\":\"a\",\"tool_calls\":[{"
			    "\"id\":\"1\",\"type\":\"function\",\"function\":{"
			    "\"name\":\"f\",\"arguments\":"
			    "\"{\\\"input\\\":\\\"raw\\\\\\\"\\\"}\"}}]},{"
			    "\"role\":\"tool\",\"tool_call_id\":\"1\","
			    "\"content\":\"[no result]\"}]}",
		    .losses = "" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

static void
a_vendor_that_insists_on_its_thoughts_gets_them_back(void **state)
{
	static const struct kit_case cases[] = {
		{ .chat = "{\"turns\":[{\"role\":\"assistant\",\"parts\":[{"
			  "\"kind\":\"thinking\",\"text\":\"t\"},{\"kind\":"
			  "\"call\",\"id\":\"1\",\"name\":\"f\",\"text\":"
			  "\"{}\"}]},{\"role\":\"user\",\"parts\":[{\"kind\":"
			  "\"result\",\"id\":\"1\",\"parts\":[{\"kind\":"
			  "\"text\",\"text\":\"r\"}]}]},{\"role\":"
			  "\"assistant\",\"parts\":[{\"kind\":\"text\","
			  "\"text\":\"a\"}]}," HI_TURN "]}",
		    .quirks = QUIRK_THOUGHTS_BACK,
		    .want = "{\"model\":\"m\",\"messages\":[{\"role\":"
			    "\"assistant\",\"reasoning_content\":\"t\","
			    "\"content\":null,\"tool_calls\":[{\"id\":\"1\","
			    "\"type\":\"function\",\"function\":{\"name\":"
			    "\"f\",\"arguments\":\"{}\"}}]},{\"role\":"
			    "\"tool\",\"tool_call_id\":\"1\",\"content\":"
			    "\"r\"},{\"role\":\"assistant\","
			    "\"reasoning_content\":\"\",\"content\":\"a\"},{"
			    "\"role\":\"user\",\"content\":\"hi\"}]}",
		    .losses = "" },
		/* another's token stays here, its words do not */
		{ .chat = "{\"turns\":[{\"role\":\"assistant\",\"parts\":[{"
			  "\"kind\":\"thinking\",\"redacted\":true,"
			  "\"signature\":\"r\",\"issuer\":\"anthropic\"},{"
			  "\"kind\":\"thinking\",\"text\":\"t\","
			  "\"signature\":\"s\",\"issuer\":\"anthropic\"},{"
			  "\"kind\":\"text\",\"text\":\"a\"}]}," HI_TURN "]}",
		    .quirks = QUIRK_THOUGHTS_BACK,
		    .want = "{\"model\":\"m\",\"messages\":[{\"role\":"
			    "\"assistant\",\"reasoning_content\":\"t\","
			    "\"content\":\"a\"},{\"role\":\"user\","
			    "\"content\":\"hi\"}]}",
		    .losses = "thinking" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

static void
what_would_change_the_meaning_is_refused_with_its_path(void **state)
{
	static const struct {
		const char *part;
		const char *path;
	} cases[] = {
		{ "{\"kind\":\"text\",\"text\":\"a\"},{\"kind\":\"image\","
		  "\"url\":\"https://x/y\"}",
		    "turns[0].parts[1]" },
		{ "{\"kind\":\"document\",\"url\":\"https://x/y\"}",
		    "turns[0].parts[0]" },
		{ "{\"kind\":\"document\",\"data\":\"QQ==\"}",
		    "turns[0].parts[0]" },
		{ "{\"kind\":\"image\",\"file_id\":\"f\"}",
		    "turns[0].parts[0]" },
		{ "{\"kind\":\"audio\",\"data\":\"QQ==\"}",
		    "turns[0].parts[0]" },
		{ "{\"kind\":\"result\",\"id\":\"nobody\"}",
		    "turns[0].parts[0]" },
	};
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		kit_init(&k, &provider_openai, URL);
		k.facts.can = MODEL_TOOLS;
		k.target.facts = &k.facts;
		kit_chat(&k,
		    arena_printf(k.arena,
			"{\"turns\":[{\"role\":\"user\",\"parts\":[%s]}]}",
			cases[i].part));
		assert_int_equal(kit_prepare(&k), -1);
		assert_int_equal(k.err.kind, ERROR_BAD_REQUEST);
		assert_string_equal(k.err.param, cases[i].path);
		kit_release(&k);
	}
}

static void
an_unlisted_model_elsewhere_gets_max_tokens_and_system(void **state)
{
	struct kit *k = *state;

	k->vendor.base_url = STR("http://127.0.0.1:1/v1");
	kit_chat(k,
	    "{\"turns\":[{\"role\":\"system\",\"parts\":[{\"kind\":"
	    "\"text\",\"text\":\"s\"}]}],\"max_tokens\":3}");
	k->ask.stream = true;
	assert_int_equal(kit_prepare(k), 0);
	kit_same_json(k, k->request.body,
	    "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":"
	    "\"s\"}],\"max_tokens\":3,\"stream\":true,\"stream_options\":{"
	    "\"include_usage\":true}}");
}

static void
bytes_of_the_same_format_pass_with_edits_only(void **state)
{
	static const struct {
		const char *body, *want;
		bool stream;
		unsigned quirks;
	} cases[] = {
		{ "{ \"x\":1.50, \"model\" : \"gpt\\u002d5\",\"y\":[] }",
		    "{ \"x\":1.50, \"model\" : \"m\",\"y\":[] }", false, 0 },
		{ "{\"model\":\"a\",\"stream\":true}",
		    "{\"model\":\"m\",\"stream\":true,\"stream_options\":{"
		    "\"include_usage\":true}}",
		    true, 0 },
		{ "{\"model\":\"a\",\"stream_options\":{\"include_usage\":"
		  "false,\"z\":1}}",
		    "{\"model\":\"m\",\"stream_options\":{\"include_usage\":"
		    "true,\"z\":1}}",
		    true, 0 },
		{ "{\"stream_options\":null,\"model\":\"a\"}",
		    "{\"stream_options\":{\"include_usage\":true},\"model\":"
		    "\"m\"}",
		    true, 0 },
		{ "{\"model\":\"a\",\"stream\":true}",
		    "{\"model\":\"m\",\"stream\":true}", true,
		    QUIRK_NO_STREAM_OPTIONS },
	};
	struct kit *k = *state;

	k->ask.wire = WIRE_OPENAI_CHAT;
	for (size_t i = 0; i < COUNT(cases); i++) {
		k->ask.body = str_of(cases[i].body);
		k->ask.stream = cases[i].stream;
		k->vendor.quirks = cases[i].quirks;
		assert_int_equal(kit_prepare(k), 0);
		assert_true(str_is(k->request.body, cases[i].want));
	}
}

#define THOUGHT(members)                                                       \
	"{\"messages\":[{\"role\":\"assistant\"," members                      \
	"\"content\":\"a\"}],\"model\":\"m\"}"
#define REASONED                                                               \
	"\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"hm\"," \
	"\"signature\":\"sluice:anthropic-claude-v1:S\"}]"
#define CALLED(id)                                                             \
	"{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":["              \
	"{\"id\":\"" id "\"}]},{\"role\":\"tool\",\"tool_call_id\" : \"" id    \
	"\"}],\"model\":\"m\"}"
#define VLLM_ID "chatcmpl-tool-0123456789abcdef0123456789abcdef"

/* What an answer of another vendor has left in the conversation. */
static void
tokens_and_ids_of_others_stay_out_of_bytes_that_pass(void **state)
{
	static const struct {
		const char *url, *body, *want;
		unsigned quirks;
		bool lost;
	} cases[] = {
		{ URL, CALLED("call_1"), CALLED("call_1"), 0, false },
		{ URL, CALLED("c1__thought__U0lH"), CALLED("c1"), 0, false },
		{ "http://x", CALLED("c1__thought__U0lH"), CALLED("c1"), 0,
		    false },
		/* OpenAI takes 40 bytes, Mistral its own nine, others any */
		{ URL, CALLED(VLLM_ID),
		    CALLED("chatcmpl-tool-0123456789abcdef0_704115eb"), 0,
		    false },
		{ "http://x", CALLED(VLLM_ID), CALLED(VLLM_ID), 0, false },
		{ "http://x", CALLED("call_1"), CALLED("9Gd2dIMCT"),
		    QUIRK_SHORT_IDS, false },
		{ URL, THOUGHT(REASONED ",\"reasoning_content\":\"hm\","),
		    THOUGHT(""), 0, true },
		{ URL, THOUGHT(REASONED ",\"reasoning_content\":\"hm\","),
		    THOUGHT("\"reasoning_content\":\"hm\","),
		    QUIRK_THOUGHTS_BACK, true },
		/* a router's own */
		{ URL,
		    THOUGHT("\"reasoning_details\":[{\"signature\":\"S\"}],"),
		    THOUGHT("\"reasoning_details\":[{\"signature\":\"S\"}],"),
		    0, false },
	};
	struct kit *k = *state;

	k->ask.wire = WIRE_OPENAI_CHAT;
	for (size_t i = 0; i < COUNT(cases); i++) {
		k->vendor.base_url = str_of(cases[i].url);
		k->vendor.quirks = cases[i].quirks;
		k->ask.body = str_of(cases[i].body);
		k->request = (struct upstream_request){ 0 };
		assert_int_equal(kit_prepare(k), 0);
		if (!str_is(k->request.body, cases[i].want))
			fail_msg("%zu: %.*s", i, STR_ARG(k->request.body));
		assert_int_equal(k->request.losses != NULL, cases[i].lost);
	}
}

static void
the_request_goes_to_chat_completions_with_a_bearer_key(void **state)
{
	struct kit *k = *state;

	kit_chat(k, "{" HI "}");
	assert_int_equal(kit_prepare(k), 0);
	assert_string_equal(k->request.url, URL "/chat/completions");
	assert_true(str_is(
	    header_get(k->request.headers, "Authorization"), "Bearer secret"));
	k->vendor.key = STR_NONE;
	assert_int_equal(kit_prepare(k), 0);
	assert_null(header_get(k->request.headers, "Authorization").p);
}

/* One chunk whose only choice has ${delta} and ${more}. */
#define CHUNK(delta, more)                                                     \
	"data: {\"id\":\"i\",\"model\":\"n\",\"choices\":[{\"index\":0,"       \
	"\"delta\":{" delta "}" more "}]}\n\n"
#define FINISH(word) CHUNK("", ",\"finish_reason\":\"" word "\"")
#define CALL(inner)  CHUNK("\"tool_calls\":[" inner "]", "")
#define DONE         "data: [DONE]\n\n"

struct decode_case {
	const char *body;
	const char *events;
};

static void
check_decode(
    struct kit *k, enum framing framing, const struct decode_case *c, size_t n)
{
	struct kit_sink sink;

	for (; n > 0; n--, c++) {
		if (kit_decode(k, framing, str_of(c->body), 0, &sink) != 0)
			fail_msg("%s: %s", c->body, k->err.msg);
		assert_string_equal(sink.text->p, c->events);
	}
}

static void
streams_decode_to_events(void **state)
{
	static const struct decode_case cases[] = {
		/* a router's words of thinking come, its token is lost */
		{ CHUNK("\"reasoning\":\"r\",\"reasoning_details\":[{\"type\":"
			"\"reasoning.text\",\"text\":\"r\"}]",
		      "") CHUNK("\"reasoning_details\":[{\"type\":"
				"\"reasoning.text\",\"signature\":\"S\"}]",
		      "") FINISH("stop") DONE,
		    "start i n\nopen 0 thinking\n0 r\nlost reasoning_details\n"
		    "close 0\nstop end\n" },
		{ CHUNK("\"role\":\"assistant\",\"content\":\"\"", "") CHUNK(
		      "\"reasoning_content\":\"r\",\"reasoning\":\"r\"", "")
			CHUNK("\"content\":\"a\"", "")
			    CHUNK("\"content\":\"b\"", "")
				FINISH("stop") "data: "
					       "{\"choices\":[],\"usage\":{"
					       "\"prompt_tokens\":9,"
					       "\"completion_tokens\":4,"
					       "\"total_tokens\":13,"
					       "\"prompt_tokens_details\":{"
					       "\"cached_tokens\":5},"
					       "\"completion_tokens_details\":{"
					       "\"reasoning_tokens\":3}}}"
					       "\n\n" DONE,
		    "start i n\nopen 0 thinking\n0 r\nclose 0\nopen 1 text\n"
		    "1 a\n1 b\nusage input=4 cache_read=5 output=1 "
		    "reasoning=3\nclose 1\nstop end\n" },
		/* calls whose pieces interleave; text before them */
		{ CHUNK("\"content\":\"t\"", "") CALL(
		      "{\"index\":0,\"id\":\"x\",\"function\":{\"name\":\"f\","
		      "\"arguments\":\"\"}},{\"index\":1,\"id\":\"y\","
		      "\"function\":{\"name\":\"g\"}}")
			CALL("{\"index\":1,\"function\":{\"arguments\":\"1\"}}")
			    CALL("{\"index\":0,\"function\":{\"arguments\":"
				 "\"0\"}}") FINISH("tool_calls") DONE,
		    "start i n\nopen 0 text\n0 t\nclose 0\nopen 1 tool x f\n"
		    "open 2 tool y g\n2 1\n1 0\nstop tool\n" },
		/* no index, no id, whole calls, one index for two calls */
		{ CALL("{\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
		       "{\"function\":{\"name\":\"g\",\"arguments\":{\"a\":1}}"
		       "}") FINISH("stop"),
		    "start i n\nopen 0 tool call_i_0 f\n0 {}\n"
		    "open 1 tool call_i_1 g\n1 {\"a\":1}\nstop tool\n" },
		{ CALL("{\"index\":0,\"id\":\"x\",\"function\":{\"name\":"
		       "\"f\"}},{\"index\":0,\"id\":\"y\",\"function\":{"
		       "\"name\":\"g\"}}") FINISH("tool_calls"),
		    "start i n\nopen 0 tool x f\nopen 1 tool y g\n"
		    "stop tool\n" },
		/* Mistral's lists; refusals; a finish word nobody knows */
		{ CHUNK("\"content\":[{\"type\":\"thinking\",\"thinking\":[{"
			"\"type\":\"text\",\"text\":\"h\"}]},{\"type\":"
			"\"text\",\"text\":\"t\"}]",
		      ",\"finish_reason\":\"odd\""),
		    "start i n\nopen 0 thinking\n0 h\nclose 0\nopen 1 text\n"
		    "1 t\nclose 1\nstop end\n" },
		{ CHUNK("\"refusal\":\"no\"", "") FINISH("stop") DONE,
		    "start i n\nopen 0 refusal\n0 no\nclose 0\n"
		    "stop refusal\n" },
		/* [DONE] alone is an end too */
		{ CALL("{\"index\":0,\"id\":\"x\",\"function\":{\"name\":"
		       "\"f\"}}") DONE,
		    "start i n\nopen 0 tool x f\nstop tool\n" },
		{ FINISH("length") DONE, "start i n\nstop length\n" },
		{ FINISH("content_filter") DONE, "start i n\nstop refusal\n" },
		/* Groq's usage; usage on the last choice; other choices */
		{ "data: {\"choices\":[{\"delta\":{},\"finish_reason\":"
		  "\"stop\"}],\"x_groq\":{\"usage\":{\"prompt_tokens\":1}}}"
		  "\n\n",
		    "start  \nusage input=1\nstop end\n" },
		{ "data: {\"id\":\"i\",\"model\":\"n\",\"choices\":[{\"index\":"
		  "1,\"delta\":{\"content\":\"other\"}}]}\n\n" FINISH("stop"),
		    "start i n\nstop end\n" },
	};

	check_decode(*state, FRAMING_SSE, cases, COUNT(cases));
}

static void
whole_answers_decode_to_the_same_events(void **state)
{
	static const struct decode_case cases[] = {
		{ "{\"id\":\"i\",\"model\":\"n\",\"choices\":[{\"message\":{"
		  "\"role\":\"assistant\",\"content\":\"a\",\"refusal\":null},"
		  "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":"
		  "2,\"completion_tokens\":1}}",
		    "start i n\nopen 0 text\n0 a\nusage input=2 output=1\n"
		    "close 0\nstop end\n" },
		{ "{\"id\":\"i\",\"model\":\"n\",\"choices\":[{\"message\":{"
		  "\"content\":null,\"tool_calls\":[{\"id\":\"x\",\"type\":"
		  "\"custom\",\"custom\":{\"name\":\"f\",\"input\":\"z\"}}]},"
		  "\"finish_reason\":\"tool_calls\"}]}",
		    "start i n\nopen 0 tool x f\n0 z\nstop tool\n" },
		/* vendors that call every call the same */
		{ "{\"id\":\"i\",\"choices\":[{\"message\":{\"tool_calls\":["
		  "{\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":"
		  "\"1\"}},{\"id\":\"x\",\"function\":{\"name\":\"f\","
		  "\"arguments\":\"2\"}}]}}]}",
		    "start i \nopen 0 tool x f\n0 1\nopen 1 tool call_i_1 f\n"
		    "1 2\nstop tool\n" },
		{ "{\"choices\":[{\"message\":{\"function_call\":{\"name\":"
		  "\"f\",\"arguments\":\"{}\"}},\"finish_reason\":"
		  "\"function_call\"}]}",
		    "start  \nopen 0 tool call__0 f\n0 {}\nstop tool\n" },
	};

	check_decode(*state, FRAMING_WHOLE, cases, COUNT(cases));
}

static void
usage_comes_in_disjoint_buckets(void **state)
{
	static const struct {
		const char *usage, *buckets;
		unsigned quirks;
		int64_t cost;
	} cases[] = {
		{ "\"prompt_tokens\":10,\"completion_tokens\":2,"
		  "\"total_tokens\":12,\"prompt_cache_hit_tokens\":4",
		    "input=6 cache_read=4 output=2", 0, -1 },
		{ "\"prompt_tokens\":10,\"prompt_tokens_details\":{"
		  "\"cached_tokens\":1,\"cache_write_tokens\":2,"
		  "\"audio_tokens\":3},\"completion_tokens\":9,"
		  "\"completion_tokens_details\":{\"audio_tokens\":5}",
		    "input=4 cache_read=1 cache_write_5m=2 output=4 "
		    "audio_in=3 audio_out=5",
		    0, -1 },
		/* reasoning outside: seen from the total, or by quirk */
		{ "\"prompt_tokens\":10,\"completion_tokens\":2,"
		  "\"total_tokens\":19,\"completion_tokens_details\":{"
		  "\"reasoning_tokens\":7}",
		    "input=10 output=2 reasoning=7", 0, -1 },
		{ "\"prompt_tokens\":10,\"completion_tokens\":2,"
		  "\"completion_tokens_details\":{\"reasoning_tokens\":7}",
		    "input=10 output=2 reasoning=7", QUIRK_REASONING_OUTSIDE,
		    -1 },
		{ "\"prompt_tokens\":35,\"completion_tokens\":12,"
		  "\"total_tokens\":109",
		    "input=35 output=12 reasoning=62", 0, -1 },
		/* overlapping counts never exceed the total */
		{ "\"prompt_tokens\":5,\"prompt_tokens_details\":{"
		  "\"cached_tokens\":4,\"cache_write_tokens\":4}",
		    "cache_read=4 cache_write_5m=1", 0, -1 },
		{ "\"prompt_tokens\":1,\"cost\":0.00129", "input=1", 0,
		    1290000000 },
		{ "\"prompt_tokens\":1,\"cost\":1.6e-05", "input=1", 0,
		    16000000 },
		{ "\"prompt_tokens\":1,\"cost\":0.0004970133333333333",
		    "input=1", 0, 497013333 },
		{ "\"prompt_tokens\":1,\"cost\":0", "input=1", 0, 0 },
		{ "\"prompt_tokens\":1,\"cost\":12", "input=1", 0,
		    INT64_C(12000000000000) },
		{ "\"prompt_tokens\":1,\"cost\":1e99", "input=1", 0, -1 },
		{ "\"prompt_tokens\":1,\"cost_in_usd_ticks\":3530500",
		    "input=1", 0, 353050000 },
	};
	struct kit *k = *state;
	struct kit_sink sink;

	for (size_t i = 0; i < COUNT(cases); i++) {
		k->vendor.quirks = cases[i].quirks;
		assert_int_equal(
		    kit_decode(k, FRAMING_SSE,
			str_of(arena_printf(k->arena,
			    "data: {\"choices\":[],\"usage\":{%s}}\n\n%s",
			    cases[i].usage, FINISH("stop"))),
			0, &sink),
		    0);
		assert_string_equal(sink.text->p,
		    arena_printf(k->arena, "start  \nusage %s\nstop end\n",
			cases[i].buckets));
		assert_true(sink.usage.provider_cost_pusd == cases[i].cost);
	}
}

struct failure_case {
	const char *body;
	enum error_kind kind;
	int status;
	const char *msg, *code;
};

static void
errors_inside_a_stream_end_it(void **state)
{
	static const struct failure_case cases[] = {
		{ "data: {\"error\":{\"message\":\"m\",\"type\":"
		  "\"server_error\",\"code\":null}}\n\n",
		    ERROR_UP_BROKEN, 502, "m", "" },
		{ "data: {\"id\":\"i\",\"choices\":[],\"error\":{\"code\":429,"
		  "\"message\":\"slow\"}}\n\n",
		    ERROR_UP_RATE, 429, "slow", "" },
		{ "event: error\ndata: {\"error\":{\"message\":\"m\",\"type\":"
		  "\"invalid_request_error\",\"code\":\"tool_use_failed\","
		  "\"status_code\":400}}\n\n",
		    ERROR_UP_REFUSED, 400, "m", "tool_use_failed" },
		{ "event: error\ndata: {\"message\":\"odd\"}\n\n",
		    ERROR_UP_BROKEN, 502, "odd", "" },
		{ "data: [{\"error\":{\"code\":503,\"message\":\"m\","
		  "\"status\":\"UNAVAILABLE\"}}]\n\n",
		    ERROR_UP_OVERLOADED, 503, "m", "" },
		{ "data: {\"error\":\"text\",\"code\":\"word\"}\n\n",
		    ERROR_UP_BROKEN, 502, "text", "word" },
		{ "data: {\"object\":\"error\",\"message\":\"m\",\"code\":"
		  "\"3051\"}\n\n",
		    ERROR_UP_BROKEN, 502, "m", "" },
		{ CHUNK("\"content\":\"a\"", ",\"finish_reason\":\"error\""),
		    ERROR_UP_BROKEN, 502, "the provider gave up: error", "" },
	};
	struct kit_sink sink;
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		kit_init(&k, &provider_openai, URL);
		assert_int_equal(kit_decode(&k, FRAMING_SSE,
				     str_of(cases[i].body), 0, &sink),
		    -1);
		assert_int_equal(k.err.kind, cases[i].kind);
		assert_int_equal(k.err.status, cases[i].status);
		assert_string_equal(k.err.msg, cases[i].msg);
		assert_string_equal(k.err.code, cases[i].code);
		if (k.err.raw.p) {
			assert_true(str_is(k.err.raw, cases[i].body));
			assert_int_equal(k.err.raw_wire, WIRE_OPENAI_CHAT);
		}
		kit_release(&k);
	}
}

static void
a_cut_stream_is_never_a_normal_end(void **state)
{
	static const char *const bodies[] = { "",
		CHUNK("\"content\":\"a\"", ""), DONE, "data: {\"choices\n\n",
		"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n" };

	kit_breaks(*state, bodies, COUNT(bodies));
}

static void
a_long_stream_needs_no_more_memory(void **state)
{
	static const char *const frames[] = { CHUNK(
	    "\"content\":\"word \"", "") };

	kit_is_frugal(*state, frames, COUNT(frames));
}

static void
refusals_keep_what_the_vendor_said(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum error_kind kind;
		int want;
		const char *msg, *code, *param;
	} cases[] = {
		{ 400,
		    "{\"error\":{\"message\":\"m\",\"type\":\"t\",\"param\":"
		    "\"p\",\"code\":\"unsupported_value\"}}",
		    ERROR_UP_REFUSED, 400, "m", "unsupported_value", "p" },
		{ 401, "{\"detail\":\"no\"}", ERROR_UP_CREDENTIALS, 502, "no",
		    "", "" },
		{ 403, "", ERROR_UP_CREDENTIALS, 502,
		    "the provider answered 403", "", "" },
		{ 404, "{\"error\":{\"message\":\"m\",\"code\":404}}",
		    ERROR_UP_REFUSED, 404, "m", "", "" },
		{ 429, "<html>", ERROR_UP_RATE, 429,
		    "the provider answered 429", "", "" },
		{ 500, "{}", ERROR_UP_BROKEN, 502, "the provider answered 500",
		    "", "" },
		{ 400,
		    "[{\"error\":{\"code\":400,\"message\":\"m\",\"details\":[{"
		    "\"reason\":\"API_KEY_INVALID\"}]}}]",
		    ERROR_UP_CREDENTIALS, 502, "m", "", "" },
	};
	struct kit *k = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		error_clear(&k->err);
		kit_refuse(k, cases[i].status, NULL, str_of(cases[i].body));
		assert_int_equal(k->err.kind, cases[i].kind);
		assert_int_equal(k->err.status, cases[i].want);
		assert_string_equal(k->err.msg, cases[i].msg);
		assert_string_equal(k->err.code, cases[i].code);
		assert_string_equal(k->err.param, cases[i].param);
		/* Words about our credential, and pages, stay here. */
		if (cases[i].kind == ERROR_UP_CREDENTIALS ||
		    cases[i].body[0] != '{')
			assert_null(k->err.raw.p);
		else
			assert_true(str_is(k->err.raw, cases[i].body));
	}
}

static void
retry_hints_are_read_in_all_their_forms(void **state)
{
	static const struct {
		const char *name, *value;
		int64_t want_ms;
	} cases[] = {
		{ "Retry-After", "7", 7000 },
		{ "retry-after", "0.5", 500 },
		{ "retry-after-ms", "120", 120 },
		{ "retry-after", "Sun, 06 Nov 1994 08:49:47 GMT", 10000 },
		{ "retry-after", "Sun, 06 Nov 1994 08:49:00 GMT", 0 },
		{ "retry-after", "Sun, 06 Nov 2094 08:49:00 GMT", 86400000 },
		{ "retry-after", "soon", 0 },
		{ "retry-after", "-3", 0 },
		{ "retry-after", "1e30", 86400000 },
		{ "x-other", "7", 0 },
	};
	struct kit *k = *state;
	struct header *list;

	for (size_t i = 0; i < COUNT(cases); i++) {
		list = NULL;
		header_add(k->arena, &list, STR("Date"),
		    STR("Sun, 06 Nov 1994 08:49:37 GMT"));
		header_add(k->arena, &list, str_of(cases[i].name),
		    str_of(cases[i].value));
		error_clear(&k->err);
		kit_refuse(k, 429, list, STR("{}"));
		assert_true(k->err.retry_after_ms == cases[i].want_ms);
	}
}

static void
the_registry_knows_every_vendor_by_a_known_api(void **state)
{
	const struct vendor *v;
	struct str also;

	(void)state;
	for (v = providers.vendors; v->name; v++) {
		assert_non_null(
		    registry_api(&providers, vendor_apis(v, &also)));
		if (also.p)
			assert_non_null(registry_api(&providers, also));
		assert_non_null(v->base_url);
		assert_ptr_equal(
		    registry_vendor(&providers, str_of(v->name)), v);
	}
	assert_non_null(registry_vendor(&providers, STR("openrouter")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, kit_teardown)

static void
calls_are_spelled_for_the_vendor_and_found_again(void **state)
{
	struct kit *k = *state;
	struct kit_sink sink;
	struct str id, name;

	k->ask.wire = WIRE_ANTHROPIC;
	k->vendor.quirks = QUIRK_SHORT_IDS;
	kit_chat(k,
	    "{\"tools\":[{\"name\":\"a.b\"}],\"turns\":[{\"role\":"
	    "\"assistant\",\"parts\":[{\"kind\":\"call\",\"id\":"
	    "\"toolu_1\",\"name\":\"a.b\"}]},{\"role\":\"user\","
	    "\"parts\":[{\"kind\":\"result\",\"id\":\"toolu_1\"}]}]}");
	id =
	    call_id_for(k->arena, STR("toolu_1"), &k->target, WIRE_OPENAI_CHAT);
	name = name_for(k->arena, STR("a.b"), WIRE_OPENAI_CHAT);
	assert_int_equal(kit_prepare(k), 0);
	kit_same_json(k, k->request.body,
	    arena_printf(k->arena,
		"{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\","
		"\"content\":null,\"tool_calls\":[{\"id\":\"%.*s\","
		"\"type\":\"function\",\"function\":{\"name\":\"%.*s\","
		"\"arguments\":\"{}\"}}]},{\"role\":\"tool\","
		"\"tool_call_id\":\"%.*s\",\"content\":\"\"}],\"tools\":["
		"{\"type\":\"function\",\"function\":{\"name\":\"%.*s\"}}]"
		"}",
		STR_ARG(id), STR_ARG(name), STR_ARG(id), STR_ARG(name)));
	assert_int_equal(
	    kit_decode(k, FRAMING_WHOLE,
		str_of(arena_printf(k->arena,
		    "{\"choices\":[{\"message\":{\"tool_calls\":[{\"id\":"
		    "\"x\",\"function\":{\"name\":\"%.*s\"}}]}}]}",
		    STR_ARG(name))),
		0, &sink),
	    0);
	assert_non_null(strstr(sink.text->p, "tool x a.b\n"));
}

static void
documents_and_audio_for_mistral_come_in_its_form(void **state)
{
	static const struct kit_case cases[] = {
		{ .chat = "{\"turns\":[{\"role\":\"user\",\"parts\":[{"
			  "\"kind\":\"document\",\"url\":\"https://x/a.pdf\","
			  "\"name\":\"a.pdf\"},{\"kind\":\"document\","
			  "\"data\":\"QQ==\",\"mime\":\"application/pdf\"},"
			  "{\"kind\":\"audio\",\"data\":\"UklGRg==\","
			  "\"mime\":\"audio/wav\"}]}]}",
		    .quirks = QUIRK_FLAT_MEDIA,
		    .want = "{\"model\":\"m\",\"messages\":[{\"role\":"
			    "\"user\",\"content\":[{\"type\":"
			    "\"document_url\",\"document_url\":"
			    "\"https://x/a.pdf\",\"document_name\":\"a.pdf\"},"
			    "{\"type\":\"document_url\",\"document_url\":"
			    "\"data:application/pdf;base64,QQ==\"},{\"type\":"
			    "\"input_audio\",\"input_audio\":\"UklGRg==\"}"
			    "]}]}",
		    .losses = "" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

static void
a_model_without_schemas_is_asked_in_words(void **state)
{
	static const struct kit_case cases[] = {
		{ .chat = "{" HI ",\"output\":\"schema\",\"schema\":\"{}\"}",
		    .known = true,
		    .want = "{\"model\":\"m\",\"messages\":[{\"role\":"
			    "\"system\",\"content\":\"Answer with one JSON "
			    "value and nothing else. It must match this JSON "
			    "Schema:\\n{}\"},{\"role\":\"user\",\"content\":"
			    "\"hi\"}]}",
		    .losses = "response_format" },
		{ .chat = "{\"turns\":[{\"role\":\"system\",\"parts\":[{"
			  "\"kind\":\"text\",\"text\":\"s\"}]}],\"output\":"
			  "\"schema\",\"schema\":\"1\"}",
		    .known = true,
		    .want = "{\"model\":\"m\",\"messages\":[{\"role\":"
			    "\"system\",\"content\":\"s\\n\\nAnswer with one "
			    "JSON value and nothing else. It must match this "
			    "JSON Schema:\\n1\"}]}",
		    .losses = "response_format" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

static void
stop_strings_that_the_api_refuses_are_cut_by_the_gateway(void **state)
{
	struct kit *k = *state;

	kit_chat(k, "{" HI ",\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}");
	k->ask.wire = WIRE_ANTHROPIC;
	k->facts.can = MODEL_TEMPERATURE;
	k->target.facts = &k->facts;
	assert_int_equal(kit_prepare(k), 0);
	assert_true(str_is(k->request.cut->s, "e"));
	k->facts.can = MODEL_REASONING; /* takes none */
	assert_int_equal(kit_prepare(k), 0);
	assert_true(str_is(k->request.cut->s, "a"));
	assert_true(str_find(k->request.body, STR("stop")) < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(parameters_are_named_as_the_model_takes_them),
		TEST(tools_and_their_choice_are_carried_over),
		TEST(conversations_keep_their_order_and_lose_by_name),
		TEST(a_vendor_that_insists_on_its_thoughts_gets_them_back),
		TEST(what_would_change_the_meaning_is_refused_with_its_path),
		TEST(an_unlisted_model_elsewhere_gets_max_tokens_and_system),
		TEST(bytes_of_the_same_format_pass_with_edits_only),
		TEST(tokens_and_ids_of_others_stay_out_of_bytes_that_pass),
		TEST(the_request_goes_to_chat_completions_with_a_bearer_key),
		TEST(streams_decode_to_events),
		TEST(whole_answers_decode_to_the_same_events),
		TEST(usage_comes_in_disjoint_buckets),
		TEST(errors_inside_a_stream_end_it),
		TEST(a_cut_stream_is_never_a_normal_end),
		TEST(a_long_stream_needs_no_more_memory),
		TEST(refusals_keep_what_the_vendor_said),
		TEST(retry_hints_are_read_in_all_their_forms),
		TEST(the_registry_knows_every_vendor_by_a_known_api),
		TEST(calls_are_spelled_for_the_vendor_and_found_again),
		TEST(documents_and_audio_for_mistral_come_in_its_form),
		TEST(a_model_without_schemas_is_asked_in_words),
		TEST(stop_strings_that_the_api_refuses_are_cut_by_the_gateway),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
