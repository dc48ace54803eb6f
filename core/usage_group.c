/* SPDX-License-Identifier: MIT */
#include "core/usage_group.h"

#include <stdlib.h>
#include <string.h>

#include "core/arena.h"

#define FIRST_ROOM 256u /* a power of two */
#define TIME_MARK  64u
#define TAKEN_MARK 128u

_Static_assert(LATENCY_BUCKETS == TIME_MARK, "a mark has a bucket in 6 bits");

void
usage_groups_init(struct usage_groups *g, struct arena *a, unsigned n_values)
{
	unsigned k;

	*g = (struct usage_groups){
		.arena = a, .n_values = n_values, .max = USAGE_QUERY_MAX_GROUPS
	};
	for (k = 0; k < USAGE_VALUES; k++) {
		dict_init(&g->names[k], a);
		dict_at(&g->names[k], STR_NONE);
	}
}

static uint32_t
hash_of(const struct usage_ids *ids)
{
	uint64_t h = 0;
	unsigned k;

	for (k = 0; k < USAGE_VALUES; k++)
		h = (h ^ ids->of[k]) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> 32);
}

/* Where the group of ${ids} is in the index, or would be. */
static struct usage_slot *
slot_of(
    const struct usage_groups *g, const struct usage_ids *ids, uint32_t hash)
{
	uint32_t i = hash & (g->slots - 1);
	struct usage_slot *slot = &g->index[i];

	while (slot->group != 0 &&
	    (slot->hash != hash ||
		memcmp(&g->ids[slot->group - 1], ids, sizeof(*ids)) != 0)) {
		i = (i + 1) & (g->slots - 1);
		slot = &g->index[i];
	}
	return slot;
}

/* All are different: the groups themselves need not be looked at. */
static void
index_again(struct usage_groups *g, const struct usage_slot *old, uint32_t n)
{
	const struct usage_slot *end = old + n;
	uint32_t i;

	for (; old < end; old++) {
		if (old->group == 0)
			continue;
		i = old->hash & (g->slots - 1);
		while (g->index[i].group != 0)
			i = (i + 1) & (g->slots - 1);
		g->index[i] = *old;
	}
}

/* A copy of a column with twice the room; what it took goes with the arena. */
static void *
twice(const struct usage_groups *g, const void *old, size_t each)
{
	char *p = arena_alloc(g->arena, g->room * each);

	if (g->n > 0)
		memcpy(p, old, g->n * each);
	return p;
}

static void
grow(struct usage_groups *g)
{
	const struct usage_slot *index = g->index;
	uint32_t slots = g->slots;
	unsigned i;

	g->room = g->room != 0 ? 2 * g->room : FIRST_ROOM;
	g->slots = 2 * g->room;
	g->index = ARENA_ARRAY(g->arena, struct usage_slot, g->slots);
	index_again(g, index, slots);
	g->ids = twice(g, g->ids, sizeof(*g->ids));
	g->few = twice(g, g->few, sizeof(*g->few));
	g->many = twice(g, g->many, sizeof(*g->many));
	for (i = 0; i < LEDGER_SUM_FIELDS; i++)
		if (g->fields[i] != NULL)
			g->fields[i] = twice(g, g->fields[i], sizeof(int64_t));
}

bool
usage_groups_has(const struct usage_groups *g, const struct usage_ids *ids)
{
	return g->room != 0 && slot_of(g, ids, hash_of(ids))->group != 0;
}

uint32_t
usage_groups_at(struct usage_groups *g, const struct usage_ids *ids)
{
	uint32_t hash = hash_of(ids);
	struct usage_slot *slot;

	if (g->n == g->room)
		grow(g);
	slot = slot_of(g, ids, hash);
	if (slot->group != 0)
		return slot->group - 1;
	if (g->n == g->max) {
		g->full = true;
		return USAGE_NO_GROUP;
	}
	g->ids[g->n] = *ids;
	*slot = (struct usage_slot){ hash, ++g->n };
	return g->n - 1;
}

uint32_t
usage_groups_of(struct usage_groups *g, const struct str *values)
{
	struct usage_ids ids = { { 0 } };
	unsigned k;

	for (k = 0; k < g->n_values; k++)
		ids.of[k] = dict_at(&g->names[k], values[k]);
	return usage_groups_at(g, &ids);
}

