/* SPDX-License-Identifier: MIT */
#include "fcgi/healthz.h"

#include <stdio.h>

#include "core/buf.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/gateway.h"
#include "core/jw.h"
#include "core/live.h"
#include "core/status.h"
#include "core/version.h"

/* Without a ledger calls are served only where the configuration says so. */
static void
forgive(struct status *st, const struct conf *conf)
{
	if (st->level == STATUS_FAILED && conf->serve_without_store)
		st->level = STATUS_DEGRADED;
}

void
healthz(struct exchange *x)
{
	struct buf *out = buf_new(x->arena, 4096);
	struct error err = { 0 };
	struct status st;
	struct jw jw;

	status_of(gateway_state(x->gw, x->snap->conf, &err), &st);
	if (err.kind != ERROR_NONE)
		snprintf(st.reason, sizeof(st.reason), "%s", err.msg);
	forgive(&st, x->snap->conf);
	jw_init(&jw, out);
	jw_object(&jw);
	jw_kv_cstr(&jw, "status", status_words[st.level]);
	jw_kv_cstr(&jw, "version", SLUICE_VERSION);
	status_write(&st, &jw);
	jw_end(&jw);
	exchange_answer(x, st.level == STATUS_FAILED ? 503 : 200,
	    "application/json", buf_str(out));
}
