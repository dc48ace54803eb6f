/* SPDX-License-Identifier: MIT */
/*
 * OpenTelemetry's words for what is asked and of whom.
 * Source: "Semantic conventions for generative AI systems", registry values
 * of gen_ai.operation.name and gen_ai.provider.name, read 2026-11.
 */
#ifndef CORE_GENAI_H
#define CORE_GENAI_H

#include "core/provider.h"
#include "core/str.h"

/* genai_operation(op): "chat". */
struct str genai_operation(enum operation op);

/*
 * genai_provider(name):
 * Returns  the well-known word for the configuration's provider ${name}, or
 *          that name.
 */
struct str genai_provider(struct str name);

#endif
