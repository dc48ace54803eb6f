/* SPDX-License-Identifier: MIT */
#include "core/limit_rate.h"

#include "core/key.h"
#include "core/limit_room.h"
#include "core/limit_tell.h"

#define MINUTE_US    INT64_C(60000000)
#define WAIT_BUSY_US INT64_C(1000000) /* nobody knows when a call will end */
#define MAX_TOKENS   INT64_C(10000000000)

/* How long a bucket of ${per_minute} takes to get ${n} back. */
static int64_t
refill_us(int64_t n, int64_t per_minute)
{
	return (n < MAX_TOKENS ? n : MAX_TOKENS) * MINUTE_US / per_minute;
}

/* What takes more than a full bucket takes all of it. */
static int64_t
taking_us(int64_t n, int64_t per_minute)
{
	int64_t us = refill_us(n, per_minute);

	return us < MINUTE_US ? us : MINUTE_US;
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* How long until ${take_us} are in the bucket that is full at ${full_us}. */
static int64_t
wait_us(int64_t full_us, int64_t take_us, int64_t now_us)
{
	int64_t us = later(full_us, now_us) + take_us - now_us - MINUTE_US;

	return us > 0 ? us : 0;
}

int
limit_rate_check(const struct limit_cell *c, const struct key *key,
    int64_t tokens, int64_t now_us, struct error *err)
{
	int64_t us;

	if (key->parallel > 0 && c->running >= key->parallel)
		return limit_tell_rate(
		    err, key->id, "parallel", key->parallel, WAIT_BUSY_US);
	if (key->rpm > 0) {
		us = wait_us(
		    c->is.rate.requests_us, taking_us(1, key->rpm), now_us);
		if (us > 0)
			return limit_tell_rate(
			    err, key->id, "rpm", key->rpm, us);
	}
	if (key->tpm > 0) {
		us = wait_us(
		    c->is.rate.tokens_us, taking_us(tokens, key->tpm), now_us);
		if (us > 0)
			return limit_tell_rate(
			    err, key->id, "tpm", key->tpm, us);
	}
	return 0;
}

void
limit_rate_take(
    struct limit_cell *c, const struct key *key, int64_t tokens, int64_t now_us)
{
	int64_t *requests_us = &c->is.rate.requests_us;
	int64_t *tokens_us = &c->is.rate.tokens_us;

	c->is.rate.tpm = key->tpm;
	if (key->rpm > 0)
		*requests_us =
		    later(*requests_us, now_us) + taking_us(1, key->rpm);
	if (key->tpm > 0)
		*tokens_us =
		    later(*tokens_us, now_us) + taking_us(tokens, key->tpm);
}

void
limit_rate_settle(struct limit_cell *c, int64_t taken, int64_t used)
{
	int64_t tpm = c->is.rate.tpm;

	if (tpm > 0 && used >= 0)
		c->is.rate.tokens_us +=
		    refill_us(used, tpm) - taking_us(taken, tpm);
}
