/* SPDX-License-Identifier: MIT */
/*
 * A scripted provider for tests and for `make bench`: HTTP/1.1 on 127.0.0.1,
 * one process, one epoll, no libraries.  usage: upstream [port]; port 0 (the
 * default) takes a free one; the port is the first line on stdout.
 *
 * What it does is in the model's name, taken from the JSON body, or from the
 * path when that starts with /as/MODEL/.  /v1/messages speaks Anthropic's
 * format, any other path OpenAI's chat.completions:
 *	stream-N-D	N chunks, one each D ms
 *	cut-N-D		the same, but the connection breaks after them
 *	hang-N-D	the same, but then silence; hang alone: not even a head
 *	slow-D		the JSON answer after D ms
 *	status-S-R	error S; R not 0: with retry-after: R
 *	big-N		a JSON answer with N KB of text
 *	gzip		the JSON answer with content-encoding: gzip
 *	garbage		200, and no JSON
 *	interim		103 before the answer
 *	heads-N		N headers of 1 KB
 *	odd-N		{} behind a head that is out of order, the Nth
 *	judge		the JSON answer of a judge of experiments: even
 *	stale		only the first request of a connection is answered
 *	anything else	a JSON answer of about 1 KB, or, if the body says
 *			"stream":true, 10 chunks at once
 * Each chunk's text is "t=MICROSECONDS " (wall time of sending).
 * GET /stats tells the counters; GET /last the last request, verbatim.
 * GET /trace tells the requests since the last one, after the first of them,
 * a line each: MODEL CAME FIRST LEFT GONE, monotonic microseconds of its
 * arrival, of the first chunk, of the end of the answer and of the client's
 * leaving before that; 0: never.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNS   65536
#define MAX_VISITS  4096
#define MAX_REQUEST (64 * 1024 * 1024)
#define HIGH_WATER  (64 * 1024) /* do not write ahead of a slow reader */

enum ending {
	END_WELL,
	END_CUT,
	END_HANG
};

struct bytes {
	char *p;
	size_t n, cap;
};

struct visit {
	char model[128];
	int64_t came, first, left, gone;
};

struct conn {
	int fd;
	size_t visit; /* place in the trace, from 1; 0: none */
	struct bytes in, out;
	size_t out_at;  /* bytes of out that are sent */
	bool answering; /* an answer is under way */
	bool closing;   /* close when out is sent */
	unsigned served;
	/* the answer */
	bool anthropic, usage;
	enum ending ending;
	long left, sent; /* chunks */
	int64_t gap_us;
	long late_json; /* answer with JSON when due */
	int64_t due_us;
	size_t place; /* in the heap; 0: not in it */
};

struct request {
	const char *path, *model;
	char *body;
	bool stream;
};

struct server {
	int poll, listener;
	struct conn *heap[MAX_CONNS + 1]; /* by due_us, from 1 */
	size_t heap_n;
	struct bytes last;
	bool tracing;
	struct visit visits[MAX_VISITS + 1];
	size_t visits_n;
	long requests, open, client_closed, tokens;
	long connections, peak, accepted;
};

static struct server server;

static int64_t
now_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static char *
room(struct bytes *b, size_t n)
{
	if (b->n + n + 1 > b->cap) {
		b->cap = (b->n + n + 1) * 2;
		b->p = realloc(b->p, b->cap);
		if (!b->p)
			abort();
	}
	return b->p + b->n;
}

