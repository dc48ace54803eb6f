/* SPDX-License-Identifier: MIT */
/*
 * The way back to the web server: one writer over FastCGI records or plain
 * CGI output.  Bytes are queued and leave without blocking; who queues more
 * than the web server takes looks at io_pending and slows its source down.
 *
 * FastCGI 1.0 (https://fastcgi-archives.github.io/FastCGI_Specification.html,
 * section 3.3): output is FCGI_STDOUT records, an empty one ends the stream,
 * FCGI_END_REQUEST ends the request.
 */
#ifndef FCGI_IO_H
#define FCGI_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/str.h"

enum io_kind {
	IO_FASTCGI,
	IO_CGI
};

struct io {
	enum io_kind kind;
	int fd;              /* the connection, or standard output */
	uint16_t request_id; /* FastCGI */
	bool keep;           /* FastCGI: the connection is kept afterwards */
	bool gone;           /* the other side does not read any more */
	struct buf out;      /* what has not left yet, framed */
	size_t sent;         /* bytes of out that have left */
};

/* io_init(io, kind, fd): nothing queued. */
void io_init(struct io *io, enum io_kind kind, int fd);

/* io_release(io): free the queue; the descriptor is the caller's. */
void io_release(struct io *io);

/* io_write(io, bytes): queue ${bytes}. */
void io_write(struct io *io, struct str bytes);

/* io_end(io): queue the end of the request. */
void io_end(struct io *io);

/* io_pending(io): bytes that have not left yet. */
static inline size_t
io_pending(const struct io *io)
{
	return io->out.n - io->sent;
}

/*
 * io_flush(io):
 * Send what can be sent now, without blocking (to a file: all of it).
 *
 * Returns  0 when nothing is left, 1 when the descriptor takes no more, -1
 *          when the other side is gone (and ever after).
 */
int io_flush(struct io *io);

/*
 * io_peer_left(io):
 * The FastCGI connection became readable while an answer is under way: has
 * the client left?  An end of file or an FCGI_ABORT_REQUEST record says so.
 */
bool io_peer_left(const struct io *io);

#endif
