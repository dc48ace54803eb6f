/* SPDX-License-Identifier: MIT */
/*
 * A ledger to look at: many varied calls, up to now, for the tests of the
 * page; made fast, in the database itself.
 *
 *	page_ledger DIR CALLS DAYS KEY=ACCOUNT...
 *
 * Seeded, so that it is the same each time but for the clock.  Among the
 * names are some that nobody should ever send.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/journal.h"
#include "core/ledger.h"
#include "core/ledger_row.h"
#include "core/log.h"
#include "core/provider.h"
#include "core/rollup.h"
#include "core/state.h"
#include "core/store.h"
#include "core/visit.h"

#define DAY_US     INT64_C(86400000000)
#define BATCH      256
#define LONG_BYTES 10000
#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))

/* USD per million tokens, read and written. */
static const struct model {
	const char *provider, *id;
	int64_t input, output, speed_ms;
} models[] = {
	{ "anthropic", "claude-sonnet-4-5", 3, 15, 900 },
	{ "openai", "gpt-5", 2, 10, 1400 },
	{ "openai", "gpt-5-mini", 1, 2, 600 },
	{ "gemini", "gemini-2.5-flash", 1, 3, 450 },
	{ "groq", "llama-3.3-70b-versatile", 1, 1, 150 },
	{ "anthropic", "claude-haiku-4-5", 1, 5, 500 },
	{ "mistral", "mistral-large-latest", 1, 2, 700 },
	{ "local", "llama3.2", 0, 0, 2500 },
	{ "openai", "<img src=x onerror=alert(1)>", 1, 1, 800 },
};

static const char *const users[] = { "ann@example.org", "bob@example.org",
	"carol@example.org", "dave@example.org", "erin@example.org", NULL,
	"\"><script>alert(1)</script>", "\xe2\x80\xaegro.elpmaxe@kramer" };
static const char *const tasks[] = { "summarise", "classify", "extract", "chat",
	"code", NULL, "'; DROP TABLE calls; --" };
static const char *const apps[] = { "web", "ide", "cli", "batch", "<b>bold" };
static const char *const routes[] = { "smart", "cheap", "fast", NULL };

struct filling {
	int64_t calls, done, begin_us, days, day, until; /* of the day */
	int64_t weights;
	char **keys;
	unsigned n_keys, seed;
	char *long_name;
	const char *usual[COUNT(models)];
};

static unsigned
next(struct filling *f)
{
	f->seed = f->seed * 1664525u + 1013904223u;
	return f->seed >> 8;
}

/* Weekends are quiet, no day is like the other. */
static int64_t
weight(const struct filling *f, int64_t day)
{
	int64_t since_1970 = f->begin_us / DAY_US + day;

	/* 1970 began with a Thursday */
	return (since_1970 + 3) % 7 > 4 ? 4 + since_1970 % 3
					: 12 + since_1970 * 7 % 9;
}

/* When the next call begins: the days one after the other. */
static int64_t
next_us(struct filling *f)
{
	int64_t n = f->calls * weight(f, f->day) / f->weights + 1;

	if (f->until == 0)
		f->until = n;
	while (f->done >= f->until && f->day + 1 < f->days)
		f->until += n = f->calls * weight(f, ++f->day) / f->weights + 1;
	return f->begin_us + f->day * DAY_US +
	    (n - (f->until - f->done)) * (DAY_US / n);
}

/* Below n, the first ones most often. */
static unsigned
pick(struct filling *f, size_t n)
{
	double r = (double)(next(f) % 65536) / 65536;

	return (unsigned)(r * r * (double)n);
}

/* Of some answers, half was said by another model. */
static void
advise(struct ledger_attempt *at, int64_t pusd)
{
	int64_t n = at->usage.tokens[USAGE_OUTPUT] / 2;

	if (n % 8 != 0)
		return;
	usage_other(&at->usage, STR("an-advisor"))->tokens[USAGE_OUTPUT] = n;
	at->others_pusd[0] = n * pusd;
}

