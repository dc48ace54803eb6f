/* SPDX-License-Identifier: MIT */
#include "tests/unit/provider_kit.h"

#define URL "https://api.openai.com/v1"

#define HI_WANT                                                                \
	"\"input\":[{\"role\":\"user\",\"content\":\"hi\"}],\"store\":false"

static int
setup(void **state)
{
	return kit_setup(state, &provider_openai_responses, URL);
}

/* ---- requests ---- */

static void
check_prepare(const struct kit_case *c, size_t n)
{
	struct kit k;

	for (; n > 0; n--, c++) {
		kit_case_begin(&k, c, &provider_openai_responses, URL);
		kit_same_json(&k, k.request.body,
		    arena_printf(k.arena, "{\"model\":\"m\",%s}", c->want));
		kit_case_end(&k, c);
	}
}

static void
parameters_are_named_as_the_format_has_them(void **state)
{
	static const struct kit_case cases[] = {
		{ .chat = "{" HI "}", .want = HI_WANT, .losses = "" },
		{ .chat = "{" HI ",\"max_tokens\":7,\"temperature\":0.5,"
			  "\"top_p\":1,\"top_k\":4,\"seed\":3,"
			  "\"presence_penalty\":1,\"stop\":[\"a\"]}",
		    .known = true,
		    .can = MODEL_TEMPERATURE,
		    .want = HI_WANT ",\"max_output_tokens\":16,"
				    "\"temperature\":0.5,\"top_p\":1",
		    .losses = "max_tokens top_k presence_penalty seed" },
		{ .chat = "{" HI ",\"temperature\":0.5,\"effort\":"
			  "\"minimal\"}",
		    .known = true,
		    .can = MODEL_REASONING,
		    .efforts = 1u << EFFORT_LOW,
		    .want = HI_WANT ",\"reasoning\":{\"effort\":\"low\"},"
				    "\"include\":["
				    "\"reasoning.encrypted_content\"]",
		    .losses = "temperature" },
		/* who asks for thinking gets its summary, if it may be seen */
		{ .chat = "{" HI ",\"thinking_budget\":10000,"
			  "\"max_tokens\":32000}",
		    .known = true,
		    .can = MODEL_REASONING,
		    .efforts = 1u << EFFORT_MEDIUM,
		    .want =
			HI_WANT ",\"max_output_tokens\":32000,\"reasoning\":{"
				"\"effort\":\"medium\",\"summary\":\"auto\"},"
				"\"include\":[\"reasoning.encrypted_content\"]",
		    .losses = "" },
		{ .chat = "{" HI ",\"thinking_budget\":-1,"
			  "\"thinking_hidden\":true}",
		    .known = true,
		    .can = MODEL_REASONING,
		    .efforts = 1u << EFFORT_HIGH,
		    .want = HI_WANT ",\"reasoning\":{\"effort\":\"high\"},"
				    "\"include\":["
				    "\"reasoning.encrypted_content\"]",
		    .losses = "" },
		{ .chat = "{" HI ",\"effort\":\"high\",\"user\":\"u\","
			  "\"service_tier\":\"standard_only\"}",
		    .want = HI_WANT ",\"user\":\"u\",\"service_tier\":"
				    "\"default\"",
		    .losses = "thinking" },
		{ .chat = "{" HI ",\"output\":\"schema\",\"schema\":\"{}\","
			  "\"schema_strict\":true}",
		    .want = HI_WANT ",\"text\":{\"format\":{\"type\":"
				    "\"json_schema\",\"name\":\"answer\","
				    "\"schema\":{},\"strict\":true}}",
		    .losses = "" },
		{ .chat = "{" HI ",\"max_tokens\":128000}",
		    .known = true,
		    .want = HI_WANT ",\"max_output_tokens\":32000",
		    .losses = "max_tokens" },
		{ .chat = "{" HI ",\"output\":\"json\"}",
		    .want = HI_WANT
		    ",\"text\":{\"format\":{\"type\":\"json_object\"}}",
		    .losses = "" },
		{ .chat = "{" HI ",\"tools\":[{\"name\":\"f\",\"description\":"
			  "\"d\",\"schema\":\"{\\\"type\\\":\\\"object\\\","
			  "\\\"additionalProperties\\\":false}\","
			  "\"strict\":true},{\"name\":\"g\"},{\"name\":\"c\","
			  "\"custom\":true,\"grammar\":"
			  "\"{\\\"type\\\":\\\"grammar\\\",\\\"grammar\\\":{"
			  "\\\"syntax\\\":\\\"lark\\\",\\\"definition\\\":"
			  "\\\"x\\\"}}\"}],\"tool_choice\":\"named\","
			  "\"tool_choice_name\":\"c\",\"parallel_off\":true}",
		    .want = HI_WANT
		    ",\"tools\":[{\"type\":\"function\",\"name\":\"f\","
		    "\"description\":\"d\",\"parameters\":{\"type\":"
		    "\"object\",\"additionalProperties\":false},\"strict\":"
		    "true},{\"type\":\"function\","
		    "\"name\":\"g\",\"parameters\":{\"type\":\"object\","
		    "\"properties\":{}},\"strict\":false},{\"type\":"
		    "\"custom\",\"name\":\"c\",\"format\":{\"type\":"
		    "\"grammar\",\"syntax\":\"lark\",\"definition\":"
		    "\"x\"}}],\"tool_choice\":{\"type\":\"custom\","
		    "\"name\":\"c\"},\"parallel_tool_calls\":false",
		    .losses = "" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

#define LONG_ID                                                                \
	"call_0123456789012345678901234567890123456789012345678901234567890"
#define CUT_ID                                                                 \
	"call_01234567890123456789012345678901234567890123456789_b25c064e"

static void
conversations_become_items(void **state)
{
	static const struct kit_case cases[] = {
		{ .chat = "{\"turns\":[{\"role\":\"system\",\"parts\":[{"
			  "\"kind\":\"text\",\"text\":\"a\",\"mark\":\"5m\"}"
			  "]},{\"role\":\"system\",\"parts\":[{\"kind\":"
			  "\"text\",\"text\":\"b\"}]},{\"role\":\"user\","
			  "\"name\":\"bob\",\"parts\":[{\"kind\":\"text\","
			  "\"text\":\"c\"},{\"kind\":\"image\",\"url\":"
			  "\"https://x/y\"}]},{\"role\":\"system\",\"parts\":[{"
			  "\"kind\":\"text\",\"text\":\"d\"}]}]}",
		    .known = true,
		    .can = MODEL_REASONING | MODEL_IMAGES,
		    .want = "\"instructions\":\"a\\n\\nb\",\"input\":[{"
			    "\"role\":\"user\",\"content\":[{\"type\":"
			    "\"input_text\",\"text\":\"c\"},{\"type\":"
			    "\"input_image\",\"image_url\":\"https://x/y\","
			    "\"detail\":\"auto\"}]},{\"role\":\"developer\","
			    "\"content\":\"d\"}],\"store\":false,\"include\":["
			    "\"reasoning.encrypted_content\"]",
		    .losses = "messages.name cache_control" },
		{ .chat = "{\"turns\":[{\"role\":\"system\",\"parts\":[{"
			  "\"kind\":\"text\",\"text\":\"a\"}]}]}",
		    .want = "\"input\":[{\"role\":\"system\",\"content\":"
			    "\"a\"}],\"store\":false",
		    .losses = "" },
		{ .chat = "{\"turns\":[{\"role\":\"user\",\"parts\":[{"
			  "\"kind\":\"text\",\"text\":\"q\"}]},{\"role\":"
			  "\"assistant\",\"parts\":[{\"kind\":\"text\","
			  "\"text\":\"{\"}]}]}",
		    .want =
			"\"input\":[{\"role\":\"user\",\"content\":\"q\"},{"
			"\"role\":\"assistant\",\"content\":[{\"type\":"
			"\"output_text\",\"text\":\"{\"}]}],\"store\":false",
		    .losses = "messages.prefill" },
		/* the word JSON must stand in the input */
		{ .chat =
			"{\"output\":\"json\",\"turns\":[{\"role\":"
			"\"system\",\"parts\":[{\"kind\":\"text\",\"text\":"
			"\"Answer in JSON.\"}]},{\"role\":\"user\",\"parts\":[{"
			"\"kind\":\"text\",\"text\":\"q\"}]}]}",
		    .want =
			"\"input\":[{\"role\":\"system\",\"content\":"
			"\"Answer in JSON.\"},{\"role\":\"user\",\"content\":"
			"\"q\"}],\"text\":{\"format\":{\"type\":"
			"\"json_object\"}},\"store\":false",
		    .losses = "" },
		/* own thinking goes back, another's and a last one not */
		{ .chat = "{\"turns\":[{\"role\":\"assistant\",\"parts\":[{"
			  "\"kind\":\"thinking\",\"text\":\"t\","
			  "\"signature\":\"E\",\"issuer\":\"responses\"},{"
			  "\"kind\":\"thinking\",\"text\":\"u\","
			  "\"signature\":\"S\",\"issuer\":\"anthropic\"},{"
			  "\"kind\":\"text\",\"text\":\"say\"},{\"kind\":"
			  "\"refusal\",\"text\":\"no\"},{\"kind\":\"call\","
			  "\"id\":\"1\",\"name\":\"f\"},{\"kind\":\"call\","
			  "\"id\":\"2\",\"name\":\"c\",\"text\":\"free\","
			  "\"custom\":true},{\"kind\":\"thinking\","
			  "\"redacted\":true,\"signature\":\"E2\",\"issuer\":"
			  "\"responses\"},{\"kind\":\"thinking\","
			  "\"redacted\":true,\"signature\":\"E3\",\"issuer\":"
			  "\"responses\"}]},{\"role\":\"user\",\"parts\":[{"
			  "\"kind\":\"result\",\"id\":\"2\",\"parts\":[{"
			  "\"kind\":\"text\",\"text\":\"r2\"}]},{\"kind\":"
			  "\"result\",\"id\":\"1\",\"is_error\":true,"
			  "\"parts\":[{\"kind\":\"text\",\"text\":\"bad\"},{"
			  "\"kind\":\"image\",\"data\":\"QQ==\",\"mime\":"
			  "\"image/png\"}]},{\"kind\":\"text\",\"text\":"
			  "\"q\"}]}]}",
		    .want = "\"input\":[{\"type\":\"reasoning\",\"summary\":[{"
			    "\"type\":\"summary_text\",\"text\":\"t\"}],"
			    "\"encrypted_content\":\"E\"},{\"role\":"
			    "\"assistant\",\"content\":[{\"type\":"
			    "\"output_text\",\"text\":\"say\"},{\"type\":"
			    "\"refusal\",\"refusal\":\"no\"}]},{\"type\":"
			    "\"function_call\",\"call_id\":\"1\",\"name\":"
			    "\"f\",\"arguments\":\"{}\"},{\"type\":"
			    "\"custom_tool_call\",\"call_id\":\"2\",\"name\":"
			    "\"c\",\"input\":\"free\"},{\"type\":"
			    "\"function_call_output\",\"call_id\":\"1\","
			    "\"output\":[{\"type\":\"input_text\",\"text\":"
			    "\"Error:\"},{\"type\":\"input_text\",\"text\":"
			    "\"bad\"},{\"type\":\"input_image\",\"image_url\":"
			    "\"data:image/png;base64,QQ==\",\"detail\":"
			    "\"auto\"}]},{\"type\":"
			    "\"custom_tool_call_output\",\"call_id\":\"2\","
			    "\"output\":\"r2\"},{\"role\":\"user\","
			    "\"content\":\"q\"}],\"store\":false",
		    .losses = "thinking is_error" },
		{ .chat = "{\"turns\":[{\"role\":\"user\",\"parts\":[{"
			  "\"kind\":\"document\",\"text\":\"x\",\"name\":\"n\""
			  "},{\"kind\":\"document\",\"data\":\"QQ==\","
			  "\"mime\":\"application/pdf\"},{\"kind\":"
			  "\"document\",\"url\":\"https://x/d\"},{\"kind\":"
			  "\"audio\",\"data\":\"QQ==\",\"mime\":"
			  "\"audio/wav\"}]}]}",
		    .want = "\"input\":[{\"role\":\"user\",\"content\":[{"
			    "\"type\":\"input_text\",\"text\":"
			    "\"<document name=\\\"n\\\">\\nx\\n</document>\"},{"
			    "\"type\":\"input_file\",\"filename\":"
			    "\"document.pdf\",\"file_data\":"
			    "\"data:application/pdf;base64,QQ==\"},{\"type\":"
			    "\"input_file\",\"file_url\":\"https://x/d\"},{"
			    "\"type\":\"input_audio\",\"input_audio\":{"
			    "\"data\":\"QQ==\",\"format\":\"wav\"}}]}],"
			    "\"store\":false",
		    .losses = "" },
		/* an id too long is cut, the same way on both sides */
		{ .chat = "{\"turns\":[{\"role\":\"assistant\",\"parts\":[{"
			  "\"kind\":\"call\",\"id\":\"" LONG_ID "\",\"name\":"
			  "\"f\",\"text\":\"{}\"}]}]}",
		    .want = "\"input\":[{\"type\":\"function_call\","
			    "\"call_id\":\"" CUT_ID "\",\"name\":\"f\","
			    "\"arguments\":\"{}\"},{\"type\":"
			    "\"function_call_output\",\"call_id\":\"" CUT_ID
			    "\",\"output\":\"[no result]\"}],"
			    "\"store\":false",
		    .losses = "" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

static void
what_would_change_the_meaning_is_refused_with_its_path(void **state)
{
	static const char *const parts[] = {
		"{\"kind\":\"image\",\"url\":\"https://x/y\"}",
		"{\"kind\":\"document\",\"data\":\"QQ==\"}",
		"{\"kind\":\"image\",\"file_id\":\"f\"}",
		"{\"kind\":\"document\",\"file_id\":\"f\"}",
		"{\"kind\":\"audio\",\"data\":\"QQ==\"}",
		"{\"kind\":\"result\",\"id\":\"nobody\"}",
	};
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(parts); i++) {
		kit_init(&k, &provider_openai_responses, URL);
		k.facts.can = MODEL_TOOLS;
		k.target.facts = &k.facts;
		kit_chat(&k,
		    arena_printf(k.arena,
			"{\"turns\":[{\"role\":\"user\",\"parts\":[%s]}]}",
			parts[i]));
		assert_int_equal(kit_prepare(&k), -1);
		assert_int_equal(k.err.kind, ERROR_BAD_REQUEST);
		assert_string_equal(k.err.param, "turns[0].parts[0]");
		kit_release(&k);
	}
}

static void
what_the_format_lacks_is_done_otherwise(void **state)
{
	struct kit *k = *state;

	k->facts.can = MODEL_TEMPERATURE;
	k->target.facts = &k->facts;
	kit_chat(k,
	    "{" HI ",\"stop\":[\"x\"],\"output\":\"schema\",\"schema\":"
	    "\"{}\",\"tools\":[{\"name\":\"a.b\"}]}");
	assert_int_equal(kit_prepare(k), 0);
	assert_true(str_is(k->request.cut->s, "x"));
	kit_same_json(k, k->request.body,
	    "{\"model\":\"m\",\"instructions\":\"Answer with one JSON value "
	    "and nothing else. It must match this JSON Schema:\\n{}\"," HI_WANT
	    ",\"tools\":[{\"type\":\"function\",\"name\":\"a_b_108bf50c\","
	    "\"parameters\":{\"type\":\"object\",\"properties\":{}},"
	    "\"strict\":false}]}");
	assert_string_equal(kit_losses(k), "response_format");
}

static void
bytes_of_the_same_format_pass_with_edits_only(void **state)
{
	static const struct {
		const char *body, *want;
	} cases[] = {
		{ "{ \"x\":1.50, \"model\" : \"a\",\"input\":[ ] }",
		    "{ \"x\":1.50, \"model\" : \"m\",\"input\":[ ] }" },
		{ "{\"model\":\"a\",\"previous_response_id\":\"r\","
		  "\"tools\":[{\"type\":\"mcp\"}],\"stream\":true}",
		    "{\"model\":\"m\",\"previous_response_id\":\"r\","
		    "\"tools\":[{\"type\":\"mcp\"}],\"stream\":true}" },
		/* another issuer's token stays here */
		{ "{\"model\":\"a\",\"input\":[ {\"type\":\"reasoning\","
		  "\"encrypted_content\":\"sluice:anthropic-claude-v1:S\"}, "
		  "{\"role\":\"user\"}, {\"encrypted_content\":\"E\"} ]}",
		    "{\"model\":\"m\",\"input\":[{\"role\":\"user\"},"
		    "{\"encrypted_content\":\"E\"}]}" },
		{ "{\"model\":\"a\",\"input\":\"sluice:x\"}",
		    "{\"model\":\"m\",\"input\":\"sluice:x\"}" },
	};
	struct kit *k = *state;

	k->ask.wire = WIRE_OPENAI_RESPONSES;
	for (size_t i = 0; i < COUNT(cases); i++) {
		k->ask.body = str_of(cases[i].body);
		assert_int_equal(kit_prepare(k), 0);
		assert_true(str_is(k->request.body, cases[i].want));
	}
	assert_string_equal(k->request.url, URL "/responses");
	assert_true(str_is(
	    header_get(k->request.headers, "authorization"), "Bearer secret"));
}

/* ---- answers ---- */

#define EV(t, j) "event: " t "\ndata: {\"type\":\"" t "\"" j "}\n\n"
#define CREATED                                                                \
	EV("response.created",                                                 \
	    ",\"response\":{\"id\":\"r\",\"model\":\"n\",\"usage\":null}")
#define ADDED(i, item)                                                         \
	EV("response.output_item.added",                                       \
	    ",\"output_index\":" i ",\"item\":{" item "}")
#define DONE(i, item)                                                          \
	EV("response.output_item.done",                                        \
	    ",\"output_index\":" i ",\"item\":{" item "}")
#define PIECE(t, i, j) EV("response." t, ",\"output_index\":" i j)
#define SAID(i, c, x)                                                          \
	PIECE("output_text.delta", i,                                          \
	    ",\"content_index\":" c ",\"delta\":\"" x "\"")
#define MSG  "\"type\":\"message\",\"content\":["
#define TEXT "{\"type\":\"output_text\",\"text\":\"ab\"}"
#define OBJ(status, rest)                                                      \
	",\"response\":{\"id\":\"r\",\"model\":\"n\",\"status\":\"" status     \
	"\"" rest "}"
#define COMPLETED EV("response.completed", OBJ("completed", ",\"output\":[]"))

struct decode_case {
	const char *body, *want;
};

static void
check_decode(enum framing framing, const struct decode_case *c, size_t n)
{
	struct kit_sink sink;
	struct kit k;

	for (; n > 0; n--, c++) {
		kit_init(&k, &provider_openai_responses, URL);
		if (kit_decode(&k, framing, str_of(c->body), 0, &sink) != 0)
			fail_msg("%s: %s", c->body, k.err.msg);
		assert_string_equal(sink.text->p, c->want);
		kit_release(&k);
	}
}

static void
streams_decode_to_events(void **state)
{
	static const struct decode_case cases[] = {
		{ CREATED ADDED("0", MSG "]") SAID("0", "0", "a")
			SAID("0", "0", "b") PIECE("output_text.done", "0",
			    ",\"content_index\":0,\"text\":\"ab\"")
			    DONE("0", MSG TEXT "]") EV("response.completed",
				OBJ("completed",
				    ",\"usage\":{\"input_tokens\":9,"
				    "\"input_tokens_details\":{\"cached_"
				    "tokens\":"
				    "3,\"cache_write_tokens\":4,"
				    "\"cache_write_tokens_details\":{"
				    "\"ttl_30m_tokens\":1,\"ttl_12h_tokens\":2}"
				    "},"
				    "\"output_tokens\":5,"
				    "\"output_tokens_details\":{"
				    "\"reasoning_tokens\":4},\"total_tokens\":"
				    "14}")) "data: [DONE]\n\n",
		    "start r n\nopen 0 text\n0 a\n0 b\nclose 0\nusage input=2 "
		    "cache_read=3 cache_write_5m=1 cache_write_30m=1 "
		    "cache_write_12h=2 output=1 reasoning=4\nstop end\n" },
		/* two calls interleaved; a custom one wrapped piece by piece */
		{ CREATED ADDED("0",
		      "\"type\":\"function_call\",\"call_id\":"
		      "\"a\",\"name\":\"f\",\"arguments\":\"\"") ADDED("1",
		      "\"type\":\"custom_tool_call\",\"call_id\":"
		      "\"b\",\"name\":\"c\",\"input\":\"\"")
			PIECE("function_call_arguments.delta", "0",
			    ",\"delta\":\"{\"")
			    PIECE("custom_tool_call_input.delta", "1",
				",\"delta\":\"x\\n\"")
				PIECE("function_call_arguments.delta", "0",
				    ",\"delta\":\"}\"")
				    PIECE("custom_tool_call_input.done", "1",
					",\"input\":\"x\\n\"") DONE("0",
					"\"type\":\"function_call\","
					"\"arguments\":\"{}\"") DONE("1",
					"\"type\":"
					"\"custom_tool_call\"") COMPLETED,
		    "start r n\nopen 0 tool a f\nopen 1 tool b c\n"
		    "1 {\"input\":\"\n0 {\n1 x\\n\n0 }\n1 \"}\nclose 1\n"
		    "close 0\nstop tool\n" },
		/* summaries are one thought; its token comes with the end */
		{ CREATED ADDED("0",
		      "\"type\":\"reasoning\",\"summary\":[],"
		      "\"encrypted_content\":\"part\"")
			PIECE("reasoning_summary_text.delta", "0",
			    ",\"summary_index\":0,\"delta\":\"a\"")
			    PIECE("reasoning_summary_text.delta", "0",
				",\"summary_index\":1,\"delta\":\"b\"")
				PIECE("reasoning_text.delta", "0",
				    ",\"content_index\":0,\"delta\":\"raw\"")
				    DONE("0",
					"\"type\":\"reasoning\","
					"\"encrypted_content\":\"E\"")
					ADDED("1", MSG "]") DONE("1",
					    MSG "{\"type\":\"refusal\","
						"\"refusal\":\"no\"}]")
					    COMPLETED,
		    "start r n\nopen 0 thinking\n0 a\n0 \n\n\n0 b\nsign 0 E\n"
		    "close 0\nopen 1 refusal\n1 no\nclose 1\nstop refusal\n" },
		/* thinking that shows nothing; hosted items are passed over */
		{ CREATED ADDED("0", "\"type\":\"reasoning\"") DONE("0",
		      "\"type\":\"reasoning\",\"summary\":[],"
		      "\"encrypted_content\":\"E\"")
			ADDED("1", "\"type\":\"web_search_call\"")
			    EV("response.web_search_call.searching",
				",\"output_index\":1")
				DONE("1", "\"type\":\"web_search_call\"")
				    ADDED("2", MSG "]") SAID("2", "0", "ab") EV(
					"response.output_text.annotation.added",
					",\"output_index\":2")
					DONE("2", MSG TEXT "]") COMPLETED,
		    "start r n\nopen 0 redacted\nsign 0 E\nclose 0\n"
		    "lost web_search_call\nopen 1 text\n1 ab\nclose 1\n"
		    "stop end\n" },
		/* OpenRouter: a thought ends behind the message after it */
		{ CREATED ADDED("0", "\"type\":\"reasoning\"")
			PIECE("reasoning_text.delta", "0", ",\"delta\":\"t\"")
			    ADDED("1", MSG "]") SAID("1", "0", "ab")
				DONE("1", MSG TEXT "]") DONE("0",
				    "\"type\":\"reasoning\",\"content\":[{"
				    "\"text\":\"t\"}]") COMPLETED,
		    "start r n\nopen 0 thinking\n0 t\nclose 0\nopen 1 text\n"
		    "1 ab\nclose 1\nstop end\n" },
		/* who streams nothing says it all at the end */
		{ CREATED EV("response.completed",
		      OBJ("completed", ",\"output\":[{" MSG TEXT "]}]")),
		    "start r n\nopen 0 text\n0 ab\nclose 0\nstop end\n" },
		{ CREATED ADDED("0", MSG "]") SAID("0", "0", "a")
			SAID("0", "1", "b") DONE("0", MSG TEXT "," TEXT "]")
			    EV("response.incomplete",
				OBJ("incomplete",
				    ",\"incomplete_details\":{\"reason\":"
				    "\"max_output_tokens\"}")),
		    "start r n\nopen 0 text\n0 a\nopen 1 text\n1 b\nclose 1\n"
		    "close 0\nstop length\n" },
	};

	(void)state;
	check_decode(FRAMING_SSE, cases, COUNT(cases));
}

#define WHOLE(status, rest)                                                    \
	"{\"id\":\"r\",\"model\":\"n\",\"status\":\"" status                   \
	"\",\"error\":null" rest "}"

static void
whole_answers_decode_to_the_same_events(void **state)
{
	static const struct decode_case cases[] = {
		{ WHOLE("completed", ",\"output\":[{" MSG TEXT "]}]"),
		    "start r n\nopen 0 text\n0 ab\nclose 0\nstop end\n" },
		{ WHOLE("completed",
		      ",\"output\":[{\"type\":\"reasoning\",\"summary\":[{"
		      "\"text\":\"a\"},{\"text\":\"b\"}],"
		      "\"encrypted_content\":\"E\"},{\"type\":"
		      "\"function_call\",\"call_id\":\"a\",\"name\":\"f\","
		      "\"arguments\":\"{}\"},{\"type\":"
		      "\"custom_tool_call\",\"call_id\":\"b\",\"name\":"
		      "\"c\",\"input\":\"x\"}]"),
		    "start r n\nopen 0 thinking\n0 a\n0 \n\n\n0 b\nsign 0 E\n"
		    "close 0\nopen 1 tool a f\n1 {}\nclose 1\n"
		    "open 2 tool b c\n2 {\"input\":\"\n2 x\n2 \"}\nclose 2\n"
		    "stop tool\n" },
		{ WHOLE("incomplete",
		      ",\"output\":[],\"incomplete_details\":{\"reason\":"
		      "\"content_filter\"}"),
		    "start r n\nstop refusal\n" },
		{ WHOLE("queued", ",\"output\":[]"), "start r n\nstop end\n" },
	};

	(void)state;
	check_decode(FRAMING_WHOLE, cases, COUNT(cases));
}

static void
searches_are_counted_by_the_vendor_or_by_us(void **state)
{
	static const struct {
		const char *rest;
		int64_t want;
	} cases[] = {
		{ "", 2 },
		{ ",\"tool_usage\":{\"web_search\":{\"num_requests\":5}}", 5 },
	};
	struct kit *k = *state;
	struct kit_sink sink;

	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(kit_decode(k, FRAMING_WHOLE,
				     str_of(arena_printf(k->arena,
					 "{\"id\":\"r\",\"output\":[{\"type\":"
					 "\"web_search_call\"},{\"type\":"
					 "\"web_search_call\"}],\"usage\":{"
					 "\"input_tokens\":1}%s}",
					 cases[i].rest)),
				     0, &sink),
		    0);
		assert_int_equal(sink.usage.web_searches, cases[i].want);
	}
}

static void
failures_inside_an_answer_end_it(void **state)
{
	static const struct {
		const char *body;
		enum framing framing;
		enum error_kind kind;
		const char *msg, *code;
	} cases[] = {
		{ CREATED EV("error",
		      ",\"error\":{\"type\":\"tokens\",\"code\":"
		      "\"rate_limit_exceeded\",\"message\":\"slow\"}"),
		    FRAMING_SSE, ERROR_UP_RATE, "slow", "rate_limit_exceeded" },
		{ "data: {\"type\":\"error\",\"code\":\"server_error\","
		  "\"message\":\"m\",\"param\":null}\n\n",
		    FRAMING_SSE, ERROR_UP_BROKEN, "m", "server_error" },
		{ CREATED EV("response.failed",
		      OBJ("failed",
			  ",\"error\":{\"code\":\"context_length_exceeded\","
			  "\"message\":\"long\"},\"usage\":{"
			  "\"input_tokens\":7}")),
		    FRAMING_SSE, ERROR_UP_REFUSED, "long",
		    "context_length_exceeded" },
		{ CREATED EV("response.failed", OBJ("failed", "")), FRAMING_SSE,
		    ERROR_UP_BROKEN, "the provider gave up without a reason",
		    "" },
		{ "{\"id\":\"r\",\"status\":\"failed\",\"error\":{\"code\":"
		  "\"server_error\",\"message\":\"m\"},\"output\":[]}",
		    FRAMING_WHOLE, ERROR_UP_BROKEN, "m", "server_error" },
		{ "{\"id\":\"r\"}", FRAMING_WHOLE, ERROR_UP_BROKEN,
		    "the provider's answer has no output", "" },
	};
	struct kit_sink sink;
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		kit_init(&k, &provider_openai_responses, URL);
		assert_int_equal(kit_decode(&k, cases[i].framing,
				     str_of(cases[i].body), 0, &sink),
		    -1);
		assert_int_equal(k.err.kind, cases[i].kind);
		assert_string_equal(k.err.msg, cases[i].msg);
		assert_string_equal(k.err.code, cases[i].code);
		if (k.err.raw.p)
			assert_int_equal(k.err.raw_wire, WIRE_OPENAI_RESPONSES);
		assert_int_equal(sink.has_usage,
		    strstr(cases[i].body, "\"input_tokens\"") != NULL);
		kit_release(&k);
	}
}

static void
a_cut_stream_is_never_a_normal_end(void **state)
{
	static const char *const bodies[] = { "", CREATED, "data: [DONE]\n\n",
		CREATED ADDED("0", MSG "]") SAID("0", "0", "a")
		    DONE("0", MSG TEXT "]"),
		"data: {\"type\":\"response.compl\n\n" };

	kit_breaks(*state, bodies, COUNT(bodies));
}

static void
a_long_stream_needs_no_more_memory(void **state)
{
	static const char *const frames[] = { ADDED("0", MSG "]"),
		SAID("0", "0", "word "), DONE("0", MSG TEXT "]") };

	kit_is_frugal(*state, frames, COUNT(frames));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(parameters_are_named_as_the_format_has_them),
		TEST(conversations_become_items),
		TEST(what_would_change_the_meaning_is_refused_with_its_path),
		TEST(what_the_format_lacks_is_done_otherwise),
		TEST(bytes_of_the_same_format_pass_with_edits_only),
		TEST(streams_decode_to_events),
		TEST(whole_answers_decode_to_the_same_events),
		TEST(searches_are_counted_by_the_vendor_or_by_us),
		TEST(failures_inside_an_answer_end_it),
		TEST(a_cut_stream_is_never_a_normal_end),
		TEST(a_long_stream_needs_no_more_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
