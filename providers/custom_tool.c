/* SPDX-License-Identifier: MIT */
#include "providers/custom_tool.h"

#include "core/buf.h"
#include "core/jw.h"

#define MAX_TEXT_BYTES ((size_t)256 << 20)

struct str
custom_tool_arguments(struct arena *a, struct str text)
{
	struct buf *b = buf_new(a, MAX_TEXT_BYTES);
	struct jw w;

	jw_init(&w, b);
	jw_object(&w);
	jw_kv_str(&w, "input", text);
	jw_end(&w);
	return buf_str(b);
}
