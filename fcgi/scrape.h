/* SPDX-License-Identifier: MIT */
#ifndef FCGI_SCRAPE_H
#define FCGI_SCRAPE_H

struct exchange;

/*
 * scrape(x):
 * Answer GET /metrics, for metrics.key and admins: models, providers and what
 * they cost are nobody else's business.  Without auth.required, and without
 * a metrics.key, it is as open as everything else.
 */
void scrape(struct exchange *x);

#endif
