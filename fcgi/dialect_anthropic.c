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
