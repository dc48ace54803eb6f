/* SPDX-License-Identifier: MIT */
#include "fcgi/scrape.h"

#include <openssl/crypto.h>

#include "core/buf.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/gateway.h"
#include "core/key.h"
#include "core/live.h"
#include "core/metrics_text.h"
#include "fcgi/exchange.h"

#define MAX_TEXT_BYTES ((size_t)16 << 20)

static bool
has_metrics_key(const struct exchange *x)
{
	struct str key = x->snap->conf->metrics_key;
	struct str given = http_credential(&x->in);

	return key.n > 0 && key.n == given.n &&
	    CRYPTO_memcmp(key.p, given.p, key.n) == 0;
}

static int
authorize(struct exchange *x, struct error *err)
{
	const struct conf *conf = x->snap->conf;
	const struct key *key = NULL;

	if (has_metrics_key(x))
		return 0;
	if (gateway_auth(
		x->gw, conf, x->arena, http_credential(&x->in), &key, err) != 0)
		return -1;
	if (key == NULL && conf->metrics_key.n > 0)
		return error_set(
		    err, ERROR_AUTH, "/metrics wants the key of metrics.key");
	if (key != NULL && !key->admin)
		return error_set(err, ERROR_FORBIDDEN,
		    "/metrics is for admin keys and the one of metrics.key");
	return 0;
}

void
scrape(struct exchange *x)
{
	struct str accept = http_header(&x->in, "accept");
	bool open = str_find(accept, STR("application/openmetrics-text")) >= 0;
	struct buf *out = buf_new(x->arena, MAX_TEXT_BYTES);
	struct error err = { 0 };
	struct state *state = NULL;

	if (authorize(x, &err) == 0)
		state = gateway_state(x->gw, x->snap->conf, &err);
	if (state == NULL) {
		exchange_fail(x, &err);
		return;
	}
	metrics_text(state, open, out);
	exchange_answer(x, 200,
	    open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		 : "text/plain; version=0.0.4; charset=utf-8",
	    buf_str(out));
}
