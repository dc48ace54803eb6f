/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/arena.h"
#include "core/jtext.h"
#include "fcgi/dialect.h"
#include "tests/unit/answer.h"
#include "tests/unit/chat_text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MIB      ((size_t)1 << 20)

/* ---- decode ---- */

#define USER    "{\"role\":\"user\",\"content\":\"hi\"}"
#define WITH(x) "{\"model\":\"m\",\"messages\":[" USER "]," x "}"
#define SAYS(x) "{\"model\":\"m\",\"messages\":[" x "]}"
#define PART(x) SAYS("{\"role\":\"user\",\"content\":[" x "]}")
#define HI      "U[(text text=hi)]"

static const struct {
	const char *json, *want;
} requests[] = {
	{ SAYS(USER), HI },
	{ WITH("\"unknown\":1,\"nothing\":null,\"empty\":[]"),
	    HI " lose=unknown" },
	{ WITH("\"new\\nline\":1"), HI " lose=*" },
	{ WITH("\"models\":[\"a\"],\"sluice\":{\"cache\":\"on\"}"), HI },
	{ WITH("\"stream\":true,\"stream_options\":{\"include_usage\":true,"
	       "\"include_obfuscation\":false}"),
	    HI " stream=1 usage=1" },
	{ WITH("\"max_completion_tokens\":7,\"max_tokens\":5"), HI " max=7" },
	{ WITH("\"max_tokens\":5"), HI " max=5" },
	{ WITH("\"temperature\":0.5,\"top_p\":1,\"presence_penalty\":-1,"
	       "\"frequency_penalty\":2,\"seed\":42,\"top_k\":3"),
	    HI " temperature=0.5 top_p=1 top_k=3 presence=-1 frequency=2 "
	       "seed=42" },
	{ WITH("\"stop\":\"x\""), HI " stop=x" },
	{ WITH("\"stop\":[\"x\",\"y\"]"), HI " stop=x,y" },
	{ WITH("\"n\":1,\"logprobs\":false,\"store\":false,"
	       "\"parallel_tool_calls\":true,\"modalities\":[\"text\"]"),
	    HI },
	{ WITH("\"logprobs\":true,\"top_logprobs\":2,\"store\":true,"
	       "\"logit_bias\":{\"1\":2},\"metadata\":{\"a\":\"b\"}"),
	    HI " lose=logit_bias,logprobs,top_logprobs,metadata,store" },
	{ WITH("\"prompt_cache_key\":\"k\",\"prompt_cache_options\":"
	       "{\"mode\":\"implicit\"},\"prompt_cache_retention\":\"24h\","
	       "\"verbosity\":\"low\",\"moderation\":{\"model\":\"m\"},"
	       "\"prediction\":{\"type\":\"content\"},"
	       "\"audio\":{\"voice\":\"x\"}"),
	    HI " lose=audio,moderation,prediction,prompt_cache_key,"
	       "prompt_cache_options,prompt_cache_retention,verbosity" },
	{ WITH("\"user\":\"u\",\"safety_identifier\":\"s\","
	       "\"service_tier\":\"flex\""),
	    HI " user=u tier=flex" },
	{ WITH("\"safety_identifier\":\"s\""), HI " user=s" },
	{ WITH("\"reasoning_effort\":\"high\","
	       "\"parallel_tool_calls\":false"),
	    HI " effort=5 parallel_off=1" },
	{ WITH("\"response_format\":{\"type\":\"text\"}"), HI },
	{ WITH("\"response_format\":{\"type\":\"json_object\"}"),
	    HI " output=1" },
	{ WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
	       "{\"name\":\"N\",\"strict\":true,\"description\":\"d\","
	       "\"schema\":{\"type\":\"object\"}}}"),
	    HI " output=2 strict=1 schema_name=N schema={\"type\":\"object\"} "
	       "lose=response_format.json_schema.description" },
	{ WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
	       "{\"name\":\"N\"}}"),
	    HI " output=1 schema_name=N" },
	{ WITH("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
	       "\"f\",\"description\":\"d\",\"parameters\":{\"type\":"
	       "\"object\"},\"strict\":true}},{\"type\":\"custom\","
	       "\"custom\":{\"name\":\"c\",\"format\":{\"type\":\"text\"}}}],"
	       "\"tool_choice\":\"required\""),
	    HI " tool{f d=d s={\"type\":\"object\"} strict} "
	       "tool{c g={\"type\":\"text\"} custom} choice=3" },
	{ WITH("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
	       "\"f\"},\"cache_control\":{\"type\":\"ephemeral\"}}],"
	       "\"tool_choice\":{\"type\":\"function\",\"function\":"
	       "{\"name\":\"f\"}}"),
	    HI " tool{f mark} choice=4 named=f" },
	{ WITH("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
	       "\"f\"}},{\"type\":\"function\",\"function\":{\"name\":\"g\"}},"
	       "{\"type\":\"function\",\"function\":{\"name\":\"h\"}}],"
	       "\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":"
	       "{\"mode\":\"required\",\"tools\":[{\"type\":\"function\","
	       "\"function\":{\"name\":\"h\"}},{\"type\":\"function\","
	       "\"function\":{\"name\":\"g\"}}]}}"),
	    HI " tool{g} tool{h} choice=3" },
	{ WITH("\"tool_choice\":\"none\""), HI " choice=2" },
	{ SAYS("{\"role\":\"developer\",\"content\":\"d\"},{\"role\":"
	       "\"system\",\"content\":[{\"type\":\"text\",\"text\":\"s\"}]},"
	       "{\"role\":\"user\",\"name\":\"bob\",\"content\":\"u\"},"
	       "{\"role\":\"system\",\"content\":\"late\"}"),
	    "S[(text text=d)]S[(text text=s)]U<bob>[(text text=u)]"
	    "S[(text text=late)]" },
	{ PART("{\"type\":\"text\",\"text\":\"a\",\"prompt_cache_breakpoint\":"
	       "{\"mode\":\"explicit\"}},{\"type\":\"text\",\"text\":\"b\","
	       "\"prompt_cache_breakpoint\":{\"mode\":\"explicit\",\"ttl\":"
	       "\"12h\"}},{\"type\":\"text\",\"text\":\"c\","
	       "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}"),
	    "U[(text text=a 30m)(text text=b 12h)(text text=c 1h)]" },
	{ PART("{\"type\":\"image_url\",\"image_url\":{\"url\":"
	       "\"https://x/y.png\",\"detail\":\"low\"}},{\"type\":"
	       "\"image_url\",\"image_url\":{\"url\":"
	       "\"data:image/png;base64,AAAA\"}}"),
	    "U[(image url=https://x/y.png detail=low)"
	    "(image mime=image/png data=AAAA)]" },
	{ PART("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"QQ==\","
	       "\"format\":\"wav\"}},{\"type\":\"file\",\"file\":"
	       "{\"file_data\":\"data:application/pdf;base64,QQ==\","
	       "\"filename\":\"a.pdf\"}},{\"type\":\"file\",\"file\":"
	       "{\"file_id\":\"file-1\"}}"),
	    "U[(audio mime=audio/wav data=QQ==)(doc name=a.pdf "
	    "mime=application/pdf data=QQ==)(doc file=file-1)]" },
	{ SAYS("{\"role\":\"assistant\",\"content\":null,\"refusal\":null,"
	       "\"annotations\":[],\"tool_calls\":[{\"id\":\"1\",\"type\":"
	       "\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
	       "\"{\\\"a\\\":1}\"}},{\"id\":\"2\",\"type\":\"function\","
	       "\"function\":{\"name\":\"g\",\"arguments\":\"\"}},{\"id\":"
	       "\"3\",\"type\":\"custom\",\"custom\":{\"name\":\"c\","
	       "\"input\":\"free\"}}]},{\"role\":\"tool\",\"tool_call_id\":"
	       "\"1\",\"content\":\"one\"},{\"role\":\"tool\","
	       "\"tool_call_id\":\"2\",\"content\":[{\"type\":\"text\","
	       "\"text\":\"two\"}]}," USER ",{\"role\":\"tool\","
	       "\"tool_call_id\":\"3\",\"content\":\"\"}"),
	    "A[(call text={\"a\":1} id=1 name=f)(call text={} id=2 name=g)"
	    "(call text=free id=3 name=c custom)]"
	    "U[(result id=1[(text text=one)])(result id=2[(text text=two)])]"
	    "U[(text text=hi)]U[(result id=3[(text text=)])]" },
	{ SAYS("{\"role\":\"assistant\",\"content\":[{\"type\":\"text\","
	       "\"text\":\"a\"},{\"type\":\"refusal\",\"refusal\":\"r\"}]},"
	       "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":\"no\","
	       "\"audio\":{\"id\":\"a\"}}"),
	    "A[(text text=a)(refusal text=r)]A[(text text=)"
	    "(refusal text=no)] lose=messages.audio" },
	{ SAYS("{\"role\":\"assistant\",\"content\":\"a\","
	       "\"reasoning_content\":\"hm\"},{\"role\":\"assistant\","
	       "\"content\":\"a\",\"reasoning\":\"hm\"}"),
	    "A[(think text=hm)(text text=a)]A[(think text=hm)"
	    "(text text=a)]" },
	{ SAYS("{\"role\":\"assistant\",\"content\":\"a\","
	       "\"reasoning_content\":\"hm\",\"reasoning_details\":[{\"type\":"
	       "\"reasoning.text\",\"text\":\"hm\",\"signature\":\"S\","
	       "\"format\":\"anthropic-claude-v1\",\"index\":0},{\"type\":"
	       "\"reasoning.encrypted\",\"data\":\"D\",\"format\":"
	       "\"openai-responses-v1\",\"id\":\"rs\"},{\"type\":"
	       "\"reasoning.summary\",\"summary\":\"s\"},{\"type\":"
	       "\"reasoning.odd\"}]}"),
	    "A[(think text=hm sig=S issuer=3)(think sig=D issuer=2 redacted)"
	    "(think text=s)(text text=a)] lose=messages.reasoning_details" },
	{ SAYS("{\"role\":\"user\",\"content\":\"hi\",\"mood\":\"bad\"}"),
	    HI " lose=messages.mood" },
};

