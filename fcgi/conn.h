/* SPDX-License-Identifier: MIT */
/*
 * The web server's connections, each through its states; the event thread
 * owns them all.
 */
#ifndef FCGI_CONN_H
#define FCGI_CONN_H

#include <stdbool.h>
#include <stddef.h>

struct conn;
struct exporter;
struct gateway;
struct loop;
struct upstream;
struct workers;

/* What all connections of a process share. */
struct conn_pool {
	struct gateway *gw;
	struct loop *loop;
	struct upstream *upstream;
	struct workers *workers;
	struct exporter *exporter; /* of traces */
	struct conn *conns;
	size_t n_conns;
	size_t n_calls;   /* connections that are not parked */
	size_t max_calls; /* more are answered 503 at once */
	bool draining;    /* no connection is kept */
};

/*
 * conn_open(pool, fd):
 * Take the accepted ${fd}: wait for a request, answer it, wait again or close.
 */
void conn_open(struct conn_pool *pool, int fd);

/*
 * conn_drain(pool):
 * Close the parked ones, keep none from now on.  One that has just been
 * accepted may still ask.
 */
void conn_drain(struct conn_pool *pool);

/* conn_stop(pool): end every answer under way with an error. */
void conn_stop(struct conn_pool *pool);

/*
 * conn_abort(pool):
 * Wait for no web server any more: conn_stop, and give up what is still
 * being read or has not been taken.  To be repeated until none is left.
 */
void conn_abort(struct conn_pool *pool);

#endif
