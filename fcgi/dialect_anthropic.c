/* SPDX-License-Identifier: MIT */
#include "fcgi/anthropic.h"
#include "fcgi/dialect.h"

const struct dialect dialect_anthropic = {
	.name = "anthropic",
	.wire = WIRE_ANTHROPIC,
	.turns = "messages",
	.decode = anthropic_decode,
	.encoder_new = anthropic_encoder,
	.fail_body = anthropic_fail_body,
};

/* A request without max_tokens; the answer is never a stream. */
const struct dialect dialect_anthropic_count = {
	.name = "anthropic-count",
	.wire = WIRE_ANTHROPIC,
	.operation = OPERATION_COUNT,
	.turns = "messages",
	.decode = anthropic_decode_count,
	.encoder_new = anthropic_encoder,
	.fail_body = anthropic_fail_body,
};
