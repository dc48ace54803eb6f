/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "fcgi/dialect.h"
#include "tests/unit/chat_text.h"
#include "tests/unit/unit.h"

#define MIB ((size_t)1 << 20)

#define USER     "{\"role\":\"user\",\"content\":\"hi\"}"
#define TOP      "{\"model\":\"m\",\"max_tokens\":9,"
#define WITH(x)  TOP "\"messages\":[" USER "]," x "}"
#define SAYS(x)  TOP "\"messages\":[" x "]}"
#define BLOCK(x) SAYS("{\"role\":\"user\",\"content\":[" x "]}")
#define MADE(x)  SAYS("{\"role\":\"assistant\",\"content\":[" x "]}")
#define HI       "U[(text text=hi)]"

static const struct chat_case requests[] = {
	{ SAYS(USER), HI " max=9" },
	{ WITH("\"system\":\"s\""), "S[(text text=s)]" HI " max=9" },
	{ WITH("\"system\":[{\"type\":\"text\",\"text\":"
	       "\"x-anthropic-billing-header: cc_version=1;\"},{\"type\":"
	       "\"text\",\"text\":\"a\",\"cache_control\":{\"type\":"
	       "\"ephemeral\"}},{\"type\":\"text\",\"text\":\"b\","
	       "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}]"),
	    "S[(text text=a 5m)(text text=b 1h)]" HI " max=9" },
	{ WITH("\"system\":[]"), HI " max=9" },
	{ SAYS(USER ",{\"role\":\"system\",\"content\":[{\"type\":\"text\","
		    "\"text\":\"s\"}],\"output_config\":{\"effort\":"
		    "\"low\"}}"),
	    HI "S[(text text=s)] max=9 lose=messages.output_config" },
	{ WITH("\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}"),
	    "U[(text text=hi 1h)] max=9" },
	{ WITH("\"stop_sequences\":[\"x\"],\"stream\":true,"
	       "\"temperature\":1,\"top_p\":0.9,\"top_k\":5"),
	    HI " max=9 stream=1 temperature=1 top_p=0.9 top_k=5 stop=x" },
	{ WITH("\"thinking\":{\"type\":\"adaptive\",\"display\":\"omitted\"},"
	       "\"output_config\":{\"effort\":\"medium\"}"),
	    HI " max=9 budget=-1 effort=4 hidden=1" },
	{ WITH("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024,"
	       "\"display\":\"summarized\"}"),
	    HI " max=9 budget=1024" },
	{ WITH("\"thinking\":{\"type\":\"disabled\"}"), HI " max=9 off=1" },
	{ WITH("\"thinking\":{\"type\":\"between_tools\"}"),
	    HI " max=9 lose=thinking.between_tools" },
	{ WITH("\"output_config\":{\"format\":{\"type\":\"json_schema\","
	       "\"schema\":{\"type\":\"object\"}},\"task_budget\":"
	       "{\"type\":\"tokens\",\"total\":5}}"),
	    HI " max=9 output=2 strict=1 schema={\"type\":\"object\"} "
	       "lose=output_config.task_budget" },
	{ WITH("\"metadata\":{\"user_id\":\"u\"},\"service_tier\":\"auto\","
	       "\"speed\":\"standard\",\"inference_geo\":\"global\","
	       "\"mcp_servers\":[],\"container\":null"),
	    HI " max=9 user=u tier=auto" },
	{ WITH("\"speed\":\"fast\",\"container\":\"c\",\"diagnostics\":"
	       "{\"previous_message_id\":null},\"fallbacks\":\"default\","
	       "\"new_thing\":{\"a\":1}"),
	    HI " max=9 lose=speed,container,diagnostics,fallbacks,"
	       "new_thing" },
	{ WITH("\"context_management\":{\"edits\":[{\"type\":"
	       "\"clear_thinking_20251015\",\"keep\":\"all\"}]}"),
	    HI " max=9" },
	{ WITH("\"context_management\":{\"edits\":[{\"type\":"
	       "\"clear_tool_uses_20250919\"}]}"),
	    HI " max=9 lose=context_management" },
	{ WITH("\"tools\":[{\"name\":\"f\",\"description\":\"d\","
	       "\"input_schema\":{\"type\":\"object\"},\"strict\":true,"
	       "\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":"
	       "\"custom\",\"name\":\"g\",\"input_schema\":{},"
	       "\"defer_loading\":true,\"eager_input_streaming\":true,"
	       "\"input_examples\":[{}]}],\"tool_choice\":{\"type\":\"any\","
	       "\"disable_parallel_tool_use\":true}"),
	    HI " tool{f d=d s={\"type\":\"object\"} strict mark} max=9 "
	       "choice=3 parallel_off=1 lose=tools.input_examples" },
	{ WITH("\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\"}"),
	    HI " max=9 choice=4 named=f" },
	{ WITH("\"tool_choice\":{\"type\":\"none\"}"), HI " max=9 choice=2" },
	{ WITH("\"tools\":[{\"type\":\"bash_20250124\",\"name\":\"bash\"}]"),
	    HI " tool{bash d=Run a command in a persistent bash session, or "
	       "restart it s={\"type\":\"object\",\"properties\":"
	       "{\"command\":{\"type\":\"string\"},\"restart\":{\"type\":"
	       "\"boolean\"}}}} max=9" },
	{ BLOCK("{\"type\":\"image\",\"source\":{\"type\":\"base64\","
		"\"media_type\":\"image/png\",\"data\":\"AA\"}},{\"type\":"
		"\"image\",\"source\":{\"type\":\"url\",\"url\":"
		"\"https://x\"},\"transformations\":{\"oversized_image\":"
		"\"error\"}},{\"type\":\"image\",\"source\":{\"type\":"
		"\"file\",\"file_id\":\"f\"}}"),
	    "U[(image mime=image/png data=AA)(image url=https://x)"
	    "(image file=f)] max=9 lose=messages.content.transformations" },
	{ BLOCK("{\"type\":\"document\",\"title\":\"T\",\"source\":{\"type\":"
		"\"base64\",\"media_type\":\"application/pdf\",\"data\":"
		"\"AA\"},\"citations\":{\"enabled\":true}},{\"type\":"
		"\"document\",\"source\":{\"type\":\"text\",\"media_type\":"
		"\"text/plain\",\"data\":\"t\"},\"citations\":{\"enabled\":"
		"false}},{\"type\":\"document\",\"source\":{\"type\":"
		"\"content\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
		"{\"type\":\"text\",\"text\":\"b\"}]}}"),
	    "U[(doc name=T mime=application/pdf data=AA)(doc text=t)"
	    "(doc text=a\nb)] max=9 lose=messages.content.citations" },
	{ BLOCK("{\"type\":\"search_result\",\"title\":\"T\",\"source\":"
		"\"https://x\",\"content\":[{\"type\":\"text\",\"text\":"
		"\"a\"}]}"),
	    "U[(doc text=a name=T)] max=9 lose=messages.content.source" },
	{ MADE("{\"type\":\"thinking\",\"thinking\":\"h\",\"signature\":"
	       "\"S\"},{\"type\":\"thinking\",\"thinking\":\"h\","
	       "\"signature\":\"\"},{\"type\":\"thinking\",\"thinking\":"
	       "\"h\",\"signature\":\"sluice:openai-responses-v1:E\"},"
	       "{\"type\":\"redacted_thinking\",\"data\":\"D\"},{\"type\":"
	       "\"text\",\"text\":\"a\",\"citations\":null}"),
	    "A[(think text=h sig=S issuer=3)(think text=h)"
	    "(think text=h sig=E issuer=2)(think sig=D issuer=3 redacted)"
	    "(text text=a)] max=9" },
	{ SAYS(USER ",{\"role\":\"assistant\",\"content\":[{\"type\":"
		    "\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":"
		    "{\"a\":[1, 2]},\"caller\":{\"type\":\"direct\"}},"
		    "{\"type\":\"tool_use\",\"id\":\"u\",\"name\":\"g\"}]},"
		    "{\"role\":\"user\",\"content\":[{\"type\":"
		    "\"tool_result\",\"tool_use_id\":\"t\",\"content\":\"r\","
		    "\"is_error\":true,\"cache_control\":{\"type\":"
		    "\"ephemeral\"}},{\"type\":\"tool_result\","
		    "\"tool_use_id\":\"u\"},{\"type\":\"tool_result\","
		    "\"tool_use_id\":\"v\",\"content\":[{\"type\":\"text\","
		    "\"text\":\"x\"},{\"type\":\"image\",\"source\":{\"type\":"
		    "\"url\",\"url\":\"https://x\"}},{\"type\":"
		    "\"tool_reference\",\"tool_name\":\"N\"}]}]}"),
	    HI "A[(call text={\"a\":[1,2]} id=t name=f)(call text={} id=u "
	       "name=g)]U[(result id=t error 5m[(text text=r)])(result id=u)"
	       "(result id=v[(text text=x)(image url=https://x)"
	       "(text text=N)])] max=9" },
};

