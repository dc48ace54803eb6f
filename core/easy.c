/* SPDX-License-Identifier: MIT */
/*
 * curl's side of one transfer: the options of its easy handle and the
 * callbacks curl makes.  A handle is made for each transfer and thrown away
 * after it; making one costs less than a microsecond, so none are kept.
 *
 * A kept connection may have been closed by the other side just when it is
 * used again.  curl then sends the request once more on a fresh one, POST
 * included, provided that not a single byte has come back (Curl_retry_request).
 * Nothing of an answer was seen, so none is seen twice.  What remains is a
 * provider that takes the request and dies before its status line: it may run
 * it twice.  That is the price of kept connections, and every client pays it.
 *
 * Memory of an open stream: 4 KB to read into, twenty tokens, and over TLS 16
 * KB to send from (curl's minimum) that curl keeps until the end.
 */
#include "core/transfer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/address.h"
#include "core/arena.h"
#include "core/error.h"
#include "core/mem.h"
#include "core/provider.h"
#include "core/version.h"

#define HEAD_BYTES (64 * 1024)
#define HEAD_LINES 128

/* See set_body. */
#define BODY_INLINE_BYTES (32 * 1024)

/*
 * When the kernel gives up an address, in ms, by how many SYNs it sends after
 * the first, 1, 2, 3, ...: the slowest of kernels (7, 15, 31 s; from 6.5 on
 * they are a second apart at first).
 */
static const int64_t silences_ms[] = { 3000, 7000, 20000, 36000 };

#define SILENCES (int)(sizeof(silences_ms) / sizeof(silences_ms[0]))

static const char no_head[] = "the answer has no status";

/* QUICK_EXIT: who leaves does not wait for a DNS that is silent. */
static const struct {
	CURLoption option;
	long value;
} numbers[] = {
	{ CURLOPT_NOSIGNAL, 1 },
	{ CURLOPT_POST, 1 },
	{ CURLOPT_BUFFERSIZE, 4 * 1024 },
	{ CURLOPT_UPLOAD_BUFFERSIZE, 16 * 1024 },
	{ CURLOPT_TCP_NODELAY, 1 },
	{ CURLOPT_TCP_KEEPALIVE, 1 },
	{ CURLOPT_MAXAGE_CONN, UPSTREAM_KEPT_S },
	{ CURLOPT_FOLLOWLOCATION, 0 },
	{ CURLOPT_SUPPRESS_CONNECT_HEADERS, 1 },
	{ CURLOPT_QUICK_EXIT, 1 },
};

/* How curl's codes read to the caller; all others are TRANSFER_CUT. */
static const struct {
	CURLcode code;
	enum transfer_end end;
} ends[] = {
	{ CURLE_OK, TRANSFER_DONE },
	{ CURLE_OPERATION_TIMEDOUT, TRANSFER_TIMEOUT },
	{ CURLE_FAILED_INIT, TRANSFER_CONNECT },
	{ CURLE_UNSUPPORTED_PROTOCOL, TRANSFER_CONNECT },
	{ CURLE_URL_MALFORMAT, TRANSFER_CONNECT },
	{ CURLE_COULDNT_RESOLVE_PROXY, TRANSFER_CONNECT },
	{ CURLE_COULDNT_RESOLVE_HOST, TRANSFER_CONNECT },
	{ CURLE_COULDNT_CONNECT, TRANSFER_CONNECT },
	{ CURLE_PROXY, TRANSFER_CONNECT },
	{ CURLE_INTERFACE_FAILED, TRANSFER_CONNECT },
	{ CURLE_SSL_CONNECT_ERROR, TRANSFER_CONNECT },
	{ CURLE_SSL_ENGINE_INITFAILED, TRANSFER_CONNECT },
	{ CURLE_SSL_CERTPROBLEM, TRANSFER_CONNECT },
	{ CURLE_SSL_CIPHER, TRANSFER_CONNECT },
	{ CURLE_PEER_FAILED_VERIFICATION, TRANSFER_CONNECT },
	{ CURLE_SSL_CACERT_BADFILE, TRANSFER_CONNECT },
	{ CURLE_SSL_ISSUER_ERROR, TRANSFER_CONNECT },
	{ CURLE_SSL_INVALIDCERTSTATUS, TRANSFER_CONNECT },
	{ CURLE_SSL_CLIENTCERT, TRANSFER_CONNECT },
};