static void
every_field_of_a_request_has_its_outcome(void **state)
{
	struct arena *a;
	struct error err = { 0 };
	struct chat *chat;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(requests); i++) {
		a = arena_new(64 * MIB);
		chat = ARENA_NEW(a, struct chat);
		if (dialect_openai_chat.decode(
			a, str_of(requests[i].json), chat, &err) != 0)
			fail_msg("%s: %s", requests[i].json, err.msg);
		assert_string_equal(chat_text(a, chat), requests[i].want);
		arena_free(a);
	}
}

static const struct {
	const char *json, *param, *says;
} bad_requests[] = {
	{ "[]", "", "must be an object" },
	{ "{", "", "" },
	{ "{\"model\":\"m\"}", "messages", "is required" },
	{ SAYS(""), "messages", "must not be empty" },
	{ "{\"messages\":{}}", "messages", "must be an array" },
	{ SAYS("1"), "messages[0]", "must be an object" },
	{ SAYS("{\"content\":\"x\"}"), "messages[0].role", "" },
	{ SAYS("{\"role\":\"wizard\",\"content\":\"x\"}"), "messages[0].role",
	    "unknown role \"wizard\"" },
	{ SAYS("{\"role\":\"function\",\"content\":\"x\"}"), "messages[0].role",
	    "unknown role" },
	{ SAYS("{\"role\":\"user\"}"), "messages[0].content", "is required" },
	{ SAYS("{\"role\":\"user\",\"content\":[]}"), "messages[0].content",
	    "must not be empty" },
	{ SAYS("{\"role\":\"user\",\"content\":5}"), "messages[0].content",
	    "must be a string or an array" },
	{ SAYS("{\"role\":\"assistant\"}"), "messages[0].content",
	    "is required" },
	{ SAYS("{\"role\":\"tool\",\"content\":\"x\"}"),
	    "messages[0].tool_call_id", "is required" },
	{ SAYS(USER ",{\"role\":\"assistant\",\"function_call\":{\"name\":"
		    "\"f\"}}"),
	    "messages[1].function_call", "use tool_calls" },
	{ SAYS("{\"role\":\"assistant\",\"tool_calls\":[{\"type\":"
	       "\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
	       "\"\"}}]}"),
	    "messages[0].tool_calls[0].id", "" },
	{ SAYS("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\"}]}"),
	    "messages[0].tool_calls[0].function", "is required" },
	{ SAYS("{\"role\":\"assistant\",\"tool_calls\":{}}"),
	    "messages[0].tool_calls", "must be an array" },
	{ PART("{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"foo\"}"),
	    "messages[0].content[1].type", "unknown content part \"foo\"" },
	{ PART("{\"text\":\"a\"}"), "messages[0].content[0].type", "" },
	{ PART("{\"type\":\"text\"}"), "messages[0].content[0].text", "" },
	{ PART("\"a\""), "messages[0].content[0]", "must be an object" },
	{ PART("{\"type\":\"refusal\",\"refusal\":\"a\"}"),
	    "messages[0].content[0].type", "is not allowed here" },
	{ SAYS("{\"role\":\"system\",\"content\":[{\"type\":\"image_url\"}]}"),
	    "messages[0].content[0].type", "is not allowed here" },
	{ PART("{\"type\":\"image_url\",\"image_url\":{\"url\":\"ftp://x\"}}"),
	    "messages[0].content[0].image_url.url",
	    "must be an https or data URL" },
	{ PART("{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:,x\"}}"),
	    "messages[0].content[0].image_url.url",
	    "must be a base64 data URL" },
	{ PART("{\"type\":\"image_url\",\"image_url\":{}}"),
	    "messages[0].content[0].image_url.url", "is required" },
	{ PART("{\"type\":\"file\",\"file\":{\"filename\":\"x\"}}"),
	    "messages[0].content[0].file.file_data", "is required" },
	{ PART("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"\","
	       "\"format\":\"ogg\"}}"),
	    "messages[0].content[0].input_audio.format", "wav or mp3" },
	{ WITH("\"n\":2"), "n", "only 1" },
	{ WITH("\"stream\":\"yes\""), "stream", "" },
	{ WITH("\"temperature\":\"hot\""), "temperature", "" },
	{ WITH("\"max_tokens\":0"), "max_tokens", "at least 1" },
	{ WITH("\"stop\":[1]"), "stop[0]", "must be a string" },
	{ WITH("\"modalities\":[\"text\",\"audio\"]"), "modalities",
	    "audio output" },
	{ WITH("\"reasoning_effort\":\"huge\""), "reasoning_effort",
	    "must be one of" },
	{ WITH("\"functions\":[{\"name\":\"f\"}]"), "functions", "use tools" },
	{ WITH("\"function_call\":\"auto\""), "function_call", "use tools" },
	{ WITH("\"web_search_options\":{}"), "web_search_options",
	    "hosted tool \"web_search\" is not available" },
	{ WITH("\"tools\":[{\"type\":\"web_search\"}]"), "tools[0].type",
	    "hosted tool \"web_search\" is not available" },
	{ WITH("\"tools\":[{\"type\":\"function\"}]"), "tools[0].function",
	    "is required" },
	{ WITH("\"tools\":[{\"type\":\"function\",\"function\":{}}]"),
	    "tools[0].function.name", "is required" },
	{ WITH("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
	       "\"f\",\"parameters\":[]}}]"),
	    "tools[0].function.parameters", "must be an object" },
	{ WITH("\"tool_choice\":\"maybe\""), "tool_choice", "must be auto" },
	{ WITH("\"tool_choice\":{\"type\":\"odd\"}"), "tool_choice.type",
	    "unknown tool choice" },
	{ WITH("\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":"
	       "{\"tools\":[]}}"),
	    "tool_choice.allowed_tools.tools", "names none" },
	{ WITH("\"response_format\":{\"type\":\"xml\"}"),
	    "response_format.type", "unknown format" },
	{ WITH("\"response_format\":{\"type\":\"json_schema\"}"),
	    "response_format.json_schema", "is required" },
};

