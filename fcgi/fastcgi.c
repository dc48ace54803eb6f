/* SPDX-License-Identifier: MIT */
#include "fcgi/fastcgi.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "fcgi/exchange.h"

#define READ_TIMEOUT_S   10
#define MAX_PARAMS       512
#define MAX_PARAMS_BYTES (256u << 10)
#define PIECE_BYTES      16384

void
fastcgi_init(void)
{
	/* Whom it gives up it would else wait 2 s for, on a worker. */
	setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 0);
	FCGX_Init();
}

/* libfcgi frees its parameters with the request: copy them. */
static char **
copy_params(struct arena *a, char **envp)
{
	size_t n = 0, bytes = 0, i;
	char **params;

	while (envp[n] != NULL && n < MAX_PARAMS && bytes < MAX_PARAMS_BYTES)
		bytes += strlen(envp[n++]);
	params = ARENA_ARRAY(a, char *, n + 1);
	for (i = 0; i < n; i++)
		params[i] = arena_memdup(a, envp[i], strlen(envp[i]));
	return params;
}

/*
 * Read the stream to its end, keeping at most a piece beyond the ceiling.  The
 * body stays as long as the call: no room is made for more than has come.
 */
static void
read_body(struct exchange *x, FCGX_Stream *in, struct error *err)
{
	size_t max = exchange_max_body(x);
	struct buf *body = buf_new(x->arena, max + PIECE_BYTES);
	char piece[PIECE_BYTES];
	int n;

	do {
		n = FCGX_GetStr(piece, PIECE_BYTES, in);
		if (body->n <= max && n > 0)
			buf_add(body, piece, (size_t)n);
	} while (n == PIECE_BYTES);
	if (FCGX_GetError(in) != 0)
		error_set(err, ERROR_BAD_REQUEST, "the body is incomplete");
	http_body(&x->in, buf_str(body), max, err);
}

static void
set_timeout(int fd)
{
	const struct timeval limit = { .tv_sec = READ_TIMEOUT_S };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

int
fastcgi_read(struct exchange *x, struct error *err)
{
	FCGX_Request rq;

	set_timeout(x->io.fd);
	/*
	 * With keepConnection set and no listening socket, FCGX_Accept_r
	 * reads from ipcFd instead of accepting, and a broken connection is
	 * closed and reported instead of replaced.  It gets a descriptor of
	 * its own to close: the connection's number stays ours throughout.
	 */
	FCGX_InitRequest(&rq, -1, 0);
	rq.ipcFd = dup(x->io.fd);
	rq.keepConnection = 1;
	if (rq.ipcFd < 0 || FCGX_Accept_r(&rq) != 0)
		return -1;
	x->io.request_id = (uint16_t)rq.requestId;
	x->io.keep = rq.keepConnection != 0;
	http_parse(&x->in, x->arena, copy_params(x->arena, rq.envp), err);
	if (err->kind != ERROR_NONE)
		x->io.keep = false;
	read_body(x, rq.in, err);
	close(rq.ipcFd);
	FCGX_Free(&rq, 0);
	return 0;
}
