/* SPDX-License-Identifier: MIT */
#include "providers/names.h"
#include "tests/unit/provider_kit.h"

#define URL "https://g.example"

#define SAYS(role, parts) "{\"role\":\"" role "\",\"parts\":[" parts "]}"
#define TEXT(s)           "{\"text\":\"" s "\"}"
#define HI_WANT           "\"contents\":[" SAYS("user", TEXT("hi")) "]"
#define NO_CONFIG         ",\"generationConfig\":{}"
#define F                 "\"tools\":[{\"name\":\"f\"}]"
#define F_WANT            "\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}]}]"
#define NONE              "\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"NONE\"}}"

#define LEVELS    (1u << EFFORT_LOW | 1u << EFFORT_MEDIUM | 1u << EFFORT_HIGH)
#define ALL_MEDIA (MODEL_IMAGES | MODEL_PDF | MODEL_AUDIO)

static void
check_prepare(const struct kit_case *c, size_t n)
{
	struct kit k;

	for (; n > 0; n--, c++) {
		kit_case_begin(&k, c, &provider_gemini, URL);
		kit_same_json(
		    &k, k.request.body, arena_printf(k.arena, "{%s}", c->want));
		kit_case_end(&k, c);
	}
}

static void
parameters_keep_within_what_the_api_takes(void **state)
{
	static const struct kit_case cases[] = {
		{ .chat = "{" HI "}", .want = HI_WANT NO_CONFIG, .losses = "" },
		{ .chat = "{" HI ",\"max_tokens\":50,\"temperature\":1.5,"
			  "\"top_p\":0.5,\"top_k\":3,\"seed\":1,"
			  "\"presence_penalty\":1,\"stop\":[\"a\",\"b\",\"c\","
			  "\"d\",\"e\",\"f\"],\"user\":\"u\","
			  "\"service_tier\":\"fast\"}",
		    .want = HI_WANT
		    ",\"generationConfig\":{\"maxOutputTokens\":50,"
		    "\"temperature\":1.5,\"topP\":0.5,\"topK\":3,"
		    "\"presencePenalty\":1,\"seed\":1,\"stopSequences\":["
		    "\"a\",\"b\",\"c\",\"d\",\"e\"]},\"serviceTier\":"
		    "\"priority\"",
		    .losses = "user" },
		{ .chat = "{" HI ",\"max_tokens\":99999,\"temperature\":1,"
			  "\"presence_penalty\":1,\"seed\":9999999999,"
			  "\"service_tier\":\"scale\"}",
		    .model = "gemini-2.5-pro",
		    .known = true,
		    .can = MODEL_TEMPERATURE,
		    .want = HI_WANT ",\"generationConfig\":{"
				    "\"maxOutputTokens\":32000,"
				    "\"temperature\":1}",
		    .losses = "max_tokens presence_penalty seed "
			      "service_tier" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

#define THINKS(config)                                                         \
	HI_WANT ",\"generationConfig\":{\"thinkingConfig\":{" config "}}"
#define SHOWN ",\"includeThoughts\":true"

static void
thinking_is_asked_for_as_the_model_knows_it(void **state)
{
	static const struct {
		const char *ask, *want, *losses;
		unsigned can, efforts;
		int64_t budget[2];
		bool unknown;
	} cases[] = {
		{ "\"effort\":\"max\"",
		    THINKS("\"thinkingLevel\":\"HIGH\"" SHOWN), "", 0, LEVELS,
		    { 0, 0 }, false },
		{ "\"effort\":\"minimal\"",
		    THINKS("\"thinkingLevel\":\"LOW\"" SHOWN), "", 0, LEVELS,
		    { 0, 0 }, false },
		{ "\"effort\":\"none\"", THINKS("\"thinkingLevel\":\"LOW\""),
		    "", 0, LEVELS, { 0, 0 }, false },
		{ "\"thinking_budget\":10000,\"thinking_hidden\":true",
		    THINKS("\"thinkingLevel\":\"MEDIUM\""), "", 0, LEVELS,
		    { 0, 0 }, false },
		{ "\"effort\":\"low\"", THINKS("\"thinkingBudget\":3200" SHOWN),
		    "", MODEL_BUDGET, 0, { 128, 32768 }, false },
		{ "\"effort\":\"high\"",
		    THINKS("\"thinkingBudget\":16384" SHOWN), "", MODEL_BUDGET,
		    0, { 128, 16384 }, false },
		{ "\"effort\":\"none\"", THINKS("\"thinkingBudget\":128"), "",
		    MODEL_BUDGET, 0, { 128, 32768 }, false },
		{ "\"effort\":\"none\"", THINKS("\"thinkingBudget\":0"), "",
		    MODEL_BUDGET, 1u << EFFORT_NONE, { 512, 24576 }, false },
		{ "\"thinking_budget\":-1",
		    THINKS("\"thinkingBudget\":-1" SHOWN), "", MODEL_BUDGET, 0,
		    { 0, 24576 }, false },
		{ "\"thinking_budget\":5000",
		    THINKS("\"thinkingBudget\":5000" SHOWN), "", MODEL_BUDGET,
		    0, { 0, 24576 }, false },
		{ "\"effort\":\"low\"", HI_WANT NO_CONFIG, "reasoning_effort",
		    0, 0, { 0, 0 }, false },
		{ "\"effort\":\"low\"", HI_WANT NO_CONFIG, "reasoning_effort",
		    0, 0, { 0, 0 }, true },
		{ "\"effort\":\"none\"", HI_WANT NO_CONFIG, "", 0, 0, { 0, 0 },
		    false },
		{ "\"effort\":\"none\"", HI_WANT NO_CONFIG, "reasoning_effort",
		    0, 0, { 0, 0 }, true },
	};
	struct kit_case c;
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		c = (struct kit_case){
			.chat = arena_printf(a, "{" HI ",%s}", cases[i].ask),
			.want = cases[i].want,
			.losses = cases[i].losses,
			.can = cases[i].can,
			.efforts = cases[i].efforts,
			.budget = { cases[i].budget[0], cases[i].budget[1] },
			.known = !cases[i].unknown,
		};
		check_prepare(&c, 1);
	}
	arena_free(a);
}

#define MODE(mode)                                                             \
	",\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"" mode "\"}}"

static void
tools_become_functions_and_choices_modes(void **state)
{
	static const struct kit_case cases[] = {
		{ .chat =
			"{" HI ",\"tools\":[{\"name\":\"f g\",\"description\":"
			"\"d\",\"schema\":\"{\\\"type\\\":\\\"object\\\","
			"\\\"properties\\\":{\\\"a\\\":{\\\"const\\\":1}}}\"}"
			",{\"name\":\"h\",\"custom\":true,\"grammar\":\"{}\""
			"}],\"tool_choice\":\"named\",\"tool_choice_name\":"
			"\"h\",\"parallel_off\":true}",
		    .want = HI_WANT
		    ",\"tools\":[{\"functionDeclarations\":[{\"name\":"
		    "\"f_g_d15ca8d4\",\"description\":\"d\","
		    "\"parametersJsonSchema\":{\"type\":\"object\","
		    "\"properties\":{\"a\":{\"enum\":[1]}}}},{\"name\":\"h\","
		    "\"parametersJsonSchema\":{\"type\":\"object\","
		    "\"properties\":{\"input\":{\"type\":\"string\"}},"
		    "\"required\":[\"input\"],\"additionalProperties\":false}}"
		    "]}],\"toolConfig\":{\"functionCallingConfig\":{\"mode\":"
		    "\"ANY\",\"allowedFunctionNames\":[\"h\"]}}" NO_CONFIG,
		    .losses = "tools.format parallel_tool_calls" },
		{ .chat = "{" HI "," F "}",
		    .want = HI_WANT "," F_WANT NO_CONFIG,
		    .losses = "" },
		{ .chat = "{" HI "," F ",\"tool_choice\":\"auto\"}",
		    .want = HI_WANT "," F_WANT MODE("AUTO") NO_CONFIG,
		    .losses = "" },
		{ .chat = "{" HI "," F ",\"tool_choice\":\"none\"}",
		    .want = HI_WANT "," F_WANT MODE("NONE") NO_CONFIG,
		    .losses = "" },
		{ .chat = "{" HI "," F ",\"tool_choice\":\"required\"}",
		    .want = HI_WANT "," F_WANT MODE("ANY") NO_CONFIG,
		    .losses = "" },
		{ .chat = "{" HI ",\"tools\":[{\"name\":\"f\",\"strict\":true}"
			  "]}",
		    .want = HI_WANT "," F_WANT MODE("VALIDATED") NO_CONFIG,
		    .losses = "" },
		{ .chat = "{" HI ",\"tools\":[{\"name\":\"f\",\"strict\":true}"
			  "]}",
		    .model = "gemini-2.5-flash",
		    .want = HI_WANT "," F_WANT NO_CONFIG,
		    .losses = "tools.strict" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

#define SCHEMA ",\"output\":\"schema\",\"schema\":\"{}\""
#define JSON_WANT                                                              \
	",\"generationConfig\":{\"responseMimeType\":\"application/json\"}"
#define ASKED(words)                                                           \
	"\"systemInstruction\":{\"parts\":[{\"text\":\"" words "\"}]}"

static void
output_formats_become_a_schema_or_an_instruction(void **state)
{
	static const struct kit_case cases[] = {
		{ .chat = "{" HI SCHEMA "}",
		    .want = HI_WANT ",\"generationConfig\":{"
				    "\"responseMimeType\":\"application/json\","
				    "\"responseJsonSchema\":{}}",
		    .losses = "" },
		{ .chat = "{" HI ",\"output\":\"json\"}",
		    .want = HI_WANT JSON_WANT,
		    .losses = "" },
		/* the model knows no schema */
		{ .chat = "{" HI SCHEMA "}",
		    .known = true,
		    .want = HI_WANT "," ASKED(
			"Answer with one JSON value and nothing else. It must "
			"match this JSON Schema:\\n{}") NO_CONFIG,
		    .losses = "response_format" },
		/* older models have tools or JSON, not both */
		{ .chat = "{" HI "," F ",\"output\":\"json\"}",
		    .model = "gemini-2.5-pro",
		    .want = HI_WANT "," F_WANT "," ASKED(
			"Answer with one JSON object and nothing else.")
			NO_CONFIG,
		    .losses = "response_format" },
		{ .chat = "{" HI "," F ",\"output\":\"json\"}",
		    .want = HI_WANT "," F_WANT JSON_WANT,
		    .losses = "" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

#define PART(kind, more) "{\"kind\":\"" kind "\"" more "}"
#define P_TEXT(s)        PART("text", ",\"text\":\"" s "\"")
#define CALL(id, more)   PART("call", ",\"id\":\"" id "\",\"name\":\"f\"" more)
#define CALL_WANT(id, args)                                                    \
	"\"functionCall\":{\"id\":\"" id "\",\"name\":\"f\",\"args\":" args "}"
#define RESULT(id, parts, more)                                                \
	PART("result", ",\"id\":\"" id "\",\"parts\":[" parts "]" more)
#define RESPONSE(id, response, more)                                           \
	"{\"functionResponse\":{\"id\":\"" id                                  \
	"\",\"name\":\"f\",\"response\":" response more "}}"
#define SKIPPED ",\"thoughtSignature\":\"skip_thought_signature_validator\""
#define IMAGE   PART("image", ",\"data\":\"QQ==\",\"mime\":\"image/png\"")
#define IMAGE_WANT                                                             \
	"{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"QQ==\"}}"

static void
conversations_are_ordered_as_the_api_insists(void **state)
{
	static const struct kit_case cases[] = {
		/* system first, later as user text, empty text nowhere */
		{ .chat = "{\"turns\":[" SAYS("system", P_TEXT("s")) "," SAYS(
		      "user", P_TEXT("hi") "," P_TEXT(" ")) "," SAYS("system",
		      P_TEXT("x")) "," SAYS("assistant", P_TEXT("a")) "]}",
		    .want = ASKED("s") ",\"contents\":[" SAYS("user",
			TEXT("hi") "," TEXT(
			    "<system>\\nx\\n</system>")) "," SAYS("model",
			TEXT("a")) "]" NO_CONFIG,
		    .losses = "" },
		{ .chat = "{\"turns\":[" SAYS("system", P_TEXT("s")) "]}",
		    .want = ASKED("s") ",\"contents\":[" SAYS(
			"user", TEXT(".")) "]" NO_CONFIG,
		    .losses = "" },
		{ .chat = "{\"turns\":[" SAYS("system", P_TEXT("s")) "," SAYS(
		      "user", P_TEXT("hi")) "]}",
		    .model = "gemma-3-27b-it",
		    .want = "\"contents\":[" SAYS("user", TEXT("s")) "," SAYS(
			"user", TEXT("hi")) "]" NO_CONFIG,
		    .losses = "" },
		/* results first, in a content of their own, in order */
		{ .chat = "{" F ",\"turns\":[" SAYS(
		      "user", P_TEXT("hi")) "," SAYS("assistant",
		      CALL("a", ",\"text\":\"{\\\"x\\\":1.0}\"") "," CALL(
			  "b", ",\"text\":\"{bad\"")) "," SAYS("user",
		      P_TEXT("q") "," RESULT("b", P_TEXT("no"),
			  ",\"is_error\":true") "," RESULT("a",
			  P_TEXT(" {\\\"y\\\":2} "), "")) "]}",
		    .want = F_WANT
		    ",\"contents\":[" SAYS("user", TEXT("hi")) "," SAYS("model",
			"{" CALL_WANT("a", "{\"x\":1.0}") SKIPPED
			"},{" CALL_WANT(
			    "b", "{\"_raw\":\"{bad\"}") "}") "," SAYS("user",
			RESPONSE("a", "{\"y\":2}", "") "," RESPONSE(
			    "b", "{\"error\":\"no\"}", "")) "," SAYS("user",
			TEXT("q")) "]" NO_CONFIG,
		    .losses = "tool_calls.function.arguments" },
		/* a call without result or tools; an older model */
		{ .chat = "{\"turns\":[" SAYS("user", P_TEXT("hi")) "," SAYS(
		      "assistant", CALL("a", "")) "]}",
		    .model = "gemini-2.5-pro",
		    .want = F_WANT "," NONE ",\"contents\":[" SAYS(
			"user", TEXT("hi")) "," SAYS("model",
			"{" CALL_WANT("a", "{}") "}") "," SAYS("user",
			RESPONSE("a", "{\"output\":\"[no result]\"}",
			    "")) "]" NO_CONFIG,
		    .losses = "" },
		/* what a tool shows: inside for new models, behind for old */
		{ .chat = "{" F
			  ",\"turns\":[" SAYS("user", P_TEXT("hi")) "," SAYS(
			      "assistant", CALL("a", "")) "," SAYS("user",
			      RESULT("a", IMAGE, "")) "]}",
		    .want = F_WANT
		    ",\"contents\":[" SAYS("user", TEXT("hi")) "," SAYS("model",
			"{" CALL_WANT("a", "{}") SKIPPED "}") "," SAYS("user",
			RESPONSE("a", "{\"output\":\"\"}",
			    ",\"parts\":[" IMAGE_WANT "]")) "]" NO_CONFIG,
		    .losses = "" },
		{ .chat = "{" F
			  ",\"turns\":[" SAYS("user", P_TEXT("hi")) "," SAYS(
			      "assistant", CALL("a", "")) "," SAYS("user",
			      RESULT("a", IMAGE, "")) "]}",
		    .model = "gemini-2.5-pro",
		    .want = F_WANT
		    ",\"contents\":[" SAYS("user", TEXT("hi")) "," SAYS(
			"model", "{" CALL_WANT("a", "{}") "}") "," SAYS("user",
			RESPONSE("a", "{\"output\":\"\"}", "")) "," SAYS("user",
			IMAGE_WANT) "]" NO_CONFIG,
		    .losses = "" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

#define SIGNED(who) ",\"signature\":\"QUJD\",\"issuer\":\"" who "\""

static void
signatures_go_back_to_their_issuer_only(void **state)
{
	static const struct kit_case cases[] = {
		/* in the id, and in a member of its own */
		{ .chat = "{" F ",\"turns\":[" SAYS(
		      "user", P_TEXT("hi")) "," SAYS("assistant",
		      CALL("a__thought__YS1f", "") "," CALL(
			  "b", SIGNED("gemini"))) "," SAYS("user",
		      RESULT("a__thought__YS1f", P_TEXT("r"), "") "," RESULT(
			  "b", P_TEXT("r"), "")) "]}",
		    .want = F_WANT
		    ",\"contents\":[" SAYS("user", TEXT("hi")) "," SAYS("model",
			"{" CALL_WANT(
			    "a", "{}") ",\"thoughtSignature\":\"YS1f\"},"
				       "{" CALL_WANT("b",
					   "{}") ",\"thoughtSignature\":"
						 "\"QUJD\"}") "," SAYS("user",
			RESPONSE("a", "{\"output\":\"r\"}", "") "," RESPONSE(
			    "b", "{\"output\":\"r\"}", "")) "]" NO_CONFIG,
		    .losses = "" },
		/* of text, of thinking; other issuers' are dropped */
		{ .chat = "{\"turns\":[" SAYS("user", P_TEXT("hi")) "," SAYS(
		      "assistant",
		      PART("thinking",
			  ",\"text\":\"t\"" SIGNED(
			      "gemini")) "," P_TEXT("a") "," PART("thinking",
			  ",\"redacted\":true" SIGNED(
			      "gemini")) "," PART("thinking",
			  ",\"text\":\"u\"" SIGNED("anthropic"))) "]}",
		    .want = "\"contents\":[" SAYS("user", TEXT("hi")) "," SAYS(
			"model",
			"{\"text\":\"t\",\"thought\":true,"
			"\"thoughtSignature\":\"QUJD\"}," TEXT(
			    "a") ",{\"text\":\"\",\"thoughtSignature\":"
				 "\"QUJD\"}") "]" NO_CONFIG,
		    .losses = "thinking" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

static void
media_come_as_data_or_as_files_the_api_reads(void **state)
{
	static const struct kit_case cases[] = {
		{ .chat = "{\"turns\":[" SAYS("user",
		      PART("image",
			  ",\"data\":\"QQ==\",\"mime\":\"image/png\","
			  "\"detail\":\"low\"") "," PART("image",
			  ",\"url\":\"gs://b/i\"") "," PART("document",
			  ",\"text\":\"x\",\"name\":\"n\"") "," PART("docum"
								     "ent",
			  ",\"data\":\"QQ==\",\"mime\":"
			  "\"application/pdf\",\"name\":\"n\","
			  "\"mark\":\"5m\"") "," PART("audio",
			  ",\"data\":\"QQ==\",\"mime\":"
			  "\"audio/wav\"")) "]}",
		    .known = true,
		    .can = ALL_MEDIA,
		    .want = "\"contents\":[" SAYS("user",
			IMAGE_WANT
			",{"
			"\"fileData\":{\"fileUri\":\"gs://b/"
			"i\"}}," TEXT("<document "
				      "name=\\\"n\\\">\\nx\\n</"
				      "document>") ",{\"inlineData\":{"
						   "\"mimeType\":"
						   "\"application/"
						   "pdf\","
						   "\"data\":\"QQ==\"}}"
						   ",{\"inlineData\":{"
						   "\"mimeType\":"
						   "\"audio/"
						   "wav\",\"data\":"
						   "\"QQ==\"}}") "]" NO_CONFIG,
		    .losses = "prompt_cache_breakpoint image_url.detail "
			      "filename" },
	};

	(void)state;
	check_prepare(cases, COUNT(cases));
}

static void
what_would_change_the_meaning_is_refused_with_its_path(void **state)
{
	static const struct {
		const char *part;
		unsigned can;
	} cases[] = {
		{ PART("image", ",\"url\":\"https://i\""), ALL_MEDIA },
		{ PART("image", ",\"data\":\"QQ==\",\"mime\":\"image/gif\""),
		    ALL_MEDIA },
		{ PART("image", ",\"file_id\":\"f\""), ALL_MEDIA },
		{ IMAGE, MODEL_AUDIO },
		{ PART("audio", ",\"data\":\"QQ==\",\"mime\":\"audio/wav\""),
		    MODEL_IMAGES },
		{ PART("document", ",\"data\":\"QQ==\",\"mime\":\"a/b\""),
		    ALL_MEDIA },
		{ PART("result", ",\"id\":\"nobody\""), ALL_MEDIA },
	};
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		kit_init(&k, &provider_gemini, URL);
		k.facts.can = cases[i].can;
		k.target.facts = &k.facts;
		kit_chat(&k,
		    arena_printf(k.arena,
			"{\"turns\":[" SAYS("user", P_TEXT("a") ",%s") "]}",
			cases[i].part));
		assert_int_equal(kit_prepare(&k), -1);
		assert_int_equal(k.err.kind, ERROR_BAD_REQUEST);
		assert_string_equal(k.err.param, "turns[0].parts[1]");
		kit_release(&k);
	}
}

static void
the_url_has_one_version_and_the_model_stays_a_name(void **state)
{
	static const struct {
		const char *base, *model;
		bool stream;
		const char *url;
	} cases[] = {
		{ URL, "gemini-3-pro", false,
		    URL "/v1beta/models/gemini-3-pro:generateContent" },
		{ URL "/v1", "models/x", true,
		    URL "/v1/models/x:streamGenerateContent?alt=sse" },
		{ URL "/v1beta", "tunedModels/x", false,
		    URL "/v1beta/tunedModels/x:generateContent" },
		{ URL "/proxy", "../a?b#c", false,
		    URL "/proxy/v1beta/models/..%2Fa%3Fb%23c:"
			"generateContent" },
	};
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		kit_init(&k, &provider_gemini, cases[i].base);
		k.target.model = str_of(cases[i].model);
		k.ask.stream = cases[i].stream;
		kit_chat(&k, "{" HI "}");
		assert_int_equal(kit_prepare(&k), 0);
		assert_string_equal(k.request.url, cases[i].url);
		assert_true(str_is(
		    header_get(k.request.headers, "x-goog-api-key"), "secret"));
		assert_null(k.request.cut);
		kit_release(&k);
	}
}

static void
stop_strings_beyond_five_are_left_to_the_gateway(void **state)
{
	struct kit k;

	(void)state;
	kit_init(&k, &provider_gemini, URL);
	kit_chat(&k, "{" HI ",\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"]}");
	assert_int_equal(kit_prepare(&k), 0);
	assert_true(str_is(k.request.cut->s, "f"));
	assert_null(k.request.cut->next);
	kit_release(&k);
}

#define CHUNK(members) "data: {" members "}\r\n\r\n"
#define HEAD           "\"responseId\":\"i\",\"modelVersion\":\"n\""
#define CAND(parts, more)                                                      \
	"\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[" parts   \
	"]}" more "}]"
#define DONE(word)     ",\"finishReason\":\"" word "\""
#define USAGE(members) ",\"usageMetadata\":{" members "}"

struct decode_case {
	enum framing framing;
	const char *body;
	const char *events;
};

static void
check_decode(const struct decode_case *c, size_t n)
{
	static const size_t cuts[] = { 0, 1, 5 };
	struct kit_sink sink;
	struct kit k;

	for (; n > 0; n--, c++)
		for (size_t i = 0; i < COUNT(cuts); i++) {
			kit_init(&k, &provider_gemini, URL);
			if (kit_decode(&k, c->framing, str_of(c->body), cuts[i],
				&sink) != 0)
				fail_msg("%s: %s", c->body, k.err.msg);
			assert_string_equal(sink.text->p, c->events);
			kit_release(&k);
		}
}

#define PIECE(path, type, value)                                               \
	"{\"jsonPath\":\"" path "\",\"" type "Value\":" value "}"
#define PIECES(name, pieces)                                                   \
	"{\"functionCall\":{" name "\"partialArgs\":[" pieces                  \
	"],\"willContinue\":true}}"

static void
answers_decode_to_events(void **state)
{
	static const struct decode_case cases[] = {
		/* thinking, text in pieces, its signature last */
		{ FRAMING_SSE,
		    CHUNK(HEAD "," CAND("{\"text\":\"t\",\"thought\":true}", "")
			    USAGE("\"promptTokenCount\":5"))
			CHUNK(CAND(TEXT("a"), "")) CHUNK(CAND(TEXT("b"), ""))
			    CHUNK(CAND(
				"{\"text\":\"\",\"thoughtSignature\":\"QUJD\"}",
				DONE("STOP"))
				    USAGE("\"promptTokenCount\":5,"
					  "\"candidatesTokenCount\":"
					  "2,\"thoughtsTokenCount\":3")),
		    "start i n\nopen 0 thinking\n0 t\nusage input=5\nclose 0\n"
		    "open 1 text\n1 a\n1 b\nusage input=5 output=2 reasoning=3"
		    "\nclose 1\nopen 2 redacted\nsign 2 QUJD\nclose 2\n"
		    "stop end\n" },
		/* calls win over STOP; ids are made where there are none */
		{ FRAMING_SSE,
		    CHUNK(HEAD "," CAND(
			"{\"text\":\"t\",\"thought\":true,"
			"\"thoughtSignature\":\"s\"},{\"functionCall\":{"
			"\"name\":\"f\",\"id\":\"x\",\"args\":{\"a\":\"/\","
			"\"wei\":1000000000000000000000}},"
			"\"thoughtSignature\":\"a+b/\"},{\"functionCall\":{"
			"\"name\":\"g\"}}," TEXT("z"),
			DONE("STOP"))),
		    "start i n\nopen 0 thinking\n0 t\nsign 0 s\nclose 0\n"
		    "open 1 tool x__thought__a-b_ f\n1 {\"a\":\"/\","
		    "\"wei\":1000000000000000000000}\n"
		    "close 1\nopen 2 tool call_i_2 g\n2 {}\nclose 2\n"
		    "open 3 text\n3 z\nclose 3\nstop tool\n" },
		/* arguments in pieces, as Vertex streams them */
		{ FRAMING_SSE,
		    CHUNK(HEAD "," CAND(
			PIECES("\"name\":\"f\",\"id\":\"x\",", ""),
			"")) CHUNK(CAND(PIECES("",
					    PIECE("$.a", "string",
						"\"h\"") "," PIECE("$.b[0].c",
						"number", "1.50")),
			"")) CHUNK(CAND(PIECES("",
					    PIECE("$.a", "string",
						"\"i\"") "," PIECE("$.a",
						"string", "\"!\"")),
			"")) CHUNK(CAND(PIECES("",
					    PIECE("$.b[1]", "bool",
						"true") "," PIECE("$['d e']",
						"null", "null")),
			"")) CHUNK(CAND("{\"functionCall\":{}}", DONE("STOP"))),
		    "start i n\nopen 0 tool x f\n0 {\"a\":\"i!\",\"b\":[{"
		    "\"c\":1.50},true],\"d e\":null}\nclose 0\nstop tool\n" },
		/* half of it is told as far as it has come */
		{ FRAMING_SSE,
		    CHUNK(HEAD "," CAND(PIECES("\"name\":\"f\",\"id\":\"x\",",
					    PIECE("$.a", "string", "\"h\"")),
			DONE("MAX_TOKENS"))),
		    "start i n\nopen 0 tool x f\n0 {\"a\":\"h\"}\nclose 0\n"
		    "stop length\n" },
		/* sources of a text, by its words; of all of it; recited */
		{ FRAMING_SSE,
		    CHUNK(HEAD "," CAND(
			TEXT("Zo\303\253 says "), "")) CHUNK(CAND(TEXT("hi."),
			",\"groundingMetadata\":{\"groundingChunks\":[{"
			"\"web\":{\"uri\":\"https://a\",\"title\":\"A\"}},"
			"{\"web\":{\"uri\":\"https://b\"}}],"
			"\"groundingSupports\":[{\"segment\":{"
			"\"startIndex\":10,\"endIndex\":13,\"text\":"
			"\"hi.\"},\"groundingChunkIndices\":[0,1,7]}]}" DONE(
			    "STOP"))),
		    "start i n\nopen 0 text\n0 Zo\303\253 says \n0 hi.\n"
		    "cite 0 https://a \"A\" 9-12\ncite 0 https://b \"\" 9-12\n"
		    "close 0\nstop end\n" },
		{ FRAMING_WHOLE,
		    "{" HEAD "," CAND(TEXT("a b"),
			",\"groundingMetadata\":{\"groundingChunks\":[{"
			"\"retrievedContext\":{\"uri\":\"https://c\"}},{"
			"\"other\":1}]},\"citationMetadata\":{\"citations\":[{"
			"\"startIndex\":2,\"endIndex\":3,\"uri\":\"https://"
			"d\"},"
			"{\"endIndex\":99,\"uri\":\"https://e\"},{}]}" DONE(
			    "STOP")) "}",
		    "start i n\nopen 0 text\n0 a b\ncite 0 https://c \"\" 0-3\n"
		    "lost annotations\ncite 0 https://d \"\" 2-3\n"
		    "cite 0 https://e \"\" 0-0\nlost annotations\nclose 0\n"
		    "stop end\n" },
		/* without alt=sse: one array */
		{ FRAMING_WHOLE,
		    "[{" HEAD "," CAND(TEXT("a"), "") "}\n,{" CAND(
			TEXT("b"), DONE("MAX_TOKENS")) "}]",
		    "start i n\nopen 0 text\n0 a\n0 b\nclose 0\n"
		    "stop length\n" },
		/* a blocked prompt; a blocked answer */
		{ FRAMING_WHOLE,
		    "{" HEAD
		    ",\"promptFeedback\":{\"blockReason\":\"SAFETY\"}" USAGE(
			"\"promptTokenCount\":5") "}",
		    "start i n\nusage input=5\n"
		    "stop refusal the prompt was blocked: SAFETY\n" },
		{ FRAMING_WHOLE,
		    "{" HEAD ",\"candidates\":[{\"content\":{},"
		    "\"finishReason\":\"RECITATION\",\"finishMessage\":"
		    "\"why\"}]}",
		    "start i n\nstop refusal why\n" },
		/* only the first candidate; code and images are shown */
		{ FRAMING_WHOLE,
		    "{\"candidates\":[{\"index\":1,\"content\":{\"parts\":"
		    "[" TEXT(
			"no") "]}},{\"content\":{\"parts\":[{"
			      "\"executableCode\":{\"language\":\"PYTHON\","
			      "\"code\":"
			      "\"c\"}},{\"codeExecutionResult\":{\"outcome\":"
			      "\"OUTCOME_OK\",\"output\":\"o\"}},{"
			      "\"inlineData\":{"
			      "\"mimeType\":\"image/png\",\"data\":\"QQ==\"}},{"
			      "\"toolCall\":{}}]},\"finishReason\":\"STOP\"}]}",
		    "start  \nopen 0 text\n0 \n```python\nc\n```\n\n"
		    "0 \n```\no\n```\n\n0 \n![](data:image/png;base64,QQ==)\n\n"
		    "lost toolCall\nclose 0\nstop end\n" },
		/* no empty line between chunks */
		{ FRAMING_SSE,
		    "data: {" CAND(TEXT("a"), "") "}\ndata: {" CAND(
			TEXT("b"), DONE("STOP")) "}\n",
		    "start  \nopen 0 text\n0 a\n0 b\nclose 0\nstop end\n" },
	};

	(void)state;
	check_decode(cases, COUNT(cases));
}

static void
usage_goes_to_disjoint_buckets(void **state)
{
	static const struct decode_case cases[] = {
		{ FRAMING_WHOLE,
		    "{" CAND("", DONE("STOP")) USAGE(
			"\"promptTokenCount\":100,"
			"\"cachedContentTokenCount\":30,"
			"\"candidatesTokenCount\":20,\"thoughtsTokenCount\":7,"
			"\"toolUsePromptTokenCount\":5,"
			"\"promptTokensDetails\":[{\"modality\":\"TEXT\","
			"\"tokenCount\":50},{\"modality\":\"AUDIO\","
			"\"tokenCount\":40},{\"modality\":\"IMAGE\","
			"\"tokenCount\":10}],\"cacheTokensDetails\":[{"
			"\"modality\":\"AUDIO\",\"tokenCount\":25}],"
			"\"candidatesTokensDetails\":[{\"modality\":\"IMAGE\","
			"\"tokenCount\":12}]") "}",
		    "start  \nusage input=50 cache_read=30 output=8 "
		    "reasoning=7 audio_in=15 image_in=10 image_out=12\n"
		    "stop end\n" },
		{ FRAMING_WHOLE,
		    "{" CAND("", DONE("STOP"))
			USAGE("\"promptTokenCount\":-1,"
			      "\"cachedContentTokenCount\":30") "}",
		    "start  \nusage\nstop end\n" },
	};

	(void)state;
	check_decode(cases, COUNT(cases));
}

static void
what_is_no_normal_end_fails(void **state)
{
	static const struct {
		enum framing framing;
		const char *body;
		enum error_kind kind;
		const char *msg;
	} cases[] = {
		{ FRAMING_SSE, "", ERROR_UP_BROKEN, "ended before" },
		{ FRAMING_SSE, CHUNK(CAND(TEXT("a"), "")), ERROR_UP_BROKEN,
		    "ended before" },
		{ FRAMING_WHOLE, "[{" CAND(TEXT("a"), DONE("STOP")) "}",
		    ERROR_UP_BROKEN, "no JSON" },
		{ FRAMING_WHOLE, "{\"candidates\":[]}", ERROR_UP_BROKEN,
		    "ended before" },
		{ FRAMING_SSE,
		    CHUNK(CAND("",
			DONE("MALFORMED_FUNCTION_CALL") ",\"finishMessage\":"
							"\"why\"")),
		    ERROR_UP_BROKEN, "MALFORMED_FUNCTION_CALL: why" },
		{ FRAMING_SSE,
		    CHUNK(CAND(TEXT("a"), ""))
			CHUNK("\"error\":{\"code\":503,\"message\":\"busy\","
			      "\"status\":\"UNAVAILABLE\"}"),
		    ERROR_UP_OVERLOADED, "busy" },
	};
	struct kit_sink sink;
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		kit_init(&k, &provider_gemini, URL);
		assert_int_equal(kit_decode(&k, cases[i].framing,
				     str_of(cases[i].body), 0, &sink),
		    -1);
		assert_int_equal(k.err.kind, cases[i].kind);
		if (!strstr(k.err.msg, cases[i].msg))
			fail_msg("%s: %s", cases[i].body, k.err.msg);
		kit_release(&k);
	}
}

static void
a_stream_cut_at_any_byte_is_no_normal_end(void **state)
{
	static const char body[] = CHUNK(HEAD "," CAND(TEXT("a"), ""))
	    CHUNK(CAND("{\"functionCall\":{\"name\":\"f\"}}", DONE("STOP")));
	struct kit_sink sink;
	struct kit k;
	size_t n;

	(void)state;
	/* up to the last brace: line ends say nothing more */
	for (n = 0; n < sizeof(body) - strlen("}\r\n\r\n") - 1; n++) {
		kit_init(&k, &provider_gemini, URL);
		assert_int_equal(kit_decode(&k, FRAMING_SSE,
				     (struct str){ body, n }, 0, &sink),
		    -1);
		assert_int_equal(k.err.kind, ERROR_UP_BROKEN);
		assert_null(strstr(sink.text->p, "stop"));
		kit_release(&k);
	}
}

static void
refusals_say_what_and_when_to_try_again(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum error_kind kind;
		int64_t retry_ms;
		const char *code;
	} cases[] = {
		{ 429,
		    "{\"error\":{\"code\":429,\"message\":\"m\",\"status\":"
		    "\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":\"x\"},{"
		    "\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\","
		    "\"retryDelay\":\"12.5s\"}]}}",
		    ERROR_UP_RATE, 12500, "" },
		{ 400,
		    "{\"error\":{\"code\":400,\"message\":\"The input token "
		    "count (9) exceeds the maximum number of tokens allowed "
		    "(8).\",\"status\":\"INVALID_ARGUMENT\"}}",
		    ERROR_UP_REFUSED, 0, "context_length_exceeded" },
		{ 400,
		    "{\"error\":{\"code\":400,\"message\":\"m\",\"details\":[{"
		    "\"reason\":\"API_KEY_INVALID\"}]}}",
		    ERROR_UP_CREDENTIALS, 0, "" },
		{ 503,
		    "[{\"error\":{\"code\":503,\"message\":\"m\",\"status\":"
		    "\"UNAVAILABLE\"}}]",
		    ERROR_UP_OVERLOADED, 0, "" },
	};
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		kit_init(&k, &provider_gemini, URL);
		kit_refuse(&k, cases[i].status, NULL, str_of(cases[i].body));
		assert_int_equal(k.err.kind, cases[i].kind);
		assert_int_equal(k.err.retry_after_ms, cases[i].retry_ms);
		assert_string_equal(k.err.code, cases[i].code);
		kit_release(&k);
	}
}

static void
a_call_comes_back_with_its_name_and_signature(void **state)
{
	struct kit k;
	struct kit_sink sink;
	struct str id;

	(void)state;
	kit_init(&k, &provider_gemini, URL);
	k.ask.wire = WIRE_OPENAI_CHAT;
	kit_chat(&k, "{" HI ",\"tools\":[{\"name\":\"f g\"}]}");
	assert_int_equal(
	    kit_decode(&k, FRAMING_WHOLE,
		STR("{" CAND("{\"functionCall\":{\"name\":\"f_g_d15ca8d4\","
			     "\"id\":\"x\"},\"thoughtSignature\":\"a+b/\"}",
		    DONE("STOP")) "}"),
		0, &sink),
	    0);
	assert_non_null(
	    strstr(sink.text->p, "open 0 tool x__thought__a-b_ f g\n"));
	id = STR("x__thought__a-b_");
	assert_true(str_is(call_id_signature(k.arena, &id), "a+b/"));
	kit_release(&k);
}

static void
a_long_stream_needs_no_more_memory(void **state)
{
	static const char *const frames[] = { "data: {" CAND(
	    TEXT("word "), "") "}" };
	struct kit k;

	(void)state;
	kit_init(&k, &provider_gemini, URL);
	kit_is_frugal(&k, frames, COUNT(frames));
	kit_release(&k);
}

static void
pieces_of_arguments_that_lead_nowhere_are_an_error(void **state)
{
	static const char *const pieces[] = {
		PIECE("", "string", "\"h\""),
		PIECE("$", "string", "\"h\""),
		PIECE("$.", "number", "1"),
		PIECE("$.a[-1]", "number", "1"),
		PIECE("$.a[99999]", "number", "1"),
		PIECE("$.a[0", "number", "1"),
		PIECE("$[0]", "number", "1"),
		PIECE("$.a", "number", "1") "," PIECE("$.a.b", "number", "1"),
		PIECE("$.a..b", "string", "\"x\"") "," PIECE(
		    "$.c", "number", "1"),
	};
	struct kit_sink sink;
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(pieces); i++) {
		kit_init(&k, &provider_gemini, URL);
		assert_int_equal(
		    kit_decode(&k, FRAMING_WHOLE,
			str_of(arena_printf(k.arena,
			    "{\"candidates\":[{\"content\":{\"parts\":[{"
			    "\"functionCall\":{\"name\":\"f\","
			    "\"partialArgs\":[%s]}}]},\"finishReason\":"
			    "\"STOP\"}]}",
			    pieces[i])),
			0, &sink),
		    -1);
		assert_int_equal(k.err.kind, ERROR_UP_BROKEN);
		kit_release(&k);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    pieces_of_arguments_that_lead_nowhere_are_an_error),
		cmocka_unit_test(parameters_keep_within_what_the_api_takes),
		cmocka_unit_test(thinking_is_asked_for_as_the_model_knows_it),
		cmocka_unit_test(tools_become_functions_and_choices_modes),
		cmocka_unit_test(
		    output_formats_become_a_schema_or_an_instruction),
		cmocka_unit_test(conversations_are_ordered_as_the_api_insists),
		cmocka_unit_test(signatures_go_back_to_their_issuer_only),
		cmocka_unit_test(media_come_as_data_or_as_files_the_api_reads),
		cmocka_unit_test(
		    what_would_change_the_meaning_is_refused_with_its_path),
		cmocka_unit_test(
		    the_url_has_one_version_and_the_model_stays_a_name),
		cmocka_unit_test(
		    stop_strings_beyond_five_are_left_to_the_gateway),
		cmocka_unit_test(answers_decode_to_events),
		cmocka_unit_test(usage_goes_to_disjoint_buckets),
		cmocka_unit_test(what_is_no_normal_end_fails),
		cmocka_unit_test(a_stream_cut_at_any_byte_is_no_normal_end),
		cmocka_unit_test(refusals_say_what_and_when_to_try_again),
		cmocka_unit_test(a_call_comes_back_with_its_name_and_signature),
		cmocka_unit_test(a_long_stream_needs_no_more_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
