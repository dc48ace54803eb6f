/* SPDX-License-Identifier: MIT */
#include "fcgi/signature.h"

#include "core/buf.h"

static const char *const formats[] = {
	[WIRE_NONE] = "unknown",
	[WIRE_OPENAI_CHAT] = "openai-chat-v1",
	[WIRE_OPENAI_RESPONSES] = "openai-responses-v1",
	[WIRE_ANTHROPIC] = "anthropic-claude-v1",
	[WIRE_GEMINI] = "google-gemini-v1",
};

const char *
signature_format(enum wire issuer)
{
	return formats[issuer];
}

enum wire
signature_issuer(struct str format)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (str_is(format, formats[i]))
			return (enum wire)i;
	}
	return WIRE_NONE;
}

void
signature_prefix(enum wire issuer, enum wire native, struct buf *out)
{
	if (issuer == native)
		return;
	buf_addz(out, WIRE_FOREIGN_TOKEN);
	buf_addz(out, formats[issuer]);
	buf_addch(out, ':');
}

enum wire
signature_unprefix(struct str *sig, enum wire native)
{
	struct str format;

	if (!str_starts(*sig, WIRE_FOREIGN_TOKEN))
		return native;
	*sig =
	    str_split(str_skip(*sig, strlen(WIRE_FOREIGN_TOKEN)), ':', &format);
	return signature_issuer(format);
}
