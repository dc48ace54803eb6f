/* SPDX-License-Identifier: MIT */
#include "fcgi/cgi.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/gateway.h"
#include "core/loop.h"
#include "core/upstream.h"
#include "fcgi/exchange.h"

#define PIECE_BYTES      16384
#define FLUSH_TIMEOUT_MS 60000
#define INGEST_AGE_MS    1000

struct oneshot {
	struct exchange *x;
	struct loop *loop;
	int signal_fd;
	bool ended;
};

/* Standard input to its end, whatever CONTENT_LENGTH says. */
static void
read_body(struct exchange *x, struct error *err)
{
	size_t max = exchange_max_body(x);
	struct buf *body = buf_new(x->arena, max + PIECE_BYTES);
	char drop[PIECE_BYTES];
	char *to;
	ssize_t n;

	do {
		to = body->n <= max ? buf_room(body, PIECE_BYTES) : drop;
		n = read(STDIN_FILENO, to, PIECE_BYTES);
		if (to != drop && n > 0)
			buf_added(body, (size_t)n);
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		error_set(err, ERROR_BAD_REQUEST, "the body is incomplete");
	http_body(&x->in, buf_str(body), max, err);
}

static void
client_left(struct oneshot *o)
{
	o->x->io.gone = true;
	loop_unwatch(o->loop, STDOUT_FILENO);
	exchange_cancel(o->x, ERROR_CLIENT_GONE, "the client left");
}

static void
on_signal(void *arg, unsigned events)
{
	struct signalfd_siginfo info;
	struct oneshot *o = arg;

	(void)events;
	if (read(o->signal_fd, &info, sizeof(info)) > 0)
		client_left(o);
}

/*
 * Only errors count: standard output may be a socket whose other half is
 * shut (mod_cgid), which is no sign of anything.
 */
static void
on_stdout(void *arg, unsigned events)
{
	struct oneshot *o = arg;

	if (events & (EPOLLHUP | EPOLLERR)) {
		client_left(o);
		return;
	}
	if (io_flush(&o->x->io) < 0) {
		client_left(o);
	} else if (io_pending(&o->x->io) == 0) {
		loop_watch(o->loop, STDOUT_FILENO, 0, on_stdout, o);
		exchange_flushed(o->x);
	}
}

static void
on_output(void *arg)
{
	struct oneshot *o = arg;
	int left = io_flush(&o->x->io);

	if (left < 0)
		client_left(o);
	else if (left > 0)
		loop_watch(o->loop, STDOUT_FILENO, EPOLLOUT, on_stdout, o);
}

static void
on_ended(void *arg)
{
	struct oneshot *o = arg;

	o->ended = true;
}

static int
watch_client(struct oneshot *o)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	o->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (o->signal_fd < 0 ||
	    loop_watch(o->loop, o->signal_fd, EPOLLIN, on_signal, o) != 0)
		return -1;
	/* A regular file cannot be watched, and needs no watching. */
	loop_watch(o->loop, STDOUT_FILENO, 0, on_stdout, o);
	return 0;
}

/* The middle and the back. */
static int
run_middle(struct exchange *x, struct error *err)
{
	static const struct exchange_events events = { on_output, on_ended };
	struct oneshot o = { .x = x, .signal_fd = -1 };
	struct upstream *upstream = NULL;
	int rc = -1;

	o.loop = loop_new(err);
	if (o.loop != NULL)
		upstream = upstream_new(o.loop);
	if (upstream != NULL && watch_client(&o) == 0) {
		do {
			o.ended = false;
			exchange_middle(x, o.loop, upstream, &events, &o);
			while (!o.ended)
				loop_turn(o.loop, -1);
		} while (exchange_back(x) == EXCHANGE_AGAIN);
		rc = 0; /* nothing is drained */
	}
	upstream_free(upstream);
	if (o.signal_fd >= 0)
		close(o.signal_fd);
	loop_free(o.loop);
	return rc;
}

/* Wait until the whole answer has left, or cannot. */
static void
flush_all(struct io *io)
{
	struct pollfd p = { .fd = io->fd, .events = POLLOUT };

	while (io_flush(io) > 0) {
		if (poll(&p, 1, FLUSH_TIMEOUT_MS) == 0)
			return;
	}
}

int
cgi(struct gateway *gw, char **env, struct error *err)
{
	struct exchange *x = exchange_new(gw, IO_CGI, STDOUT_FILENO);
	struct error read_err = { 0 };
	int rc = 0, flags = fcntl(STDOUT_FILENO, F_GETFL);

	signal(SIGPIPE, SIG_IGN);
	http_parse(&x->in, x->arena, env, &read_err);
	read_body(x, &read_err);
	/* Not before: under mod_cgid both are the same socket. */
	fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK);
	if (exchange_front(x, &read_err))
		rc = run_middle(x, err);
	flush_all(&x->io);
	exchange_free(x);
	gateway_ingest(gw, INGEST_AGE_MS);
	return rc;
}
