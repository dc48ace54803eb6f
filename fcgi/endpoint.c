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
	{ "POST", "/v1/responses/input_tokens", false,
	    &dialect_openai_responses_count, NULL },
	{ "POST", "/v1/responses/compact", false,
	    &dialect_openai_responses_compact, NULL },
	{ "GET", "/v1/responses/{id}", false, &dialect_openai_responses_stored,
	    NULL },
	{ "DELETE", "/v1/responses/{id}", false,
	    &dialect_openai_responses_stored, NULL },
	{ "GET", "/v1/responses/{id}/input_items", false,
	    &dialect_openai_responses_stored, NULL },
	{ "POST", "/v1/responses/{id}/cancel", false,
	    &dialect_openai_responses_stored, NULL },
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

/* "{id}" stands for one segment, a slash at the end for any path below. */
static bool
path_matches(const char *pattern, struct str path)
{
	struct str rest = str_of(pattern), want, got;

	if (pattern[rest.n - 1] == '/')
		return path.p != NULL && path.n > rest.n &&
		    str_starts(path, pattern);
	while (rest.p != NULL && path.p != NULL) {
		rest = str_split(rest, '/', &want);
		path = str_split(path, '/', &got);
		if (str_is(want, "{id}") ? got.n == 0 : !str_eq(want, got))
			return false;
	}
	return rest.p == NULL && path.p == NULL;
}

/* HEAD is GET of what is ours; a provider is not asked for nothing. */
static bool
has_head(const struct endpoint *e)
{
	return strcmp(e->method, "GET") == 0 && e->dialect == NULL;
}

static bool
method_matches(const struct endpoint *e, struct str asked)
{
	return e->method == NULL || str_is(asked, e->method) ||
	    (str_is(asked, "HEAD") && has_head(e));
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
		if (method_matches(e, method))
			return e;
		buf_addf(allow, "%s%s", allow->n > 0 ? ", " : "", e->method);
		if (has_head(e))
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