static void
fill_attempt(struct filling *f, struct ledger_attempt *at, unsigned m)
{
	const struct model *of = &models[m];
	struct usage *u = &at->usage;

	memset(at, 0, sizeof(*at));
	at->provider = str_of(of->provider);
	at->model = at->returned_model = str_of(of->id);
	at->credential = STR("conf");
	at->outcome = ATTEMPT_WON;
	at->status = 200;
	at->start_ms = 1;
	at->ttft_ms = of->speed_ms / 2 + next(f) % (unsigned)of->speed_ms;
	at->duration_ms = at->ttft_ms + next(f) % 6000;
	usage_init(u);
	u->tokens[USAGE_INPUT] = 300 + next(f) % 6000;
	if (next(f) % 3 == 0)
		u->tokens[USAGE_CACHE_READ] = next(f) % 20000;
	u->tokens[USAGE_OUTPUT] = 20 + next(f) % 1500;
	u->source = USAGE_REPORTED;
	at->cost = (struct cost){ COST_REPORTED, true,
		u->tokens[USAGE_INPUT] * of->input * 1000000 +
		    u->tokens[USAGE_CACHE_READ] * of->input * 100000 +
		    u->tokens[USAGE_OUTPUT] * of->output * 1000000,
		NULL };
	at->price = STR("2026-07-02");
	advise(at, of->output * 1000000);
}

static void
fail(struct ledger_attempt *at, const char *why)
{
	at->outcome = ATTEMPT_FAILED;
	at->status = 503;
	at->error = str_of(why);
	at->ttft_ms = -1;
	at->duration_ms = 80 + at->duration_ms % 900;
	at->usage.tokens[USAGE_OUTPUT] = 0;
	at->usage.source = USAGE_ESTIMATED;
	at->cost.source = COST_ESTIMATED;
	at->cost.pusd = at->status % 2 == 0 ? 0 : at->cost.pusd / 4;
}

/* What may happen to a call, by chance: `won` is the attempt that served. */
static void
decide(struct filling *f, struct ledger_call *c, struct ledger_attempt at[2])
{
	unsigned chance = next(f) % 100;

	if (chance < 6) {
		fail(&at[0], "overloaded");
		at[1].role = ROLE_FALLBACK;
		at[1].start_ms = at[0].duration_ms + 3;
		at[0].next = &at[1];
	} else if (chance < 10) {
		at[0].role = at[1].role = ROLE_RACE;
		at[1].outcome = ATTEMPT_LOST;
		at[1].duration_ms = at[0].ttft_ms;
		at[1].ttft_ms = -1;
		at[0].next = &at[1];
	} else if (chance < 13) {
		fail(&at[0], "upstream_error");
		c->outcome = CALL_ERROR;
		c->status = 502;
		c->error = STR("upstream_error");
	} else if (chance < 14) {
		c->attempts = NULL;
		c->outcome = CALL_REFUSED;
		c->status = 402;
		c->error = STR("budget");
	} else if (chance < 16) {
		at[0].outcome = ATTEMPT_CANCELLED;
		c->outcome = CALL_CANCELLED;
	}
}

static void
add_up(struct ledger_call *c)
{
	const struct ledger_attempt *at;
	int64_t end_ms = 1;

	c->cost = (struct cost){ COST_REPORTED, true, 0, NULL };
	for (at = c->attempts; at != NULL; at = at->next) {
		c->cost.pusd += at->cost.pusd;
		if (at->start_ms + at->duration_ms > end_ms)
			end_ms = at->start_ms + at->duration_ms;
		if (at->outcome == ATTEMPT_WON)
			c->ttft_ms = at->start_ms + at->ttft_ms;
	}
	c->duration_ms = end_ms;
	c->ended_us = c->started_us + end_ms * 1000;
}

static struct str
maybe(const char *s)
{
	return s != NULL ? str_of(s) : STR_NONE;
}

static void
fill_call(struct filling *f, struct ledger_call *c, struct ledger_attempt at[2],
    struct header *tag)
{
	unsigned m = pick(f, COUNT(models)), k = pick(f, f->n_keys);

