/* SPDX-License-Identifier: MIT */
#include "core/arena.h"
#include "core/error.h"
#include "fcgi/dialect.h"
#include "tests/unit/chat_text.h"
#include "tests/unit/unit.h"

#define MIB ((size_t)1 << 20)

/* ---- decode ---- */

#define USER    "{\"role\":\"user\",\"content\":\"hi\"}"
#define WITH(x) "{\"model\":\"m\",\"messages\":[" USER "]," x "}"
#define SAYS(x) "{\"model\":\"m\",\"messages\":[" x "]}"
#define PART(x) SAYS("{\"role\":\"user\",\"content\":[" x "]}")
#define HI      "U[(text text=hi)]"

static const struct chat_case requests[] = {
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
	    HI " metadata:{\"a\":\"b\"} store:true"
	       " lose=logit_bias,logprobs,top_logprobs" },
	{ WITH("\"prompt_cache_key\":\"k\",\"prompt_cache_options\":"
	       "{\"mode\":\"implicit\"},\"prompt_cache_retention\":\"24h\","
	       "\"verbosity\":\"low\",\"moderation\":{\"model\":\"m\"},"
	       "\"prediction\":{\"type\":\"content\"},"
	       "\"audio\":{\"voice\":\"x\"}"),
	    HI " prompt_cache_key:\"k\" prompt_cache_options:{\"mode\":"
	       "\"implicit\"} prompt_cache_retention:\"24h\" "
	       "verbosity:\"low\" lose=audio,moderation,prediction" },
	{ WITH("\"user\":\"u\",\"safety_identifier\":\"s\","
	       "\"service_tier\":\"flex\""),
	    HI " user=u tier=flex" },
	{ WITH("\"safety_identifier\":\"s\""), HI " user=s" },
	{ WITH("\"reasoning_effort\":\"high\","
	       "\"parallel_tool_calls\":false"),
	    HI " effort=5 parallel_off=1" },
	{ WITH("\"reasoning\":{\"effort\":\"low\",\"exclude\":true,"
	       "\"enabled\":false,\"max_tokens\":99},\"usage\":"
	       "{\"include\":true}"),
	    HI " budget=99 effort=3 off=1 hidden=1" },
	{ WITH("\"tools\":[{\"function\":{\"name\":\"f\"}}]"), HI " tool{f}" },
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
	       "\"data:image/jpg;base64,AAAA\"}}"),
	    "U[(image url=https://x/y.png detail=low)"
	    "(image mime=image/jpeg data=AAAA)]" },
	{ PART("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"QQ==\","
	       "\"format\":\"wav\"}},{\"type\":\"file\",\"file\":"
	       "{\"file_data\":\"data:application/pdf;base64,QQ==\","
	       "\"filename\":\"a.pdf\"}},{\"type\":\"file\",\"file\":"
	       "{\"file_id\":\"file-1\"}}"),
	    "U[(audio mime=audio/wav data=QQ==)(doc name=a.pdf "
	    "mime=application/pdf data=QQ==)(doc file=file-1)]" },
	/* Mistral's */
	{ PART("{\"type\":\"document_url\",\"document_url\":\"https://x/a.pdf\""
	       ",\"document_name\":\"a.pdf\"},{\"type\":\"document_url\","
	       "\"document_url\":\"data:application/pdf;base64,QQ==\"}"),
	    "U[(doc name=a.pdf url=https://x/a.pdf)"
	    "(doc mime=application/pdf data=QQ==)]" },
	{ PART("{\"type\":\"image_url\",\"image_url\":\"https://x/y.png\"},{"
	       "\"type\":\"image_url\",\"image_url\":"
	       "\"data:image/png;base64,AAAA\"},{\"type\":\"file\","
	       "\"file_id\":\"file-1\"},{\"type\":\"reference\","
	       "\"reference_ids\":[1]}"),
	    "U[(image url=https://x/y.png)(image mime=image/png data=AAAA)"
	    "(doc file=file-1)] lose=messages.content.reference" },
	{ PART("{\"type\":\"input_audio\",\"input_audio\":\"UklGRg==\"},{"
	       "\"type\":\"input_audio\",\"input_audio\":\"SUQzBA==\"},{"
	       "\"type\":\"input_audio\",\"input_audio\":\"//uQxA==\"},{"
	       "\"type\":\"input_audio\",\"input_audio\":"
	       "\"data:audio/wav;base64,QQ==\"}"),
	    "U[(audio mime=audio/wav data=UklGRg==)(audio mime=audio/mpeg "
	    "data=SUQzBA==)(audio mime=audio/mpeg data=//uQxA==)"
	    "(audio mime=audio/wav data=QQ==)]" },
	{ SAYS("{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\","
	       "\"thinking\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":"
	       "\"text\",\"text\":\"b\"}],\"closed\":true},{\"type\":"
	       "\"text\",\"text\":\"c\"}]}"),
	    "A[(think text=ab)(text text=c)]" },
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
	       "\"reasoning.text\",\"text\":\"o\",\"signature\":"
	       "\"sluice:google-gemini-v1:G\"},{\"type\":"
	       "\"reasoning.encrypted\",\"data\":\"D\",\"format\":"
	       "\"openai-responses-v1\",\"id\":\"rs\"},{\"type\":"
	       "\"reasoning.summary\",\"summary\":\"s\"},{\"type\":"
	       "\"reasoning.odd\"}]}"),
	    "A[(think text=hm sig=S issuer=3)(think text=o sig=G issuer=4)"
	    "(think sig=D issuer=2 redacted)"
	    "(think text=s)(text text=a)] lose=messages.reasoning_details" },
	{ SAYS("{\"role\":\"assistant\",\"reasoning_details\":[{\"type\":"
	       "\"reasoning.encrypted\",\"data\":\"D\",\"format\":"
	       "\"google-gemini-v1\",\"id\":\"c2\"}],\"tool_calls\":["
	       "{\"id\":\"c1\",\"type\":\"function\",\"function\":{"
	       "\"name\":\"f\",\"arguments\":\"{}\"}},"
	       "{\"id\":\"c2\",\"type\":\"function\",\"function\":{"
	       "\"name\":\"f\",\"arguments\":\"{}\"}}]}"),
	    "A[(call text={} id=c1 name=f)"
	    "(call text={} id=c2 name=f sig=D issuer=4)]" },
	{ SAYS("{\"role\":\"user\",\"content\":\"hi\",\"mood\":\"bad\"}"),
	    HI " lose=messages.mood" },
};

static void
every_field_of_a_request_has_its_outcome(void **state)
{
	(void)state;
	chat_cases(&dialect_openai_chat, requests, COUNT(requests));
}

static const struct chat_refusal bad_requests[] = {
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
	{ PART("{\"type\":\"input_audio\",\"input_audio\":"
	       "\"https://x/a.mp3\"}"),
	    "messages[0].content[0].input_audio", "wav or mp3, in base64" },
	{ WITH("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
	       "\"\"}}]"),
	    "tools[0].function.name", "must not be empty" },
	{ PART("{\"type\":\"file\"}"), "messages[0].content[0].file",
	    "is required" },
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
	(void)state;
	chat_refusals(&dialect_openai_chat, bad_requests, COUNT(bad_requests));
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_of_a_request_has_its_outcome),
		cmocka_unit_test(bad_requests_are_refused_with_their_path),
		cmocka_unit_test(parts_know_where_they_stood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
