/* SPDX-License-Identifier: MIT */
#include "core/usage_block.h"

#include <string.h>

#include "core/arena.h"
#include "core/usage_axes.h"

#define FIRST_PICKS ((size_t)8192)
#define TOTAL       0u /* where there are no groups */

struct picks {
	struct usage_picks of;
	size_t most;
	struct fact_room room;
};

/* Calls, and attempts, with what they go to. */
struct side {
	struct picks calls, attempts;
	bool whole; /* all of a call; or each of its attempts, and it once */
	struct usage_groups *groups; /* NULL: to none */
	struct ledger_sum *total;    /* NULL: not to it */
};

/* A filter: which names of the block pass; NULL: all. */
struct filter {
	const int64_t *at;
	const bool *fits;
	struct fact_room room;
};

struct usage_block {
	struct usage_run *run;
	int64_t since_us, until_us;
	struct usage_axes *axes;
	bool has_attempts, has_tags; /* asked of them */
	bool once; /* a call is in one group, and in the total as it is there */
	/* of the block */
	struct fact_block *b;
	struct filter filters[ROLLUP_DIMS];
	bool *keep;            /* calls */
	int64_t *attempt_sign; /* its call's */
	struct side groups, total;
	struct fact_room keep_room, sign_room;
};

static bool
asks(const struct usage_query *q, enum rollup_dim d)
{
	unsigned i;

	for (i = 0; i < q->n_by; i++)
		if (q->by[i] == d)
			return true;
	return q->only[d].p != NULL;
}

struct usage_block *
usage_block_new(struct usage_run *run, int64_t since_us, int64_t until_us)
{
	struct usage_block *u =
	    ARENA_NEW(run->groups.arena, struct usage_block);
	const struct usage_query *q = run->q;

	*u = (struct usage_block){ .run = run,
		.since_us = since_us,
		.until_us = until_us,
		.has_attempts =
		    asks(q, ROLLUP_PROVIDER) || asks(q, ROLLUP_MODEL),
		.has_tags = asks(q, ROLLUP_TAG) };
	u->once = !u->has_attempts && !u->has_tags;
	u->axes = usage_axes_new(run);
	u->groups.whole = !u->has_attempts;
	u->groups.groups = &run->groups;
	if (!run->ranks)
		*(u->once ? &u->groups.total : &u->total.total) = &run->total;
	u->total.whole = q->only[ROLLUP_PROVIDER].p == NULL &&
	    q->only[ROLLUP_MODEL].p == NULL;
	return u;
}

unsigned
usage_block_parts(const struct usage_block *u, bool cut)
{
	const struct usage_query *q = u->run->q;
	unsigned d, parts = 1u << FACT_COSTS;

	if (!u->run->ranks)
		parts |= 1u << FACT_REST;
	if (cut)
		parts |= 1u << FACT_STARTS;
	for (d = 0; d < ROLLUP_DIMS; d++)
		if (asks(q, (enum rollup_dim)d))
			parts |= 1u << fact_part_of((enum rollup_dim)d);
	return parts;
}

/* --- what a block has of what is asked --- */

/* Returns 1 if no name passes. */
static int
set_filter(struct usage_block *u, enum rollup_dim d)
{
	struct filter *f = &u->filters[d];
	struct fact_names names;
	bool *fits, any = false;
	uint32_t i;

	f->fits = NULL;
	if (u->run->q->only[d].p == NULL || d == ROLLUP_ALL)
		return 0;
	if (fact_names(u->b, d, &names) != 0)
		return -1;
	fits = fact_room(u->b->arena, &f->room, names.n + 1);
	for (i = 0; i < names.n; i++) {
		fits[i] = usage_fits(u->run->q->only[d], names.list[i]);
		any = any || fits[i];
	}
	f->at = names.at;
	f->fits = fits;
	return !any;
}

static int
set_filters(struct usage_block *u)
{
	unsigned d;
	int rc = 0;

	for (d = 0; d < ROLLUP_DIMS && rc == 0; d++)
		rc = set_filter(u, (enum rollup_dim)d);
	return rc;
}

static bool
passes(const struct usage_block *u, enum rollup_dim d, uint32_t i)
{
	const struct filter *f = &u->filters[d];

	return f->fits == NULL || f->fits[f->at[i]];
}

static void
keep_calls(struct usage_block *u, bool cut)
{
	const int64_t *start = cut ? fact_values(u->b, FACT_START) : NULL;
	uint32_t i, n = u->b->n[FACT_CALL];
	unsigned d;

	u->keep = fact_room(u->b->arena, &u->keep_room, n + 1);
	for (i = 0; i < n; i++)
		u->keep[i] = start == NULL ||
		    (start[i] >= u->since_us &&
			(u->until_us == 0 || start[i] < u->until_us));
	for (d = ROLLUP_KEY; d < ROLLUP_DIMS; d++) {
		if (u->filters[d].fits == NULL ||
		    fact_kind_of(fact_columns[d]) != FACT_CALL)
			continue;
		for (i = 0; i < n; i++)
			u->keep[i] =
			    u->keep[i] && passes(u, (enum rollup_dim)d, i);
	}
}

