/* SPDX-License-Identifier: MIT */
#include "fcgi/dialect.h"
#include "tests/unit/chat_text.h"
#include "tests/unit/unit.h"

#define MIB ((size_t)1 << 20)

#define WITH(x)  "{\"model\":\"m\",\"input\":\"hi\"," x "}"
#define ITEMS(x) "{\"model\":\"m\",\"input\":[" x "]}"
#define PART(x)  ITEMS("{\"role\":\"user\",\"content\":[" x "]}")
#define HI       "U[(text text=hi)]"

static const struct chat_case requests[] = {
	{ "{\"model\":\"m\",\"input\":\"hi\"}", HI },
	{ WITH("\"instructions\":\"be nice\""), "S[(text text=be nice)]" HI },
	{ WITH("\"unknown\":1,\"client_metadata\":{\"a\":1},\"stream\":true,"
	       "\"stream_options\":{\"include_obfuscation\":false},"
	       "\"models\":[\"a\"]"),
	    HI " stream=1 lose=unknown" },
	{ WITH("\"max_output_tokens\":7,\"temperature\":0.5,\"top_p\":1,"
	       "\"parallel_tool_calls\":false,\"user\":\"u\","
	       "\"service_tier\":\"flex\""),
	    HI " max=7 parallel_off=1 temperature=0.5 top_p=1 user=u "
	       "tier=flex" },
	{ WITH("\"reasoning\":{\"effort\":\"high\",\"summary\":\"auto\"}"),
	    HI " effort=5" },
	{ WITH("\"reasoning\":{\"effort\":\"low\",\"context\":\"all_turns\","
	       "\"mode\":\"pro\"}"),
	    HI " effort=3 hidden=1 lose=reasoning.mode" },
	{ WITH("\"store\":false,\"background\":false,\"truncation\":"
	       "\"disabled\",\"top_logprobs\":0,\"include\":["
	       "\"reasoning.encrypted_content\"],\"previous_response_id\":"
	       "null"),
	    HI },
	{ WITH("\"store\":true,\"truncation\":\"auto\",\"top_logprobs\":2,"
	       "\"include\":[\"web_search_call.results\"],"
	       "\"prompt_cache_key\":\"k\",\"metadata\":{\"a\":\"b\"},"
	       "\"max_tool_calls\":3"),
	    HI " metadata:{\"a\":\"b\"} prompt_cache_key:\"k\" store:true "
	       "lose=include,truncation,top_logprobs,max_tool_calls" },
	{ WITH("\"text\":{\"format\":{\"type\":\"text\"},\"verbosity\":"
	       "\"low\"}"),
	    HI " text.verbosity:\"low\"" },
	{ WITH("\"text\":{\"format\":{\"type\":\"json_object\"}}"),
	    HI " output=1" },
	{ WITH("\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"N\","
	       "\"strict\":true,\"schema\":{\"type\":\"object\"}}}"),
	    HI " output=2 strict=1 schema_name=N schema={\"type\":"
	       "\"object\"}" },
	/* tools: flat, custom, a namespace, and those that come with items */
	{ WITH("\"tools\":[{\"type\":\"function\",\"name\":\"f\","
	       "\"description\":\"d\",\"parameters\":{\"type\":\"object\"},"
	       "\"strict\":true},{\"type\":\"custom\",\"name\":\"c\","
	       "\"format\":{\"type\":\"text\"}},{\"type\":\"namespace\","
	       "\"name\":\"ns\",\"description\":\"n\",\"tools\":[{\"type\":"
	       "\"function\",\"name\":\"g\"}]}],\"tool_choice\":"
	       "\"required\""),
	    HI " tool{f d=d s={\"type\":\"object\"} strict} "
	       "tool{c g={\"type\":\"text\"} custom} tool{ns__g ns=ns} "
	       "choice=3" },
	{ WITH("\"tools\":[{\"type\":\"web_search\"},{\"type\":\"function\","
	       "\"name\":\"f\"},{\"type\":\"tool_search\",\"execution\":"
	       "\"client\"}]"),
	    HI " tool{f} tool{tool_search search} lose=tools.web_search" },
	{ "{\"input\":[{\"type\":\"additional_tools\",\"role\":\"developer\","
	  "\"tools\":[{\"type\":\"namespace\",\"name\":\"n\",\"tools\":[{"
	  "\"type\":\"custom\",\"name\":\"x\"}]},{\"type\":\"function\","
	  "\"name\":\"f\"}]},{\"role\":\"user\",\"content\":\"hi\"}],"
	  "\"tools\":[{\"type\":\"function\",\"name\":\"f\"},{\"type\":"
	  "\"function\",\"name\":\"g\"}]}",
	    HI " tool{n__x ns=n custom} tool{f} tool{g}" },
	{ WITH("\"tools\":[{\"type\":\"function\",\"name\":\"f\"}],"
	       "\"tool_choice\":{\"type\":\"function\",\"name\":\"f\"}"),
	    HI " tool{f} choice=4 named=f" },
	{ WITH("\"tools\":[{\"type\":\"function\",\"name\":\"f\"},{\"type\":"
	       "\"function\",\"name\":\"g\"}],\"tool_choice\":{\"type\":"
	       "\"allowed_tools\",\"mode\":\"auto\",\"tools\":[{\"type\":"
	       "\"function\",\"name\":\"g\"}]}"),
	    HI " tool{g} choice=1" },
	/* messages */
	{ ITEMS("{\"role\":\"developer\",\"content\":\"d\"},{\"type\":"
		"\"message\",\"role\":\"system\",\"id\":\"msg_1\",\"content\":"
		"[{\"type\":\"input_text\",\"text\":\"s\"}]},{\"role\":"
		"\"user\",\"content\":\"u\"},{\"type\":\"message\",\"id\":"
		"\"msg_2\",\"status\":\"completed\",\"phase\":\"commentary\","
		"\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\","
		"\"text\":\"a\",\"annotations\":[],\"logprobs\":[]},{\"type\":"
		"\"refusal\",\"refusal\":\"r\"}]}"),
	    "S[(text text=d)]S[(text text=s)]U[(text text=u)]"
	    "A[(text text=a)(refusal text=r)]" },
	{ PART("{\"type\":\"input_text\",\"text\":\"a\","
	       "\"prompt_cache_breakpoint\":{\"mode\":\"explicit\"}},"
	       "{\"type\":\"input_image\",\"image_url\":\"https://x/y.png\","
	       "\"detail\":\"low\"},{\"type\":\"input_image\",\"image_url\":"
	       "\"data:image/png;base64,AAAA\",\"file_id\":null},{\"type\":"
	       "\"input_file\",\"filename\":\"a.pdf\",\"file_data\":"
	       "\"data:application/pdf;base64,QQ==\"},{\"type\":"
	       "\"input_file\",\"file_url\":\"https://x/a.pdf\"},{\"type\":"
	       "\"input_file\",\"file_id\":\"file-1\"},{\"type\":"
	       "\"input_audio\",\"input_audio\":{\"data\":\"QQ==\","
	       "\"format\":\"mp3\"}}"),
	    "U[(text text=a 30m)(image url=https://x/y.png detail=low)"
	    "(image mime=image/png data=AAAA)(doc name=a.pdf "
	    "mime=application/pdf data=QQ==)(doc url=https://x/a.pdf)"
	    "(doc file=file-1)(audio mime=audio/mp3 data=QQ==)]" },
	/* what an assistant did in a row is one turn, and so are results */
	{ ITEMS("{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{"
		"\"type\":\"summary_text\",\"text\":\"a\"},{\"type\":"
		"\"summary_text\",\"text\":\"b\"}],\"content\":null,"
		"\"encrypted_content\":\"E\"},{\"type\":\"function_call\","
		"\"id\":\"fc_1\",\"call_id\":\"1\",\"name\":\"f\","
		"\"arguments\":\"\",\"status\":\"completed\"},{\"type\":"
		"\"custom_tool_call\",\"call_id\":\"2\",\"name\":\"x\","
		"\"namespace\":\"n\",\"input\":\"free\"},{\"type\":"
		"\"function_call_output\",\"id\":\"fco\",\"call_id\":\"1\","
		"\"output\":\"one\"},{\"type\":\"custom_tool_call_output\","
		"\"call_id\":\"2\",\"output\":[{\"type\":\"input_text\","
		"\"text\":\"two\"},{\"type\":\"input_image\",\"image_url\":"
		"\"data:image/png;base64,AAAA\"}]}"),
	    "A[(think text=a\n\nb sig=E issuer=2)(call text={} id=1 name=f)"
	    "(call text=free id=2 name=n__x custom)]U[(result id=1[(text "
	    "text=one)])(result id=2[(text text=two)(image mime=image/png "
	    "data=AAAA)])]" },
	/* tokens know their issuer */
	{ ITEMS("{\"type\":\"reasoning\",\"summary\":[{\"type\":"
		"\"summary_text\",\"text\":\"t\"}],\"encrypted_content\":"
		"\"sluice:anthropic-claude-v1:S\"},{\"type\":\"reasoning\","
		"\"summary\":[],\"encrypted_content\":"
		"\"sluice:anthropic-claude-v1:S2\"},{\"type\":\"reasoning\","
		"\"summary\":[],\"encrypted_content\":"
		"\"sluice:anthropic-claude-v1:redacted:D\"},{\"type\":"
		"\"reasoning\",\"summary\":[],\"encrypted_content\":\"E\"},"
		"{\"type\":\"reasoning\",\"summary\":[],\"content\":[{"
		"\"type\":\"reasoning_text\",\"text\":\"raw\"}]},{\"type\":"
		"\"reasoning\",\"summary\":[]}"),
	    "A[(think text=t sig=S issuer=3)(think sig=S2 issuer=3)"
	    "(think sig=D issuer=3 redacted)(think sig=E issuer=2 redacted)"
	    "(think text=raw)]" },
	{ ITEMS("{\"type\":\"web_search_call\",\"id\":\"ws\",\"status\":"
		"\"completed\"},{\"type\":\"configuration_update\","
		"\"reasoning\":{\"effort\":\"low\",\"summary\":\"auto\"}},"
		"{\"type\":\"tool_search_output\",\"tools\":[{\"type\":"
		"\"function\",\"name\":\"f\"}]},{\"role\":\"user\","
		"\"content\":\"hi\"}"),
	    HI " tool{f} effort=3 lose=input.web_search_call" },
	/* what an update does not name stays */
	{ "{\"model\":\"m\",\"reasoning\":{\"effort\":\"low\",\"summary\":"
	  "\"auto\"},\"input\":[{\"type\":\"configuration_update\","
	  "\"reasoning\":{\"effort\":\"high\"}},{\"role\":\"user\","
	  "\"content\":\"hi\"}]}",
	    HI " effort=5" },
};

