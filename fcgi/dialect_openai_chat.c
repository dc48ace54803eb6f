/* SPDX-License-Identifier: MIT */
#include "fcgi/dialect.h"
#include "fcgi/openai_chat.h"

const struct dialect dialect_openai_chat = {
	.name = "openai-chat",
	.wire = WIRE_OPENAI_CHAT,
	.turns = "messages",
	.decode = openai_chat_decode,
	.encoder_new = openai_chat_encoder,
	.fail_body = openai_chat_fail_body,
};