static void
bad_requests_are_refused_with_their_path(void **state)
{
	struct arena *a;
	struct error err;
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < COUNT(bad_requests); i++) {
		a = arena_new(64 * MIB);
		err = (struct error){ 0 };
		rc = dialect_openai_chat.decode(a, str_of(bad_requests[i].json),
		    ARENA_NEW(a, struct chat), &err);
		if (rc != -1 || err.status != 400 ||
		    strcmp(err.param, bad_requests[i].param) != 0 ||
		    strstr(err.msg, bad_requests[i].says) == NULL)
			fail_msg("%s: %d \"%s\" %s", bad_requests[i].json,
			    err.status, err.param, err.msg);
		arena_free(a);
	}
}

static void
parts_know_where_they_stood(void **state)
{
	struct arena *a = arena_new(64 * MIB);
	struct chat *chat = ARENA_NEW(a, struct chat);
	struct error err = { 0 };

	(void)state;
	assert_int_equal(
	    dialect_openai_chat.decode(a,
		STR("{\"messages\":[" USER ",{\"role\":\"user\",\"content\":["
		    "{\"type\":\"text\",\"text\":\"a\"}]}]}"),
		chat, &err),
	    0);
	assert_true(str_is(chat->turns->path, "messages[0]"));
	assert_true(str_is(chat->turns->parts->path, "messages[0].content"));
	assert_true(
	    str_is(chat->turns->next->parts->path, "messages[1].content[0]"));
	arena_free(a);
}

/* ---- streams ---- */

static const struct usage some_usage = {
	.tokens = { [USAGE_INPUT] = 10,
	    [USAGE_CACHE_READ] = 4,
	    [USAGE_CACHE_WRITE_1H] = 2,
	    [USAGE_OUTPUT] = 5,
	    [USAGE_REASONING] = 3 },
	.provider_cost_pusd = -1,
	.source = USAGE_REPORTED,
};

#define HEAD(w)                                                                \
	{                                                                      \
		.kind = EVENT_HEAD, .wire = (w), .framing = FRAMING_SSE        \
	}
#define START(m)                                                               \
	{                                                                      \
		.kind = EVENT_START, .id = STR("msg_1"), .name = STR(m)        \
	}
#define OPEN(k, b)                                                             \
	{                                                                      \
		.kind = EVENT_OPEN, .key = (k), .block = (b)                   \
	}
#define CALL(k, i, f)                                                          \
	{                                                                      \
		.kind = EVENT_OPEN, .key = (k), .block = BLOCK_TOOL,           \
		.id = STR(i), .name = STR(f)                                   \
	}
#define DELTA(k, t)                                                            \
	{                                                                      \
		.kind = EVENT_DELTA, .key = (k), .text = STR(t)                \
	}
#define SIGN(k, t)                                                             \
	{                                                                      \
		.kind = EVENT_SIGNATURE, .key = (k), .text = STR(t)            \
	}