	fill_attempt(f, &at[0], m);
	fill_attempt(f, &at[1], (m + 1) % COUNT(models));
	*tag = (struct header){ STR("app"), str_of(apps[pick(f, COUNT(apps))]),
		NULL };
	*c = (struct ledger_call){ .started_us = next_us(f),
		.key = str_of(f->keys[k]),
		.account = str_of(f->keys[k] + strlen(f->keys[k]) + 1),
		.user = maybe(users[pick(f, COUNT(users))]),
		.task = maybe(tasks[pick(f, COUNT(tasks))]),
		.tags = next(f) % 4 == 0 ? NULL : tag,
		.endpoint = "/v1/chat/completions",
		.dialect = "openai-chat",
		.stream = next(f) % 3 != 0,
		.requested = STR("smart"),
		.route = maybe(routes[pick(f, COUNT(routes))]),
		.status = 200,
		.outcome = CALL_OK,
		.ttft_ms = -1,
		.attempts = at };
	if (f->done % 1000 == 0)
		c->user = str_of(f->long_name);
	decide(f, c, at);
	if (c->outcome == CALL_OK)
		c->answered = str_of(f->usual[at[0].outcome == ATTEMPT_WON
			? m
			: (m + 1) % COUNT(models)]);
	add_up(c);
	ledger_id(c->id, c->started_us);
}

static int
txn_fill(struct txn *t, void *arg)
{
	struct filling *f = arg;
	struct rollup *sums = rollup_begin(t);
	struct ledger_call call;
	struct ledger_attempt attempts[2];
	struct header tag;
	struct buf *b;
	int i;

	for (i = 0; sums != NULL && i < BATCH && f->done < f->calls; i++) {
		fill_call(f, &call, attempts, &tag);
		b = buf_new(t->arena, JOURNAL_MAX_PAYLOAD);
		buf_addch(b, LEDGER_RECORD_VERSION);
		buf_addch(b, LEDGER_CLOSE);
		ledger_json(&call, b);
		if (ledger_row_apply(t, sums, buf_str(b), STR("x")) != 0)
			return -1;
		f->done++;
	}
	return sums == NULL ? -1 : rollup_end(sums);
}

static int
visit_fill(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct filling *f = arg;
	int i;

	(void)s;
	if (rollup_build(store, ROLLUP_EVERY, 0, err) != 0)
		return -1;
	for (i = 0; i < 100 && f->done < f->calls; i++)
		if (store_txn(store, txn_fill, f, err) != 0)
			return -1;
	return store_checkpoint(store, err);
}

static void
name_models(struct filling *f)
{
	static char text[COUNT(models)][64];
	size_t i;

	for (i = 0; i < COUNT(models); i++) {
		snprintf(text[i], sizeof(text[i]), "%s/%s", models[i].provider,
		    models[i].id);
		f->usual[i] = text[i];
	}
	f->long_name = malloc(LONG_BYTES + 1);
	if (f->long_name == NULL)
		exit(1);
	memset(f->long_name, 'W', LONG_BYTES);
	f->long_name[LONG_BYTES] = '\0';
}

int
main(int argc, char **argv)
{
	struct error err = { .kind = ERROR_NONE };
	struct filling f = { .seed = 5 };
	struct state *s;
	char *account;
	int64_t i;

	if (argc < 5)
		return 2;
	log_open("stderr", LOG_LEVEL_ERROR);
	f.calls = strtoll(argv[2], NULL, 10);
	f.days = strtoll(argv[3], NULL, 10);
	f.begin_us = clock_wall_us() - f.days * DAY_US;
	for (i = 0; i < f.days; i++)
		f.weights += weight(&f, i);
	f.keys = &argv[4];
	f.n_keys = (unsigned)argc - 4;
	for (i = 4; i < argc; i++)
		if (strtok_r(argv[i], "=", &account) == NULL || *account == 0)
			return 2;
	name_models(&f);
	s = state_open(str_of(argv[1]), DURABILITY_PROCESS, &err);
	while (s != NULL && f.done < f.calls)
		if (visit(s, 5000, visit_fill, &f, &err) != 0)
			break;
	state_close(s);
	free(f.long_name);
	if (err.kind != ERROR_NONE)
		fprintf(stderr, "page_ledger: %s\n", err.msg);
	return err.kind == ERROR_NONE ? 0 : 1;
}
