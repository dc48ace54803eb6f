/* SPDX-License-Identifier: MIT */
#include "fcgi/control.h"

#include "core/buf.h"
#include "core/call_cache.h"
#include "core/jtext.h"
#include "core/jw.h"
#include "core/key.h"
#include "core/price.h"
#include "fcgi/cache_control.h"
#include "fcgi/exchange.h"
#include "fcgi/options.h"

#define MAX_MODELS     16
#define MAX_TIMEOUT_MS INT64_C(86400000)
#define MAX_PLAN_BYTES ((size_t)1 << 20)

/* The names in the raw list ${list}. */
static int
read_names(struct exchange *x, struct str list, struct error *err)
{
	struct call_control *control = &x->call.control;
	struct str raw, name;
	size_t pos = 0;
	int n = 0;

	if (list.p[0] != '[')
		return error_param(err, "models", "must be a list of models");
	while (jtext_item(list, &pos, &raw)) {
		name = jtext_string(x->arena, raw);
		if (name.n == 0 || ++n > MAX_MODELS)
			return error_param(err, "models",
			    "must be a list of at most 16 models");
		name_add(x->arena, &control->models, name);
	}
	if (n == 0)
		return error_param(err, "models", "must not be empty");
	return 0;
}

int
control_models(struct exchange *x, struct error *err)
{
	struct ask *ask = &x->call.ask;
	struct call_control *control = &x->call.control;
	struct jtext_edit edits[] = { { "models", STR_NONE },
		{ "model", STR_NONE } };
	struct name *first = NULL;
	struct str list, raw;
	struct buf *body;
	bool has_model;

	if (!jtext_get(ask->body, "models", &list) || str_is(list, "null"))
		return 0;
	has_model = jtext_get(ask->body, "model", &raw);
	if (has_model)
		name_add(x->arena, &first, jtext_string(x->arena, raw));
	control->models = first;
	if (read_names(x, list, err) != 0)
		return -1;
	body = buf_new(x->arena, ask->body.n + 1024);
	if (!has_model) {
		struct buf *name = buf_new(x->arena, 8192);

		jw_quote(name, control->models->s);
		edits[1].value = buf_str(name);
	}
	if (jtext_apply(body, ask->body, edits, has_model ? 1 : 2) != 0 ||
	    buf_over(body))
		return error_param(err, "models", "cannot be read");
	ask->body = buf_str(body);
	return 0;
}

static int
wrong(struct error *err, const char *header, const char *what)
{
	return error_param(err, header, what);
}

static struct str
header_of(void *arg, const char *name)
{
	const struct exchange *x = arg;

	return http_header(&x->in, name);
}

int
control_options(struct exchange *x, const struct key *key, struct error *err)
{
	struct call_control *control = &x->call.control;
	struct str cost = options_get(x, "max-cost");
	struct str timeout = options_get(x, "timeout-ms");
	struct str require = options_get(x, "require");

	x->call.header = header_of;
	x->call.header_arg = x;
	x->call.may_drain = x->io.kind == IO_FASTCGI;
	control->may_route = key == NULL || key->may_route || key->admin;
	control->route = options_get(x, "route");
	control->no_store = options_on(x, "no-store");
	if (cost.n > 0 &&
	    money_parse(cost, PUSD_PER_USD, &control->max_cost_pusd) != 0)
		return wrong(err, "x-sluice-max-cost",
		    "must be an amount in USD, such as 0.05");
	if (timeout.n > 0 &&
	    str_i64(timeout, 1, MAX_TIMEOUT_MS, &control->timeout_ms) != 0)
		return wrong(err, "x-sluice-timeout-ms",
		    "must be a number of milliseconds");
	x->call.ask.lossless = require.n > 0;
	if (require.n > 0 && !str_is(require, "lossless"))
		return wrong(err, "x-sluice-require", "must be lossless");
	return cache_control_read(x, &control->cache, err);
}

bool
control_dry_run(const struct exchange *x)
{
	return options_on(x, "dry-run");
}

static void
note_cache_key(struct exchange *x)
{
	struct buf *hex = buf_new(x->arena, 2 * CACHE_KEY);
	unsigned char key[CACHE_KEY];
	size_t i;

	if (!call_cache_key(&x->call, key))
		return;
	for (i = 0; i < CACHE_KEY; i++)
		buf_addf(hex, "%02x", key[i]);
	x->call.planner.cache_key = buf_str(hex);
}

void
control_answer_plan(struct exchange *x)
{
	struct buf *out = buf_new(x->arena, MAX_PLAN_BYTES);
	struct jw w;

	note_cache_key(x);
	jw_init(&w, out);
	plan_json(&x->call.planner, x->call.plan, &w);
	exchange_answer(x, 200, "application/json", buf_str(out));
}
