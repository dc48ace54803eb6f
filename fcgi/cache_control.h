/* SPDX-License-Identifier: MIT */
/*
 * What a client says about the cache: the options (options.h) cache
 * and cache-ttl, and HTTP's own Cache-Control, which restricts a cache that
 * is on and never turns it on.
 * Source: RFC 9111 §5.2.1 (max-age, no-cache, no-store, only-if-cached).
 */
#ifndef FCGI_CACHE_CONTROL_H
#define FCGI_CACHE_CONTROL_H

struct cache_wish;
struct error;
struct exchange;

/*
 * cache_control_read(x, wish, err):
 * Returns  0, or -1: ERROR_BAD_REQUEST with the option's name.
 */
int cache_control_read(const struct exchange *x, struct cache_wish *wish,
    struct error *err) __attribute__((warn_unused_result));

#endif
