/* SPDX-License-Identifier: MIT */
#include "fcgi/head.h"

#include <stdbool.h>

#include "core/buf.h"
#include "core/call_cache.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/live.h"
#include "core/money.h"
#include "fcgi/admin.h"
#include "fcgi/dialect.h"
#include "fcgi/exchange.h"

#define MAX_HEAD_BYTES   16384
#define MAX_PASSED_BYTES 1536 /* of the provider's headers */
#define MAX_FIELD_BYTES  512

/* Headers that a provider sends for its clients to read. */
static const char *const passed[] = { "anthropic-", "openai-", "x-ratelimit-",
	"retry-after", "x-should-retry" };

/* May the provider's own words pass to this client? */
static bool
same_format(const struct exchange *x)
{
	return x->calling && x->call.attempt != NULL &&
	    x->call.attempt->api->wire == x->dialect->wire;
}

static void
add_passed(const struct exchange *x, struct buf *out)
{
	const struct attempt *at = x->call.attempt;
	const struct header *h;
	size_t i, end = out->n + MAX_PASSED_BYTES;

	if (!same_format(x))
		return;
	for (h = at->headers; h != NULL; h = h->next) {
		/* Of several attempts the soonest counts: add_retry_after. */
		if (x->call.attempts > 1 &&
		    strncasecmp(h->name.p, "retry-after", 11) == 0)
			continue;
		if (out->n + h->name.n + h->value.n + 4 > end)
			continue;
		for (i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
			if (strncasecmp(
				h->name.p, passed[i], strlen(passed[i])) == 0)
				http_field(
				    out, str_cstr(x->arena, h->name), h->value);
		}
	}
}

/* Names joined by commas, as many as fit. */
static void
add_lossy(const struct exchange *x, struct buf *out)
{
	struct buf list;
	const struct name *n;

	buf_init(&list, MAX_FIELD_BYTES);
	for (n = x->call.row.lossy; n != NULL; n = n->next)
		buf_addf(
		    &list, "%s%.*s", list.n > 0 ? ", " : "", STR_ARG(n->s));
	if (list.n > 0)
		http_field(out, "x-sluice-lossy", buf_str(&list));
	buf_release(&list);
}

/* Our own time before the request left, and the provider's until it spoke. */
static void
add_timing(const struct exchange *x, struct buf *out)
{
	const struct attempt *at = x->call.attempt;
	int64_t first_us;

	if (at == NULL || at->started_us == 0)
		return;
	first_us = at->meter.first_content_us;
	if (first_us == 0)
		first_us = clock_mono_us();
	buf_addf(out, "server-timing: gateway;dur=%.3f, upstream;dur=%.3f\r\n",
	    (double)(at->started_us - x->call.started_us) / 1e3,
	    (double)(first_us - at->started_us) / 1e3);
}

static void
add_cache(const struct exchange *x, struct buf *out)
{
	const struct call_cache *cc = x->call.cache;
	struct str word = x->call.row.cache;

	http_field(out, "x-sluice-cache", word.n > 0 ? word : STR("off"));
	if (str_is(word, "hit"))
		buf_addf(out, "age: %lld\r\n", (long long)cc->found.age_s);
}

static void
add_call(const struct exchange *x, struct buf *out)
{
	const struct ledger_call *row = &x->call.row;
	char money[MONEY_TEXT_BYTES];

	http_field(out, "x-request-id", str_of(row->id));
	http_field(out, "request-id", str_of(row->id));
	if (row->answered.n > 0 && row->answered.n <= MAX_FIELD_BYTES)
		http_field(out, "x-sluice-model", row->answered);
	buf_addf(out, "x-sluice-attempts: %u\r\n", x->call.attempts);
	add_cache(x, out);
	if (!x->call.ask.stream && row->cost.known)
		http_field(out, "x-sluice-cost-usd",
		    str_of(money_text(row->cost.pusd, money)));
	add_lossy(x, out);
	add_timing(x, out);
	add_passed(x, out);
}

/* CORS: only for origins that the configuration names. */
static void
add_cors(const struct exchange *x, struct buf *out)
{
	struct str origin = http_header(&x->in, "origin");
	const struct name *n;

	if (origin.n == 0 || x->snap == NULL)
		return;
	for (n = x->snap->conf->cors_origins; n != NULL; n = n->next) {
		if (!str_eq(n->s, origin) && !str_is(n->s, "*"))
			continue;
		http_field(out, "access-control-allow-origin", origin);
		http_field(out, "vary", STR("origin"));
		http_field(out, "access-control-expose-headers", STR("*"));
		return;
	}
}

/* Unless the provider's own has passed already. */
static void
add_retry_after(
    const struct exchange *x, const struct error *err, struct buf *out)
{
	if (err->retry_after_ms <= 0 ||
	    (same_format(x) && x->call.attempts == 1 &&
		header_get(x->call.attempt->headers, "retry-after").p != NULL))
		return;
	buf_addf(out, "retry-after: %lld\r\n",
	    (long long)(err->retry_after_ms + 999) / 1000);
}

void
head_send(
    struct exchange *x, int status, const char *type, const struct error *err)
{
	const struct header *h;
	struct buf out;

	buf_init(&out, MAX_HEAD_BYTES);
	http_head(&out, status, type);
	/* What the admin API says stays on no disk. */
	buf_addf(&out, "cache-control: %s\r\n",
	    x->dialect == &dialect_problem ? "no-store" : "no-cache");
	if (type != NULL && strcmp(type, "text/event-stream") == 0)
		buf_addz(&out, "x-accel-buffering: no\r\n");
	if (x->calling)
		add_call(x, &out);
	if (err != NULL)
		add_retry_after(x, err, &out);
	for (h = x->fields; h != NULL; h = h->next)
		http_field(&out, str_cstr(x->arena, h->name), h->value);
	add_cors(x, &out);
	http_head_end(&out);
	io_write(&x->io, buf_str(&out));
	buf_release(&out);
	x->head_sent = true;
}
