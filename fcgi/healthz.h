/* SPDX-License-Identifier: MIT */
#ifndef FCGI_HEALTHZ_H
#define FCGI_HEALTHZ_H

#include "fcgi/exchange.h"

/*
 * healthz(x):
 * GET /healthz: 200 {"status":"ok"}; 200 "degraded" with the reason where
 * calls are served but somebody should look (core/status.h), also without a
 * ledger where store.on_failure is "serve"; 503 "failed" where they are not.
 */
void healthz(struct exchange *x);

#endif
