/* SPDX-License-Identifier: MIT */
/*
 * The table of endpoints: method, path, and either the dialect of a chat or
 * the handler that answers at once.
 */
#ifndef FCGI_ENDPOINT_H
#define FCGI_ENDPOINT_H

#include <stdbool.h>

#include "core/str.h"

struct buf;
struct dialect;
struct exchange;

struct endpoint {
	const char *method;            /* HEAD counts as GET; NULL: any */
	const char *path;              /* ends in '/': everything below it */
	bool open;                     /* needs no key */
	const struct dialect *dialect; /* a chat; else */
	void (*answer)(struct exchange *x); /* answers at once */
};

/*
 * endpoint_find(method, path, allow):
 * Returns  the endpoint, or NULL: with ${allow} empty there is no such path,
 *          otherwise it holds the methods that there are ("GET, HEAD").
 */
const struct endpoint *endpoint_find(
    struct str method, struct str path, struct buf *allow);

/*
 * endpoint_dialect(path):
 * Returns  the dialect spoken at ${path} whatever the method, or NULL.
 */
const struct dialect *endpoint_dialect(struct str path);

#endif
