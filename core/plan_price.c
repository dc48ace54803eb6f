/* SPDX-License-Identifier: MIT */
/* What a plan may cost, and whether a target can serve the request at all. */
#include "core/affinity.h"
#include "core/catalog.h"
#include "core/chat.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/plan.h"
#include "core/price.h"

#define USUAL_OUTPUT   1024 /* tokens of an answer without max_tokens */
#define MOST_SEARCHES  10
#define MOST_ANSWERS   128
#define UNKNOWN_OUTPUT 8192 /* the most of a model without a limit */
#define MOST_OUTPUT    INT64_C(100000000) /* whatever a request says */

static int64_t
output_tokens(struct planner *p, const struct target *t, bool worst)
{
	const struct chat *chat = plan_chat(p);
	int64_t most = t->facts != NULL ? t->facts->output : 0, n;

	if (p->ask->operation == OPERATION_EMBED)
		return 0;
	n = chat != NULL ? chat->max_tokens : 0;
	if (n == 0)
		n = !worst ? USUAL_OUTPUT : most > 0 ? most : UNKNOWN_OUTPUT;
	if (most == 0 || most > MOST_OUTPUT)
		most = MOST_OUTPUT;
	return n > most ? most : n;
}

/* What this target has read from its cache, it most likely reads again. */
static void
expect_cache(struct planner *p, const struct target *t, struct usage *u)
{
	int64_t cached = affinity_tokens(p, t);

	p->compared = true;
	if (cached > u->tokens[USAGE_INPUT])
		cached = u->tokens[USAGE_INPUT];
	u->tokens[USAGE_INPUT] -= cached;
	u->tokens[USAGE_CACHE_READ] = cached;
}

static bool
find_price(const struct planner *p, const struct target *t, struct price *price)
{
	struct error err = { 0 };

	return t->facts != NULL && t->facts->price.p != NULL &&
	    price_parse_at(t->facts->price, p->wall_us, price, &err) == 0;
}

/* What the request may make dearer than text: by a look at its words. */
static unsigned
may_cost(const struct ask *ask)
{
	static const struct {
		const char *word;
		unsigned may;
	} words[] = {
		{ "audio", PRICE_MAY_AUDIO },
		{ "image", PRICE_MAY_IMAGE },
		{ "web_search", PRICE_MAY_SEARCH },
	};
	unsigned may = 0;
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_find(ask->body, str_of(words[i].word)) >= 0)
			may |= words[i].may;
	return may;
}

/*
 * Does the model read more than the request holds?  What its provider has kept
 * of a conversation (wire.md §2.1), a file it fetches, what a search finds.
 */
static bool
reads_more(const struct ask *ask, unsigned may)
{
	static const char *const members[] = { "previous_response_id",
		"conversation" };
	static const char *const words[] = { "\"file_id\"", "\"file_url\"" };
	struct str v;
	size_t i;

	if ((may & PRICE_MAY_SEARCH) != 0)
		return true;
	for (i = 0; i < sizeof(members) / sizeof(*members); i++)
		if (jtext_get(ask->body, members[i], &v) && !str_is(v, "null"))
			return true;
	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_find(ask->body, str_of(words[i])) >= 0)
			return true;
	return false;
}

/*
 * The estimate is good to about 15 %: a quarter more is the most; of what is
 * not in the request as much as the model reads at once.
 */
static int64_t
most_input(struct planner *p, const struct target *t, unsigned may)
{
	int64_t n = plan_input_tokens(p, t);

	n += n / 4 + 16;
	if (t->facts != NULL && t->facts->context > n &&
	    reads_more(p->ask, may))
		n = t->facts->context;
	return n;
}

static bool
worst_price(struct planner *p, const struct target *t,
    const struct price *price, int64_t *pusd)
{
	struct price_most most = { .may = may_cost(p->ask),
		.searches = MOST_SEARCHES };
	const struct chat *chat = plan_chat(p);
	int64_t answers = 1;
	struct str n, tier = chat != NULL ? chat->service_tier : STR_NONE;

	if (jtext_get(p->ask->body, "n", &n) &&
	    str_i64(n, 1, MOST_ANSWERS, &answers) != 0)
		answers = 1;
	if (jtext_get(p->ask->body, "speed", &n) && str_is(n, "\"fast\""))
		tier = STR("fast");
	most.input_tokens = most_input(p, t, most.may);
	most.output_tokens = output_tokens(p, t, true) * answers;
	most.mode = usage_mode_of(tier);
	if (price->modes[most.mode].n_tiers == 0)
		most.mode = USAGE_STANDARD;
	return price_worst(price, &most, pusd) == 0;
}