#define CLOSE(k)                                                               \
	{                                                                      \
		.kind = EVENT_CLOSE, .key = (k)                                \
	}
#define USAGE                                                                  \
	{                                                                      \
		.kind = EVENT_USAGE, .usage = &some_usage                      \
	}
#define STOP(s)                                                                \
	{                                                                      \
		.kind = EVENT_STOP, .stop = (s)                                \
	}
#define STOP_FOR(s, t)                                                         \
	{                                                                      \
		.kind = EVENT_STOP, .stop = (s), .text = STR(t)                \
	}
#define PING                                                                   \
	{                                                                      \
		.kind = EVENT_PING                                             \
	}
#define FRAME(t)                                                               \
	{                                                                      \
		.kind = EVENT_FRAME, .text = STR(t)                            \
	}

#define CHUNK(d, f, u)                                                         \
	"data: {\"id\":\"chatcmpl-call_01\",\"object\":"                       \
	"\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"m-1\","  \
	"\"choices\":[{\"index\":0,\"delta\":" d ",\"logprobs\":null,"         \
	"\"finish_reason\":" f "}]" u "}\n\n"
#define ROLE(c, u)                                                             \
	CHUNK("{\"role\":\"assistant\",\"content\":" c ",\"refusal\":null}",   \
	    "null", u)
#define SAID(key, text) CHUNK("{\"" key "\":\"" text "\"}", "null", "")
#define TOOL(json)      CHUNK("{\"tool_calls\":[" json "]}", "null", "")
#define DONE            "data: [DONE]\n\n"

static const struct {
	bool include_usage, known;
	struct event ev[16];
	const char *want;
} streams[] = {
	{ .ev = { HEAD(WIRE_ANTHROPIC), START("m-1"), OPEN(0, BLOCK_TEXT),
	      DELTA(0, "Hel"), PING, DELTA(0, ""), DELTA(0, "lo"), CLOSE(0),
	      USAGE, STOP(STOP_END) },
	    .want = ROLE("\"\"", "") SAID("content", "Hel") ": ping\n\n" SAID(
		"content", "lo") CHUNK("{}", "\"stop\"", "") DONE },
	{ .include_usage = true,
	    .known = true,
	    .ev = { HEAD(WIRE_ANTHROPIC), START("m-1"), USAGE,
		STOP(STOP_LENGTH) },
	    .want = ROLE("\"\"", ",\"usage\":null") CHUNK("{}", "\"length\"",
		",\"usage\":null") "data: "
				   "{\"id\":\"chatcmpl-call_01\",\"object\":"
				   "\"chat.completion.chunk\",\"created\":"
				   "1700000000,\"model\":"
				   "\"m-1\",\"choices\":[],\"usage\":{\"prompt_"
				   "tokens\":16,"
				   "\"completion_tokens\":8,\"total_tokens\":"
				   "24,"
				   "\"prompt_tokens_details\":{\"cached_"
				   "tokens\":4,"
				   "\"cache_write_tokens\":2,\"audio_tokens\":"
				   "0,"
				   "\"image_tokens\":0},\"completion_tokens_"
				   "details\":{"
				   "\"reasoning_tokens\":3,\"audio_tokens\":0,"
				   "\"accepted_prediction_tokens\":0,"
				   "\"rejected_prediction_tokens\":0},\"cost\":"
				   "0.0031}}\n\n" DONE },
	/* Two calls at once come one after the other; one has no arguments. */
	{ .ev = { HEAD(WIRE_ANTHROPIC), START("m-1"), CALL(0, "a", "f"),
	      CALL(1, "b", "g"), DELTA(0, "{\"x\""), DELTA(0, ":1}"),
	      STOP(STOP_END) },
	    .want = ROLE("null", "") TOOL(
		"{\"index\":0,\"id\":\"a\",\"type\":\"function\","
		"\"function\":{\"name\":\"f\",\"arguments\":\"\"}}")
		TOOL("{\"index\":0,\"function\":{\"arguments\":"
		     "\"{\\\"x\\\"\"}}") TOOL("{\"index\":0,\"function\":{"
					      "\"arguments\":\":1}\"}}")
		    TOOL("{\"index\":1,\"id\":\"b\",\"type\":\"function\","
			 "\"function\":{\"name\":\"g\",\"arguments\":\"\"}}")
			TOOL(
			    "{\"index\":1,\"function\":{\"arguments\":\"{}\"}}")
			    CHUNK("{}", "\"tool_calls\"", "") DONE },
	/* The signature brings the whole text with it. */
	{ .ev = { HEAD(WIRE_ANTHROPIC), START("m-1"), OPEN(0, BLOCK_THINKING),
	      DELTA(0, "h"), DELTA(0, "m"), SIGN(0, "S"), SIGN(0, "="),
	      CLOSE(0), OPEN(1, BLOCK_REDACTED), SIGN(1, "D"), CLOSE(1),
	      STOP(STOP_PAUSE) },
	    .want = ROLE("\"\"", "") SAID("reasoning_content", "h")
		SAID("reasoning_content", "m") CHUNK(
		    "{\"reasoning_details\":[{\"type\":\"reasoning.text\","
		    "\"text\":\"hm\",\"signature\":\"S=\",\"format\":"
		    "\"anthropic-claude-v1\",\"index\":0}]}",
		    "null", "")
		    CHUNK("{\"reasoning_details\":[{\"type\":"
			  "\"reasoning.encrypted\",\"data\":\"D\",\"format\":"
			  "\"anthropic-claude-v1\",\"index\":1}]}",
			"null", "") CHUNK("{}", "\"stop\"", "") DONE },
	{ .ev = { HEAD(WIRE_ANTHROPIC), START("m-1"),
	      STOP_FOR(STOP_REFUSAL, "no") },
	    .want = ROLE("\"\"", "") SAID("refusal", "no")
		CHUNK("{}", "\"content_filter\"", "") DONE },
	{ .ev = { HEAD(WIRE_OPENAI_RESPONSES), START("m-1"),
	      OPEN(0, BLOCK_REFUSAL), DELTA(0, "no"), STOP(STOP_END) },
	    .want = ROLE("\"\"", "") SAID("refusal", "no")
		CHUNK("{}", "\"stop\"", "") DONE },
};

static void
put_all(struct answer *a, const struct event *ev, size_t max)
{
	size_t i;

	for (i = 0; i < max && (i == 0 || ev[i].kind != EVENT_HEAD); i++)
		answer_put(a, &ev[i]);
}