struct str
usage_groups_value(const struct usage_groups *g, uint32_t group, unsigned k)
{
	return g->names[k].list[g->ids[group].of[k]];
}

/* --- sums --- */

static int64_t *
field(struct usage_groups *g, unsigned i)
{
	if (g->fields[i] == NULL)
		g->fields[i] = ARENA_ARRAY(g->arena, int64_t, g->room);
	return g->fields[i];
}

/* What would overflow stays, and counts as unpriced where it is money. */
static void
over(struct usage_groups *g, uint32_t group, unsigned i)
{
	struct ledger_sum more = { .unpriced = 0 };

	ledger_sum_over(&more, i);
	field(g, LEDGER_SUM_UNPRICED)[group] += more.unpriced;
}

void
usage_groups_put(struct usage_groups *g, const struct usage_picks *p,
    unsigned i, const int64_t *v)
{
	const struct usage_pick *x = p->list, *end = x + p->n;
	int64_t *to = field(g, i), sum;

	for (; x < end; x++)
		if (__builtin_add_overflow(to[x->group], v[x->at], &sum))
			over(g, x->group, i);
		else
			to[x->group] = sum;
}

/* What the marks of a group count, into histograms. */
static void
count_marks(const struct usage_few *few, struct latency times[USAGE_TIMES])
{
	unsigned i, mark;

	for (i = 0; i < few->n; i++) {
		mark = few->marks[i];
		times[(mark & TIME_MARK) != 0].n[mark % TIME_MARK] +=
		    (mark & TAKEN_MARK) != 0 ? -1 : 1;
	}
}

/* Few have become many. */
static struct latency *
spill(struct usage_groups *g, uint32_t group)
{
	struct latency *many =
	    ARENA_ARRAY(g->arena, struct latency, USAGE_TIMES);

	count_marks(&g->few[group], many);
	g->many[group] = many;
	return many;
}

static inline void
note(struct usage_groups *g, uint32_t group, enum usage_time time,
    unsigned bucket, int32_t by)
{
	struct latency *many = g->many[group];
	struct usage_few *few = &g->few[group];
	uint32_t times = by < 0 ? 0u - (uint32_t)by : (uint32_t)by;
	unsigned mark = bucket | (time == USAGE_TTFT ? TIME_MARK : 0) |
	    (by < 0 ? TAKEN_MARK : 0);

	if (many == NULL && times + few->n > USAGE_FEW)
		many = spill(g, group);
	if (many != NULL)
		many[time].n[bucket] += by;
	else
		while (times-- > 0)
			few->marks[few->n++] = (uint8_t)mark;
}

void
usage_groups_time(struct usage_groups *g, const struct usage_picks *p,
    enum usage_time time, const int64_t *v, const int64_t *sign)
{
	const struct usage_pick *x = p->list, *end = x + p->n;

	for (; x < end; x++)
		if (v[x->at] != 0)
			note(g, x->group, time, (unsigned)v[x->at] - 1,
			    (int32_t)sign[x->at]);
}

void
usage_groups_add(
    struct usage_groups *g, uint32_t group, const struct ledger_sum *sum)
{
	struct usage_pick here = { .group = group };
	struct ledger_sum more = *sum;
	unsigned i;

	for (i = 0; i < LEDGER_SUM_FIELDS; i++)
		if (*ledger_sum_field(&more, i) != 0)
			usage_groups_put(g, &(struct usage_picks){ &here, 1 },
			    i, ledger_sum_field(&more, i));
	for (i = 0; i < LATENCY_BUCKETS; i++) {
		note(g, group, USAGE_DURATION, i, sum->duration.n[i]);
		note(g, group, USAGE_TTFT, i, sum->ttft.n[i]);
	}
}

void
usage_groups_sum(
    const struct usage_groups *g, uint32_t group, struct ledger_sum *sum)
{
	struct latency times[USAGE_TIMES] = { { { 0 } } };
	const struct latency *t = g->many[group];
	unsigned i;

	for (i = 0; i < LEDGER_SUM_FIELDS; i++)
		*ledger_sum_field(sum, i) =
		    g->fields[i] != NULL ? g->fields[i][group] : 0;
	if (t == NULL) {
		count_marks(&g->few[group], times);
		t = times;
	}
	sum->duration = t[USAGE_DURATION];
	sum->ttft = t[USAGE_TTFT];
}

