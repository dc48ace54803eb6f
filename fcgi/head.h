/* SPDX-License-Identifier: MIT */
/*
 * The head of an answer: status and headers, under 3.5 KB in all (nginx gives
 * them 4 KB), with what sluice tells about the call (design §6) and what the
 * provider told a client of its own format.
 */
#ifndef FCGI_HEAD_H
#define FCGI_HEAD_H

struct error;
struct exchange;

/*
 * head_send(x, status, type, err):
 * Queue the head of the answer; ${type} NULL: no body follows.  ${err} is the
 * error that is answered (Retry-After), or NULL.
 */
void head_send(
    struct exchange *x, int status, const char *type, const struct error *err);

#endif
