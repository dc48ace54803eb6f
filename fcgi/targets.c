/* SPDX-License-Identifier: MIT */
#include "fcgi/targets.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/gateway.h"
#include "core/health.h"
#include "core/jw.h"
#include "core/live.h"
#include "core/state.h"
#include "fcgi/exchange.h"

#define MAX_LIST_BYTES ((size_t)1 << 20)

void
targets_health(struct exchange *x)
{
	struct buf *out = buf_new(x->arena, MAX_LIST_BYTES);
	struct error err = { 0 };
	struct state *state = gateway_state(x->gw, x->snap->conf, &err);
	struct jw w;

	if (state == NULL) {
		exchange_fail(x, &err);
		return;
	}
	jw_init(&w, out);
	jw_object(&w);
	jw_key(&w, "targets");
	health_json(state_targets(state), clock_mono_us(), &w);
	jw_end(&w);
	exchange_answer(x, 200, "application/json", buf_str(out));
}
