/* SPDX-License-Identifier: MIT */
/*
 * Serving FastCGI: one event thread and a few workers (design §4).
 *
 * The event thread accepts, parks silent and kept connections at no cost,
 * hands readable ones to a worker, runs the middle of all calls on one
 * upstream engine, and writes all answers without blocking.  Workers read
 * requests and run fronts and backs.
 */
#ifndef FCGI_SERVE_H
#define FCGI_SERVE_H

struct error;
struct gateway;

/*
 * serve(gw, listen_fd, err):
 * Serve ${listen_fd} until SIGTERM, SIGINT or SIGUSR1, then drain: running
 * answers get server.drain_s to finish (4 s under mod_fcgid, which kills 8 s
 * after its SIGTERM), the rest an error event, and 2 s to take it.
 *
 * Returns  0 when drained, or -1: ERROR_INTERNAL.
 */
int serve(struct gateway *gw, int listen_fd, struct error *err);

#endif