static void
add(struct bytes *b, const void *p, size_t n)
{
	memcpy(room(b, n), p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

static void addf(struct bytes *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
addf(struct bytes *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room(b, 4096), 4096, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= 4096)
		abort();
	b->n += (size_t)n;
}

static void
clear(struct bytes *b)
{
	free(b->p);
	*b = (struct bytes){ .p = NULL };
}

/* Timers: a binary heap. */

static void
put(size_t at, struct conn *c)
{
	server.heap[at] = c;
	c->place = at;
}

static void
sift(size_t at, struct conn *c)
{
	struct conn **h = server.heap;
	size_t kid;

	for (; at > 1 && h[at / 2]->due_us > c->due_us; at /= 2)
		put(at, h[at / 2]);
	for (; (kid = at * 2) <= server.heap_n; at = kid) {
		if (kid < server.heap_n && h[kid + 1]->due_us < h[kid]->due_us)
			kid++;
		if (h[kid]->due_us >= c->due_us)
			break;
		put(at, h[kid]);
	}
	put(at, c);
}

static void
disarm(struct conn *c)
{
	struct conn *last;
	size_t at = c->place;

	if (at == 0)
		return;
	c->place = 0;
	last = server.heap[server.heap_n--];
	if (last != c)
		sift(at, last);
}

static void
arm(struct conn *c, int64_t due_us)
{
	c->due_us = due_us;
	sift(c->place ? c->place : ++server.heap_n, c);
}

static void
watch(struct conn *c, int op, unsigned events)
{
	struct epoll_event e = { .events = events | EPOLLRDHUP };

	e.data.ptr = c;
	epoll_ctl(server.poll, op, c->fd, &e);
}

/* Visit 0 takes what is not traced. */
static struct visit *
visit(const struct conn *c)
{
	return &server.visits[c->visit];
}

static void
come(struct conn *c, const char *model)
{
	c->visit = 0;
	if (!server.tracing || server.visits_n == MAX_VISITS)
		return;
	c->visit = ++server.visits_n;
	*visit(c) = (struct visit){ .came = now_us(CLOCK_MONOTONIC) };
	snprintf(visit(c)->model, sizeof(visit(c)->model), "%s", model);
}

static void
drop(struct conn *c)
{
	if (c->answering)
		visit(c)->gone = now_us(CLOCK_MONOTONIC);
	disarm(c);
	close(c->fd);
	server.connections--;
	server.open -= c->answering;
	clear(&c->in);
	clear(&c->out);
	free(c);
}

/* Send what there is; false when the connection is gone. */
static bool
flush(struct conn *c)
{
	ssize_t n;

	while (c->out_at < c->out.n) {
		n = send(c->fd, c->out.p + c->out_at, c->out.n - c->out_at,
		    MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
			return true;
		}
		if (n < 0) {
			server.client_closed += c->answering;
			drop(c);
			return false;
		}
		c->out_at += (size_t)n;
	}
	c->out.n = c->out_at = 0;
	if (c->closing) {
		drop(c);
		return false;
	}
	return true;
}

/* Answers. */

static void
finish(struct conn *c)
{
	c->served++;
	server.open -= c->answering;
	c->answering = false;
	visit(c)->left = now_us(CLOCK_MONOTONIC);
}

static void
body(struct conn *c, int status, const char *extra, const struct bytes *b)
{
	addf(&c->out,
	    "HTTP/1.1 %d Test\r\ncontent-type: application/json\r\n"
	    "%scontent-length: %zu\r\n\r\n",
	    status, extra, b->n);
	add(&c->out, b->p ? b->p : "", b->n);
	finish(c);
}

/* JSON is written with apostrophes here; they become quotes on the way out. */
static void
quote(char *p)
{
	for (; (p = strchr(p, '\'')); p++)
		*p = '"';
}

#define OPENAI_JSON                                                            \
	"{'id':'chatcmpl-1','object':'chat.completion','created':1700000000,"  \
	"'model':'test','choices':[{'index':0,'message':{'role':'assistant',"  \
	"'content':'t=%lld %s'},'finish_reason':'stop'}],'usage':{"            \
	"'prompt_tokens':10,'completion_tokens':150,'total_tokens':160}}"
#define ANTHROPIC_JSON                                                         \
	"{'id':'msg_1','type':'message','role':'assistant','model':'test',"    \
	"'content':[{'type':'text','text':'t=%lld %s'}],"                      \
	"'stop_reason':'end_turn','stop_sequence':null,"                       \
	"'usage':{'input_tokens':10,'output_tokens':150}}"

static void
json_text(struct bytes *b, bool anthropic, size_t text_bytes)
{
	size_t max = sizeof(OPENAI_JSON) + text_bytes + 32;
	char *text = calloc(1, text_bytes + 1);
	int n;

	if (!text)
		abort();
	memset(text, 'x', text_bytes);
	n = snprintf(room(b, max), max,
	    anthropic ? ANTHROPIC_JSON : OPENAI_JSON,
	    (long long)now_us(CLOCK_REALTIME), text);
	quote(b->p + b->n);
	b->n += (size_t)n;
	free(text);
	server.tokens += 150;
}

static void
json(struct conn *c, size_t text_bytes)
{
	struct bytes b = { .p = NULL };

	json_text(&b, c->anthropic, text_bytes);
	body(c, 200, "", &b);
	clear(&b);
}

/* One server-sent event as one HTTP chunk. */
static void event(struct conn *c, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
event(struct conn *c, const char *name, const char *fmt, ...)
{
	char line[1024], data[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	vsnprintf(data, sizeof(data), fmt, ap);
	va_end(ap);
	quote(data);
	n = snprintf(line, sizeof(line), "%s%s%sdata: %s\n\n",
	    c->anthropic ? "event: " : "", c->anthropic ? name : "",
	    c->anthropic ? "\n" : "", data);
	addf(&c->out, "%x\r\n%s\r\n", (unsigned)n, line);
}

#define CHUNK                                                                  \
	"{'id':'chatcmpl-1','object':'chat.completion.chunk',"                 \
	"'created':1700000000,'model':'test','choices':["
#define CHOICE CHUNK "{'index':0,'delta':"

static void
stream_head(struct conn *c)
{
	addf(&c->out,
	    "HTTP/1.1 200 Test\r\ncontent-type: text/event-stream\r\n"
	    "transfer-encoding: chunked\r\n\r\n");
	if (!c->anthropic) {
		event(c, "",
		    CHOICE "{'role':'assistant','content':''},"
			   "'finish_reason':null}]}");
		return;
	}
	event(c, "message_start",
	    "{'type':'message_start','message':{'id':'msg_1',"
	    "'type':'message','role':'assistant','model':'test',"
	    "'content':[],'stop_reason':null,'stop_sequence':null,"
	    "'usage':{'input_tokens':10,'output_tokens':1}}}");
	event(c, "content_block_start",
	    "{'type':'content_block_start','index':0,"
	    "'content_block':{'type':'text','text':''}}");
}

static void
stream_piece(struct conn *c)
{
	long long t = now_us(CLOCK_REALTIME);

	if (c->anthropic)
		event(c, "content_block_delta",
		    "{'type':'content_block_delta','index':0,"
		    "'delta':{'type':'text_delta','text':'t=%lld '}}",
		    t);
	else
		event(c, "",
		    CHOICE "{'content':'t=%lld '},'finish_reason':null}]}", t);
	if (c->sent == 0)
		visit(c)->first = now_us(CLOCK_MONOTONIC);
	c->sent++;
	c->left--;
	server.tokens++;
}

static void
openai_tail(struct conn *c)
{
	event(c, "", CHOICE "{},'finish_reason':'stop'}]}");
	if (c->usage)
		event(c, "",
		    CHUNK "],'usage':{'prompt_tokens':10,"
			  "'completion_tokens':%ld,'total_tokens':%ld}}",
		    c->sent, c->sent + 10);
	event(c, "", "[DONE]");
}

static void
anthropic_tail(struct conn *c)
{
	event(
	    c, "content_block_stop", "{'type':'content_block_stop','index':0}");
	event(c, "message_delta",
	    "{'type':'message_delta','delta':{'stop_reason':'end_turn',"
	    "'stop_sequence':null},'usage':{'output_tokens':%ld}}",
	    c->sent);
	event(c, "message_stop", "{'type':'message_stop'}");
}

static void
stream_tail(struct conn *c)
{
	if (c->anthropic)
		anthropic_tail(c);
	else
		openai_tail(c);
	addf(&c->out, "0\r\n\r\n");
	finish(c);
}

/* The next step of an answer; false when the connection is gone. */
static bool
tick(struct conn *c)
{
	if (c->late_json) {
		c->late_json = 0;
		json(c, 800);
		return flush(c);
	}
	while (c->left > 0 && c->out.n - c->out_at < HIGH_WATER) {
		stream_piece(c);
		if (c->left > 0 && c->gap_us > 0) {
			arm(c, c->due_us + c->gap_us);
			return flush(c);
		}
	}
	if (c->left == 0 && c->ending == END_WELL)
		stream_tail(c);
	else if (c->left == 0 && c->ending == END_CUT)
		c->closing = true;
	if (!flush(c))
		return false;
	if (c->left > 0 && c->out.n == 0)
		arm(c, c->due_us);
	return true;
}

static void
stream(struct conn *c, long chunks, long gap_ms)
{
	stream_head(c);
	c->left = chunks;
	c->sent = 0;
	c->gap_us = gap_ms * 1000;
	arm(c, now_us(CLOCK_MONOTONIC) + c->gap_us);
}

/* The behaviours. */

static void
as_stream(struct conn *c, long a, long b)
{
	stream(c, a, b);
}

static void
as_cut(struct conn *c, long a, long b)
{
	c->ending = END_CUT;
	stream(c, a, b);
}

static void
as_hang(struct conn *c, long a, long b)
{
	c->ending = END_HANG;
	if (a > 0)
		stream(c, a, b);
}

static void
as_slow(struct conn *c, long a, long b)
{
	(void)b;
	c->late_json = 1;
	arm(c, now_us(CLOCK_MONOTONIC) + a * 1000);
}

static void
as_status(struct conn *c, long a, long b)
{
	struct bytes text = { .p = NULL };
	char extra[64] = "";

	if (b > 0)
		snprintf(extra, sizeof(extra), "retry-after: %ld\r\n", b);
	addf(&text,
	    c->anthropic ? "{'type':'error','error':{'type':'test_error',"
			   "'message':'scripted %ld'}}"
			 : "{'error':{'message':'scripted %ld',"
			   "'type':'test_error','param':null,'code':null}}",
	    a);
	quote(text.p);
	body(c, (int)a, extra, &text);
	clear(&text);
}

static void
as_big(struct conn *c, long a, long b)
{
	(void)b;
	json(c, (size_t)a * 1024);
}

static uint32_t
crc32_of(const struct bytes *b)
{
	uint32_t crc = ~0U;
	size_t i;
	int bit;

	for (i = 0; i < b->n; i++) {
		crc ^= (unsigned char)b->p[i];
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
	}
	return ~crc;
}

static void
add_le(struct bytes *b, uint32_t v, int n)
{
	unsigned char c;

	for (; n > 0; n--, v >>= 8) {
		c = (unsigned char)(v & 0xff);
		add(b, &c, 1);
	}
}

/* One stored block: RFC 1952 without compressing. */
static void
as_gzip(struct conn *c, long a, long b)
{
	static const char head[] = "\x1f\x8b\x08\0\0\0\0\0\0\xff\x01";
	struct bytes text = { .p = NULL }, zip = { .p = NULL };

	(void)a, (void)b;
	json_text(&text, c->anthropic, 800);
	add(&zip, head, sizeof(head) - 1);
	add_le(&zip, (uint32_t)text.n, 2);
	add_le(&zip, ~(uint32_t)text.n, 2);
	add(&zip, text.p, text.n);
	add_le(&zip, crc32_of(&text), 4);
	add_le(&zip, (uint32_t)text.n, 4);
	body(c, 200, "content-encoding: gzip\r\n", &zip);
	clear(&text);
	clear(&zip);
}

static void
as_garbage(struct conn *c, long a, long b)
{
	struct bytes text = { .p = NULL };

	(void)a, (void)b;
	addf(&text, "<html>this is not JSON");
	body(c, 200, "", &text);
	clear(&text);
}

static void
as_interim(struct conn *c, long a, long b)
{
	(void)a, (void)b;
	addf(&c->out, "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n");
	json(c, 800);
}

static void
as_heads(struct conn *c, long a, long b)
{
	long i;

	(void)b;
	addf(&c->out, "HTTP/1.1 200 Test\r\n");
	for (i = 0; i < a; i++)
		addf(&c->out, "x-%ld: %01000d\r\n", i, 0);
	addf(&c->out, "content-length: 0\r\n\r\n");
	finish(c);
}

static void
as_odd(struct conn *c, long a, long b)
{
	static const char *const heads[] = { "HTTP/1.1  200 OK",
		"HTTP/1.1 2000 OK", "HTTP/1.1 200OK", "HTTP/1.1 099 OK",
		"HTTP/1.1 000 OK", "HTTP/1.1 20 OK", "HTTP/1.1\t200 OK",
		"HTTP/1.1 200 OK\r\nHTTP/2-x: y", "HTTP/1.1 200" };

	(void)b;
	addf(&c->out, "%s\r\ncontent-length: 2\r\n\r\n{}",
	    heads[(size_t)a % (sizeof(heads) / sizeof(heads[0]))]);
	finish(c);
}

static void
as_stale(struct conn *c, long a, long b)
{
	(void)a, (void)b;
	if (c->served == 0)
		json(c, 800);
	else
		c->closing = true;
}

#define SIDE "{\\'correct\\':8,\\'helpful\\':8,\\'clear\\':8}"

static void
as_judge(struct conn *c, long a, long b)
{
	struct bytes text = { .p = NULL };

	(void)a, (void)b;
	addf(&text,
	    "{'id':'chatcmpl-1','object':'chat.completion','created':1,"
	    "'model':'judge','choices':[{'index':0,'finish_reason':'stop',"
	    "'message':{'role':'assistant','content':'{\\'first\\':" SIDE
	    ",\\'second\\':" SIDE ",\\'reason\\':\\'\\'}'}}],"
	    "'usage':{'prompt_tokens':500,'completion_tokens':60}}");
	quote(text.p);
	body(c, 200, "", &text);
	clear(&text);
}

static const struct {
	const char *name;
	void (*begin)(struct conn *c, long a, long b);
} behaviours[] = {
	{ "stream", as_stream },
	{ "cut", as_cut },
	{ "hang", as_hang },
	{ "slow", as_slow },
	{ "status", as_status },
	{ "big", as_big },
	{ "gzip", as_gzip },
	{ "garbage", as_garbage },
	{ "interim", as_interim },
	{ "heads", as_heads },
	{ "odd", as_odd },
	{ "judge", as_judge },
	{ "stale", as_stale },
};

static void
stats(struct conn *c)
{
	struct bytes b = { .p = NULL };

	addf(&b,
	    "{'requests':%ld,'open':%ld,'client_closed':%ld,'tokens':%ld,"
	    "'connections':%ld,'peak':%ld,'accepted':%ld}",
	    server.requests, server.open, server.client_closed, server.tokens,
	    server.connections, server.peak, server.accepted);
	quote(b.p);
	body(c, 200, "", &b);
	clear(&b);
}

static void
trace(struct conn *c)
{
	struct bytes b = { .p = NULL };
	const struct visit *v;
	size_t i;

	for (i = 1; i <= server.visits_n; i++) {
		v = &server.visits[i];
		addf(&b, "%s %lld %lld %lld %lld\n", v->model,
		    (long long)v->came, (long long)v->first, (long long)v->left,
		    (long long)v->gone);
	}
	server.tracing = true;
	server.visits_n = 0;
	c->visit = 0;
	body(c, 200, "", &b);
	clear(&b);
}

static void
begin(struct conn *c, const struct request *r)
{
	size_t i, n;
	char *end = NULL;
	long a, b = 0;

	server.requests++;
	server.open++;
	c->answering = true;
	c->ending = END_WELL;
	c->anthropic = strstr(r->path, "/v1/messages") != NULL;
	c->usage = strstr(r->body, "\"include_usage\"") != NULL;
	for (i = 0; i < sizeof(behaviours) / sizeof(behaviours[0]); i++) {
		n = strlen(behaviours[i].name);
		if (strncmp(r->model, behaviours[i].name, n) != 0 ||
		    (r->model[n] != '-' && r->model[n] != '\0'))
			continue;
		a = r->model[n] ? strtol(r->model + n + 1, &end, 10) : 0;
		if (end && *end == '-')
			b = strtol(end + 1, NULL, 10);
		behaviours[i].begin(c, a, b);
		return;
	}
	if (r->stream)
		stream(c, 10, 0);
	else
		json(c, 800);
}

/* Requests. */

static void
model_of(const struct request *r, char out[128])
{
	const char *p = r->body;
	size_t n = 0;

	if (strncmp(r->path, "/as/", 4) == 0) {
		p = r->path + 4;
	} else {
		p = strstr(r->body, "\"model\"");
		p = p ? strchr(p + 7, '"') : NULL;
		p = p ? p + 1 : "";
	}
	while (n < 127 && p[n] && !strchr("\"/?", p[n])) {
		out[n] = p[n];
		n++;
	}
	out[n] = '\0';
}

static void
serve_request(struct conn *c, char *head, char *text)
{
	struct request r = { .path = "", .body = text };
	char model[128];
	char *space = strchr(head, ' ');

	if (space) {
		r.path = space + 1;
		space[1 + strcspn(space + 1, " \r\n")] = '\0';
	}
	if (strcmp(r.path, "/stats") == 0) {
		stats(c);
		return;
	}
	if (strcmp(r.path, "/trace") == 0) {
		trace(c);
		return;
	}
	if (strcmp(r.path, "/last") == 0) {
		body(c, 200, "", &server.last);
		return;
	}
	model_of(&r, model);
	r.model = model;
	come(c, model);
	r.stream =
	    strstr(text, "\"stream\":true") || strstr(text, "\"stream\": true");
	begin(c, &r);
}

/* Bytes of the first request in c->in, 0 while it is not complete. */
static size_t
request_bytes(const struct conn *c, size_t *head_bytes)
{
	const char *end = c->in.n ? strstr(c->in.p, "\r\n\r\n") : NULL;
	const char *p;
	size_t n;

	if (!end)
		return 0;
	*head_bytes = (size_t)(end - c->in.p) + 4;
	n = *head_bytes;
	for (p = c->in.p; p < end; p = strchr(p, '\n') + 1)
		if (strncasecmp(p, "content-length:", 15) == 0)
			n += strtoul(p + 15, NULL, 10);
	return c->in.n >= n ? n : 0;
}

/* Take the next request, unless an answer is under way. */
static bool
take(struct conn *c)
{
	size_t head_n = 0, n;
	char *head, *text;

	if (c->answering || (n = request_bytes(c, &head_n)) == 0)
		return true;
	head = strndup(c->in.p, head_n);
	text = strndup(c->in.p + head_n, n - head_n);
	if (!head || !text)
		abort();
	if (strncmp(head, "GET ", 4) != 0) {
		server.last.n = 0;
		add(&server.last, c->in.p, n);
	}
	memmove(c->in.p, c->in.p + n, c->in.n - n + 1);
	c->in.n -= n;
	if (c->in.n == 0)
		clear(&c->in);
	serve_request(c, head, text);
	free(head);
	free(text);
	return flush(c);
}

static void
readable(struct conn *c)
{
	ssize_t n = recv(c->fd, room(&c->in, 16384), 16384, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || c->in.n > MAX_REQUEST) {
		server.client_closed += c->answering;
		drop(c);
		return;
	}
	c->in.n += (size_t)n;
	c->in.p[c->in.n] = '\0';
	take(c);
}

static void
writable(struct conn *c)
{
	watch(c, EPOLL_CTL_MOD, EPOLLIN);
	if (flush(c) && c->left > 0 && c->out.n == 0 && !c->place)
		(void)tick(c);
}

static void
accept_all(void)
{
	struct conn *c;
	int one = 1;
	int fd;

	while ((fd = accept(server.listener, NULL, NULL)) >= 0) {
		c = calloc(1, sizeof(*c));
		if (fd >= MAX_CONNS || !c)
			abort();
		fcntl(fd, F_SETFL, O_NONBLOCK);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c->fd = fd;
		server.accepted++;
		if (++server.connections > server.peak)
			server.peak = server.connections;
		watch(c, EPOLL_CTL_ADD, EPOLLIN);
	}
}

static void
run_due(void)
{
	int64_t now = now_us(CLOCK_MONOTONIC);
	struct conn *c;

	while (server.heap_n > 0 && server.heap[1]->due_us <= now) {
		c = server.heap[1];
		disarm(c);
		if (tick(c) && !c->answering)
			take(c);
	}
}

static int
wait_ms(void)
{
	int64_t us;

	if (server.heap_n == 0)
		return -1;
	us = server.heap[1]->due_us - now_us(CLOCK_MONOTONIC);
	return us <= 0 ? 0 : (int)((us + 999) / 1000);
}

static void
serve(void)
{
	struct epoll_event events[256];
	struct conn *c;
	int i, n;

	for (;;) {
		n = epoll_wait(server.poll, events, 256, wait_ms());
		for (i = 0; i < n; i++) {
			c = events[i].data.ptr;
			if (!c)
				accept_all();
			else if (events[i].events & EPOLLOUT)
				writable(c);
			else
				readable(c);
		}
		run_due();
	}
}

/* Returns the port, or -1. */
static int
listen_on(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t n = sizeof(at);
	struct epoll_event e = { .events = EPOLLIN };
	struct rlimit files;
	int one = 1;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	at.sin_port = htons((uint16_t)port);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server.poll = epoll_create1(EPOLL_CLOEXEC);
	server.listener =
	    socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(
	    server.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(server.listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(server.listener, 4096) < 0 ||
	    epoll_ctl(server.poll, EPOLL_CTL_ADD, server.listener, &e) < 0 ||
	    getsockname(server.listener, (struct sockaddr *)&at, &n) < 0)
		return -1;
	return ntohs(at.sin_port);
}

#ifndef UPSTREAM_WITHOUT_MAIN
int
main(int argc, char **argv)
{
	int port = listen_on(argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0);

	if (port < 0) {
		perror("upstream: listen");
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	printf("%d\n", port);
	fflush(stdout);
	serve();
	return 0;
}
#endif
