/* SPDX-License-Identifier: MIT */
/* What the end of an attempt tells the health of its target. */
#include <stdlib.h>

#include "core/arena.h"
#include "core/call.h"
#include "core/call_try.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/health.h"
#include "core/ledger.h"
#include "tests/unit/unit.h"

#define S  INT64_C(1000000)
#define T0 (1000 * S)

struct fixture {
	struct arena *a;
	struct health *health;
	struct conf conf;
	struct call call;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->a = arena_new(1 << 20);
	f->health = calloc(1, sizeof(*f->health));
	f->conf.request_timeout_ms = 600000;
	f->call.arena = f->a;
	f->call.conf = &f->conf;
	f->call.deadline_us = T0 + 600 * S;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(f->a);
	free(f->health);
	free(f);
	return 0;
}

/* Some attempts that end so; whether the breaker lets the next one in. */
static enum health_door
after(struct fixture *f, enum error_kind kind, struct str key, int64_t ended_us)
{
	struct health_target *t = health_find(f->health, STR("p"), STR("m"));
	struct ask ask = { .operation = OPERATION_CHAT };
	const struct provider api = { .name = "x" };
	struct ledger_attempt row;
	struct attempt at;
	struct call_try one;
	int i;

	for (i = 0; i < 6; i++) {
		row = (struct ledger_attempt){ .provider = STR("p") };
		at = (struct attempt){ .ask = &ask,
			.api = &api,
			.target.key = key,
			.started_us = T0,
			.ended_us = ended_us };
		if (kind != ERROR_NONE)
			error_set(&at.err, kind, "no");
		one = (struct call_try){
			.call = &f->call, .at = &at, .row = &row, .health = t
		};
		call_try_settle(&one);
	}
	return health_look(t, ended_us + 1);
}

static void
failures_of_the_target_open_it(void **state)
{
	assert_int_equal(
	    after(*state, ERROR_UP_CREDENTIALS, STR_NONE, T0 + S), HEALTH_OPEN);
}

static void
a_rate_limit_of_the_configured_key_opens_it(void **state)
{
	assert_int_equal(
	    after(*state, ERROR_UP_RATE, STR_NONE, T0 + S), HEALTH_OPEN);
}

static void
what_an_accounts_own_key_is_good_for_is_its_own_business(void **state)
{
	assert_int_equal(
	    after(*state, ERROR_UP_RATE, STR("own"), T0 + S), HEALTH_CLOSED);
	assert_int_equal(
	    after(*state, ERROR_UP_CREDENTIALS, STR("own"), T0 + S),
	    HEALTH_CLOSED);
	assert_int_equal(
	    after(*state, ERROR_UP_BROKEN, STR("own"), T0 + S), HEALTH_OPEN);
}

static void
a_client_that_will_not_wait_opens_nothing(void **state)
{
	struct fixture *f = *state;

	f->call.control.timeout_ms = 50;
	f->call.deadline_us = T0 + 50000;
	assert_int_equal(
	    after(f, ERROR_UP_TIMEOUT, STR_NONE, f->call.deadline_us - 999),
	    HEALTH_CLOSED);
}

static void
what_takes_longer_than_the_configuration_allows_opens_it(void **state)
{
	struct fixture *f = *state;

	/* long before the client's own deadline */
	f->call.control.timeout_ms = 500000;
	f->call.deadline_us = T0 + 500 * S;
	assert_int_equal(
	    after(f, ERROR_UP_TIMEOUT, STR_NONE, T0 + 120 * S), HEALTH_OPEN);
}

static void
a_probe_closes_the_breaker_with_its_first_content(void **state)
{
	struct fixture *f = *state;
	int64_t now = clock_mono_us();
	struct health_target *t = health_find(f->health, STR("p"), STR("m"));
	const struct health_report rate = { .result = HEALTH_RATE };
	struct call_try one = { .call = &f->call, .health = t };

	health_report(t, &rate, now - 6 * S);
	assert_int_equal(health_enter(t, now), HEALTH_PROBE);
	one.probe = true;
	call_try_lives(&one);
	assert_int_equal(health_enter(t, now), HEALTH_CLOSED);
	assert_false(one.probe); /* what becomes of the rest is no probe's */
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(failures_of_the_target_open_it),
		CASE(a_rate_limit_of_the_configured_key_opens_it),
		CASE(what_an_accounts_own_key_is_good_for_is_its_own_business),
		CASE(a_probe_closes_the_breaker_with_its_first_content),
		CASE(a_client_that_will_not_wait_opens_nothing),
		CASE(what_takes_longer_than_the_configuration_allows_opens_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
