/* SPDX-License-Identifier: MIT */
#include "core/genai.h"

struct str
genai_operation(enum operation op)
{
	static const char *const words[] = {
		[OPERATION_CHAT] = "chat",
		[OPERATION_EMBED] = "embeddings",
		[OPERATION_COUNT] = "count_tokens",
		[OPERATION_COMPACT] = "compact",
		[OPERATION_STORED] = "stored_response",
	};

	return str_of(words[op]);
}

struct str
genai_provider(struct str name)
{
	static const char *const words[][2] = {
		{ "google", "gcp.gemini" },
		{ "mistral", "mistral_ai" },
		{ "xai", "x_ai" },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_is(name, words[i][0]))
			return str_of(words[i][1]);
	return name;
}
