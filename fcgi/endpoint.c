/* SPDX-License-Identifier: MIT */
#include "fcgi/endpoint.h"

#include "core/buf.h"
#include "fcgi/admin.h"
#include "fcgi/dialect.h"
#include "fcgi/healthz.h"
#include "fcgi/models.h"
#include "fcgi/openai_responses.h"

static const struct endpoint endpoints[] = {
	{ "POST", "/v1/chat/completions", false, &dialect_openai_chat, NULL },
	{ "POST", "/v1/responses", false, &dialect_openai_responses, NULL },
	{ "GET", "/v1/responses", true, NULL, openai_responses_get },
	{ "POST", "/v1/embeddings", false, &dialect_openai_embeddings, NULL },
	{ "POST", "/v1/completions", false, &dialect_openai_completions, NULL },
	{ "POST", "/v1/messages", false, &dialect_anthropic, NULL },
	{ "POST", "/v1/messages/count_tokens", false, &dialect_anthropic_count,
	    NULL },
	{ "GET", "/v1/models", false, NULL, models_list },
	{ "GET", "/v1/models/", false, NULL, models_show },
	{ NULL, "/sluice/v1/", true, NULL, admin_answer },
	{ "GET", "/healthz", true, NULL, healthz },
};

static bool
path_matches(const char *pattern, struct str path)
{
	size_t n = strlen(pattern);

	if (pattern[n - 1] == '/')
		return path.n > n && str_starts(path, pattern);
	return str_is(path, pattern);
}

static bool
method_matches(const char *method, struct str asked)
{
	return method == NULL || str_is(asked, method) ||
	    (str_is(asked, "HEAD") && strcmp(method, "GET") == 0);
}

const struct endpoint *
endpoint_find(struct str method, struct str path, struct buf *allow)
{
	const struct endpoint *e;
	size_t i;

	for (i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
		e = &endpoints[i];
		if (!path_matches(e->path, path))
			continue;
		if (method_matches(e->method, method))
			return e;
		buf_addf(allow, "%s%s", allow->n > 0 ? ", " : "", e->method);
		if (strcmp(e->method, "GET") == 0)
			buf_addz(allow, ", HEAD");
	}
	if (allow->n > 0)
		buf_addz(allow, ", OPTIONS");
	return NULL;
}

const struct dialect *
endpoint_dialect(struct str path)
{
	size_t i;

	for (i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
		if (path_matches(endpoints[i].path, path))
			return endpoints[i].dialect;
	}
	return NULL;
}
