/* SPDX-License-Identifier: MIT */
#include "fcgi/io.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fastcgi.h>

#define MAX_CONTENT 65528               /* of one record: a multiple of 8 */
#define MAX_PENDING ((size_t)256 << 20) /* whole answers are queued at once */

void
io_init(struct io *io, enum io_kind kind, int fd)
{
	*io = (struct io){ .kind = kind, .fd = fd };
	buf_init(&io->out, MAX_PENDING);
}

void
io_release(struct io *io)
{
	buf_release(&io->out);
}

static void
add_header(struct io *io, int type, size_t content)
{
	const unsigned char head[FCGI_HEADER_LEN] = { FCGI_VERSION_1,
		(unsigned char)type, (unsigned char)(io->request_id >> 8),
		(unsigned char)(io->request_id & 0xff),
		(unsigned char)(content >> 8), (unsigned char)(content & 0xff),
		0, 0 };

	buf_add(&io->out, head, sizeof(head));
}

void
io_write(struct io *io, struct str bytes)
{
	struct str piece;

	if (io->gone || bytes.n == 0)
		return;
	if (io->kind == IO_CGI) {
		buf_adds(&io->out, bytes);
		return;
	}
	while (bytes.n > 0) {
		piece = bytes;
		if (piece.n > MAX_CONTENT)
			piece.n = MAX_CONTENT;
		add_header(io, FCGI_STDOUT, piece.n);
		buf_adds(&io->out, piece);
		bytes = str_skip(bytes, piece.n);
	}
}

void
io_end(struct io *io)
{
	static const char body[8]; /* app status 0, FCGI_REQUEST_COMPLETE */

	if (io->gone || io->kind == IO_CGI)
		return;
	add_header(io, FCGI_STDOUT, 0);
	add_header(io, FCGI_END_REQUEST, sizeof(body));
	buf_add(&io->out, body, sizeof(body));
}

/* The queue is empty: the next stream takes its memory while it is warm. */
static void
drained(struct io *io)
{
	io->sent = 0;
	buf_release(&io->out);
}

static ssize_t
send_some(const struct io *io)
{
	const char *p = io->out.p + io->sent;

	if (io->kind == IO_CGI)
		return write(io->fd, p, io_pending(io));
	return send(io->fd, p, io_pending(io), MSG_DONTWAIT | MSG_NOSIGNAL);
}

int
io_flush(struct io *io)
{
	ssize_t n;

	if (io->gone || buf_over(&io->out)) {
		io->gone = true;
		return -1;
	}
	while (io_pending(io) > 0) {
		n = send_some(io);
		if (n >= 0) {
			io->sent += (size_t)n;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return 1;
		} else if (errno != EINTR) {
			io->gone = true;
			return -1;
		}
	}
	drained(io);
	return 0;
}

bool
io_peer_left(const struct io *io)
{
	unsigned char head[FCGI_HEADER_LEN];
	ssize_t n;

	n = recv(io->fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
	if (n < 0)
		return errno != EAGAIN && errno != EWOULDBLOCK &&
		    errno != EINTR;
	return n < 2 || head[1] == FCGI_ABORT_REQUEST;
}