static void
every_field_of_a_request_has_its_outcome(void **state)
{
	(void)state;
	chat_cases(&dialect_anthropic, requests, COUNT(requests));
}

static const struct chat_refusal bad_requests[] = {
	{ "\"x\"", "", "must be an object" },
	{ "{\"model\":\"m\",\"messages\":[" USER "]}", "max_tokens",
	    "is required" },
	{ "{\"max_tokens\":0,\"messages\":[" USER "]}", "max_tokens",
	    "at least 1" },
	{ "{\"max_tokens\":9}", "messages", "is required" },
	{ SAYS(""), "messages", "must not be empty" },
	{ SAYS("{\"role\":\"tool\",\"content\":\"x\"}"), "messages[0].role",
	    "unknown role \"tool\"" },
	{ SAYS("{\"role\":\"user\"}"), "messages[0].content", "is required" },
	{ BLOCK(""), "messages[0].content", "must not be empty" },
	{ BLOCK("{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"foo\"}"),
	    "messages[0].content[1].type", "unknown content part \"foo\"" },
	{ BLOCK("{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"b\"}"),
	    "messages[0].content[0].type", "is not allowed here" },
	{ MADE("{\"type\":\"tool_result\",\"tool_use_id\":\"a\"}"),
	    "messages[0].content[0].type", "is not allowed here" },
	{ BLOCK("{\"type\":\"image\",\"source\":{\"type\":\"base64\","
		"\"media_type\":\"image/png;a\",\"data\":\"QQ==\"}}"),
	    "messages[0].content[0].source.media_type", "a media type" },
	{ MADE("{\"type\":\"server_tool_use\"}"), "messages[0].content[0].type",
	    "is not available on this" },
	{ MADE("{\"type\":\"mcp_tool_use\"}"), "messages[0].content[0].type",
	    "is not available on this" },
	{ MADE("{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"b\","
	       "\"input\":\"s\"}"),
	    "messages[0].content[0].input", "must be an object" },
	{ BLOCK("{\"type\":\"tool_result\"}"),
	    "messages[0].content[0].tool_use_id", "is required" },
	{ BLOCK("{\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"content\":"
		"[{\"type\":\"tool_use\"}]}"),
	    "messages[0].content[0].content[0].type", "is not allowed here" },
	{ BLOCK("{\"type\":\"image\",\"source\":{\"type\":\"text\","
		"\"data\":\"x\"}}"),
	    "messages[0].content[0].source.type", "unknown source" },
	{ BLOCK("{\"type\":\"image\"}"), "messages[0].content[0].source",
	    "is required" },
	{ WITH("\"system\":[{\"type\":\"image\"}]"), "system[0].type",
	    "unknown content part" },
	{ WITH("\"system\":5"), "system", "must be a string or an array" },
	{ WITH("\"tools\":[{\"name\":\"f\"}]"), "tools[0].input_schema",
	    "is required" },
	{ WITH("\"tools\":[{\"input_schema\":{}}]"), "tools[0].name",
	    "is required" },
	{ WITH("\"tools\":[{\"type\":\"web_search_20250305\",\"name\":"
	       "\"web_search\"}]"),
	    "tools[0].type",
	    "hosted tool \"web_search_20250305\" is not available on this" },
	{ WITH("\"tools\":[{\"type\":\"computer_toolset_20260801\"}]"),
	    "tools[0].type", "hosted tool" },
	{ WITH("\"tool_choice\":{\"type\":\"some\"}"), "tool_choice.type",
	    "must be auto, any, none or tool" },
	{ WITH("\"tool_choice\":{\"type\":\"tool\"}"), "tool_choice.name",
	    "is required" },
	{ WITH("\"thinking\":{\"type\":\"enabled\"}"), "thinking.budget_tokens",
	    "is required" },
	{ WITH("\"thinking\":{\"type\":\"odd\"}"), "thinking.type",
	    "unknown type" },
	{ WITH("\"output_config\":{\"effort\":\"vast\"}"),
	    "output_config.effort", "must be one of" },
	{ WITH("\"output_config\":{\"format\":{\"type\":\"json_schema\"}}"),
	    "output_config.format.schema", "is required" },
	{ WITH("\"mcp_servers\":[{\"url\":\"https://x\"}]"), "mcp_servers",
	    "is not available" },
	{ WITH("\"thread\":{\"type\":\"create\"}"), "thread",
	    "is not available" },
	{ WITH("\"inference_geo\":\"eu\""), "inference_geo",
	    "is not available" },
	{ WITH("\"temperature\":[]"), "temperature", "" },
};

static void
bad_requests_are_refused_with_their_path(void **state)
{
	(void)state;
	chat_refusals(&dialect_anthropic, bad_requests, COUNT(bad_requests));
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
