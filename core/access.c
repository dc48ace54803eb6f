/* SPDX-License-Identifier: MIT */
#include "core/access.h"

#include "core/buf.h"
#include "core/call.h"
#include "core/clock.h"
#include "core/jw.h"
#include "core/ledger.h"
#include "core/log.h"
#include "core/money.h"
#include "core/trace.h"
#include "core/usage.h"

/* Tried in turn; a byte may take six, and ten strings fit with the last. */
static const size_t clips[] = { 256, 64, 32 };

struct line {
	struct jw w;
	size_t clip;
};

/* What is not there is left out. */
static void
put_text(struct line *l, const char *key, struct str s)
{
	if (s.n == 0)
		return;
	if (s.n > l->clip)
		s.n = l->clip;
	jw_kv_str(&l->w, key, s);
}

static void
put_number(struct line *l, const char *key, int64_t v)
{
	if (v >= 0)
		jw_kv_i64(&l->w, key, v);
}

static void
put_who(struct line *l, const struct ledger_call *row)
{
	put_text(l, "key", row->key);
	put_text(l, "account", row->account);
	put_text(l, "user", row->user);
	put_text(l, "session", row->session);
	put_text(l, "task", row->task);
}

static void
put_what(struct line *l, const struct ledger_call *row)
{
	put_text(l, "endpoint", str_of(row->endpoint));
	jw_kv_bool(&l->w, "stream", row->stream);
	put_text(l, "requested", row->requested);
	put_text(l, "route", row->route);
	put_text(l, "answered", row->answered);
	put_text(l, "cache", row->cache);
}

static void
put_result(struct line *l, const struct call *c)
{
	const struct ledger_call *row = &c->row;
	const struct ledger_attempt *at;
	int64_t input = 0, output = 0;

	put_number(l, "status", row->status);
	put_text(l, "outcome", str_of(ledger_call_words[row->outcome]));
	put_text(l, "error", row->error);
	jw_kv_i64(&l->w, "attempts", c->attempts);
	for (at = row->attempts; at != NULL; at = at->next) {
		input += usage_total_input(&at->usage);
		output += usage_total_output(&at->usage);
	}
	put_number(l, "input_tokens", input);
	put_number(l, "output_tokens", output);
	if (row->cost.known)
		money_json(&l->w, "cost_usd", row->cost.pusd);
	put_number(l, "ttft_ms", row->ttft_ms);
	put_number(l, "duration_ms", row->duration_ms);
}

static void
write_line(struct buf *out, const struct call *c, size_t clip)
{
	struct line l = { .clip = clip };
	char time[CLOCK_TEXT_BYTES], hex[TRACE_HEX_BYTES];

	jw_init(&l.w, out);
	jw_object(&l.w);
	jw_kv_cstr(&l.w, "time", clock_text(c->row.ended_us, time));
	jw_kv_cstr(&l.w, "level", "info");
	jw_kv_cstr(&l.w, "event", "call");
	jw_kv_cstr(&l.w, "id", c->row.id);
	put_who(&l, &c->row);
	put_what(&l, &c->row);
	put_result(&l, c);
	if (c->trace.known)
		jw_kv_cstr(&l.w, "trace_id",
		    trace_hex(c->trace.id, TRACE_ID_BYTES, hex));
	jw_end(&l.w);
}

void
access_line(const struct call *c)
{
	struct buf out;
	size_t i;

	if (!log_wants(LOG_LEVEL_INFO))
		return;
	buf_init(&out, ACCESS_MAX_BYTES);
	for (i = 0; i < sizeof(clips) / sizeof(clips[0]); i++) {
		buf_reset(&out);
		write_line(&out, c, clips[i]);
		if (!buf_over(&out))
			break;
	}
	log_line(LOG_LEVEL_INFO, buf_str(&out));
	buf_release(&out);
}
