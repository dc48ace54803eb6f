/* SPDX-License-Identifier: MIT */
/* The endpoints that answer at once: the model list and the health check. */
#ifndef FCGI_MODELS_H
#define FCGI_MODELS_H

struct exchange;

/*
 * models_list(x), models_show(x):
 * GET /v1/models and /v1/models/{id}, in one form that the OpenAI and the
 * Anthropic SDK both accept.  Source: wire.md §6.
 */
void models_list(struct exchange *x);
void models_show(struct exchange *x);

/*
 * healthz(x):
 * GET /healthz: 200 {"status":"ok"}, or 503 with the reason.
 */
void healthz(struct exchange *x);

#endif
