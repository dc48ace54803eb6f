/* SPDX-License-Identifier: MIT */
#include "core/ledger.h"

#include <stdlib.h>
#include <sys/random.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/journal.h"
#include "core/jw.h"
#include "core/ledger_row.h"
#include "core/price.h"
#include "core/provider.h"
#include "core/visit.h"

#define MAX_TEXT 256 /* bytes of a string; users send what they like */
#define MAX_LIST 64  /* tags, losses */

const char *const ledger_call_words[] = {
	[CALL_OPEN] = "open",
	[CALL_OK] = "ok",
	[CALL_ERROR] = "error",
	[CALL_REFUSED] = "refused",
	[CALL_CANCELLED] = "cancelled",
	[CALL_UNKNOWN] = "unknown",
};

const char *const ledger_attempt_words[] = {
	[ATTEMPT_OPEN] = "open",
	[ATTEMPT_WON] = "won",
	[ATTEMPT_LOST] = "lost",
	[ATTEMPT_FAILED] = "failed",
	[ATTEMPT_CANCELLED] = "cancelled",
	[ATTEMPT_UNKNOWN] = "unknown",
};

const char *const ledger_role_words[] = {
	[ROLE_PRIMARY] = "primary",
	[ROLE_RETRY] = "retry",
	[ROLE_FALLBACK] = "fallback",
	[ROLE_RACE] = "race",
	[ROLE_HEDGE] = "hedge",
	[ROLE_JUDGE] = "judge",
	[ROLE_SHADOW] = "shadow",
};

static const char *const cost_words[] = {
	[COST_UNKNOWN] = "unknown",
	[COST_RESERVED] = "reserved",
	[COST_ESTIMATED] = "estimated",
	[COST_REPORTED] = "reported",
};

static const char *const usage_words[] = {
	[USAGE_NONE] = "none",
	[USAGE_ESTIMATED] = "estimated",
	[USAGE_REPORTED] = "reported",
};

