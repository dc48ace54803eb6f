/* SPDX-License-Identifier: MIT */
#include "core/genai.h"

struct str
genai_operation(enum operation op)
{
	switch (op) {
	case OPERATION_CHAT:
		return STR("chat");
	case OPERATION_EMBED:
		return STR("embeddings");
	case OPERATION_COUNT:
		return STR("count_tokens");
	}
	return STR("chat");
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
