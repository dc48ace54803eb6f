/* SPDX-License-Identifier: MIT */
#include "core/usage_group.h"

#include <stdlib.h>
#include <string.h>

#include "core/arena.h"

#define FIRST_SLOTS 256u /* a power of two */
#define MANY        (USAGE_FEW + 1)
#define LINE        8u /* slots of a cache line */
#define TIME_MARK   64u
#define TAKEN_MARK  128u

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

/* Values that come one after the other are neighbours in the index. */
static uint32_t
hash_of(const struct usage_ids *ids)
{
	uint64_t h = ids->of[0] / LINE;
	unsigned k;

	for (k = 1; k < USAGE_VALUES; k++)
		h = (h * UINT64_C(0x9e3779b97f4a7c15)) ^ ids->of[k];
	h = (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> 32) * LINE + ids->of[0] % LINE;
}

static struct usage_ids *
ids_of(const struct usage_groups *g, uint32_t group)
{
	return &g->ids[group / USAGE_CHUNK][group % USAGE_CHUNK];
}

static struct usage_few *
few_of(const struct usage_groups *g, uint32_t group)
{
	return &g->few[group / USAGE_CHUNK][group % USAGE_CHUNK];
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
		memcmp(ids_of(g, slot->group - 1), ids, sizeof(*ids)) != 0)) {
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

static void
grow(struct usage_groups *g)
{
	const struct usage_slot *index = g->index;
	uint32_t slots = g->slots;

	g->slots = slots != 0 ? 2 * slots : FIRST_SLOTS;
	g->index = ARENA_ARRAY(g->arena, struct usage_slot, g->slots);
	index_again(g, index, slots);
}

static void
add_chunk(struct usage_groups *g)
{
	uint32_t chunk = g->n / USAGE_CHUNK;

	g->ids[chunk] = ARENA_ARRAY(g->arena, struct usage_ids, USAGE_CHUNK);
	g->few[chunk] = ARENA_ARRAY(g->arena, struct usage_few, USAGE_CHUNK);
}

bool
usage_groups_has(const struct usage_groups *g, const struct usage_ids *ids)
{
	return g->slots != 0 && slot_of(g, ids, hash_of(ids))->group != 0;
}

uint32_t
usage_groups_at(struct usage_groups *g, const struct usage_ids *ids)
{
	uint32_t hash = hash_of(ids);
	struct usage_slot *slot;

	if (2 * g->n >= g->slots)
		grow(g);
	slot = slot_of(g, ids, hash);
	if (slot->group != 0)
		return slot->group - 1;
	if (g->n == g->max) {
		g->full = true;
		return USAGE_NO_GROUP;
	}
	if (g->n % USAGE_CHUNK == 0)
		add_chunk(g);
	*ids_of(g, g->n) = *ids;
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
	return g->names[k].list[ids_of(g, group)->of[k]];
}

/* --- sums --- */

/* Where number ${i} of a group stands. */
static inline int64_t *
field(struct usage_groups *g, unsigned i, uint32_t group)
{
	int64_t **column = g->fields[i], **chunk;

	if (column == NULL)
		column = g->fields[i] =
		    ARENA_ARRAY(g->arena, int64_t *, USAGE_CHUNKS);
	chunk = &column[group / USAGE_CHUNK];
	if (*chunk == NULL)
		*chunk = ARENA_ARRAY(g->arena, int64_t, USAGE_CHUNK);
	return &(*chunk)[group % USAGE_CHUNK];
}

/* The same, to be read. */
static int64_t
number(const struct usage_groups *g, unsigned i, uint32_t group)
{
	int64_t **column = g->fields[i];
	uint32_t chunk = group / USAGE_CHUNK;

	return column != NULL && column[chunk] != NULL
	    ? column[chunk][group % USAGE_CHUNK]
	    : 0;
}

/* What would overflow stays, and counts as unpriced where it is money. */
static void
over(struct usage_groups *g, uint32_t group, unsigned i)
{
	struct ledger_sum more = { .unpriced = 0 };

	ledger_sum_over(&more, i);
	*field(g, LEDGER_SUM_UNPRICED, group) += more.unpriced;
}

void
usage_groups_put(struct usage_groups *g, const struct usage_picks *p,
    unsigned i, const int64_t *v)
{
	const struct usage_pick *x = p->list, *end = x + p->n;
	int64_t *to, sum;

	for (; x < end; x++) {
		to = field(g, i, x->group);
		if (__builtin_add_overflow(*to, v[x->at], &sum))
			over(g, x->group, i);
		else
			*to = sum;
	}
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

static struct latency *
many_of(const struct usage_few *few)
{
	struct latency *many;

	memcpy(&many, few->marks, sizeof(many));
	return many;
}

static void
spill(struct arena *a, struct usage_few *few)
{
	struct latency *many = ARENA_ARRAY(a, struct latency, USAGE_TIMES);

	count_marks(few, many);
	memcpy(few->marks, &many, sizeof(many));
	few->n = MANY;
}

static inline void
note(struct usage_groups *g, uint32_t group, enum usage_time time,
    unsigned bucket, int32_t by)
{
	struct usage_few *few = few_of(g, group);
	uint32_t times = by < 0 ? 0u - (uint32_t)by : (uint32_t)by;
	unsigned mark = bucket | (time == USAGE_TTFT ? TIME_MARK : 0) |
	    (by < 0 ? TAKEN_MARK : 0);

	if (few->n != MANY && times > USAGE_FEW - (uint32_t)few->n)
		spill(g->arena, few);
	if (few->n == MANY)
		many_of(few)[time].n[bucket] += by;
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
		if (sum->duration.n[i] != 0)
			note(g, group, USAGE_DURATION, i, sum->duration.n[i]);
		if (sum->ttft.n[i] != 0)
			note(g, group, USAGE_TTFT, i, sum->ttft.n[i]);
	}
}

void
usage_groups_sum(
    const struct usage_groups *g, uint32_t group, struct ledger_sum *sum)
{
	struct latency times[USAGE_TIMES] = { { { 0 } } };
	const struct usage_few *few = few_of(g, group);
	const struct latency *t = times;
	unsigned i;

	for (i = 0; i < LEDGER_SUM_FIELDS; i++)
		*ledger_sum_field(sum, i) = number(g, i, group);
	if (few->n == MANY)
		t = many_of(few);
	else
		count_marks(few, times);
	sum->duration = t[USAGE_DURATION];
	sum->ttft = t[USAGE_TTFT];
}

static bool
is_empty(const struct usage_groups *g, uint32_t group)
{
	struct ledger_sum sum;

	if (number(g, 0, group) != 0)
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
	int64_t calls = number(g, 0, x->group);
	int64_t others = number(g, 0, y->group);
	unsigned k;
	int order = 0;

	if (s->day < g->n_values)
		order = str_cmp(usage_groups_value(g, x->group, s->day),
		    usage_groups_value(g, y->group, s->day));
	if (order == 0 && x->pusd != y->pusd)
		order = x->pusd > y->pusd ? -1 : 1;
	if (order == 0 && calls != others)
		order = calls > others ? -1 : 1;
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
	struct sorting s = { .g = g, .day = day };

	for (i = 0; i < g->n; i++) {
		if (is_empty(g, i))
			continue;
		places[left].group = i;
		places[left].pusd = number(g, LEDGER_SUM_COST, i);
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
