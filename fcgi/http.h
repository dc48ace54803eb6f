/* SPDX-License-Identifier: MIT */
/*
 * A request as CGI/1.1 (RFC 3875) hands it over, whatever the web server:
 * routing stands on REQUEST_URI alone, because SCRIPT_NAME and PATH_INFO
 * differ in every server, and the body ends at its end, because
 * CONTENT_LENGTH may be absent, empty or -1.
 */
#ifndef FCGI_HTTP_H
#define FCGI_HTTP_H

#include <stddef.h>

#include "core/buf.h"
#include "core/str.h"

struct arena;
struct error;

struct http_in {
	struct str method;
	struct str path;  /* decoded, normalised, from its known root on:
			   * "/v1/messages" */
	struct str query; /* without the question mark */
	char **params;    /* "NAME=value" strings, ends with NULL */
	struct str body;
};

/*
 * http_parse(in, a, params, err):
 * Fill in all but the body from the CGI variables ${params}, which must stay.
 * Path segments before the first known root ("v1", "p", "sluice", "healthz",
 * "metrics") are dropped, so that a site may mount sluice anywhere.
 *
 * Errors   ERROR_BAD_REQUEST, in ${err} only (no method, a path that climbs
 *          out, a control character in a header): in->path is then absent.
 */
void http_parse(
    struct http_in *in, struct arena *a, char **params, struct error *err);

/*
 * http_body(in, body, max, err):
 * Take ${body} as the body of ${in}, unless it is longer than ${max}
 * (ERROR_TOO_LARGE) or shorter than CONTENT_LENGTH (ERROR_BAD_REQUEST).
 */
void http_body(
    struct http_in *in, struct str body, size_t max, struct error *err);

/*
 * http_param(in, name), http_header(in, name):
 * Returns  the CGI variable ${name}; the request header ${name} ("x-api-key"),
 *          never Proxy.  The absent str if it is not there.
 */
struct str http_param(const struct http_in *in, const char *name);
struct str http_header(const struct http_in *in, const char *name);

/*
 * http_credential(in):
 * Returns  the gateway key the client presents: Authorization: Bearer (also
 *          as REDIRECT_HTTP_AUTHORIZATION, which Apache rewrites leave), or
 *          x-api-key; the absent str if there is none.
 */
struct str http_credential(const struct http_in *in);

/* http_reason(status): the standard phrase, "Error" for unknown ones. */
const char *http_reason(int status);

/*
 * http_head(out, status, type):
 * Begin a CGI response in ${out}: Status, Content-Type (NULL: none).
 * http_field adds one header; CR, LF and other controls in values are
 * dropped.  An empty line, added by http_head_end, ends the head.
 */
void http_head(struct buf *out, int status, const char *type);
void http_field(struct buf *out, const char *name, struct str value);
void http_head_end(struct buf *out);

#endif
