/* SPDX-License-Identifier: MIT */
/* The request log: pages of rows, and one row with the prices it used. */
#include "fcgi/admin_filter.h"

#include "core/catalog.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/feedback.h"
#include "core/jtext.h"
#include "core/key.h"
#include "core/ledger_page.h"
#include "core/ledger_row.h"
#include "core/live.h"
#include "fcgi/exchange.h"

#define LOOK_ROWS    50000 /* for one page */
#define MAX_ATTEMPTS 100

void
admin_filters(
    struct admin_opt opts[ADMIN_FILTERS], struct str only[ROLLUP_DIMS])
{
	unsigned d;

	for (d = 1; d < ROLLUP_DIMS; d++)
		opts[d - 1] = (struct admin_opt){ .name = rollup_words[d],
			.kind = ADMIN_TEXT,
			.value = &only[d] };
}

int
admin_own_filter(struct admin *ad, struct str only[ROLLUP_DIMS])
{
	struct str own = admin_owner(ad);

	if (own.p == NULL)
		return 0;
	if (only[ROLLUP_KEY].p != NULL && !str_eq(only[ROLLUP_KEY], own))
		return admin_missing(ad, "key", only[ROLLUP_KEY]);
	only[ROLLUP_KEY] = own;
	if (only[ROLLUP_ACCOUNT].p == NULL)
		only[ROLLUP_ACCOUNT] = ad->key->account;
	return 0;
}

/* A word that no row has is a mistake, not an empty page. */
static int
check_members(const struct ledger_want *want, struct error *err)
{
	static const char *const outcomes[] = { "open", "ok", "error",
		"refused", "cancelled", "unknown" };
	struct str outcome = want->members[LEDGER_OUTCOME];
	struct str status = want->members[LEDGER_STATUS];
	size_t i, n = sizeof(outcomes) / sizeof(*outcomes);
	int64_t number;

	for (i = 0; i < n && !str_is(outcome, outcomes[i]); i++)
		continue;
	if (outcome.p != NULL && i == n)
		return error_param(err, "outcome",
		    "must be open, ok, error, refused, cancelled or unknown");
	if (status.n > 0 && str_i64(status, 100, 599, &number) != 0)
		return error_param(
		    err, "status", "must be an HTTP status, or empty");
	return 0;
}

static int
check_page(struct ledger_want *want, struct error *err)
{
	if (want->before.p != NULL && ledger_row_ms(want->before) == 0)
		return error_param(
		    err, "cursor", "must be `next` of another page");
	if (want->until_us != 0 && want->since_us >= want->until_us)
		return error_param(err, "from", "must be before to");
	return check_members(want, err);
}

static int
read_page(struct admin *ad, struct ledger_want *want)
{
	int64_t limit = ADMIN_PAGE;
	struct admin_opt opts[ADMIN_FILTERS + LEDGER_MEMBERS + 4];
	struct admin_opt *o = opts;
	int i;

	admin_filters(opts, want->only);
	o += ADMIN_FILTERS;
	for (i = 0; i < LEDGER_MEMBERS; i++)
		*o++ = (struct admin_opt){ .name = ledger_members[i],
			.kind = ADMIN_TEXT,
			.value = &want->members[i] };
	*o++ = (struct admin_opt){ "from", ADMIN_TIME, &want->since_us, 0,
		false, false };
	*o++ = (struct admin_opt){ "to", ADMIN_TIME, &want->until_us, 0, false,
		false };
	*o++ = (struct admin_opt){ "cursor", ADMIN_TEXT, &want->before, 0,
		false, false };
	*o++ = (struct admin_opt){ "limit", ADMIN_COUNT, &limit,
		ADMIN_PAGE_MOST, false, false };
	if (admin_query(ad, opts, (size_t)(o - opts)) != 0 ||
	    check_page(want, &ad->err) != 0)
		return -1;
	want->limit = (size_t)limit;
	want->look = LOOK_ROWS;
	return admin_own_filter(ad, want->only);
}

int
admin_requests(struct admin *ad)
{
	struct ledger_want want = { .limit = 0 };
	struct ledger_page page;
	struct jw *w = &ad->w;
	size_t i;

	if (read_page(ad, &want) != 0 ||
	    ledger_page(ad->state, &want, ad->x->arena, &page, &ad->err) != 0)
		return -1;
	jw_object(w);
	jw_key(w, "requests");
	jw_array(w);
	for (i = 0; i < page.n; i++)
		jw_raw(w, page.rows[i]);
	jw_end(w);
	jw_kv_cstr(w, "next", page.next[0] != '\0' ? page.next : NULL);
	jw_end(w);
	return 0;
}

