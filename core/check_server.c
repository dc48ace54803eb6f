/* SPDX-License-Identifier: MIT */
#include "core/check.h"

#include <strings.h>

/* The last row is for servers that do not say who they are. */
static const struct {
	const char *server;
	const char *fix[CHECK_PROBLEMS];
} servers[] = {
	{ "Apache",
	    {
		[CHECK_AUTHORIZATION] =
		    "Apache: `CGIPassAuth On` for /v1, or in .htaccess "
		    "`SetEnvIf Authorization \"(.+)\" HTTP_AUTHORIZATION=$1`",
		[CHECK_BUFFERING] =
		    "Apache: mod_proxy_fcgi: `flushpackets=on` after "
		    "ProxyPass; "
		    "mod_fcgid: `FcgidOutputBufferSize 0` in the main "
		    "configuration; with .htaccess alone: CGI, not fcgid",
		[CHECK_BODY] =
		    "Apache: mod_fcgid: `FcgidMaxRequestLen 67108864` in the "
		    "main configuration (with .htaccess alone: CGI, not "
		    "fcgid); else `LimitRequestBody 0`",
	    } },
	{ "nginx",
	    {
		[CHECK_AUTHORIZATION] =
		    "nginx: `fastcgi_param HTTP_AUTHORIZATION "
		    "$http_authorization;`",
		[CHECK_BUFFERING] =
		    "nginx: `fastcgi_buffering off;` (behind another nginx: "
		    "`proxy_buffering off;`), no `fastcgi_ignore_headers`",
		[CHECK_BODY] = "nginx: `client_max_body_size 64m;`",
	    } },
	{ "lighttpd",
	    {
		[CHECK_AUTHORIZATION] =
		    "lighttpd passes it: look at mod_auth, mod_setenv and at "
		    "what stands in front",
		[CHECK_BUFFERING] =
		    "lighttpd: `server.stream-response-body = 1`",
		[CHECK_BODY] =
		    "lighttpd: `server.max-request-size = 65536` (KB)",
	    } },
	{ "Caddy",
	    {
		[CHECK_AUTHORIZATION] =
		    "Caddy passes it: look for `header_up -Authorization` and "
		    "at what stands in front",
		[CHECK_BUFFERING] =
		    "Caddy: `flush_interval -1` in reverse_proxy, and keep "
		    "`encode` away from /v1",
		[CHECK_BODY] = "Caddy: `request_body { max_size 64MB }`",
	    } },
	{ "LiteSpeed",
	    {
		[CHECK_AUTHORIZATION] = "LiteSpeed: `RewriteRule .* - "
					"[E=HTTP_AUTHORIZATION:%{HTTP:"
					"Authorization}]` in .htaccess",
		[CHECK_BUFFERING] =
		    "LiteSpeed: `Response Buffering: No` of the external "
		    "application",
		[CHECK_BODY] = "LiteSpeed: `Max Request Body Size`",
	    } },
	{ "",
	    {
		[CHECK_AUTHORIZATION] =
		    "let the web server, and any proxy before it, pass the "
		    "header Authorization to CGI; clients may send x-api-key "
		    "instead",
		[CHECK_BUFFERING] =
		    "turn off buffering and compression of responses under /v1 "
		    "in the web server and in any proxy before it",
		[CHECK_BODY] =
		    "raise the request limit of the web server, and of any "
		    "proxy before it, above server.max_body_mb",
	    } },
};

const char *
check_server_fix(struct str server, enum check_problem problem)
{
	size_t i = 0, n;

	for (;; i++) {
		n = strlen(servers[i].server);
		if (server.n >= n &&
		    (n == 0 ||
			strncasecmp(server.p, servers[i].server, n) == 0))
			return servers[i].fix[problem];
	}
}
