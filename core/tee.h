/* SPDX-License-Identifier: MIT */
/* The sink that passes each event to two others; an error of the second is
 * none. */
#ifndef CORE_TEE_H
#define CORE_TEE_H

#include "core/sink.h"

struct arena;

/* tee_new(a, main, aside): the sink, in ${a}. */
struct sink *tee_new(struct arena *a, struct sink *main, struct sink *aside);

#endif