static void
every_field_of_a_request_has_its_outcome(void **state)
{
	(void)state;
	chat_cases(&dialect_openai_responses, requests, COUNT(requests));
}

static const struct chat_refusal bad_requests[] = {
	{ "[]", "", "must be an object" },
	{ "{\"model\":\"m\"}", "input", "is required" },
	{ "{\"input\":5}", "input", "must be a string or an array" },
	{ ITEMS(""), "input", "must not be empty" },
	{ ITEMS("1"), "input[0]", "must be an object" },
	{ ITEMS("{\"content\":\"x\"}"), "input[0].role", "is required" },
	{ ITEMS("{\"role\":\"user\"}"), "input[0].content", "is required" },
	{ ITEMS("{\"role\":\"tool\",\"content\":\"x\"}"), "input[0].role",
	    "unknown role" },
	{ ITEMS("{\"type\":\"item_reference\",\"id\":\"x\"}"), "input[0].type",
	    "item \"item_reference\" is not available" },
	{ ITEMS("{\"type\":\"compaction\",\"encrypted_content\":\"x\"}"),
	    "input[0].type", "not available" },
	{ ITEMS("{\"type\":\"computer_call\"}"), "input[0].type",
	    "not available" },
	{ ITEMS("{\"type\":\"function_call\",\"name\":\"f\",\"arguments\":"
		"\"\"}"),
	    "input[0].call_id", "" },
	{ ITEMS("{\"type\":\"function_call_output\",\"call_id\":\"1\"}"),
	    "input[0].output", "is required" },
	{ ITEMS("{\"type\":\"reasoning\",\"summary\":5}"), "input[0].summary",
	    "must be an array" },
	{ PART("{\"type\":\"foo\"}"), "input[0].content[0].type",
	    "unknown content part" },
	{ PART("{\"type\":\"refusal\",\"refusal\":\"x\"}"),
	    "input[0].content[0].type", "is not allowed here" },
	{ PART("{\"type\":\"input_image\"}"), "input[0].content[0].image_url",
	    "is required" },
	{ PART("{\"type\":\"input_file\",\"filename\":\"a\"}"),
	    "input[0].content[0].file_data", "is required" },
	{ WITH("\"previous_response_id\":\"resp_1\""), "previous_response_id",
	    "keeps no state" },
	{ WITH("\"conversation\":{\"id\":\"c\"}"), "conversation",
	    "keeps no state" },
	{ WITH("\"prompt\":{\"id\":\"p\"}"), "prompt", "keeps no state" },
	{ WITH("\"background\":true"), "background", "is not available" },
	{ WITH("\"stream\":\"yes\""), "stream", "" },
	{ WITH("\"max_output_tokens\":0"), "max_output_tokens", "at least 1" },
	{ WITH("\"reasoning\":{\"effort\":\"huge\"}"), "reasoning.effort",
	    "must be one of" },
	{ WITH("\"text\":{\"format\":{\"type\":\"xml\"}}"), "text.format.type",
	    "unknown format" },
	{ WITH("\"text\":{\"format\":{\"type\":\"json_schema\"}}"),
	    "text.format.schema", "is required" },
	{ WITH("\"tools\":[{\"type\":\"code_interpreter\"},{\"type\":"
	       "\"function\",\"name\":\"f\"}]"),
	    "tools[0].type", "hosted tool \"code_interpreter\" is not" },
	{ WITH("\"tools\":[{\"type\":\"web_search_2025_08_26\"}]"),
	    "tools[0].type", "hosted tool \"web_search_2025_08_26\"" },
	{ WITH("\"tools\":[{\"type\":\"function\"}]"), "tools[0].name",
	    "is required" },
	{ WITH("\"tools\":[{\"type\":\"namespace\",\"name\":\"n\",\"tools\":[{"
	       "\"type\":\"namespace\",\"name\":\"m\",\"tools\":[]}]}]"),
	    "tools[0].tools[0]", "a namespace in a namespace" },
	{ WITH("\"tool_choice\":\"maybe\""), "tool_choice", "must be auto" },
	{ WITH("\"tool_choice\":{\"type\":\"web_search\"}"), "tool_choice.type",
	    "not available" },
	{ WITH("\"tool_choice\":{\"type\":\"allowed_tools\",\"tools\":[]}"),
	    "tool_choice.tools", "names none" },
};

static void
bad_requests_are_refused_with_their_path(void **state)
{
	(void)state;
	chat_refusals(
	    &dialect_openai_responses, bad_requests, COUNT(bad_requests));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_of_a_request_has_its_outcome),
		cmocka_unit_test(bad_requests_are_refused_with_their_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
