/* SPDX-License-Identifier: MIT */
#include "core/frame.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"

#define WINDOW_BYTES 256

/*
 * Bytes wait in ${in} from ${start}, where the current frame begins, and have
 * been looked at up to ${at}.  A CR at the end of what has come is not looked
 * at yet: whether LF follows decides where its line ends.
 */
struct deframer {
	enum framing framing;
	size_t max_bytes;
	frame_fn *fn;
	void *arg;
	struct buf *in;
	struct buf *joined; /* data of several lines */
	size_t start;
	size_t at;
	bool in_line; /* the line at ${at} has bytes already */
	bool ended;   /* nothing more comes */
};

struct deframer *
deframer_new(struct arena *a, enum framing framing, size_t max_bytes,
    frame_fn *fn, void *arg)
{
	struct deframer *d = ARENA_NEW(a, struct deframer);

	d->framing = framing;
	d->max_bytes = max_bytes;
	d->fn = fn;
	d->arg = arg;
	d->in = buf_new(a, SIZE_MAX / 2);
	d->joined = buf_new(a, SIZE_MAX / 2);
	return d;
}

/*
 * The length of the line that ${s} begins with, all of it if none ends there.
 * memchr takes many bytes at a time; windows keep it from running through the
 * whole answer for a byte that it has none of, once for each line.
 */
static size_t
line_length(struct str s)
{
	const char *p = s.p, *lf, *cr;
	size_t left, n;

	for (left = s.n; left > 0; left -= n, p += n) {
		n = left < WINDOW_BYTES ? left : WINDOW_BYTES;
		lf = memchr(p, '\n', n);
		cr = memchr(p, '\r', lf != NULL ? (size_t)(lf - p) : n);
		if (cr != NULL || lf != NULL)
			return (size_t)((cr != NULL ? cr : lf) - s.p);
	}
	return s.n;
}

/* Cut the first line off ${*rest}. */
static struct str
take_line(struct str *rest)
{
	struct str line = { .p = rest->p, .n = line_length(*rest) };
	size_t skip;

	skip = line.n + 1;
	if (skip < rest->n && memcmp(rest->p + line.n, "\r\n", 2) == 0)
		skip++;
	*rest = str_skip(*rest, skip);
	return line;
}

static void
add_data(struct deframer *d, struct frame *f, struct str value)
{
	if (f->data.p == NULL) {
		f->data = value;
		return;
	}
	if (d->joined->n == 0)
		buf_adds(d->joined, f->data);
	buf_addch(d->joined, '\n');
	buf_adds(d->joined, value);
	f->data = buf_str(d->joined);
}

/* One line of a frame: "name: value", or a comment, which has no name. */
static void
read_line(struct deframer *d, struct frame *f, struct str line)
{
	struct str name;
	struct str value = str_split(line, ':', &name);

	if (value.p == NULL)
		value = str_skip(line, line.n);
	else if (str_starts(value, " "))
		value = str_skip(value, 1);
	if (str_is(name, "data"))
		add_data(d, f, value);
	else if (str_is(name, "event"))
		f->event = value;
}

static int
emit(struct deframer *d, struct str raw, struct error *err)
{
	struct frame f = { .framing = d->framing, .raw = raw };
	struct str rest = raw;

	if (d->framing == FRAMING_WHOLE) {
		f.data = raw;
		return d->fn(d->arg, &f, err);
	}
	buf_reset(d->joined);
	if (str_starts(rest, "\xef\xbb\xbf"))
		rest = str_skip(rest, 3);
	while (rest.n > 0)
		read_line(d, &f, take_line(&rest));
	return d->fn(d->arg, &f, err);
}

/* Look on until the frame is complete: true, and it ends at ${at}. */
static bool
find_end(struct deframer *d)
{
	const char *p = d->in->p;
	size_t n;
	char c;

	while (d->at < d->in->n) {
		n = line_length(str_skip(buf_str(d->in), d->at));
		d->in_line |= n > 0;
		d->at += n;
		if (d->at == d->in->n)
			return false;
		c = p[d->at];
		if (c == '\r' && d->at + 1 == d->in->n && !d->ended)
			return false;
		/* The buffer is NUL-terminated. */
		d->at += c == '\r' && p[d->at + 1] == '\n' ? 2 : 1;
		if (!d->in_line)
			return true;
		d->in_line = false;
	}
	return false;
}

/* Emit what stands before ${at}, if it is not too large. */
static int
emit_frame(struct deframer *d, struct error *err)
{
	struct str raw = { .p = d->in->p + d->start, .n = d->at - d->start };

	d->start = d->at;
	d->in_line = false;
	if (raw.n > d->max_bytes) {
		return error_set(err, ERROR_UP_BROKEN,
		    "the provider sent a frame of more than %zu bytes",
		    d->max_bytes);
	}
	return emit(d, raw, err);
}

int
deframer_push(struct deframer *d, struct str bytes, struct error *err)
{
	buf_adds(d->in, bytes);
	while (d->framing == FRAMING_SSE && find_end(d))
		if (emit_frame(d, err) != 0)
			return -1;
	if (d->start < d->in->n)
		buf_drop(d->in, d->start);
	else /* the next stream takes the memory while it is warm */
		buf_release(d->in);
	d->at -= d->start;
	d->start = 0;
	if (d->in->n > d->max_bytes) {
		return error_set(err, ERROR_UP_BROKEN,
		    "the provider sent a frame of more than %zu bytes",
		    d->max_bytes);
	}
	return 0;
}

int
deframer_end(struct deframer *d, struct error *err)
{
	d->ended = true;
	if (deframer_push(d, STR(""), err) != 0)
		return -1;
	d->at = d->in->n;
	return d->at > 0 ? emit_frame(d, err) : 0;
}
