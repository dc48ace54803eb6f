/* SPDX-License-Identifier: MIT */
/*
 * What selftest tries, as data.  Bodies lack the model and what makes a
 * stream of them: both are put in.
 */
#include "core/selftest_rows.h"

#include "core/arena.h"
#include "core/jtext.h"

#define BEARER "Authorization: Bearer "

static const struct selftest_dialect models = { WIRE_NONE, "/v1/models", BEARER,
	NULL, false };
static const struct selftest_dialect chat = { WIRE_OPENAI_CHAT,
	"/v1/chat/completions", BEARER, NULL, true };
static const struct selftest_dialect responses = { WIRE_OPENAI_RESPONSES,
	"/v1/responses", BEARER, NULL, false };
static const struct selftest_dialect input_tokens = { WIRE_NONE,
	"/v1/responses/input_tokens", BEARER, NULL, false };
static const struct selftest_dialect socket = { WIRE_NONE, "/v1/responses",
	BEARER, "Sec-WebSocket-Key: c2x1aWNlIHNlbGZ0ZXN0IQ==", false };
static const struct selftest_dialect messages = { WIRE_ANTHROPIC,
	"/v1/messages", "x-api-key: ", "anthropic-version: 2023-06-01", false };
static const struct selftest_dialect counting = { WIRE_ANTHROPIC,
	"/v1/messages/count_tokens",
	"x-api-key: ", "anthropic-version: 2023-06-01", false };
static const struct selftest_dialect completions = { WIRE_OPENAI_COMPLETIONS,
	"/v1/completions", BEARER, NULL, true };
static const struct selftest_dialect embeddings = { WIRE_NONE, "/v1/embeddings",
	BEARER, NULL, false };

/* ---- bodies ---- */

#define HELLO                                                                  \
	"\"messages\":[{\"role\":\"user\",\"content\":"                        \
	"\"Say hello in one word.\"}]"
#define ASKED                                                                  \
	"{\"role\":\"user\",\"content\":"                                      \
	"\"What is the weather in Paris? Ask the tool.\"}"
#define SCHEMA                                                                 \
	"{\"type\":\"object\",\"properties\":{\"city\":{\"type\":"             \
	"\"string\"}},\"required\":[\"city\"]}"
#define NAMED                                                                  \
	"\"name\":\"get_weather\",\"description\":\"The weather of a city.\""

#define CHAT_TOOLS                                                             \
	"\"tools\":[{\"type\":\"function\",\"function\":{" NAMED               \
	",\"parameters\":" SCHEMA "}}]"
#define CHAT_CALL                                                              \
	"{\"messages\":[" ASKED "]," CHAT_TOOLS ",\"tool_choice\":"            \
	"\"required\"}"
#define RESPONSES_TOOLS                                                        \
	"\"tools\":[{\"type\":\"function\"," NAMED ",\"strict\":false,"        \
	"\"parameters\":" SCHEMA "}]"
#define RESPONSES_CALL                                                         \
	"{\"store\":false,\"input\":[" ASKED "]," RESPONSES_TOOLS              \
	",\"tool_choice\":\"required\"}"
#define MESSAGES_TOOLS                                                         \
	"\"max_tokens\":1000,\"tools\":[{" NAMED ",\"input_schema\":" SCHEMA   \
	"}]"
#define MESSAGES_CALL                                                          \
	"{\"messages\":[" ASKED "]," MESSAGES_TOOLS                            \
	",\"tool_choice\":{\"type\":\"any\"}}"

/* ---- what follows an answer ---- */

struct str
selftest_get(struct str doc, const char *path)
{
	struct str value;

	return doc.n > 0 && jtext_get(doc, path, &value) ? value : STR_NONE;
}

static struct str
answer_chat(struct arena *a, struct str answer)
{
	struct str calls = selftest_get(answer, "choices.0.message.tool_calls");
	struct str id = selftest_get(calls, "0.id");

	if (id.p == NULL)
		return STR_NONE;
	return str_of(arena_printf(a,
	    "{" CHAT_TOOLS ",\"messages\":[" ASKED
	    ",{\"role\":\"assistant\",\"content\":null,"
	    "\"tool_calls\":[%.*s]},{\"role\":\"tool\","
	    "\"tool_call_id\":%.*s,\"content\":\"sunny\"}]}",
	    STR_ARG(selftest_get(calls, "0")), STR_ARG(id)));
}

/* All items go back, reasoning among them, and the first call is answered. */
static struct str
answer_responses(struct arena *a, struct str answer)
{
	struct str output = selftest_get(answer, "output"), item, id = STR_NONE;
	size_t pos = 0;

	while (
	    id.p == NULL && output.p != NULL && jtext_item(output, &pos, &item))
		if (str_is(selftest_get(item, "type"), "\"function_call\""))
			id = selftest_get(item, "call_id");
	if (id.p == NULL)
		return STR_NONE;
	return str_of(arena_printf(a,
	    "{\"store\":false,\"input\":[" ASKED ",%.*s,"
	    "{\"type\":\"function_call_output\",\"call_id\":%.*s,"
	    "\"output\":\"sunny\"}]," RESPONSES_TOOLS "}",
	    (int)output.n - 2, output.p + 1, STR_ARG(id)));
}