/*
 * A host may have an address that is silent and another one that is not: the
 * kernel gives one up when there is still time for the next.  curl, when told
 * the time, divides it itself; but then it has a timer for each transfer until
 * it is over, connected or not, and seeks its place among all the others with
 * each piece that comes: a twentieth of the CPU of a stream.  So curl is told
 * only what is too short for the kernel.
 */
static int
on_new_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	const struct easy *e = arg;
	int again = 1;

	(void)purpose;
	if (!e->t)
		return CURL_SOCKOPT_ERROR;
	transfer_dials(e->t);
	while (again < SILENCES && silences_ms[again] < e->t->limits.connect_ms)
		again++;
	setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &again, sizeof(again));
	return CURL_SOCKOPT_OK;
}

/* The connection stands and the request is about to leave. */
static int
on_ready_to_send(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct easy *e = arg;

	(void)ip, (void)local_ip, (void)port, (void)local_port;
	if (!e->t)
		return CURL_PREREQFUNC_ABORT;
	transfer_connected(e->t);
	return CURL_PREREQFUNC_OK;
}

static size_t
on_send(char *to, size_t size, size_t n, void *arg)
{
	struct easy *e = arg;
	struct str rest;

	if (!e->t)
		return CURL_READFUNC_ABORT;
	rest = str_skip(e->t->request->body, e->sent);
	if (rest.n > size * n)
		rest.n = size * n;
	if (rest.n > 0)
		memcpy(to, rest.p, rest.n);
	e->sent += rest.n;
	return rest.n;
}