bool
plan_price(struct planner *p, const struct target *t, bool worst, int64_t *pusd)
{
	struct price price;
	struct usage u;

	*pusd = 0;
	if (t->provider->free || operation_is_free(p->ask->operation))
		return true;
	if (!find_price(p, t, &price))
		return false;
	if (worst)
		return worst_price(p, t, &price, pusd);
	usage_init(&u);
	u.tokens[USAGE_INPUT] = plan_input_tokens(p, t);
	expect_cache(p, t, &u);
	u.tokens[USAGE_OUTPUT] = output_tokens(p, t, false);
	return price_cost(&price, &u, pusd) == 0;
}

static const struct target *
begins_with(const struct plan *plan)
{
	return &plan_first(plan)->leaf->target;
}

static bool
is_home(struct planner *p, const struct target *t, const struct target *other)
{
	int64_t here, there;

	return affinity_tokens(p, t) > 0 && plan_price(p, t, false, &here) &&
	    plan_price(p, other, false, &there) && here < there;
}

void
plan_bring_home(struct planner *p, struct plan *list)
{
	struct plan **at, *home;
	const struct target *first = begins_with(list);

	p->compared = true;
	for (at = &list->first->next; *at != NULL; at = &(*at)->next) {
		home = *at;
		if (!is_home(p, begins_with(home), first))
			continue;
		*at = home->next;
		home->next = list->first;
		list->first = home;
		plan_why(p, home, "has the conversation in its cache");
		return;
	}
}

/* Of the request as it is sent there: a route may set max_tokens, or more. */
static bool
worst_of_leaf(struct planner *p, const struct route_target *leaf, int64_t *pusd)
{
	struct ask *sent = ask_with(ask_with(p->ask, leaf->set), leaf->over);
	struct planner other = *p;

	if (sent == p->ask)
		return plan_price(p, &leaf->target, true, pusd);
	other.ask = sent;
	memset(other.tokens, 0, sizeof(other.tokens));
	return plan_price(&other, &leaf->target, true, pusd);
}

bool
plan_worst(struct planner *p, const struct plan *plan, int64_t *pusd,
    const struct target **unpriced)
{
	const struct plan *item;
	int64_t one;

	*pusd = 0;
	if (plan->kind == PLAN_TARGET) {
		*unpriced = &plan->leaf->target;
		return worst_of_leaf(p, plan->leaf, pusd);
	}
	for (item = plan->first; item != NULL; item = item->next) {
		if (!plan_worst(p, item, &one, unpriced))
			return false;
		if (plan->kind == PLAN_RACE && *pusd > INT64_MAX - one)
			return false;
		if (plan->kind == PLAN_RACE)
			*pusd += one;
		else if (one > *pusd)
			*pusd = one;
	}
	return true;
}

/* Bits of enum model_can that the request needs. */
static unsigned
part_needs(const struct part *part)
{
	unsigned needs = 0;

	for (; part != NULL; part = part->next) {
		if (part->kind == PART_IMAGE)
			needs |= MODEL_IMAGES;
		if (part->kind == PART_DOCUMENT && part->text.p == NULL)
			needs |= MODEL_PDF;
		if (part->kind == PART_AUDIO)
			needs |= MODEL_AUDIO;
		needs |= part_needs(part->parts);
	}
	return needs;
}

static unsigned
chat_needs(const struct chat *chat)
{
	unsigned needs = 0;
	const struct turn *t;

	for (t = chat->turns; t != NULL; t = t->next)
		needs |= part_needs(t->parts);
	if (chat->tools != NULL)
		needs |= MODEL_TOOLS;
	if (chat->output == OUTPUT_SCHEMA)
		needs |= MODEL_SCHEMA;
	return needs;
}

const char *
plan_cannot(struct planner *p, const struct target *t)
{
	static const struct {
		unsigned bit;
		const char *why;
	} reasons[] = {
		{ MODEL_TOOLS, "has no tools" },
		{ MODEL_IMAGES, "sees no images" },
		{ MODEL_PDF, "reads no documents" },
		{ MODEL_AUDIO, "hears no audio" },
		{ MODEL_SCHEMA, "keeps to no JSON schema" },
	};
	const struct chat *chat = plan_chat(p);
	unsigned lacks;
	size_t i;

	if (t->facts == NULL)
		return NULL;
	if (t->facts->context > 0 &&
	    plan_input_tokens(p, t) > t->facts->context)
		return "has too small a context window";
	/* An entry without any capability says nothing about them. */
	lacks = chat != NULL && t->facts->can != 0
	    ? chat_needs(chat) & ~t->facts->can
	    : 0;
	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (lacks & reasons[i].bit)
			return reasons[i].why;
	return NULL;
}
