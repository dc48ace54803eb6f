/* SPDX-License-Identifier: MIT */
/*
 * What an idle process holds and does not need goes back to the system:
 * limits of shared hosts and containers count it.
 */
#ifndef CORE_LEAN_H
#define CORE_LEAN_H

/*
 * lean_heap(): free memory, of all heaps.  It holds up every other allocation
 * for a moment.
 */
void lean_heap(void);

/*
 * lean_code():
 * Pages of the program and its libraries that are as their files have them:
 * relocation tables and whatever only the start, or a rush, has needed.  What
 * is used again comes from the page cache, a fault for each 64 KB.
 */
void lean_code(void);

#endif
