/* SPDX-License-Identifier: MIT */
#include "fcgi/conn.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/error.h"
#include "core/exporter.h"
#include "core/loop.h"
#include "core/mem.h"
#include "fcgi/exchange.h"
#include "fcgi/fastcgi.h"
#include "fcgi/workers.h"

#define STALLED_US INT64_C(60000000)  /* a flush without progress */
#define READING_US INT64_C(300000000) /* a whole request, however slow */
#define FRESH_US   INT64_C(1000000)   /* accepted just before a drain */

/*
 * A connection from the web server:
 *	PARKED	  waits for a request; no exchange
 *	FRONT	  a worker reads and begins; nobody else touches it
 *	MIDDLE	  the event thread streams; the client is watched
 *	BACK	  a worker settles; nobody else touches it
 *	FLUSH	  the answer is complete and leaves
 *	LINGER	  it has left, the descriptor is closed; a loser is drained,
 *		  another arm of an experiment answers
 */
enum conn_state {
	CONN_PARKED,
	CONN_FRONT,
	CONN_MIDDLE,
	CONN_BACK,
	CONN_FLUSH,
	CONN_LINGER
};

struct conn {
	struct conn_pool *pool;
	enum conn_state state;
	int fd;
	struct exchange *x;  /* NULL while PARKED */
	bool busy;           /* FRONT: there are too many calls */
	bool broken;         /* FRONT: there was no request */
	bool wants_middle;   /* FRONT: its result */
	bool used;           /* a request has been answered */
	bool lingers, again; /* BACK: its result */
	struct job job;
	struct loop_timer limit; /* of the time in this state */
	struct loop_later send;  /* MIDDLE: all that one read has brought */
	struct conn *prev, *next;
};

static void on_fd(void *arg, int fd, unsigned events);
static void on_limit(void *arg);
static void on_send(void *arg);
static void linger(struct conn *c);
static void start_middle(struct conn *c);
static void post(struct conn *c, enum conn_state state, void (*work)(void *),
    void (*done)(void *));

/* --- connections --- */

static void
watch(struct conn *c, unsigned events)
{
	if (loop_watch(c->pool->loop, c->fd, events, on_fd, c) != 0)
		abort(); /* out of memory in the kernel */
}

static struct conn *
conn_new(struct conn_pool *pool, int fd)
{
	struct conn *c = mem_new(sizeof(*c));

	c->pool = pool;
	c->fd = fd;
	c->limit.fn = on_limit;
	c->limit.arg = c;
	c->send = (struct loop_later){ .fn = on_send, .arg = c };
	c->next = pool->conns;
	if (c->next != NULL)
		c->next->prev = c;
	pool->conns = c;
	pool->n_conns++;
	return c;
}

static void
hang_up(struct conn *c)
{
	if (c->fd < 0)
		return;
	loop_unwatch(c->pool->loop, c->fd);
	close(c->fd);
	c->fd = -1;
}

static void
conn_free(struct conn *c)
{
	struct conn_pool *pool = c->pool;

	loop_timer_stop(pool->loop, &c->limit);
	loop_later_stop(pool->loop, &c->send);
	hang_up(c);
	exchange_free(c->x);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		pool->conns = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	pool->n_conns--;
	free(c);
}

/* Limit the time until something happens. */
static void
limit(struct conn *c, int64_t us)
{
	struct loop *l = c->pool->loop;

	loop_timer_set(l, &c->limit, loop_now_us(l) + us);
}

static void
on_limit(void *arg)
{
	struct conn *c = arg;

	if (c->state == CONN_FRONT)
		shutdown(c->fd, SHUT_RDWR); /* its worker finds out */
	else if (c->lingers)
		linger(c);
	else
		conn_free(c);
}

static void
park(struct conn *c)
{
	c->state = CONN_PARKED;
	watch(c, EPOLLIN | EPOLLRDHUP);
}

/* --- linger --- */

/* The client has what it gets; the ledger row waits for a loser. */
static void
linger(struct conn *c)
{
	hang_up(c);
	loop_timer_stop(c->pool->loop, &c->limit);
	c->state = CONN_LINGER;
	c->lingers = false;
	exchange_linger(c->x);
}

