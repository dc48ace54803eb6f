/* SPDX-License-Identifier: MIT */
/* The wire formats and the vendors we know: what main injects into core. */
#ifndef PROVIDERS_PROVIDERS_H
#define PROVIDERS_PROVIDERS_H

#include "core/provider.h"

extern const struct provider provider_openai; /* Chat Completions */
extern const struct provider provider_openai_responses;
extern const struct provider provider_anthropic; /* Messages */
extern const struct provider provider_gemini;    /* generateContent */
extern const struct provider provider_echo;      /* needs no network */

extern const struct bill_formats provider_bills;

extern const struct registry providers;

#endif
