/* SPDX-License-Identifier: MIT */
#include "core/limit_tell.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/jw.h"
#include "core/limit.h"
#include "core/log.h"
#include "core/money.h"

#define MAX_SHOWN 60 /* bytes of a name */

static struct str
shown(struct str name)
{
	return name.n <= MAX_SHOWN
	    ? name
	    : (struct str){ .p = name.p, .n = MAX_SHOWN };
}

static void
put_details(struct error *err, struct buf *b)
{
	if (!buf_over(b) && b->n < sizeof(err->details))
		snprintf(err->details, sizeof(err->details), "%s", b->p);
	buf_release(b);
}

static void
budget_details(struct error *err, const struct budget *b,
    const struct limit_standing *now, int64_t need)
{
	char resets[CLOCK_TEXT_BYTES];
	struct buf out;
	struct jw w;

	buf_init(&out, sizeof(err->details));
	jw_init(&w, &out);
	jw_object(&w);
	jw_kv_cstr(&w, "scope", budget_scopes[b->scope]);
	jw_kv_str(&w, "name", shown(b->name));
	jw_kv_cstr(&w, "per", window_words[b->window]);
	money_json(&w, "limit_usd", b->pusd);
	money_json(&w, "spent_usd", now->spent);
	money_json(&w, "reserved_usd", now->reserved);
	money_json(&w, "left_usd", limit_left(b, now));
	money_json(&w, "needed_usd", need);
	jw_kv_cstr(&w, "resets_at",
	    now->resets_us == INT64_MAX ? NULL
					: clock_text(now->resets_us, resets));
	jw_end(&w);
	put_details(err, &out);
}

int
limit_tell_budget(struct error *err, const struct budget *b,
    const struct limit_standing *now, int64_t need)
{
	char limit[MONEY_TEXT_BYTES], left[MONEY_TEXT_BYTES];
	char wants[MONEY_TEXT_BYTES], resets[CLOCK_TEXT_BYTES];
	bool total = now->resets_us == INT64_MAX;

	if (err->kind != ERROR_NONE)
		return -1;
	budget_details(err, b, now, need);
	return error_set(err, ERROR_BUDGET,
	    "the budget of %s %.*s, $%s %s%s, has $%s left%s; this call may "
	    "cost $%s; %s%s",
	    budget_scopes[b->scope], STR_ARG(shown(b->name)),
	    money_text(b->pusd, limit), total ? "in " : "per ",
	    window_words[b->window], money_text(limit_left(b, now), left),
	    now->reserved > 0 ? " (calls under way set some aside)" : "",
	    money_text(need, wants), total ? "it does not reset" : "resets at ",
	    total ? "" : clock_text(now->resets_us, resets));
}

int
limit_tell_unpriced(struct error *err, const struct budget *b)
{
	if (err->kind == ERROR_NONE)
		snprintf(err->code, sizeof(err->code), "unpriced_model");
	return error_set(err, ERROR_BUDGET,
	    "no price is known for this model, and the call falls under the "
	    "budget of %s %.*s (limits.unpriced is refuse)",
	    budget_scopes[b->scope], STR_ARG(shown(b->name)));
}

int
limit_tell_rate(struct error *err, struct str key, const char *what,
    int64_t limit, int64_t wait_us)
{
	struct buf out;
	struct jw w;

	if (err->kind != ERROR_NONE)
		return -1;
	err->retry_after_ms = (wait_us + 999) / 1000;
	buf_init(&out, sizeof(err->details));
	jw_init(&w, &out);
	jw_object(&w);
	jw_kv_cstr(&w, "scope", "key");
	jw_kv_str(&w, "name", shown(key));
	jw_kv_cstr(&w, "limit", what);
	jw_kv_i64(&w, "allowed", limit);
	jw_kv_i64(&w, "retry_after_ms", err->retry_after_ms);
	jw_end(&w);
	put_details(err, &out);
	return error_set(err, ERROR_RATE,
	    "gateway key %.*s: its limit of %" PRId64
	    " %s is reached; try again in %" PRId64 " ms",
	    STR_ARG(key), limit,
	    what[0] == 'p'       ? "calls at a time"
		: what[0] == 'r' ? "requests a minute"
				 : "tokens a minute",
	    err->retry_after_ms);
}

void
limit_tell_alert(const struct budget *b)
{
	char limit[MONEY_TEXT_BYTES];

	log_event(LOG_LEVEL_WARN, "budget",
	    "%s %.*s has spent %" PRId64 " %% of $%s per %s",
	    budget_scopes[b->scope], STR_ARG(shown(b->name)), b->alert_pct,
	    money_text(b->pusd, limit), window_words[b->window]);
}

void
limit_json(
    struct jw *w, const struct budget *b, const struct limit_standing *now)
{
	char resets[CLOCK_TEXT_BYTES];

	jw_object(w);
	jw_kv_cstr(w, "scope", budget_scopes[b->scope]);
	jw_kv_str(w, "name", b->name);
	jw_kv_cstr(w, "per", window_words[b->window]);
	money_json(w, "limit_usd", b->pusd);
	money_json(w, "spent_usd", now->spent);
	money_json(w, "reserved_usd", now->reserved);
	money_json(w, "left_usd", limit_left(b, now));
	jw_kv_cstr(w, "resets_at",
	    now->resets_us == INT64_MAX ? NULL
					: clock_text(now->resets_us, resets));
	if (b->alert_pct > 0)
		jw_kv_i64(w, "alert_pct", b->alert_pct);
	else
		jw_kv_null(w, "alert_pct");
	jw_end(w);
}