/* curl sends once more, on another connection. */
static int
on_rewind(void *arg, curl_off_t offset, int origin)
{
	struct easy *e = arg;

	if (!e->t || origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_FAIL;
	e->sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

/*
 * A head is complete: an interim answer's, which is forgotten, or the final
 * one's.  curl has read the status; it takes it from lines that are nearly
 * right, and numbers that are none.
 */
static bool
end_head(struct easy *e)
{
	long status = 0;

	(void)curl_easy_getinfo(e->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status < 100 || status > 999) {
		e->refused = no_head;
		return false;
	}
	e->head_done = status >= 200;
	if (e->head_done)
		transfer_head(e->t, (int)status, e->head);
	else
		e->head = NULL;
	return true;
}

static bool
header_line(struct easy *e, struct str line)
{
	struct arena *a = e->t->arena;
	struct str name, value;

	e->head_bytes += line.n;
	if (e->head_bytes > HEAD_BYTES || ++e->head_lines > HEAD_LINES) {
		e->refused = "the head of the answer is too long";
		return false;
	}
	value = str_split(line, ':', &name);
	if (value.p)
		header_add(a, &e->head, str_dup(a, str_trim(name)),
		    str_dup(a, str_trim(value)));
	return true;
}

/* A line of a head: of an interim answer, of the final one, or a trailer. */
static size_t
on_head_line(char *p, size_t size, size_t n, void *arg)
{
	struct easy *e = arg;
	struct str line = str_trim((struct str){ .p = p, .n = size * n });

	if (!e->t)
		return 0;
	if (e->head_done)
		return size * n;
	if (str_starts(line, "HTTP/"))
		return size * n;
	if (line.n == 0 ? !end_head(e) : !header_line(e, line))
		return 0;
	return e->t ? size * n : 0;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct easy *e = arg;

	if (!e->t || !e->head_done)
		return 0;
	if (e->t->paused)
		return CURL_WRITEFUNC_PAUSE;
	transfer_data(e->t, (struct str){ .p = p, .n = size * n });
	return e->t ? size * n : 0;
}

static bool
one_line(struct str s)
{
	return s.n == 0 ||
	    (!memchr(s.p, '\n', s.n) && !memchr(s.p, '\r', s.n) &&
		!memchr(s.p, '\0', s.n));
}

static bool
add_line(struct easy *e, const char *line)
{
	struct curl_slist *more = curl_slist_append(e->headers, line);

	if (more)
		e->headers = more;
	return more != NULL;
}

static bool
set_headers(struct easy *e)
{
	const struct header *h;
	bool ok = add_line(e, "Expect:");

	for (h = e->t->request->headers; ok && h; h = h->next)
		/* "Name;" is how curl wants a header without value. */
		ok = one_line(h->name) && one_line(h->value) &&
		    add_line(e,
			arena_printf(e->t->arena,
			    h->value.n ? "%.*s: %.*s" : "%.*s;%.*s",
			    STR_ARG(h->name), STR_ARG(h->value)));
	return ok && !curl_easy_setopt(e->curl, CURLOPT_HTTPHEADER, e->headers);
}

/*
 * Over plain HTTP/1.1 a short body is copied by curl next to the head, right
 * after on_ready_to_send, and leaves with one system call.  In all other
 * cases curl reads the body later, when the arena it lives in may be gone, so
 * it has to ask (on_send).
 */
static bool
set_body(struct easy *e, bool tls)
{
	struct str body = e->t->request->body;
	CURL *c = e->curl;

	if (curl_easy_setopt(
		c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n))
		return false;
	if (!tls && body.n <= BODY_INLINE_BYTES)
		return !curl_easy_setopt(
		    c, CURLOPT_POSTFIELDS, body.p ? body.p : "");
	return !curl_easy_setopt(c, CURLOPT_READFUNCTION, on_send) &&
	    !curl_easy_setopt(c, CURLOPT_READDATA, e) &&
	    !curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_rewind) &&
	    !curl_easy_setopt(c, CURLOPT_SEEKDATA, e);
}

/* GET has no body; what else there is may. */
static bool
set_method(struct easy *e, bool tls)
{
	const char *method = e->t->request->method;

	if (method != NULL && strcmp(method, "GET") == 0)
		return !curl_easy_setopt(e->curl, CURLOPT_HTTPGET, 1L);
	return set_body(e, tls) &&
	    !curl_easy_setopt(e->curl, CURLOPT_CUSTOMREQUEST, method);
}

static bool
set_callbacks(struct easy *e)
{
	CURL *c = e->curl;

	return !curl_easy_setopt(c, CURLOPT_PRIVATE, e) &&
	    !curl_easy_setopt(c, CURLOPT_ERRORBUFFER, e->text) &&
	    !curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_ready_to_send) &&
	    !curl_easy_setopt(c, CURLOPT_PREREQDATA, e) &&
	    !curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_head_line) &&
	    !curl_easy_setopt(c, CURLOPT_HEADERDATA, e) &&
	    !curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) &&
	    !curl_easy_setopt(c, CURLOPT_WRITEDATA, e);
}

/*
 * HTTP/2 is negotiated in the TLS handshake, and others wait for the first
 * handshake to see whether they can join.  Over plain HTTP they would wait
 * for the head of the first answer instead: no.
 */