static void
streams_are_written_byte_for_byte(void **state)
{
	struct answer a;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(streams); i++) {
		answer_begin(&a, &dialect_openai_chat,
		    &(struct answer_opts){ .stream = true,
			.include_usage = streams[i].include_usage,
			.known = streams[i].known,
			.pusd = 3100000000 });
		put_all(&a, streams[i].ev, COUNT(streams[i].ev));
		answer_finish(&a);
		answer_is(&a, streams[i].want);
		answer_check(&a);
		answer_end(&a);
	}
}

static const struct {
	enum stop_reason stop;
	const char *want;
} finishes[] = {
	{ STOP_NONE, "\"stop\"" },
	{ STOP_END, "\"stop\"" },
	{ STOP_SEQUENCE, "\"stop\"" },
	{ STOP_LENGTH, "\"length\"" },
	{ STOP_CONTEXT, "\"length\"" },
	{ STOP_TOOL, "\"stop\"" }, /* no call is there */
	{ STOP_REFUSAL, "\"content_filter\"" },
	{ STOP_PAUSE, "\"stop\"" },
};

static void
each_stop_reason_has_its_word(void **state)
{
	struct answer a;
	struct event ev[] = { START("m"), STOP(STOP_END) };
	struct str value = STR_NONE;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(finishes); i++) {
		ev[1].stop = finishes[i].stop;
		answer_begin(&a, &dialect_openai_chat,
		    &(struct answer_opts){ .stream = false });
		answer_run(&a, ev, COUNT(ev));
		assert_true(jtext_get(
		    buf_str(&a.out), "choices.0.finish_reason", &value));
		assert_true(str_is(value, finishes[i].want));
		answer_end(&a);
	}
}

/* ---- documents ---- */

static void
a_document_has_every_member_real_ones_have(void **state)
{
	static const struct event ev[] = { HEAD(WIRE_ANTHROPIC), START("m-1"),
		OPEN(0, BLOCK_THINKING), DELTA(0, "hm"), SIGN(0, "S"), CLOSE(0),
		OPEN(1, BLOCK_TEXT), DELTA(1, "Hello"), CLOSE(1),
		CALL(2, "a", "f"), DELTA(2, "{}"), CLOSE(2), USAGE,
		STOP(STOP_TOOL) };
	struct answer a;

	(void)state;
	answer_begin(
	    &a, &dialect_openai_chat, &(struct answer_opts){ .stream = false });
	answer_run(&a, ev, COUNT(ev));
	answer_is(&a,
	    "{\"id\":\"chatcmpl-call_01\",\"object\":\"chat.completion\","
	    "\"created\":1700000000,\"model\":\"m-1\",\"choices\":[{"
	    "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
	    "\"Hello\",\"refusal\":null,\"reasoning_content\":\"hm\","
	    "\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":"
	    "\"hm\",\"signature\":\"S\",\"format\":\"anthropic-claude-v1\","
	    "\"index\":0}],\"tool_calls\":[{\"id\":\"a\",\"type\":"
	    "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}"
	    "],\"annotations\":[]},\"logprobs\":null,\"finish_reason\":"
	    "\"tool_calls\"}],\"usage\":{\"prompt_tokens\":16,"
	    "\"completion_tokens\":8,\"total_tokens\":24,"
	    "\"prompt_tokens_details\":{\"cached_tokens\":4,"
	    "\"cache_write_tokens\":2,\"audio_tokens\":0,\"image_tokens\":0},"
	    "\"completion_tokens_details\":{\"reasoning_tokens\":3,"
	    "\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
	    "\"rejected_prediction_tokens\":0},\"cost\":null},"
	    "\"system_fingerprint\":null}");
	answer_end(&a);
}

static const struct {
	struct event ev[8];
	const char *content, *refusal;
} contents[] = {
	{ { START("m"), STOP(STOP_END) }, "\"\"", "null" },
	{ { START("m"), STOP_FOR(STOP_REFUSAL, "no") }, "null", "\"no\"" },
	{ { START("m"), OPEN(0, BLOCK_REFUSAL), DELTA(0, "no"),
	      STOP(STOP_END) },
	    "null", "\"no\"" },
	{ { START("m"), CALL(0, "a", "f"), STOP(STOP_END) }, "null", "null" },
	{ { START("m"), OPEN(0, BLOCK_TEXT), DELTA(0, "a"), CLOSE(0),
	      OPEN(1, BLOCK_TEXT), DELTA(1, "b"), STOP(STOP_END) },
	    "\"ab\"", "null" },
};

static void
content_is_null_only_beside_what_replaces_it(void **state)
{
	struct answer a;
	struct str doc, value = STR_NONE;
	size_t i, n;

	(void)state;
	for (i = 0; i < COUNT(contents); i++) {
		answer_begin(&a, &dialect_openai_chat,
		    &(struct answer_opts){ .stream = false });
		for (n = 0; n == 0 || contents[i].ev[n - 1].kind != EVENT_STOP;)
			answer_put(&a, &contents[i].ev[n++]);
		answer_finish(&a);
		doc = buf_str(&a.out);
		assert_true(
		    jtext_get(doc, "choices.0.message.content", &value));
		assert_true(str_is(value, contents[i].content));
		assert_true(
		    jtext_get(doc, "choices.0.message.refusal", &value));
		assert_true(str_is(value, contents[i].refusal));
		answer_end(&a);
	}
}

/* A free text tool comes back as one, whichever way the provider took it. */
static void
a_custom_tool_is_unwrapped(void **state)
{
	static const struct {
		const char *args, *input;
	} cases[] = {
		{ "{\"input\":\"a\\nb\"}", "\"a\\nb\"" },
		{ "plain text", "\"plain text\"" },
		{ "{\"other\":1}", "\"{\\\"other\\\":1}\"" },
	};
	struct tool tool = { .name = STR("c"), .custom = true };
	struct chat chat = { .tools = &tool };
	struct event ev[] = { START("m"), CALL(0, "a", "c"), DELTA(0, ""),
		STOP(STOP_TOOL) };
	struct answer a;
	struct str value = STR_NONE;
	size_t i;
	int stream;

	(void)state;
	for (i = 0; i < COUNT(cases) * 2; i++) {
		stream = (int)(i % 2);
		ev[2].text = str_of(cases[i / 2].args);
		answer_begin(&a, &dialect_openai_chat,
		    &(struct answer_opts){ .stream = stream });
		a.ask.chat = &chat;
		answer_run(&a, ev, COUNT(ev));
		if (stream) {
			assert_true(str_find(buf_str(&a.out),
					str_of(arena_printf(a.arena,
					    "\"custom\":{\"input\":%s}",
					    cases[i / 2].input))) > 0);
		} else {
			assert_true(jtext_get(buf_str(&a.out),
			    "choices.0.message.tool_calls.0.custom.input",
			    &value));
			assert_true(str_is(value, cases[i / 2].input));
		}
		answer_end(&a);
	}
}