static bool
is_empty(const struct usage_groups *g, uint32_t group)
{
	struct ledger_sum sum;

	if (g->fields[0] != NULL && g->fields[0][group] != 0)
		return false;
	usage_groups_sum(g, group, &sum);
	return ledger_sum_is_zero(&sum);
}

/* --- order --- */

/* A group as far as the order of most depends on it. */
struct place {
	int64_t pusd;
	uint32_t group;
};

struct sorting {
	const struct usage_groups *g;
	unsigned day;
};

static int
compare(const void *a, const void *b, void *arg)
{
	const struct place *x = a, *y = b;
	const struct sorting *s = arg;
	const struct usage_groups *g = s->g;
	const int64_t *calls = g->fields[0];
	unsigned k;
	int order = 0;

	if (s->day < g->n_values)
		order = str_cmp(usage_groups_value(g, x->group, s->day),
		    usage_groups_value(g, y->group, s->day));
	if (order == 0 && x->pusd != y->pusd)
		order = x->pusd > y->pusd ? -1 : 1;
	if (order == 0 && calls != NULL && calls[x->group] != calls[y->group])
		order = calls[x->group] > calls[y->group] ? -1 : 1;
	for (k = 0; k < g->n_values && order == 0; k++)
		order = str_cmp(usage_groups_value(g, x->group, k),
		    usage_groups_value(g, y->group, k));
	return order;
}

#define DIGIT_BITS 8
#define DIGITS     (1u << DIGIT_BITS)

/* A digit of what is the smaller the larger the amount. */
static unsigned
digit_of(const struct place *p, unsigned shift)
{
	uint64_t key = ~((uint64_t)p->pusd ^ UINT64_C(1) << 63);

	return key >> shift & (DIGITS - 1);
}

/* The dearest first, digit by digit: comparing takes four times as long. */
static void
sort_by_cost(struct place *places, struct place *other, uint32_t n)
{
	struct place *from = places, *to = other, *swap;
	unsigned shift, d;
	uint32_t i;

	for (shift = 0; shift < 64; shift += DIGIT_BITS) {
		uint32_t at[DIGITS + 1] = { 0 };

		for (i = 0; i < n; i++)
			at[digit_of(&from[i], shift) + 1]++;
		for (d = 0; d < DIGITS; d++)
			at[d + 1] += at[d];
		for (i = 0; i < n; i++)
			to[at[digit_of(&from[i], shift)]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
}

static void
sort(struct sorting *s, struct place *places, uint32_t n)
{
	struct arena *a = s->g->arena;
	uint32_t i, first = 0;

	if (s->day < s->g->n_values) {
		qsort_r(places, n, sizeof(*places), compare, s);
		return;
	}
	sort_by_cost(places, ARENA_ARRAY(a, struct place, n + 1), n);
	for (i = 1; i <= n; i++) {
		if (i < n && places[i].pusd == places[first].pusd)
			continue;
		if (i - first > 1)
			qsort_r(&places[first], i - first, sizeof(*places),
			    compare, s);
		first = i;
	}
}

const uint32_t *
usage_groups_sorted(
    struct usage_groups *g, unsigned day, unsigned last, size_t *n)
{
	struct place *places = ARENA_ARRAY(g->arena, struct place, g->n + 1);
	uint32_t *list = ARENA_ARRAY(g->arena, uint32_t, g->n + 1), i, left = 0;
	const int64_t *cost = g->fields[LEDGER_SUM_COST];
	struct sorting s = { .g = g, .day = day };

	for (i = 0; i < g->n; i++) {
		if (is_empty(g, i))
			continue;
		places[left].group = i;
		places[left].pusd = cost != NULL ? cost[i] : 0;
		if (last < g->n_values &&
		    usage_groups_value(g, i, last).p != NULL)
			places[left].pusd = INT64_MIN;
		left++;
	}
	sort(&s, places, left);
	for (i = 0; i < left; i++)
		list[i] = places[i].group;
	*n = left;
	return list;
}
