/* SPDX-License-Identifier: MIT */
#include "fcgi/sse.h"

#include "core/buf.h"

void
sse_open(struct buf *out, const char *event)
{
	if (event != NULL) {
		buf_addz(out, "event: ");
		buf_addz(out, event);
		buf_addch(out, '\n');
	}
	buf_addz(out, "data: ");
}

void
sse_close(struct buf *out)
{
	buf_addz(out, "\n\n");
}

struct str
sse_data(struct str raw)
{
	struct str line, data = STR_NONE;

	while (raw.p != NULL) {
		raw = str_split(raw, '\n', &line);
		if (!str_starts(line, "data:"))
			continue;
		if (data.p != NULL)
			return STR_NONE;
		data = str_trim(str_skip(line, strlen("data:")));
	}
	return data;
}

bool
sse_is_closed(struct str raw)
{
	return str_ends(raw, "\n\n") || str_ends(raw, "\n\r\n");
}

void
sse_raw(struct buf *out, struct str raw)
{
	buf_adds(out, raw);
	if (!sse_is_closed(raw))
		buf_addz(out, str_ends(raw, "\n") ? "\n" : "\n\n");
}

/* In checked JSON a line break is white space: strings cannot hold one. */
void
sse_json(struct buf *out, struct str json)
{
	size_t i;

	json = str_trim(json);
	for (i = 0; i < json.n; i++) {
		if (json.p[i] != '\n' && json.p[i] != '\r')
			buf_addch(out, json.p[i]);
	}
}