/* --- which sums a call goes to --- */

static void
grow(struct usage_block *u, struct picks *p)
{
	const struct usage_pick *old = p->of.list;

	p->most = p->most != 0 ? 2 * p->most : FIRST_PICKS;
	p->of.list = fact_room(u->b->arena, &p->room, p->most * sizeof(*old));
	if (old != NULL)
		memcpy(p->of.list, old, p->of.n * sizeof(*old));
}

static inline void
pick(struct usage_block *u, struct picks *p, uint32_t at, uint32_t group)
{
	if (p->of.n == p->most)
		grow(u, p);
	p->of.list[p->of.n++] = (struct usage_pick){ group, at };
}

/* One call's share of the columns, from .. to (exclusive), by kind. */
struct span {
	uint32_t call;
	uint32_t from[FACT_KINDS], to[FACT_KINDS];
};

static void
pick_whole(
    struct usage_block *u, struct side *side, const struct span *s, uint32_t to)
{
	uint32_t i;

	pick(u, &side->calls, s->call, to);
	for (i = s->from[FACT_ATTEMPT]; i < s->to[FACT_ATTEMPT]; i++)
		pick(u, &side->attempts, i, to);
}

/* An attempt; and the call, if the group has nothing of it since ${first}. */
static void
pick_attempt(struct usage_block *u, struct side *side, size_t first,
    const uint32_t at[FACT_KINDS], uint32_t group)
{
	const struct usage_picks *calls = &side->calls.of;
	size_t i = first;

	pick(u, &side->attempts, at[FACT_ATTEMPT], group);
	while (i < calls->n && calls->list[i].group != group)
		i++;
	if (i == calls->n)
		pick(u, &side->calls, at[FACT_CALL], group);
}

static bool
attempt_passes(const struct usage_block *u, uint32_t i)
{
	return passes(u, ROLLUP_PROVIDER, i) && passes(u, ROLLUP_MODEL, i);
}

/* Each combination of an attempt and a tag, where they matter. */
static void
pick_groups(struct usage_block *u, const struct span *s)
{
	uint32_t at[FACT_KINDS] = { s->call, s->from[FACT_ATTEMPT], 0 };
	uint32_t attempts =
	    u->has_attempts ? s->to[FACT_ATTEMPT] : at[FACT_ATTEMPT] + 1;
	uint32_t tags = u->has_tags ? s->to[FACT_TAG] : s->from[FACT_TAG] + 1;
	size_t first = u->groups.calls.of.n;
	uint32_t to;

	for (; at[FACT_ATTEMPT] < attempts; at[FACT_ATTEMPT]++) {
		if (u->has_attempts && !attempt_passes(u, at[FACT_ATTEMPT]))
			continue;
		at[FACT_TAG] = s->from[FACT_TAG];
		for (; at[FACT_TAG] < tags; at[FACT_TAG]++) {
			if (u->has_tags && !passes(u, ROLLUP_TAG, at[FACT_TAG]))
				continue;
			to = usage_axes_at(u->axes, at);
			if (to == USAGE_NO_GROUP)
				return;
			if (u->has_attempts)
				pick_attempt(u, &u->groups, first, at, to);
			else
				pick_whole(u, &u->groups, s, to);
		}
	}
}

/* The call once; of it what filters ask of attempts. */
static void
pick_total(struct usage_block *u, const struct span *s)
{
	uint32_t at[FACT_KINDS] = { s->call, s->from[FACT_ATTEMPT],
		s->from[FACT_TAG] };
	size_t first = u->total.calls.of.n;

	if (u->filters[ROLLUP_TAG].fits != NULL) {
		while (at[FACT_TAG] < s->to[FACT_TAG] &&
		    !passes(u, ROLLUP_TAG, at[FACT_TAG]))
			at[FACT_TAG]++;
		if (at[FACT_TAG] == s->to[FACT_TAG])
			return;
	}
	if (u->total.whole) {
		pick_whole(u, &u->total, s, TOTAL);
		return;
	}
	for (; at[FACT_ATTEMPT] < s->to[FACT_ATTEMPT]; at[FACT_ATTEMPT]++)
		if (attempt_passes(u, at[FACT_ATTEMPT]))
			pick_attempt(u, &u->total, first, at, TOTAL);
}

static void
pick_calls(struct usage_block *u)
{
	const int64_t *attempts = fact_values(u->b, FACT_ATTEMPTS);
	const int64_t *tags = fact_values(u->b, FACT_TAGS);
	struct span s = { .call = 0 };

	for (; s.call < u->b->n[FACT_CALL]; s.call++) {
		s.from[FACT_ATTEMPT] = s.to[FACT_ATTEMPT];
		s.from[FACT_TAG] = s.to[FACT_TAG];
		s.to[FACT_ATTEMPT] += (uint32_t)attempts[s.call];
		s.to[FACT_TAG] += (uint32_t)tags[s.call];
		if (!u->keep[s.call])
			continue;
		pick_groups(u, &s);
		if (u->total.total != NULL)
			pick_total(u, &s);
	}
}