/* The price that an attempt names, if that is still the one in effect. */
static void
write_price(struct admin *ad, struct str attempt)
{
	struct arena *a = ad->x->arena;
	const struct catalog *catalog = ad->x->snap->conf->catalog;
	struct str provider = jtext_str(a, attempt, "provider");
	struct str model = jtext_str(a, attempt, "model");
	struct str returned = jtext_str(a, attempt, "returned_model");
	struct str version = jtext_str(a, attempt, "price");
	const struct model *m = NULL;
	struct jw *w = &ad->w;

	if (version.p != NULL && returned.n > 0)
		m = catalog_find(catalog, a, provider, returned);
	if (version.p != NULL && (m == NULL || m->price.p == NULL))
		m = catalog_find(catalog, a, provider, model);
	if (m != NULL && (m->price.p == NULL || !str_eq(m->version, version)))
		m = NULL;
	jw_object(w);
	jw_kv_str(w, "provider", provider);
	jw_kv_str(w, "model", m != NULL ? m->id : model);
	jw_kv_str(w, "version", version);
	if (m != NULL)
		jw_kv_raw(w, "price", m->price);
	else
		jw_kv_null(w, "price");
	jw_end(w);
}

/* The row that the path names, if the asking key may see it. */
static int
find_row(struct admin *ad, struct str *row)
{
	struct arena *a = ad->x->arena;
	struct str id = ad->stars[0], own = admin_owner(ad);
	int rc = ledger_row_ms(id) == 0
	    ? 0
	    : ledger_find(ad->state, id, a, row, &ad->err);

	if (rc < 0)
		return -1;
	if (rc == 0 ||
	    (own.p != NULL && !str_eq(own, jtext_str(a, *row, "key"))))
		return admin_missing(ad, "request", id);
	return 0;
}

static void
write_prices(struct admin *ad, struct str row)
{
	struct str list, attempt;
	size_t pos = 0;
	int n = 0;

	jw_key(&ad->w, "prices");
	jw_array(&ad->w);
	if (jtext_get(row, "attempts", &list))
		while (n++ < MAX_ATTEMPTS && jtext_item(list, &pos, &attempt))
			write_price(ad, attempt);
	jw_end(&ad->w);
}

int
admin_request(struct admin *ad)
{
	struct feedback f;
	struct str row;
	int known;

	if (admin_query(ad, NULL, 0) != 0 || find_row(ad, &row) != 0)
		return -1;
	known =
	    feedback_find(ad->state, ad->stars[0], ad->x->arena, &f, &ad->err);
	if (known < 0)
		return -1;
	jw_object(&ad->w);
	jw_kv_raw(&ad->w, "request", row);
	write_prices(ad, row);
	jw_key(&ad->w, "feedback");
	if (known)
		feedback_json(&f, &ad->w);
	else
		jw_null(&ad->w);
	jw_end(&ad->w);
	return 0;
}

/* --- feedback --- */

static int
read_feedback(struct admin *ad, struct feedback_change *c)
{
	struct str thumb = STR_NONE;
	struct admin_opt opts[] = {
		{ "thumb", ADMIN_TEXT, &thumb, 0, false, false },
		{ "score", ADMIN_SHARE, &c->to.score, 0, false, false },
		{ "outcome", ADMIN_TEXT, &c->to.outcome, 0, false, false },
	};

	if (admin_body(ad, &ad->body, opts, 3) != 0)
		return -1;
	if (thumb.p != NULL && !str_is(thumb, "up") && !str_is(thumb, "down"))
		return error_param(&ad->err, "thumb", "must be up or down");
	if (c->to.outcome.n > FEEDBACK_OUTCOME_BYTES)
		return error_param(
		    &ad->err, "outcome", "must be at most 200 bytes");
	c->to.thumb = str_is(thumb, "up") - str_is(thumb, "down");
	c->thumb = opts[0].given;
	c->score = opts[1].given;
	c->outcome = opts[2].given;
	if (!c->thumb && !c->score && !c->outcome)
		return error_set(&ad->err, ERROR_BAD_REQUEST,
		    "there must be a thumb, a score or an outcome");
	return 0;
}

int
admin_feedback(struct admin *ad)
{
	struct feedback_change change = { .to = { .at_us = clock_wall_us() } };
	struct feedback f;
	struct str row;

	if (read_feedback(ad, &change) != 0 || find_row(ad, &row) != 0)
		return -1;
	/* who says no key speaks for no key's calls alone */
	if (ad->key == NULL && jtext_str(ad->x->arena, row, "key").p != NULL)
		return admin_missing(ad, "request", ad->stars[0]);
	if (feedback_give(ad->state, ad->stars[0], &change, ad->x->arena, &f,
		&ad->err) != 0)
		return -1;
	feedback_json(&f, &ad->w);
	return 0;
}
