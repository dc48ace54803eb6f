/* SPDX-License-Identifier: MIT */
#include "providers/custom_tool.h"

#include "core/buf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/jw.h"

#define MAX_TEXT_BYTES ((size_t)256 << 20)

static struct str
wrap(struct arena *a, const char *key, struct str text)
{
	struct buf *b = buf_new(a, MAX_TEXT_BYTES);
	struct jw w;

	jw_init(&w, b);
	jw_object(&w);
	jw_kv_str(&w, key, text);
	jw_end(&w);
	return buf_str(b);
}

struct str
custom_tool_arguments(struct arena *a, struct str text)
{
	return wrap(a, "input", text);
}

struct str
custom_tool_object(struct arena *a, struct chat *chat, const struct part *call)
{
	struct error ignored = { 0 };
	struct str text = str_trim(call->text);

	if (call->custom)
		return custom_tool_arguments(a, call->text);
	if (text.n == 0 || str_is(text, "[]")) /* no arguments: PHP, R */
		return STR("{}");
	if (*text.p == '{' && jtext_check(text, &ignored) == 0)
		return text;
	chat_lose(chat, "tool_calls.function.arguments");
	return wrap(a, "_raw", call->text);
}
