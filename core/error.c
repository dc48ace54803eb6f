/* SPDX-License-Identifier: MIT */
#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Of a secret's beginning; "sk-ant-a" stands in the documentation. */
#define KNOWN_BYTES 8

struct row {
	int status;
	const char *openai;
	const char *anthropic;
	const char *code;
};

/*
 * Types: wire.md §5.1.  A refused credential of ours is a fault of the
 * gateway: 502, so that no client takes it for its own key.
 */
static const struct row rows[ERROR_KINDS] = {
	[ERROR_NONE] = { 200, "", "", "" },
	[ERROR_BAD_REQUEST] = { 400, "invalid_request_error",
	    "invalid_request_error", "invalid_request" },
	[ERROR_AUTH] = { 401, "invalid_request_error", "authentication_error",
	    "invalid_api_key" },
	[ERROR_BUDGET] = { 402, "insufficient_quota", "billing_error",
	    "budget_exceeded" },
	[ERROR_FORBIDDEN] = { 403, "invalid_request_error", "permission_error",
	    "permission_denied" },
	[ERROR_NOT_FOUND] = { 404, "invalid_request_error", "not_found_error",
	    "not_found" },
	[ERROR_METHOD] = { 405, "invalid_request_error",
	    "invalid_request_error", "method_not_allowed" },
	[ERROR_TOO_LARGE] = { 413, "invalid_request_error", "request_too_large",
	    "payload_too_large" },
	[ERROR_UPGRADE] = { 426, "invalid_request_error",
	    "invalid_request_error", "websocket_unsupported" },
	[ERROR_RATE] = { 429, "rate_limit_error", "rate_limit_error",
	    "rate_limit_exceeded" },
	[ERROR_CLIENT_GONE] = { 499, "server_error", "api_error",
	    "client_gone" },
	[ERROR_INTERNAL] = { 500, "server_error", "api_error",
	    "internal_error" },
	[ERROR_BUSY] = { 503, "server_error", "overloaded_error",
	    "gateway_busy" },
	[ERROR_STORE] = { 503, "server_error", "api_error",
	    "store_unavailable" },
	[ERROR_CONF] = { 503, "server_error", "api_error",
	    "configuration_error" },
	[ERROR_UP_REFUSED] = { 400, "invalid_request_error",
	    "invalid_request_error", "provider_refused" },
	[ERROR_UP_CREDENTIALS] = { 502, "server_error", "api_error",
	    "provider_credentials" },
	[ERROR_UP_RATE] = { 429, "rate_limit_error", "rate_limit_error",
	    "rate_limit_exceeded" },
	[ERROR_UP_OVERLOADED] = { 503, "server_error", "overloaded_error",
	    "provider_overloaded" },
	[ERROR_UP_TIMEOUT] = { 504, "server_error", "timeout_error",
	    "provider_timeout" },
	[ERROR_UP_BROKEN] = { 502, "server_error", "api_error",
	    "provider_unavailable" },
};

/* A cut in the middle of a UTF-8 character would not be valid JSON. */
static void
trim_utf8(char *msg)
{
	size_t n = strlen(msg), at = n, want;
	unsigned char c = 0;

	while (at > 0 && n - at < 4) {
		c = (unsigned char)msg[--at];
		if ((c & 0xc0) != 0x80)
			break;
	}
	want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
	if (n - at < want)
		msg[at] = '\0';
}

int
error_set(struct error *e, enum error_kind kind, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (e->kind != ERROR_NONE)
		return -1;
	e->kind = kind;
	e->status = rows[kind].status;
	va_start(ap, fmt);
	n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(e->msg))
		trim_utf8(e->msg);
	return -1;
}

int
error_param(struct error *e, const char *param, const char *what)
{
	if (e->kind == ERROR_NONE)
		snprintf(e->param, sizeof(e->param), "%s", param);
	return error_set(e, ERROR_BAD_REQUEST, "%s: %s", param, what);
}

void
error_clear(struct error *e)
{
	*e = (struct error){ .kind = ERROR_NONE };
}

/*
 * The row with the type words of ${e}.  A provider's refusal keeps its status
 * and so is called what we would call ours.
 */
static const struct row *
row_of(const struct error *e)
{
	enum error_kind k;

	if (e->kind == ERROR_UP_REFUSED)
		for (k = ERROR_BAD_REQUEST; k < ERROR_CLIENT_GONE; k++)
			if (rows[k].status == e->status)
				return &rows[k];
	return &rows[e->kind];
}

const char *
error_openai_type(const struct error *e)
{
	return row_of(e)->openai;
}

const char *
error_anthropic_type(const struct error *e)
{
	return row_of(e)->anthropic;
}

const char *
error_code(const struct error *e)
{
	return e->code[0] != '\0' ? e->code : rows[e->kind].code;
}

enum error_kind
error_kind_of_status(int status)
{
	switch (status) {
	case 401:
	case 402:
	case 403:
		return ERROR_UP_CREDENTIALS;
	case 408:
	case 504:
		return ERROR_UP_TIMEOUT;
	case 429:
		return ERROR_UP_RATE;
	case 503:
	case 529:
		return ERROR_UP_OVERLOADED;
	default:
		break;
	}
	return status >= 400 && status < 500 ? ERROR_UP_REFUSED
					     : ERROR_UP_BROKEN;
}

void
error_address(struct error *e, enum wire wire)
{
	if (e->raw.n == 0)
		return;
	if (e->raw_wire == wire && e->raw_status > 0)
		e->status = e->raw_status;
	else if (e->kind != ERROR_UP_REFUSED)
		e->status = rows[e->kind].status;
}

void
error_mask(char *msg, struct str secret)
{
	struct str rest = str_of(msg), part = secret;
	long at;

	while (secret.n > 0 && (at = str_find(rest, secret)) >= 0) {
		rest = str_skip(rest, (size_t)at);
		memset(msg + strlen(msg) - rest.n, '*', secret.n);
		rest = str_skip(rest, secret.n);
	}
	while (part.n > KNOWN_BYTES &&
	    (part.n > rest.n || !str_eq(str_skip(rest, rest.n - part.n), part)))
		part.n--;
	if (part.n > KNOWN_BYTES)
		memset(msg + strlen(msg) - part.n, '*', part.n);
}