static bool
set_connection(struct easy *e, bool tls)
{
	const struct upstream *u = e->up;
	int64_t ms = e->t->limits.connect_ms;
	CURL *c = e->curl;

	if (tls && (u->ca_file || u->ca_dir) &&
	    (curl_easy_setopt(c, CURLOPT_CAINFO, u->ca_file) ||
		curl_easy_setopt(c, CURLOPT_CAPATH, u->ca_dir)))
		return false;
	return !curl_easy_setopt(c, CURLOPT_HTTP_VERSION,
		   tls ? (long)CURL_HTTP_VERSION_2TLS
		       : (long)CURL_HTTP_VERSION_1_1) &&
	    !curl_easy_setopt(c, CURLOPT_PIPEWAIT, tls ? 1L : 0L) &&
	    !curl_easy_setopt(c, CURLOPT_SHARE, u->share) &&
	    !curl_easy_setopt(c, CURLOPT_SOCKOPTFUNCTION, on_new_socket) &&
	    !curl_easy_setopt(c, CURLOPT_SOCKOPTDATA, e) &&
	    (ms > silences_ms[0] ||
		!curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)ms));
}

/* Names are resolved by now: a second answer of the DNS changes nothing. */
static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct easy *e = arg;

	(void)purpose;
	if (!address_is_public(&address->addr)) {
		e->refused = "its address is not public";
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
}

/*
 * GET on a connection of its own: a kept one, or a proxy, would not pass by
 * on_socket.
 */
static bool
set_fetch(struct easy *e)
{
	CURL *c = e->curl;

	if (curl_easy_setopt(c, CURLOPT_HTTPGET, 1L) ||
	    curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L) ||
	    curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L) ||
	    curl_easy_setopt(c, CURLOPT_PROXY, ""))
		return false;
	return e->t->request->fetch == FETCH_ANYWHERE ||
	    (!curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket) &&
		!curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, e));
}

static bool
set_all(struct easy *e)
{
	const char *url = e->t->request->url;
	bool tls = !str_starts(str_of(url), "http:");
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (curl_easy_setopt(
			e->curl, numbers[i].option, numbers[i].value))
			return false;
	return !curl_easy_setopt(e->curl, CURLOPT_URL, url) &&
	    !curl_easy_setopt(e->curl, CURLOPT_PROTOCOLS_STR, "http,https") &&
	    !curl_easy_setopt(e->curl, CURLOPT_ACCEPT_ENCODING, "") &&
	    !curl_easy_setopt(
		e->curl, CURLOPT_USERAGENT, "sluice/" SLUICE_VERSION) &&
	    set_callbacks(e) && set_connection(e, tls) && set_headers(e) &&
	    (e->t->request->fetch != FETCH_NOTHING ? set_fetch(e)
						   : set_method(e, tls));
}

struct easy *
easy_new(struct transfer *t, struct error *err)
{
	struct easy *e = mem_new(sizeof(*e));

	e->up = t->up;
	e->up->n_easy++;
	e->t = t;
	if (upstream_ready(t->up))
		e->curl = curl_easy_init();
	if (!e->curl || !set_all(e)) {
		error_set(
		    err, ERROR_INTERNAL, "the request does not suit curl");
		easy_free(e);
		return NULL;
	}
	return e;
}

void
easy_free(struct easy *e)
{
	curl_easy_cleanup(e->curl);
	curl_slist_free_all(e->headers);
	e->up->n_easy--;
	free(e);
}

/* curl's own words, unless they quote a URL: its query may hold a key. */
static const char *
why(const struct easy *e, CURLcode code)
{
	if (code == CURLE_OK)
		return "";
	if (e->refused)
		return e->refused;
	if (!e->text[0] || strstr(e->text, "://") || strchr(e->text, '?'))
		return curl_easy_strerror(code);
	return e->text;
}

void
easy_finish(struct easy *e, CURLcode code)
{
	struct transfer *t = e->t;
	enum transfer_end end = TRANSFER_CUT;
	size_t i;

	if (code == CURLE_OK && !e->head_done) {
		e->refused = no_head;
		code = CURLE_WEIRD_SERVER_REPLY;
	}
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ends[i].code == code)
			end = ends[i].end;
	/* The handle, and its text, go before the caller hears of it. */
	transfer_finish(t, end, arena_printf(t->arena, "%s", why(e, code)));
}
