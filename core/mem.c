/* SPDX-License-Identifier: MIT */
#include "core/mem.h"

#include <stdio.h>
#include <stdlib.h>

static void *
there(void *p, size_t n)
{
	if (p == NULL) {
		fprintf(stderr, "sluice: out of memory (%zu bytes)\n", n);
		abort();
	}
	return p;
}

void *
mem_new(size_t n)
{
	return there(calloc(1, n), n);
}

void *
mem_grow(void *p, size_t n)
{
	return there(realloc(p, n), n);
}