static struct str
answer_messages(struct arena *a, struct str answer)
{
	struct str content = selftest_get(answer, "content"), block,
		   id = STR_NONE;
	size_t pos = 0;

	while (id.p == NULL && content.p != NULL &&
	    jtext_item(content, &pos, &block))
		if (str_is(selftest_get(block, "type"), "\"tool_use\""))
			id = selftest_get(block, "id");
	if (id.p == NULL)
		return STR_NONE;
	return str_of(arena_printf(a,
	    "{" MESSAGES_TOOLS ",\"messages\":[" ASKED
	    ",{\"role\":\"assistant\",\"content\":%.*s},"
	    "{\"role\":\"user\",\"content\":[{\"type\":\"tool_"
	    "result\","
	    "\"tool_use_id\":%.*s,\"content\":\"sunny\"}]}]}",
	    STR_ARG(content), STR_ARG(id)));
}

/* "/resp_1" */
static struct str
path_of(struct arena *a, struct str id)
{
	struct str s = id.p != NULL ? jtext_string(a, id) : STR_NONE;

	return s.n > 0 ? str_of(arena_printf(a, "/%.*s", STR_ARG(s)))
		       : STR_NONE;
}

static struct str
stored_path(struct arena *a, struct str answer)
{
	return path_of(a, selftest_get(answer, "id"));
}

static struct str
listed_path(struct arena *a, struct str answer)
{
	return path_of(a, selftest_get(answer, "data.0.id"));
}

/* ---- the table ---- */

#define NOWHERE "\"no-such-model-anywhere\""
/* clang-format off */
#define FAULT { "error.message", "\"" }, { "error.type", "\"" }
/* clang-format on */