/* --- adding up --- */

static void
add_to_total(struct ledger_sum *total, const struct usage_picks *p,
    unsigned field, const int64_t *v)
{
	const struct usage_pick *x = p->list, *end = x + p->n;
	int64_t sum = 0;

	for (; x < end; x++)
		if (__builtin_add_overflow(sum, v[x->at], &sum)) {
			/* it has wrapped around: back, and what there was */
			ledger_sum_put(total, field,
			    (int64_t)((uint64_t)sum - (uint64_t)v[x->at]));
			sum = v[x->at];
		}
	ledger_sum_put(total, field, sum);
}

static void
add_field(const struct side *side, const struct picks *p, unsigned field,
    const int64_t *v)
{
	if (side->groups != NULL)
		usage_groups_put(side->groups, &p->of, field, v);
	if (side->total != NULL)
		add_to_total(side->total, &p->of, field, v);
}

/* All numbers but the first, from columns ${first} + 1 on. */
static void
add_fields(struct usage_block *u, const struct side *side,
    const struct picks *p, unsigned first)
{
	enum fact_column c;
	unsigned i;

	for (i = 1; i < LEDGER_SUM_FIELDS; i++) {
		c = (enum fact_column)(first + i);
		if (fact_is_zero(u->b, c) ||
		    (u->run->ranks && i != LEDGER_SUM_COST))
			continue;
		add_field(side, p, i, fact_values(u->b, c));
	}
}

/* A damaged column is one with numbers of no buckets. */
static int
add_time(struct usage_block *u, const struct side *side, enum fact_column c,
    const int64_t *sign)
{
	bool ttft = c == FACT_TTFT || c == FACT_AT_TTFT, damaged = false;
	const struct picks *p = side->whole ? &side->calls : &side->attempts;
	struct ledger_sum *total = side->total;
	const struct usage_pick *x = p->of.list, *end = x + p->of.n;
	const int64_t *v = fact_values(u->b, c);
	uint32_t i, n = u->b->n[fact_kind_of(c)];
	struct latency *l;

	if (fact_is_zero(u->b, c))
		return 0;
	for (i = 0; i < n; i++)
		damaged |= (uint64_t)v[i] > LATENCY_BUCKETS;
	if (damaged)
		return -1;
	if (side->groups != NULL)
		usage_groups_time(side->groups, &p->of,
		    ttft ? USAGE_TTFT : USAGE_DURATION, v, sign);
	if (total != NULL)
		for (l = ttft ? &total->ttft : &total->duration; x < end; x++)
			if (v[x->at] != 0)
				l->n[v[x->at] - 1] += (int32_t)sign[x->at];
	return 0;
}

static void
set_attempt_signs(struct usage_block *u)
{
	const int64_t *sign = fact_values(u->b, FACT_SIGN);
	const int64_t *n = fact_values(u->b, FACT_ATTEMPTS);
	int64_t *to = fact_room(u->b->arena, &u->sign_room,
		    (u->b->n[FACT_ATTEMPT] + 1) * sizeof(*to)),
		k;
	uint32_t i;

	u->attempt_sign = to;
	for (i = 0; i < u->b->n[FACT_CALL]; i++)
		for (k = 0; k < n[i]; k++)
			*to++ = sign[i];
}

static int
add_side(struct usage_block *u, const struct side *side)
{
	const int64_t *sign = fact_values(u->b, FACT_SIGN);

	add_field(side, &side->calls, 0, sign);
	add_fields(u, side, &side->attempts, FACT_AT_FIELD);
	if (side->whole)
		add_fields(u, side, &side->calls, FACT_FIELD);
	if (u->run->ranks)
		return 0;
	if (add_time(u, side, side->whole ? FACT_DURATION : FACT_AT_DURATION,
		side->whole ? sign : u->attempt_sign) != 0)
		return -1;
	return add_time(u, side, side->whole ? FACT_TTFT : FACT_AT_TTFT,
	    side->whole ? sign : u->attempt_sign);
}

int
usage_block_add(struct usage_block *u, struct fact_block *b, bool cut)
{
	int rc;

	u->b = b;
	u->groups.calls.of.n = u->groups.attempts.of.n = 0;
	u->total.calls.of.n = u->total.attempts.of.n = 0;
	rc = set_filters(u);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (usage_axes_set(u->axes, b) != 0)
		return -1;
	keep_calls(u, cut);
	pick_calls(u);
	if (!u->groups.whole || !u->total.whole)
		set_attempt_signs(u);
	if (add_side(u, &u->groups) != 0)
		return -1;
	return u->total.total != NULL ? add_side(u, &u->total) : 0;
}