/* ---- stream and document say the same ---- */

static struct str
member(struct str doc, const char *path)
{
	struct str value;

	return jtext_get(doc, path, &value) ? value : STR_NONE;
}

static void
add_string(struct answer *a, struct buf *out, struct str raw)
{
	buf_adds(out, jtext_string(a->arena, raw));
}

struct summary {
	struct buf *text, *refusal, *thinking, *calls;
	struct str finish, usage;
};

static void
summary_init(struct answer *a, struct summary *s)
{
	s->text = buf_new(a->arena, MIB);
	s->refusal = buf_new(a->arena, MIB);
	s->thinking = buf_new(a->arena, MIB);
	s->calls = buf_new(a->arena, MIB);
}

static void
add_message(struct answer *a, struct summary *s, struct str message)
{
	struct str calls = member(message, "tool_calls"), call;
	size_t pos = 0;

	add_string(a, s->text, member(message, "content"));
	add_string(a, s->refusal, member(message, "refusal"));
	add_string(a, s->thinking, member(message, "reasoning_content"));
	while (calls.p != NULL && jtext_item(calls, &pos, &call)) {
		if (member(call, "id").p != NULL) {
			buf_addch(s->calls, '\n');
			add_string(a, s->calls, member(call, "id"));
			add_string(a, s->calls, member(call, "function.name"));
		}
		add_string(a, s->calls, member(call, "function.arguments"));
	}
}

static void
summarise_stream(struct answer *a, struct summary *s)
{
	struct str rest = buf_str(&a->out), line, choice;

	summary_init(a, s);
	while (rest.p != NULL) {
		rest = str_split(rest, '\n', &line);
		if (!str_starts(line, "data: {"))
			continue;
		line = str_skip(line, 6);
		choice = member(line, "choices.0");
		if (choice.p == NULL) {
			s->usage = member(line, "usage");
			continue;
		}
		add_message(a, s, member(choice, "delta"));
		s->finish = member(choice, "finish_reason");
	}
}

static void
summarise_document(struct answer *a, struct summary *s)
{
	struct str doc = buf_str(&a->out);

	summary_init(a, s);
	add_message(a, s, member(doc, "choices.0.message"));
	s->finish = member(doc, "choices.0.finish_reason");
	s->usage = member(doc, "usage");
}

static void
random_answers_are_grammatical_and_equal_as_stream_and_document(void **state)
{
	struct event ev[ANSWER_EVENTS];
	struct answer stream, document;
	struct summary s, d;
	uint64_t seed;
	size_t n;

	(void)state;
	for (seed = 1; seed <= 200; seed++) {
		n = answer_random(seed, ev);
		answer_begin(&stream, &dialect_openai_chat,
		    &(struct answer_opts){ .stream = true,
			.include_usage = true,
			.known = true,
			.pusd = 7 });
		answer_begin(&document, &dialect_openai_chat,
		    &(struct answer_opts){ .known = true, .pusd = 7 });
		answer_run(&stream, ev, n);
		answer_run(&document, ev, n);
		summarise_stream(&stream, &s);
		summarise_document(&document, &d);
		assert_string_equal(s.text->p, d.text->p);
		assert_string_equal(s.refusal->p, d.refusal->p);
		assert_string_equal(s.thinking->p, d.thinking->p);
		assert_string_equal(s.calls->p, d.calls->p);
		assert_true(str_eq(s.finish, d.finish));
		assert_true(str_eq(s.usage, d.usage));
		answer_end(&stream);
		answer_end(&document);
	}
}

/* ---- verbatim ---- */

#define CONTENT_FRAME                                                          \
	"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n"
#define USAGE_FRAME                                                            \
	"data: {\"choices\":[],\"usage\": {\"prompt_tokens\":1 } }\r\n\r\n"
#define LAST_FRAME                                                             \
	"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],"      \
	"\"usage\":{\"a\":1}}\n\n"

static const struct {
	bool include_usage, known;
	struct event ev[16];
	const char *want;
} verbatim[] = {
	/* Unknown cost: nothing changes. */
	{ true, false,
	    { HEAD(WIRE_OPENAI_CHAT), START("m"), OPEN(0, BLOCK_TEXT),
		DELTA(0, "x"), FRAME(CONTENT_FRAME), FRAME(": hi\n\n"), USAGE,
		FRAME(USAGE_FRAME), FRAME(DONE) },
	    CONTENT_FRAME ": hi\n\n" USAGE_FRAME DONE },
	/* Known: the last usage gains it, and all other bytes stay. */
	{ true, true,
	    { HEAD(WIRE_OPENAI_CHAT), START("m"), OPEN(0, BLOCK_TEXT),
		DELTA(0, "x"), FRAME(CONTENT_FRAME), USAGE, FRAME(USAGE_FRAME),
		FRAME(DONE) },
	    CONTENT_FRAME
	    "data: {\"choices\":[],\"usage\": {\"prompt_tokens\":1 "
	    ",\"cost\":0.0031} }\r\n\r\n" DONE },
	/* A usage chunk that the client did not ask for is left out. */
	{ false, true,
	    { HEAD(WIRE_OPENAI_CHAT), START("m"), OPEN(0, BLOCK_TEXT),
		DELTA(0, "x"), FRAME(CONTENT_FRAME), USAGE, FRAME(USAGE_FRAME),
		FRAME(DONE) },
	    CONTENT_FRAME DONE },
	/* Usage beside the finish reason is no extra chunk: it stays. */
	{ false, true,
	    { HEAD(WIRE_OPENAI_CHAT), START("m"), STOP(STOP_END), USAGE,
		FRAME(LAST_FRAME), FRAME(DONE) },
	    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],"
	    "\"usage\":{\"a\":1,\"cost\":0.0031}}\n\n" DONE },
	/* Usage on every chunk: only the last one is final. */
	{ false, true,
	    { HEAD(WIRE_OPENAI_CHAT), START("m"), USAGE, FRAME(LAST_FRAME),
		OPEN(0, BLOCK_TEXT), DELTA(0, "x"), FRAME(CONTENT_FRAME), USAGE,
		FRAME(LAST_FRAME), USAGE, FRAME(LAST_FRAME) },
	    LAST_FRAME CONTENT_FRAME LAST_FRAME
	    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],"
	    "\"usage\":{\"a\":1,\"cost\":0.0031}}\n\n" },
};

