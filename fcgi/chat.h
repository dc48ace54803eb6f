/* SPDX-License-Identifier: MIT */
/*
 * The chat endpoints: from the body of a request to a call, from the events
 * of the call to the answer.  The legs are those of exchange.h.
 */
#ifndef FCGI_CHAT_H
#define FCGI_CHAT_H

#include <stdbool.h>

struct error;
struct exchange;
struct key;

/*
 * chat_front(x, key, read_err):
 * Check the request, find its target, open its ledger row.  ${key} may be
 * NULL; ${read_err}: what reading the body ran into.
 *
 * Returns  true when a middle is needed; otherwise the answer is queued.
 */
bool chat_front(
    struct exchange *x, const struct key *key, const struct error *read_err);

/* chat_middle(x): start the upstream; x->loop and events are set. */
void chat_middle(struct exchange *x);

/*
 * chat_again(x):
 * After a middle.
 *
 * Returns  true if the call has followed another one whose process died:
 *          another middle is due instead of the back.
 * Blocks   as chat_front.
 */
bool chat_again(struct exchange *x);

/* chat_back(x): settle and queue the rest of the answer. */
void chat_back(struct exchange *x);

#endif
