/* SPDX-License-Identifier: MIT */
/*
 * Reading one FastCGI request from a connection, with libfcgi as the parser
 * only: it neither accepts nor writes here (reference/servers.md §6, §7).
 */
#ifndef FCGI_FASTCGI_H
#define FCGI_FASTCGI_H

struct error;
struct exchange;

/* fastcgi_init(): once per process, before any thread. */
void fastcgi_init(void);

/*
 * fastcgi_read(x, err):
 * Read parameters and the body, to its end, from x->io.fd into x->in and
 * x->io.  A body beyond exchange_max_body is read and dropped.
 *
 * Returns  0 with ${err} telling what is wrong with the request, if anything;
 *          -1 when the connection gave no request and is of no more use.
 * Blocks   while the web server sends, at most 10 s for each piece.
 */
int fastcgi_read(struct exchange *x, struct error *err)
    __attribute__((warn_unused_result));

#endif
