/* SPDX-License-Identifier: MIT */
/*
 * Which calls use the cache, and which answers it takes.  Off unless the
 * request, its route, its key or the configuration (in this order) says on.
 */
#ifndef CORE_CACHE_POLICY_H
#define CORE_CACHE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

struct call;

enum cache_mode {
	CACHE_UNSET,
	CACHE_OFF,
	CACHE_ON,      /* a stored answer, or a new one that is stored */
	CACHE_REFRESH, /* a new one, that is stored */
	CACHE_ONLY     /* a stored one, or an error */
};

/* What a client says of it. */
struct cache_wish {
	enum cache_mode mode;
	int64_t ttl_s;     /* of what is stored; 0: not said */
	int64_t max_age_s; /* of a stored answer; -1: any */
	/* Of Cache-Control: they restrict a cache that is on. */
	bool no_store, no_cache, only;
};

#define CACHE_MAX_TTL_S 31536000 /* a year */

/*
 * cache_policy_mode(c):
 * Returns  the mode of call ${c}, never CACHE_UNSET.
 */
enum cache_mode cache_policy_mode(const struct call *c);

/*
 * cache_policy_request(c):
 * Returns  why no answer to ${c} is ever stored, or NULL.  Requests with
 *          hosted tools (web search and the like) are, if they say for how
 *          long themselves (x-sluice-cache-ttl).
 */
const char *cache_policy_request(struct call *c);

#endif