static void
work_settle(void *arg)
{
	struct conn *c = arg;

	c->lingers = exchange_settle(c->x);
}

static void
done_settle(void *arg)
{
	struct conn *c = arg;

	exporter_add(c->pool->exporter, &c->x->call);
	if (c->lingers) {
		linger(c);
		return;
	}
	c->pool->n_calls--;
	conn_free(c);
}

static void
settle(struct conn *c)
{
	c->state = CONN_BACK;
	c->job =
	    (struct job){ .work = work_settle, .done = done_settle, .arg = c };
	workers_post_patient(c->pool->workers, &c->job);
}

/* --- flush --- */

/* Send the complete answer; then park or close. */
static void
flush(struct conn *c)
{
	struct conn_pool *pool = c->pool;
	int left = io_flush(&c->x->io);

	if (left > 0) {
		watch(c, EPOLLOUT);
		limit(c, STALLED_US);
		return;
	}
	if (c->lingers) {
		linger(c);
		return;
	}
	if (left < 0 || !c->x->io.keep || pool->draining) {
		conn_free(c);
		return;
	}
	loop_timer_stop(pool->loop, &c->limit);
	exchange_free(c->x);
	c->x = NULL;
	c->used = true;
	park(c);
}

static void
start_flush(struct conn *c)
{
	c->state = CONN_FLUSH;
	flush(c);
}

/* --- back --- */

static void
work_back(void *arg)
{
	struct conn *c = arg;

	enum exchange_next next = exchange_back(c->x);

	c->lingers = next == EXCHANGE_LINGERS;
	c->again = next == EXCHANGE_AGAIN;
	if (!c->again)
		io_flush(&c->x->io); /* what fits; flush() does the rest */
}

static void
done_back(void *arg)
{
	struct conn *c = arg;
	struct conn_pool *pool = c->pool;

	if (c->again) {
		start_middle(c);
		return;
	}
	exporter_add(pool->exporter, &c->x->call);
	/* those who linger take nobody's place */
	if (c->lingers && pool->n_calls - 1 > pool->max_calls / 4)
		c->lingers = exchange_hurry(c->x);
	if (!c->lingers)
		pool->n_calls--;
	start_flush(c);
}

/* --- middle --- */

static void
on_send(void *arg)
{
	struct conn *c = arg;
	int left = io_flush(&c->x->io);

	if (left < 0)
		exchange_cancel(c->x, ERROR_CLIENT_GONE, "the client left");
	else if (left > 0)
		watch(c, EPOLLIN | EPOLLRDHUP | EPOLLOUT);
	else
		exchange_flushed(c->x);
}

/* curl brings a chunk at a time: what it has read leaves at once. */
static void
on_output(void *arg)
{
	struct conn *c = arg;

	loop_later(c->pool->loop, &c->send);
}

/* What has not left yet goes with the end of the answer. */
static void
on_ended(void *arg)
{
	struct conn *c = arg;

	loop_later_stop(c->pool->loop, &c->send);
	loop_unwatch(c->pool->loop, c->fd);
	if (c->state == CONN_LINGER)
		settle(c);
	else
		post(c, CONN_BACK, work_back, done_back);
}

static void
start_middle(struct conn *c)
{
	static const struct exchange_events events = { on_output, on_ended };
	struct conn_pool *pool = c->pool;

	c->state = CONN_MIDDLE;
	watch(c, EPOLLIN | EPOLLRDHUP);
	exchange_middle(c->x, pool->loop, pool->upstream, &events, c);
}

/* Something about the client while its answer is under way. */
static void
middle_event(struct conn *c, unsigned events)
{
	unsigned keep = EPOLLRDHUP;

	if (events & EPOLLOUT) {
		watch(c, EPOLLIN | EPOLLRDHUP);
		on_send(c);
	}
	if (!(events & ~(unsigned)EPOLLOUT))
		return;
	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) ||
	    io_peer_left(&c->x->io)) {
		c->x->io.gone = true;
		loop_unwatch(c->pool->loop, c->fd);
		exchange_cancel(c->x, ERROR_CLIENT_GONE, "the client left");
		return;
	}
	/* Bytes that are no abort: leave them, and do not spin on them. */
	if (io_pending(&c->x->io) > 0)
		keep |= EPOLLOUT;
	watch(c, keep);
}