void
ledger_id(char out[CALL_ID_BYTES], int64_t now_us)
{
	unsigned char bits[10];

	if (getrandom(bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
		abort();
	ledger_row_id(out, now_us / 1000, bits);
}

static void
put_text(struct jw *w, const char *key, struct str s)
{
	jw_kv_str(w, key, str_clip(s, MAX_TEXT));
}

static void
put_time(struct jw *w, const char *key, int64_t us)
{
	char text[CLOCK_TEXT_BYTES];

	jw_kv_cstr(w, key, us != 0 ? clock_text(us, text) : NULL);
}

/* A number, null below ${least}. */
static void
put_number(struct jw *w, const char *key, int64_t v, int64_t least)
{
	if (v < least)
		jw_kv_null(w, key);
	else
		jw_kv_i64(w, key, v);
}

static void
put_money(struct jw *w, const char *key, bool known, int64_t pusd)
{
	if (known)
		money_json(w, key, pusd);
	else
		jw_kv_null(w, key);
}

static void
put_tags(struct jw *w, const struct header *tags)
{
	int n;

	jw_key(w, "tags");
	jw_object(w);
	for (n = 0; tags != NULL && n < MAX_LIST; tags = tags->next, n++) {
		jw_key_str(w, str_clip(tags->name, MAX_TEXT));
		jw_str(w, str_clip(tags->value, MAX_TEXT));
	}
	jw_end(w);
}

static void
put_lossy(struct jw *w, const struct name *lossy)
{
	int n;

	jw_key(w, "lossy");
	jw_array(w);
	for (n = 0; lossy != NULL && n < MAX_LIST; lossy = lossy->next, n++)
		jw_str(w, str_clip(lossy->s, MAX_TEXT));
	jw_end(w);
}

static void
put_tokens(struct jw *w, const int64_t tokens[USAGE_BUCKETS])
{
	int i;

	for (i = 0; i < USAGE_BUCKETS; i++)
		jw_kv_i64(w, usage_bucket_names[i], tokens[i]);
}

static void
put_others(struct jw *w, const struct ledger_attempt *at)
{
	const struct usage *u = &at->usage;
	unsigned i;

	jw_key(w, "others");
	jw_array(w);
	for (i = 0; i < u->n_others; i++) {
		jw_object(w);
		jw_kv_cstr(w, "model", u->others[i].model);
		put_tokens(w, u->others[i].tokens);
		put_money(
		    w, "cost_usd", at->others_pusd[i] >= 0, at->others_pusd[i]);
		jw_end(w);
	}
	jw_end(w);
}

static void
put_usage(struct jw *w, const struct ledger_attempt *at)
{
	const struct usage *u = &at->usage;

	jw_key(w, "usage");
	jw_object(w);
	put_tokens(w, u->tokens);
	jw_key(w, "units");
	jw_object(w);
	if (u->web_searches > 0)
		jw_kv_i64(w, "web_search", u->web_searches);
	jw_end(w);
	if (u->n_others > 0)
		put_others(w, at);
	jw_end(w);
}

static void
put_attempt(struct jw *w, const struct ledger_attempt *at)
{
	int64_t own = at->usage.provider_cost_pusd;

	jw_object(w);
	put_text(w, "provider", at->provider);
	put_text(w, "model", at->model);
	put_text(w, "returned_model", at->returned_model);
	put_text(w, "credential", at->credential);
	jw_kv_cstr(w, "role", ledger_role_words[at->role]);
	jw_kv_cstr(w, "outcome", ledger_attempt_words[at->outcome]);
	put_number(w, "status", at->status, 1);
	put_text(w, "error", at->error);
	put_number(w, "start_ms", at->start_ms, 0);
	put_number(w, "ttft_ms", at->ttft_ms, 0);
	put_number(w, "duration_ms", at->duration_ms, 0);
	put_usage(w, at);
	jw_kv_cstr(w, "usage_source", usage_words[at->usage.source]);
	put_money(w, "cost_usd", at->cost.known, at->cost.pusd);
	jw_kv_cstr(w, "cost_source", cost_words[at->cost.source]);
	put_text(w, "price", at->price);
	put_money(w, "provider_cost_usd", own >= 0, own);
	jw_end(w);
}

static void
put_request(struct jw *w, const struct ledger_call *row)
{
	put_text(w, "key", row->key);
	put_text(w, "account", row->account);
	put_text(w, "user", row->user);
	put_text(w, "session", row->session);
	put_text(w, "task", row->task);
	put_tags(w, row->tags);
	jw_kv_cstr(w, "endpoint", row->endpoint);
	jw_kv_cstr(w, "dialect", row->dialect);
	jw_kv_bool(w, "stream", row->stream);
	put_text(w, "requested", row->requested);
	put_text(w, "route", row->route);
}

static void
put_result(struct jw *w, const struct ledger_call *row)
{
	put_text(w, "answered", row->answered);
	put_number(w, "status", row->status, 1);
	jw_kv_cstr(w, "outcome", ledger_call_words[row->outcome]);
	put_text(w, "error", row->error);
	put_text(w, "cache", row->cache);
	put_money(w, "saved_usd", row->cache.n > 0 && row->saved_pusd >= 0,
	    row->saved_pusd);
	put_lossy(w, row->lossy);
	put_number(w, "ttft_ms", row->ttft_ms, 0);
	put_number(w, "duration_ms", row->duration_ms, 0);
	put_money(w, "cost_usd", row->cost.known, row->cost.pusd);
	put_text(
	    w, "cost_note", row->cost.known ? STR_NONE : str_of(row->cost.why));
	if (row->outcome == CALL_OPEN && row->reserved_pusd > 0)
		put_money(w, "reserved_usd", true, row->reserved_pusd);
}

void
ledger_json(const struct ledger_call *row, struct buf *out)
{
	const struct ledger_attempt *at;
	struct jw w;

	jw_init(&w, out);
	jw_object(&w);
	jw_kv_cstr(&w, "id", row->id);
	put_time(&w, "started_at", row->started_us);
	put_time(&w, "ended_at", row->ended_us);
	put_request(&w, row);
	put_result(&w, row);
	jw_key(&w, "attempts");
	jw_array(&w);
	for (at = row->attempts; at != NULL; at = at->next)
		put_attempt(&w, at);
	jw_end(&w);
	jw_end(&w);
}

typedef int append_fn(
    struct state *state, struct str payload, struct error *err);

static int
append(struct state *state, const struct ledger_call *row, append_fn *fn,
    struct error *err)
{
	bool open = row->outcome == CALL_OPEN;
	struct buf b;
	int rc;

	buf_init(&b, JOURNAL_MAX_PAYLOAD);
	buf_addch(&b, LEDGER_RECORD_VERSION);
	buf_addch(&b, open ? LEDGER_OPEN : LEDGER_CLOSE);
	ledger_json(row, &b);
	rc = buf_over(&b) ? error_set(err, ERROR_STORE,
				"ledger: row %s is too large", row->id)
			  : fn(state, buf_str(&b), err);
	buf_release(&b);
	return rc;
}

int
ledger_write(
    struct state *state, const struct ledger_call *row, struct error *err)
{
	return append(state, row, state_append, err);
}

int
ledger_note(
    struct state *state, const struct ledger_call *row, struct error *err)
{
	return append(state, row, state_note, err);
}
