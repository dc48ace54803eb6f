/* SPDX-License-Identifier: MIT */
#include "providers/providers.h"

#include <stddef.h>

static const struct provider *const apis[] = {
	&provider_openai,
	&provider_openai_responses,
	&provider_anthropic,
	&provider_gemini,
	&provider_echo,
	NULL,
};

/* What every vendor but OpenAI itself does with Chat Completions. */
#define COMPATIBLE (QUIRK_NO_DEVELOPER)
#define OLD_LIMIT  (QUIRK_NO_DEVELOPER | QUIRK_MAX_TOKENS)

static const struct vendor vendors[] = {
	{ "openai", "openai,openai_responses", "https://api.openai.com/v1",
	    "OPENAI_API_KEY", 0 },
	{ "anthropic", "anthropic", "https://api.anthropic.com",
	    "ANTHROPIC_API_KEY", 0 },
	{ "google", "gemini", "https://generativelanguage.googleapis.com",
	    "GEMINI_API_KEY,GOOGLE_API_KEY", 0 },
	{ "mistral", "openai", "https://api.mistral.ai/v1", "MISTRAL_API_KEY",
	    OLD_LIMIT | QUIRK_NO_STREAM_OPTIONS | QUIRK_SHORT_IDS |
		QUIRK_FLAT_MEDIA },
	{ "groq", "openai", "https://api.groq.com/openai/v1", "GROQ_API_KEY",
	    COMPATIBLE },
	{ "cerebras", "openai", "https://api.cerebras.ai/v1",
	    "CEREBRAS_API_KEY", COMPATIBLE },
	{ "deepinfra", "openai", "https://api.deepinfra.com/v1/openai",
	    "DEEPINFRA_API_KEY", OLD_LIMIT },
	{ "deepseek", "openai", "https://api.deepseek.com", "DEEPSEEK_API_KEY",
	    OLD_LIMIT | QUIRK_THOUGHTS_BACK },
	{ "xai", "openai", "https://api.x.ai/v1", "XAI_API_KEY",
	    COMPATIBLE | QUIRK_REASONING_OUTSIDE },
	{ "together", "openai", "https://api.together.xyz/v1",
	    "TOGETHER_API_KEY", OLD_LIMIT },
	{ "fireworks", "openai", "https://api.fireworks.ai/inference/v1",
	    "FIREWORKS_API_KEY", OLD_LIMIT },
	{ "openrouter", "openai", "https://openrouter.ai/api/v1",
	    "OPENROUTER_API_KEY", OLD_LIMIT },
	{ "echo", "echo", "", NULL, 0 },
	{ NULL, NULL, NULL, NULL, 0 },
};

static const char *const price_names[] = { "gemini", "google", "together_ai",
	"together", "fireworks_ai", "fireworks", NULL };

const struct registry providers = {
	.apis = apis,
	.vendors = vendors,
	.price_names = price_names,
	.bills = &provider_bills,
};