/* --- front --- */

static void
work_front(void *arg)
{
	struct conn *c = arg;
	struct error err = { 0 };

	if (c->busy) {
		error_set(&err, ERROR_BUSY,
		    "the gateway is at its limit of %zu calls",
		    c->pool->max_calls);
		err.retry_after_ms = 1000;
	}
	if (fastcgi_read(c->x, &err) != 0)
		c->broken = true;
	else
		c->wants_middle = exchange_front(c->x, &err);
	if (!c->broken && !c->wants_middle)
		io_flush(&c->x->io);
}

static void
done_front(void *arg)
{
	struct conn *c = arg;

	loop_timer_stop(c->pool->loop, &c->limit);
	if (c->broken) {
		c->pool->n_calls--;
		conn_free(c);
	} else if (c->wants_middle) {
		start_middle(c);
	} else {
		exporter_add(c->pool->exporter, &c->x->call);
		c->pool->n_calls--;
		start_flush(c);
	}
}

/* A parked connection is readable: a request, or the end of it. */
static void
start_front(struct conn *c)
{
	struct conn_pool *pool = c->pool;

	c->x = exchange_new(pool->gw, IO_FASTCGI, c->fd);
	c->busy = pool->n_calls >= pool->max_calls;
	pool->n_calls++;
	limit(c, READING_US);
	post(c, CONN_FRONT, work_front, done_front);
}

static void
post(struct conn *c, enum conn_state state, void (*work)(void *),
    void (*done)(void *))
{
	c->state = state;
	c->job = (struct job){ .work = work, .done = done, .arg = c };
	workers_post(c->pool->workers, &c->job);
}

static void
on_fd(void *arg, int fd, unsigned events)
{
	struct conn *c = arg;

	switch (c->state) {
	case CONN_PARKED:
		loop_unwatch(c->pool->loop, fd);
		if (events & EPOLLIN)
			start_front(c);
		else
			conn_free(c);
		break;
	case CONN_MIDDLE:
		middle_event(c, events);
		break;
	case CONN_FLUSH:
		flush(c);
		break;
	case CONN_FRONT:
	case CONN_BACK:
	case CONN_LINGER:
		break; /* not watched */
	}
}

/* Its request is here already. */
static bool
is_asking(const struct conn *c)
{
	char byte;

	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void
conn_open(struct conn_pool *pool, int fd)
{
	struct conn *c = conn_new(pool, fd);

	/* Most servers connect with the request in hand: no need to wait. */
	if (is_asking(c))
		start_front(c);
	else
		park(c);
}

void
conn_drain(struct conn_pool *pool)
{
	struct conn *c, *next;

	pool->draining = true;
	for (c = pool->conns; c != NULL; c = next) {
		next = c->next;
		if (c->state != CONN_PARKED || is_asking(c))
			continue;
		/* A fresh one is owed an answer: it is out of the backlog. */
		if (c->used)
			conn_free(c);
		else
			limit(c, FRESH_US);
	}
}

void
conn_stop(struct conn_pool *pool)
{
	struct conn *c;

	for (c = pool->conns; c != NULL; c = c->next) {
		if (c->state == CONN_MIDDLE || c->state == CONN_LINGER)
			exchange_cancel(
			    c->x, ERROR_BUSY, "the gateway is restarting");
	}
}

void
conn_abort(struct conn_pool *pool)
{
	struct conn *c, *next;

	conn_stop(pool);
	for (c = pool->conns; c != NULL; c = next) {
		next = c->next;
		if (c->state != CONN_MIDDLE && c->state != CONN_BACK &&
		    c->state != CONN_LINGER)
			on_limit(c);
	}
}
