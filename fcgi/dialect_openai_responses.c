/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "fcgi/dialect.h"
#include "fcgi/exchange.h"
#include "fcgi/openai_responses.h"

const struct dialect dialect_openai_responses = {
	.name = "openai-responses",
	.wire = WIRE_OPENAI_RESPONSES,
	.decode = openai_responses_decode,
	.encoder_new = openai_responses_encoder,
	.fail_body = openai_responses_fail_body,
};

const struct dialect dialect_openai_responses_count = {
	.name = "openai-responses-count",
	.wire = WIRE_OPENAI_RESPONSES,
	.operation = OPERATION_COUNT,
	.decode = openai_responses_decode,
	.encoder_new = openai_responses_encoder,
	.fail_body = openai_responses_fail_body,
};

const struct dialect dialect_openai_responses_compact = {
	.name = "openai-responses-compact",
	.wire = WIRE_OPENAI_RESPONSES,
	.operation = OPERATION_COMPACT,
	.decode = openai_responses_decode,
	.encoder_new = openai_responses_encoder,
	.fail_body = openai_responses_fail_body,
};

const struct dialect dialect_openai_responses_stored = {
	.name = "openai-responses-stored",
	.wire = WIRE_OPENAI_RESPONSES,
	.operation = OPERATION_STORED,
	.encoder_new = openai_responses_encoder,
	.fail_body = openai_responses_fail_body,
};

/* Some web servers keep the Upgrade header for themselves. */
void
openai_responses_get(struct exchange *x)
{
	struct error err = { 0 };

	header_add(x->arena, &x->fields, STR("allow"), STR("POST"));
	if (http_header(&x->in, "upgrade").n > 0 ||
	    http_header(&x->in, "sec-websocket-key").n > 0)
		error_set(&err, ERROR_UPGRADE,
		    "no WebSocket here: POST /v1/responses by HTTP");
	else
		error_set(&err, ERROR_METHOD,
		    "responses are not stored here: /v1/responses takes POST");
	exchange_fail(x, &err);
}
