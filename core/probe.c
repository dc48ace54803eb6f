/* SPDX-License-Identifier: MIT */
#include "core/probe.h"

#include <strings.h>

#include <curl/curl.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/version.h"

#define MAX_BODY_BYTES ((size_t)4 << 20)
#define PAUSE_US       30000
#define CONNECT_S      10L
#define SILENCE_S      60L /* nearly nothing moves for so long: give up */

struct sending {
	struct arena *arena;
	struct probe_answer *answer;
	struct buf *body;
	struct str head;  /* what is still to be sent: this, */
	int64_t filler;   /* and that many spaces */
	int64_t piece_us; /* when the last piece came */
};

static size_t
on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct sending *x = arg;
	int64_t now = clock_mono_us();

	if (x->body->n + n * size < MAX_BODY_BYTES)
		buf_add(x->body, bytes, n * size);
	if (now - x->piece_us >= PAUSE_US)
		x->answer->arrivals++;
	x->piece_us = now;
	return n * size;
}

static size_t
on_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct sending *x = arg;
	struct str name, value;

	value = str_split((struct str){ bytes, n * size }, ':', &name);
	value = str_dup(x->arena, str_trim(value));
	if (name.n == 6 && strncasecmp(name.p, "server", 6) == 0)
		x->answer->server = value;
	if (name.n == 8 && strncasecmp(name.p, "location", 8) == 0)
		x->answer->location = value;
	return n * size;
}

static size_t
on_send(char *to, size_t size, size_t n, void *arg)
{
	struct sending *x = arg;
	size_t room = n * size;

	if (x->head.n > 0) {
		if (room > x->head.n)
			room = x->head.n;
		memcpy(to, x->head.p, room);
		x->head = str_skip(x->head, room);
		return room;
	}
	if ((int64_t)room > x->filler)
		room = (size_t)x->filler;
	memset(to, ' ', room);
	x->filler -= (int64_t)room;
	return room;
}

/* Everything that is the same for all; curl's own setters cannot fail here. */
static void
set_common(CURL *c, struct sending *x)
{
	static const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{ CURLOPT_NOSIGNAL, 1 },
		{ CURLOPT_CONNECTTIMEOUT, CONNECT_S },
		{ CURLOPT_LOW_SPEED_LIMIT, 1 },
		{ CURLOPT_LOW_SPEED_TIME, SILENCE_S },
	};
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		curl_easy_setopt(c, numbers[i].option, numbers[i].value);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_USERAGENT, "sluice/" SLUICE_VERSION);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
}

static void
set_body(CURL *c, const struct probe_request *rq, struct sending *x)
{
	x->head = rq->body;
	x->filler = rq->filler;
	if (rq->body.p == NULL)
		return;
	curl_easy_setopt(c, CURLOPT_POST, 1L);
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)rq->body.n + (curl_off_t)rq->filler);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, on_send);
	curl_easy_setopt(c, CURLOPT_READDATA, x);
}

int
probe_send(struct arena *a, const struct probe_request *rq,
    struct probe_answer *answer)
{
	struct sending x = { .arena = a, .answer = answer };
	struct curl_slist *headers = NULL;
	CURL *c = curl_easy_init();
	CURLcode rc = CURLE_FAILED_INIT;
	long status = 0;

	*answer = (struct probe_answer){ 0 };
	x.body = buf_new(a, MAX_BODY_BYTES);
	headers = curl_slist_append(headers, "Content-Type: application/json");
	headers = curl_slist_append(headers, "Expect:");
	if (rq->header != NULL)
		headers = curl_slist_append(headers, rq->header);
	if (rq->more != NULL)
		headers = curl_slist_append(headers, rq->more);
	if (c != NULL) {
		set_common(c, &x);
		set_body(c, rq, &x);
		curl_easy_setopt(c, CURLOPT_URL, rq->url);
		curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
		if (rq->method != NULL)
			curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, rq->method);
		rc = curl_easy_perform(c);
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	}
	curl_slist_free_all(headers);
	curl_easy_cleanup(c);
	answer->body = buf_str(x.body);
	answer->status = (int)status;
	/* An answer in the middle of our body counts, whatever follows. */
	if (status > 0)
		return 0;
	answer->why = curl_easy_strerror(rc);
	return -1;
}
