/* SPDX-License-Identifier: MIT */
/* The endpoints of the model list. */
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

#endif