const struct selftest_row selftest_rows[] = {
	{ .name = "models: the list",
	    .dialect = &models,
	    .wants = { { "data.0.id", "\"" } } },
	{ .name = "models: one of them",
	    .dialect = &models,
	    .need = SELFTEST_IF_THERE,
	    .then = listed_path,
	    .method = "GET",
	    .wants = { { "id", "\"" } } },

	{ .name = "chat: a whole answer",
	    .dialect = &chat,
	    .body = "{" HELLO "}",
	    .wants = { { "object", "\"chat.completion\"" },
		{ "choices.0.message.role", "\"assistant\"" },
		{ "choices.0.message.content", "\"" },
		{ "choices.0.finish_reason", "\"stop\"" },
		{ "usage.prompt_tokens", "" }, { "id", "\"" } } },
	{ .name = "chat: a stream",
	    .dialect = &chat,
	    .body = "{" HELLO "}",
	    .stream = true },
	{ .name = "chat: a tool call and its result",
	    .dialect = &chat,
	    .body = CHAT_CALL,
	    .then = answer_chat,
	    .wants = { { "choices.0.message.content", "\"" } } },
	{ .name = "chat: a tool call in a stream",
	    .dialect = &chat,
	    .body = CHAT_CALL,
	    .stream = true },
	{ .name = "chat: no such model",
	    .dialect = &chat,
	    .body = "{" HELLO "}",
	    .model = NOWHERE,
	    .error = true,
	    .wants = { FAULT } },
	{ .name = "chat: no messages",
	    .dialect = &chat,
	    .body = "{}",
	    .error = true,
	    .wants = { FAULT } },
	{ .name = "chat: no JSON",
	    .dialect = &chat,
	    .body = "{\"messages\":[",
	    .raw = true,
	    .error = true,
	    .wants = { FAULT } },
	{ .name = "chat: no key",
	    .dialect = &chat,
	    .body = "{" HELLO "}",
	    .no_key = true,
	    .error = true,
	    .need = SELFTEST_IF_ABLE,
	    .wants = { FAULT } },

	{ .name = "responses: a whole answer",
	    .dialect = &responses,
	    .body = "{\"store\":false,\"input\":\"Say hello.\"}",
	    .need = SELFTEST_IF_THERE,
	    .wants = { { "object", "\"response\"" },
		{ "status", "\"completed\"" }, { "output.0.type", "\"" },
		{ "usage.input_tokens", "" }, { "id", "\"" } } },
	{ .name = "responses: a stream",
	    .dialect = &responses,
	    .body = "{\"store\":false,\"input\":\"Say hello.\"}",
	    .stream = true,
	    .need = SELFTEST_IF_THERE },
	{ .name = "responses: a tool call and its result",
	    .dialect = &responses,
	    .body = RESPONSES_CALL,
	    .then = answer_responses,
	    .need = SELFTEST_IF_THERE,
	    .wants = { { "status", "\"completed\"" } } },
	{ .name = "responses: a tool call in a stream",
	    .dialect = &responses,
	    .body = RESPONSES_CALL,
	    .stream = true,
	    .need = SELFTEST_IF_THERE },
	{ .name = "responses: no such model",
	    .dialect = &responses,
	    .body = "{\"input\":\"hi\"}",
	    .model = NOWHERE,
	    .error = true,
	    .need = SELFTEST_IF_THERE,
	    .wants = { FAULT } },
	{ .name = "responses: input_tokens",
	    .dialect = &input_tokens,
	    .body = "{\"input\":\"Say hello.\"}",
	    .need = SELFTEST_IF_ABLE,
	    .wants = { { "object", "\"response.input_tokens\"" },
		{ "input_tokens", "" } } },
	{ .name = "responses: a stored answer is read again",
	    .dialect = &responses,
	    .body = "{\"store\":true,\"input\":\"Say hello.\"}",
	    .need = SELFTEST_IF_ABLE,
	    .then = stored_path,
	    .method = "GET",
	    .wants = { { "object", "\"response\"" }, { "id", "\"" },
		{ "output.0.type", "\"" } } },
	{ .name = "responses: a stored answer is deleted",
	    .dialect = &responses,
	    .body = "{\"store\":true,\"input\":\"Say hello.\"}",
	    .need = SELFTEST_IF_ABLE,
	    .then = stored_path,
	    .method = "DELETE",
	    .wants = { { "id", "\"" }, { "deleted", "true" } } },
	{ .name = "responses: a WebSocket is refused, not broken",
	    .dialect = &socket,
	    .status = 426,
	    .error = true,
	    .need = SELFTEST_IF_ABLE,
	    .wants = { FAULT } },

	{ .name = "messages: a whole answer",
	    .dialect = &messages,
	    .body = "{\"max_tokens\":1000," HELLO "}",
	    .need = SELFTEST_IF_THERE,
	    .wants = { { "type", "\"message\"" }, { "role", "\"assistant\"" },
		{ "content.0.type", "\"" }, { "stop_reason", "\"end_turn\"" },
		{ "usage.input_tokens", "" }, { "id", "\"" } } },
	{ .name = "messages: a stream",
	    .dialect = &messages,
	    .body = "{\"max_tokens\":1000," HELLO "}",
	    .stream = true,
	    .need = SELFTEST_IF_THERE },
	{ .name = "messages: a tool call and its result",
	    .dialect = &messages,
	    .body = MESSAGES_CALL,
	    .then = answer_messages,
	    .need = SELFTEST_IF_THERE,
	    .wants = { { "stop_reason", "\"end_turn\"" } } },
	{ .name = "messages: a tool call in a stream",
	    .dialect = &messages,
	    .body = MESSAGES_CALL,
	    .stream = true,
	    .need = SELFTEST_IF_THERE },
	{ .name = "messages: no such model",
	    .dialect = &messages,
	    .body = "{\"max_tokens\":1000," HELLO "}",
	    .model = NOWHERE,
	    .error = true,
	    .need = SELFTEST_IF_THERE,
	    .wants = { { "type", "\"error\"" }, FAULT } },
	{ .name = "messages: no max_tokens",
	    .dialect = &messages,
	    .body = "{" HELLO "}",
	    .error = true,
	    .need = SELFTEST_IF_THERE,
	    .wants = { { "type", "\"error\"" }, FAULT } },
	{ .name = "messages: count_tokens",
	    .dialect = &counting,
	    .body = "{" HELLO "}",
	    .need = SELFTEST_IF_THERE,
	    .wants = { { "input_tokens", "" } } },

	{ .name = "completions: a whole answer",
	    .dialect = &completions,
	    .body = "{\"prompt\":\"Say hello.\",\"max_tokens\":1000}",
	    .need = SELFTEST_IF_ABLE,
	    .wants = { { "object", "\"text_completion\"" },
		{ "choices.0.text", "\"" },
		{ "choices.0.finish_reason", "\"" } } },
	{ .name = "completions: a stream",
	    .dialect = &completions,
	    .body = "{\"prompt\":\"Say hello.\",\"max_tokens\":1000}",
	    .stream = true,
	    .need = SELFTEST_IF_ABLE },
	{ .name = "embeddings: as numbers",
	    .dialect = &embeddings,
	    .body = "{\"input\":[\"hello\",\"world\"]}",
	    .need = SELFTEST_IF_ABLE,
	    .wants = { { "object", "\"list\"" }, { "data.1.index", "1" },
		{ "data.0.embedding", "[" }, { "usage.prompt_tokens", "" } } },
	{ .name = "embeddings: as base64",
	    .dialect = &embeddings,
	    .body = "{\"input\":\"hello\",\"encoding_format\":\"base64\"}",
	    .need = SELFTEST_IF_ABLE,
	    .wants = { { "data.0.embedding", "\"" } } },
	{ .name = NULL },
};
