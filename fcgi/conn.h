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

/* conn_drain(pool): close the parked ones, keep none from now on. */
void conn_drain(struct conn_pool *pool);

/* conn_stop(pool): end every answer under way with an error. */
void conn_stop(struct conn_pool *pool);

#endif
