/* SPDX-License-Identifier: MIT */
/*
 * Cutting an answer into frames, whatever pieces the network brings.
 *
 * SSE (WHATWG HTML, "Server-sent events"): lines end in LF, CRLF or CR; an
 * empty line ends a frame; several data lines are joined by LF; lines that
 * begin with ':' are comments.  raw covers every byte of the input exactly
 * once, comments and line ends included, so that writing the raws one after
 * the other reproduces the stream.  A frame of comments only has no data.
 * Bytes without a closing empty line at the end of input are a last frame.
 */
#ifndef CORE_FRAME_H
#define CORE_FRAME_H

#include "core/str.h"
#include "core/wire.h"

struct arena;
struct error;

struct frame {
	enum framing framing;
	struct str event; /* SSE event name; absent if none */
	struct str data;  /* payload; absent if the frame has none */
	struct str raw;   /* all bytes of the frame */
};

/* Called for each frame; its strings are valid during the call only. */
typedef int frame_fn(void *arg, const struct frame *f, struct error *err);

struct deframer;

/*
 * deframer_new(a, framing, max_bytes, fn, arg):
 * Returns  a deframer in ${a} that calls ${fn} for each frame; one frame may
 *          have ${max_bytes}.
 */
struct deframer *deframer_new(struct arena *a, enum framing framing,
    size_t max_bytes, frame_fn *fn, void *arg);

/*
 * deframer_push(d, bytes, err), deframer_end(d, err):
 * Take the next bytes; say that there are no more.
 *
 * Returns  0, or -1: ERROR_UP_BROKEN (a frame too large) or what ${fn} set.
 */
int deframer_push(struct deframer *d, struct str bytes, struct error *err)
    __attribute__((warn_unused_result));
int deframer_end(struct deframer *d, struct error *err)
    __attribute__((warn_unused_result));

#endif
