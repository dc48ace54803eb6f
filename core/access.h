/* SPDX-License-Identifier: MIT */
/*
 * The access log: one JSON line for each call, of level info.  At most 4 KB,
 * so that one write is one line whatever it goes to; what clients say is
 * clipped for that.  No bodies, no secrets.
 */
#ifndef CORE_ACCESS_H
#define CORE_ACCESS_H

struct call;

#define ACCESS_MAX_BYTES 4000

/* access_line(c): write the line of settled call ${c}. */
void access_line(const struct call *c);

#endif
