/* SPDX-License-Identifier: MIT */
/*
 * In debug builds (-DGRAMMAR_CHECK, as `make asan` makes them) every stream
 * is kept until its end and checked against the grammar of its format, one
 * that passed verbatim against what must hold of any; a violation aborts.
 */
#ifndef FCGI_EMITTED_H
#define FCGI_EMITTED_H

#include <stdbool.h>
#include <stddef.h>

#include "core/wire.h"

struct buf;

#ifdef GRAMMAR_CHECK
#define EMITTED_IS_CHECKED 1
#else
#define EMITTED_IS_CHECKED 0
#endif

/* emitted_add(all, out, from): note what ${out} has gained since ${from}. */
void emitted_add(struct buf *all, const struct buf *out, size_t from);

/* emitted_check(all, wire, passed): the stream is over; ${passed}: verbatim. */
void emitted_check(const struct buf *all, enum wire wire, bool passed);

#endif
