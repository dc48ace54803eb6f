/* SPDX-License-Identifier: MIT */
#include "providers/request.h"

#include "core/buf.h"
#include "core/chat.h"
#include "core/error.h"
#include "core/jw.h"

int
request_body(struct upstream_request *out, const struct buf *body, int rc,
    struct error *err)
{
	if (rc != 0)
		return error_set(
		    err, ERROR_BAD_REQUEST, "the request is no JSON object");
	if (buf_over(body))
		return error_set(err, ERROR_TOO_LARGE, "request too large");
	out->body = buf_str(body);
	return 0;
}

void
request_number(struct jw *w, struct chat *chat, const char *key,
    const struct opt_double *v, bool takes)
{
	if (!v->set)
		return;
	if (!takes) {
		chat_lose(chat, "%s", key);
		return;
	}
	jw_key(w, key);
	jw_double(w, v->v);
}