static void
frames_of_the_same_format_pass_verbatim(void **state)
{
	struct answer a;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(verbatim); i++) {
		answer_begin(&a, &dialect_openai_chat,
		    &(struct answer_opts){ .stream = true,
			.include_usage = verbatim[i].include_usage,
			.known = verbatim[i].known,
			.pusd = 3100000000 });
		put_all(&a, verbatim[i].ev, COUNT(verbatim[i].ev));
		answer_finish(&a);
		answer_is(&a, verbatim[i].want);
		answer_end(&a);
	}
}

static void
a_held_frame_goes_when_content_follows(void **state)
{
	static const struct event ev[] = { HEAD(WIRE_OPENAI_CHAT), USAGE,
		FRAME(LAST_FRAME), FRAME(": c\n\n"), OPEN(0, BLOCK_TEXT),
		FRAME(CONTENT_FRAME) };
	struct answer a;
	size_t i;

	(void)state;
	answer_begin(
	    &a, &dialect_openai_chat, &(struct answer_opts){ .stream = true });
	for (i = 0; i < 5; i++)
		answer_put(&a, &ev[i]);
	answer_is(&a, "");
	answer_put(&a, &ev[5]);
	answer_is(&a, LAST_FRAME ": c\n\n" CONTENT_FRAME);
	answer_end(&a);
}

static void
held_frames_have_a_ceiling(void **state)
{
	static const struct event usage[] = { HEAD(WIRE_OPENAI_CHAT), USAGE,
		FRAME(LAST_FRAME) };
	static char comment[1026];
	struct event ev = { .kind = EVENT_FRAME };
	struct answer a;
	size_t i;

	(void)state;
	memset(comment, ':', sizeof(comment));
	memcpy(comment + 1024, "\n\n", 2);
	ev.text = (struct str){ comment, sizeof(comment) };
	answer_begin(&a, &dialect_openai_chat,
	    &(struct answer_opts){ .stream = true, .known = true });
	for (i = 0; i < COUNT(usage); i++)
		answer_put(&a, &usage[i]);
	for (i = 0; i < 300; i++)
		answer_put(&a, &ev);
	answer_finish(&a);
	assert_int_equal(a.out.n, strlen(LAST_FRAME) + 300 * sizeof(comment));
	answer_end(&a);
}

static void
a_document_of_the_same_format_gains_the_cost_only(void **state)
{
#define BEFORE "{ \"x\":1e2,\"usage\":{\"total_tokens\":1"
#define AFTER  "}, \"\\u0041\" : null }\n"
	static const struct {
		const char *body, *known, *unknown;
	} cases[] = {
		{ BEFORE AFTER, BEFORE ",\"cost\":0.0031" AFTER, BEFORE AFTER },
		{ "{\"usage\":null}", "{\"usage\":null}", "{\"usage\":null}" },
		{ "{}", "{}", "{}" },
		{ "no json", "no json", "no json" },
	};
	struct answer a;
	struct event ev[] = { { .kind = EVENT_HEAD, .wire = WIRE_OPENAI_CHAT },
		START("m"), USAGE, { .kind = EVENT_FRAME } };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases) * 2; i++) {
		ev[3].text = str_of(cases[i / 2].body);
		answer_begin(&a, &dialect_openai_chat,
		    &(struct answer_opts){
			.known = i % 2 == 0, .pusd = 3100000000 });
		answer_run(&a, ev, COUNT(ev));
		answer_is(
		    &a, i % 2 ? cases[i / 2].unknown : cases[i / 2].known);
		answer_end(&a);
	}
}

/* Another framing than asked for is translated, with the provider's id. */
static void
a_document_for_a_stream_is_translated(void **state)
{
	static const struct event ev[] = {
		{ .kind = EVENT_HEAD, .wire = WIRE_OPENAI_CHAT }, START("m"),
		OPEN(0, BLOCK_TEXT), DELTA(0, "x"), STOP(STOP_END), FRAME("{}")
	};
	struct answer a;

	(void)state;
	answer_begin(
	    &a, &dialect_openai_chat, &(struct answer_opts){ .stream = true });
	answer_run(&a, ev, COUNT(ev));
	assert_true(str_starts(buf_str(&a.out), "data: {\"id\":\"msg_1\","));
	answer_end(&a);
}

/* Each SSE frame of a recorded stream, or the whole document, as events. */
static void
replay(struct answer *a, struct str body, bool sse)
{
	struct event ev = { .kind = EVENT_HEAD,
		.wire = a->dialect->wire,
		.framing = sse ? FRAMING_SSE : FRAMING_WHOLE };
	long end;

	answer_put(a, &ev);
	ev.kind = EVENT_FRAME;
	while (body.n > 0) {
		end = sse ? str_find(body, STR("\n\n")) : -1;
		ev.text = body;
		ev.text.n = end < 0 ? body.n : (size_t)end + 2;
		if (str_find(ev.text, STR("\"usage\"")) >= 0)
			answer_put(a, &(struct event)USAGE);
		answer_put(a, &ev);
		body = str_skip(body, ev.text.n);
	}
}

static void
check_fixture(const char *dir)
{
	struct answer a;
	struct str body;
	bool sse;

	answer_begin(&a, &dialect_openai_chat,
	    &(struct answer_opts){ .include_usage = true });
	body = answer_file(a.arena, dir, "body");
	sse = str_find(body, STR("data:")) >= 0 && body.p[0] != '{';
	a.ask.stream = sse;
	replay(&a, body, sse);
	answer_finish(&a);
	if (!str_eq(buf_str(&a.out), body))
		fail_msg("%s differs", dir);
	answer_end(&a);
}

static void
recorded_answers_pass_byte_for_byte(void **state)
{
	(void)state;
	if (answer_fixtures("chat", check_fixture) == 0)
		skip();
}

/* ---- pings, errors, memory ---- */

