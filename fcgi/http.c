/* SPDX-License-Identifier: MIT */
#include "fcgi/http.h"

#include <ctype.h>

#include "core/error.h"

static const char *const roots[] = { "v1", "p", "sluice", "healthz",
	"metrics" };

struct str
http_param(const struct http_in *in, const char *name)
{
	size_t n = strlen(name);
	char **p;

	for (p = in->params; *p != NULL; p++) {
		if (strncmp(*p, name, n) == 0 && (*p)[n] == '=')
			return str_of(*p + n + 1);
	}
	return STR_NONE;
}

struct str
http_header(const struct http_in *in, const char *name)
{
	char var[128] = "HTTP_";
	size_t i, n = strlen(name);

	if (n + 6 > sizeof(var))
		return STR_NONE;
	for (i = 0; i < n; i++)
		var[5 + i] = name[i] == '-'
		    ? '_'
		    : (char)toupper((unsigned char)name[i]);
	return http_param(in, var);
}

struct str
http_credential(const struct http_in *in)
{
	static const char *const names[] = { "HTTP_AUTHORIZATION",
		"REDIRECT_HTTP_AUTHORIZATION" };
	struct str value;
	size_t i;

	for (i = 0; i < 2; i++) {
		value = str_trim(http_param(in, names[i]));
		if (value.n > 7 && strncasecmp(value.p, "bearer ", 7) == 0)
			return str_trim(str_skip(value, 7));
	}
	value = str_trim(http_header(in, "x-api-key"));
	return value.n > 0 ? value : STR_NONE;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode one path segment into ${out}; a bad escape stays as it is. */
static void
add_segment(struct buf *out, struct str seg)
{
	size_t i;

	buf_addch(out, '/');
	for (i = 0; i < seg.n; i++) {
		if (seg.p[i] == '%' && i + 2 < seg.n &&
		    hex(seg.p[i + 1]) >= 0 && hex(seg.p[i + 2]) >= 0) {
			buf_addch(out,
			    (char)(hex(seg.p[i + 1]) * 16 + hex(seg.p[i + 2])));
			i += 2;
		} else {
			buf_addch(out, seg.p[i]);
		}
	}
}

static bool
is_root(struct str seg)
{
	size_t i;

	for (i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		if (str_is(seg, roots[i]))
			return true;
	}
	return false;
}

/*
 * Cut the raw path at its slashes before decoding, so that %2F stays inside
 * its segment; drop "" and "."; refuse "..".
 */
static void
parse_path(
    struct http_in *in, struct arena *a, struct str raw, struct error *err)
{
	struct buf *out = buf_new(a, raw.n + 1);
	struct str seg;
	bool rooted = false;

	while (raw.p != NULL) {
		raw = str_split(raw, '/', &seg);
		if (seg.n == 0 || str_is(seg, "."))
			continue;
		if (str_is(seg, "..")) {
			error_set(err, ERROR_BAD_REQUEST,
			    "the path must not contain \"..\"");
			return;
		}
		if (!rooted && is_root(seg)) {
			buf_reset(out);
			rooted = true;
		}
		add_segment(out, seg);
	}
	in->path = out->n > 0 ? buf_str(out) : STR("/");
}

/*
 * No web server lets control characters through; where one does, somebody
 * smuggles header lines to whoever gets the value next.
 */
static bool
is_clean(const char *var)
{
	if (strncmp(var, "HTTP_", 5) != 0)
		return true;
	for (; *var != '\0'; var++) {
		if (iscntrl((unsigned char)*var) && *var != '\t')
			return false;
	}
	return true;
}

void
http_parse(
    struct http_in *in, struct arena *a, char **params, struct error *err)
{
	struct str uri;
	char **p;

	*in = (struct http_in){ .params = params };
	in->method = http_param(in, "REQUEST_METHOD");
	uri = http_param(in, "REQUEST_URI");
	if (in->method.n == 0 || uri.n == 0) {
		error_set(err, ERROR_BAD_REQUEST,
		    "the web server sent no REQUEST_METHOD or REQUEST_URI");
		return;
	}
	for (p = params; *p != NULL; p++) {
		if (!is_clean(*p)) {
			error_set(err, ERROR_BAD_REQUEST,
			    "a header holds a control character");
			return;
		}
	}
	in->query = str_split(uri, '?', &uri);
	/* An absolute-form target: only the path counts. */
	if (str_find(uri, STR("://")) > 0 && uri.p[0] != '/') {
		uri = str_skip(uri, (size_t)str_find(uri, STR("://")) + 3);
		uri = str_split(uri, '/', &(struct str){ 0 });
	}
	parse_path(in, a, uri, err);
}

void
http_body(struct http_in *in, struct str body, size_t max, struct error *err)
{
	int64_t promised;

	if (body.n > max) {
		error_set(err, ERROR_TOO_LARGE,
		    "the body is larger than %zu bytes", max);
		return;
	}
	/* Absent, empty and -1 all mean: until it ends. */
	if (str_i64(http_param(in, "CONTENT_LENGTH"), 0, INT64_MAX,
		&promised) == 0 &&
	    (uint64_t)promised > body.n)
		error_set(err, ERROR_BAD_REQUEST,
		    "the body ended after %zu of %lld bytes", body.n,
		    (long long)promised);
	in->body = body;
}

const char *
http_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 204, "No Content" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 402, "Payment Required" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 422, "Unprocessable Content" },
		{ 426, "Upgrade Required" },
		{ 429, "Too Many Requests" },
		{ 499, "Client Closed Request" },
		{ 500, "Internal Server Error" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 529, "Overloaded" },
	};
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Error";
}

void
http_head(struct buf *out, int status, const char *type)
{
	buf_addf(out, "Status: %d %s\r\n", status, http_reason(status));
	if (type != NULL)
		buf_addf(out, "Content-Type: %s\r\n", type);
}

void
http_field(struct buf *out, const char *name, struct str value)
{
	size_t i;

	buf_addz(out, name);
	buf_addz(out, ": ");
	for (i = 0; i < value.n; i++) {
		if ((unsigned char)value.p[i] >= 0x20 && value.p[i] != 0x7f)
			buf_addch(out, value.p[i]);
	}
	buf_addz(out, "\r\n");
}

void
http_head_end(struct buf *out)
{
	buf_addz(out, "\r\n");
}
