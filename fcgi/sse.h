/* SPDX-License-Identifier: MIT */
/* Lines of a server-sent event stream, as written to clients. */
#ifndef FCGI_SSE_H
#define FCGI_SSE_H

#include <stdbool.h>

#include "core/str.h"

struct buf;

/*
 * sse_open(out, event), sse_close(out):
 * Begin a frame, named ${event} unless that is NULL, whose data is what is
 * appended until sse_close.
 */
void sse_open(struct buf *out, const char *event);
void sse_close(struct buf *out);

/*
 * sse_data(raw):
 * Returns  the data line of the raw frame ${raw}, a view into it; the absent
 *          str if there is none, or more than one.
 */
struct str sse_data(struct str raw);

/*
 * sse_raw(out, raw):
 * Append the raw frame ${raw} and the empty line that ends it, if missing.
 * sse_is_closed(raw):
 * Returns  false if it is missing.
 */
bool sse_is_closed(struct str raw);
void sse_raw(struct buf *out, struct str raw);

/* sse_json(out, json): append ${json} without its line breaks. */
void sse_json(struct buf *out, struct str json);

#endif
