/* SPDX-License-Identifier: MIT */
/*
 * Memory that no arena has: what lives as long as the process, or grows.
 * Where there is none left the process ends with a word on standard error:
 * ceilings keep clients from bringing that about.
 */
#ifndef CORE_MEM_H
#define CORE_MEM_H

#include <stddef.h>

/*
 * mem_new(n), mem_grow(p, n):
 * Returns  ${n} zeroed bytes; ${p}, which may be NULL, with room for ${n}.
 * Memory   free() it.
 */
void *mem_new(size_t n);
void *mem_grow(void *p, size_t n);

#endif