static void
what_an_early_ping_kept_from_the_headers_is_in_usage(void **state)
{
	static const struct event ev[] = { HEAD(WIRE_ANTHROPIC), START("m"),
		USAGE, STOP(STOP_END) };
	static const struct event same[] = { HEAD(WIRE_OPENAI_CHAT), USAGE,
		FRAME(LAST_FRAME) };
	struct name lossy = { .s = STR("seed") };
	struct answer a;

	(void)state;
	answer_begin(&a, &dialect_openai_chat,
	    &(struct answer_opts){ .stream = true, .include_usage = true });
	a.receipt.lossy = &lossy;
	a.enc->ping(a.enc);
	answer_is(&a, ": ping\n\n");
	answer_run(&a, ev, COUNT(ev));
	assert_true(str_find(buf_str(&a.out),
			STR(",\"cost\":null,\"sluice\":{\"model\":\"p/"
			    "m\",\"attempts\":2,"
			    "\"lossy\":[\"seed\"]}}")) > 0);
	answer_end(&a);

	answer_begin(
	    &a, &dialect_openai_chat, &(struct answer_opts){ .stream = true });
	a.enc->ping(a.enc);
	put_all(&a, same, COUNT(same));
	answer_finish(&a);
	assert_true(
	    str_find(buf_str(&a.out),
		STR("\"usage\":{\"a\":1,\"sluice\":{\"model\":\"p/m\"")) > 0);
	answer_end(&a);
}

#define RAW "{\"error\": {\"message\":\"theirs\"}}"

static const struct {
	const char *raw;
	enum wire wire;
	const char *stream, *body;
} errors[] = {
	{ NULL, WIRE_NONE,
	    "data: {\"error\":{\"message\":\"x: bad\",\"type\":"
	    "\"invalid_request_error\",\"param\":\"x\",\"code\":\"c\"}}\n\n",
	    "{\"error\":{\"message\":\"x: bad\",\"type\":"
	    "\"invalid_request_error\",\"param\":\"x\",\"code\":\"c\"}}" },
	{ RAW, WIRE_OPENAI_CHAT, "data: " RAW "\n\n", RAW },
	{ "{\"error\":\n {\"message\":\"a\"}}\n", WIRE_OPENAI_CHAT,
	    "data: {\"error\": {\"message\":\"a\"}}\n\n",
	    "{\"error\":\n {\"message\":\"a\"}}\n" },
	{ "data: " RAW "\n\n", WIRE_OPENAI_CHAT, "data: " RAW "\n\n", RAW },
	{ "data: " RAW, WIRE_OPENAI_CHAT, "data: " RAW "\n\n", RAW },
	{ RAW, WIRE_ANTHROPIC,
	    "data: {\"error\":{\"message\":\"x: bad\",\"type\":"
	    "\"invalid_request_error\",\"param\":\"x\",\"code\":\"c\"}}\n\n",
	    "{\"error\":{\"message\":\"x: bad\",\"type\":"
	    "\"invalid_request_error\",\"param\":\"x\",\"code\":\"c\"}}" },
	{ "<html>", WIRE_OPENAI_CHAT,
	    "data: {\"error\":{\"message\":\"x: bad\",\"type\":"
	    "\"invalid_request_error\",\"param\":\"x\",\"code\":\"c\"}}\n\n",
	    "<html>" },
};

static void
errors_are_the_providers_own_or_in_its_words(void **state)
{
	static const struct event begun[] = { START("m"), OPEN(0, BLOCK_TEXT),
		DELTA(0, "x") };
	struct answer a;
	struct error err = { 0 };
	size_t i, n;

	(void)state;
	error_set(&err, ERROR_BAD_REQUEST, "x: bad");
	memcpy(err.param, "x", 2);
	memcpy(err.code, "c", 2);
	for (i = 0; i < COUNT(errors); i++) {
		err.raw = str_of(errors[i].raw);
		err.raw_wire = errors[i].wire;
		answer_begin(&a, &dialect_openai_chat,
		    &(struct answer_opts){ .stream = true });
		for (n = 0; n < COUNT(begun); n++)
			answer_put(&a, &begun[n]);
		n = a.out.n;
		a.enc->fail(a.enc, &err);
		answer_check(&a);
		assert_string_equal(a.out.p + n, errors[i].stream);
		buf_reset(&a.out);
		dialect_openai_chat.fail_body(&a.out, &err, "call_01");
		answer_is(&a, errors[i].body);
		answer_end(&a);
	}
}

static void
a_long_stream_needs_no_more_memory(void **state)
{
	static const struct event ev[] = { HEAD(WIRE_ANTHROPIC), START("m"),
		OPEN(0, BLOCK_TEXT), DELTA(0, "some words of an answer") };
	struct answer a;
	size_t i, used = 0;

	(void)state;
	answer_begin(
	    &a, &dialect_openai_chat, &(struct answer_opts){ .stream = true });
	for (i = 0; i < COUNT(ev); i++)
		answer_put(&a, &ev[i]);
	for (i = 0; i < 100000; i++) {
		answer_put(&a, &ev[3]);
		if (i == 0)
			used = arena_used(a.arena);
		buf_reset(&a.out);
	}
	assert_int_equal(arena_used(a.arena), used);
	answer_end(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_of_a_request_has_its_outcome),
		cmocka_unit_test(bad_requests_are_refused_with_their_path),
		cmocka_unit_test(parts_know_where_they_stood),
		cmocka_unit_test(streams_are_written_byte_for_byte),
		cmocka_unit_test(each_stop_reason_has_its_word),
		cmocka_unit_test(a_document_has_every_member_real_ones_have),
		cmocka_unit_test(content_is_null_only_beside_what_replaces_it),
		cmocka_unit_test(a_custom_tool_is_unwrapped),
		cmocka_unit_test(
		    random_answers_are_grammatical_and_equal_as_stream_and_document),
		cmocka_unit_test(frames_of_the_same_format_pass_verbatim),
		cmocka_unit_test(a_held_frame_goes_when_content_follows),
		cmocka_unit_test(held_frames_have_a_ceiling),
		cmocka_unit_test(
		    a_document_of_the_same_format_gains_the_cost_only),
		cmocka_unit_test(a_document_for_a_stream_is_translated),
		cmocka_unit_test(recorded_answers_pass_byte_for_byte),
		cmocka_unit_test(
		    what_an_early_ping_kept_from_the_headers_is_in_usage),
		cmocka_unit_test(errors_are_the_providers_own_or_in_its_words),
		cmocka_unit_test(a_long_stream_needs_no_more_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
