/* SPDX-License-Identifier: MIT */
#include "core/cache_batch.h"

#include <openssl/sha.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/cache_events.h"
#include "core/cache_key.h"
#include "core/call.h"
#include "core/call_cache.h"
#include "core/conf.h"
#include "core/jtext.h"
#include "core/jw.h"

#define MAX_BYTES ((size_t)512 << 20) /* of all vectors, of a body */

struct text {
	struct str s;
	unsigned char key[CACHE_KEY];
	struct str vector; /* absent: missing */
};

struct cache_batch {
	struct sink sink;
	struct sink *next;
	struct arena *arena;
	struct text *texts;
	size_t n, n_missing;
	size_t at;     /* texts whose vectors have passed */
	int64_t age_s; /* of the oldest that was found */
	int64_t saved_pusd;
	struct cache_about about; /* of one that was found */
	struct event start;
	struct usage usage; /* of all that were found */
};

/* ---- what is stored ---- */

/* The vector in the recording of one text, with what else it tells. */
static struct str
read_vector(struct cache_batch *b, struct str recording)
{
	struct error ignored = { .kind = ERROR_NONE };
	struct cache_walk w = {
		.arena = b->arena, .rest = recording, .error = &ignored
	};
	struct str vector = STR_NONE;
	enum cache_record r;

	while ((r = cache_next(&w)) == CACHE_ABOUT || r == CACHE_EVENT) {
		if (r == CACHE_ABOUT)
			b->about = w.about;
		else if (w.event.kind == EVENT_START)
			b->start = w.event;
		else if (w.event.kind == EVENT_DELTA)
			vector = w.event.text;
		else if (w.event.kind == EVENT_USAGE)
			b->usage.tokens[USAGE_INPUT] +=
			    w.usage.tokens[USAGE_INPUT];
	}
	return vector;
}

static void
look_up(struct cache_batch *b, struct call *c, struct text *t)
{
	struct call_found found;

	if (!call_cache_get(c, t->key, &found))
		return;
	t->vector = read_vector(b, found.value);
	if (t->vector.p == NULL)
		return;
	b->n_missing--;
	if (found.age_s > b->age_s)
		b->age_s = found.age_s;
	if (found.cost_pusd < 0 || b->saved_pusd < 0)
		b->saved_pusd = -1;
	else
		b->saved_pusd += found.cost_pusd;
}

struct cache_batch *
cache_batch_new(struct call *c, const struct cache_subject *subject, bool look)
{
	struct cache_batch *b = ARENA_NEW(c->arena, struct cache_batch);
	const struct turn *turn;
	size_t i = 0;

	b->arena = c->arena;
	for (turn = c->ask.chat->turns; turn != NULL; turn = turn->next)
		b->n++;
	b->n_missing = b->n;
	b->texts = ARENA_ARRAY(c->arena, struct text, b->n + 1);
	usage_init(&b->usage);
	b->usage.source = USAGE_REPORTED;
	for (turn = c->ask.chat->turns; turn != NULL; turn = turn->next) {
		b->texts[i].s = turn->parts->text;
		cache_key_text(subject, b->texts[i].s, b->texts[i].key);
		if (look)
			look_up(b, c, &b->texts[i]);
		i++;
	}
	return b;
}

size_t
cache_batch_missing(const struct cache_batch *b)
{
	return b->n_missing;
}

int64_t
cache_batch_age_s(const struct cache_batch *b)
{
	return b->age_s;
}

int64_t
cache_batch_saved(const struct cache_batch *b)
{
	return b->saved_pusd;
}

const struct usage *
cache_batch_usage(const struct cache_batch *b)
{
	return &b->usage;
}

void
cache_batch_key(const struct cache_batch *b, unsigned char key[CACHE_KEY])
{
	struct buf keys;
	size_t i;

	buf_init(&keys, (b->n + 1) * CACHE_KEY);
	for (i = 0; i < b->n; i++)
		if (b->texts[i].vector.p == NULL)
			buf_add(&keys, b->texts[i].key, CACHE_KEY);
	SHA256((const unsigned char *)keys.p, keys.n, key);
	buf_release(&keys);
}

/* ---- recordings ---- */

static void
record_vector(struct buf *out, int key, struct str vector)
{
	static const enum event_kind kinds[] = { EVENT_OPEN, EVENT_DELTA,
		EVENT_CLOSE };
	struct event ev = { .block = BLOCK_VECTOR, .key = key };
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		ev.kind = kinds[i];
		ev.text = ev.kind == EVENT_DELTA ? vector : STR_NONE;
		cache_event_put(out, &ev, WIRE_NONE);
	}
}

static void
record_start(struct buf *out, const struct cache_about *about, struct str model)
{
	const struct event head = { .kind = EVENT_HEAD };
	const struct event start = { .kind = EVENT_START, .name = model };

	cache_about_put(out, about);
	cache_event_put(out, &head, WIRE_NONE);
	cache_event_put(out, &start, WIRE_NONE);
}

static void
record_end(struct buf *out, const struct usage *usage, int64_t cost_pusd)
{
	const struct event ev = { .kind = EVENT_USAGE, .usage = usage };

	cache_event_put(out, &ev, WIRE_NONE);
	cache_end_put(out, cost_pusd);
}

struct str
cache_batch_recording(struct cache_batch *b)
{
	struct buf *out = buf_new(b->arena, MAX_BYTES);
	size_t i;

	record_start(out, &b->about, b->start.name);
	for (i = 0; i < b->n; i++)
		record_vector(out, (int)i, b->texts[i].vector);
	record_end(out, &b->usage, b->saved_pusd);
	return buf_str(out);
}

/* ---- asking for less ---- */

void
cache_batch_reduce(struct cache_batch *b, struct call *c)
{
	struct jtext_edit edit = { .path = "input" };
	struct buf *list, *body;
	struct jw w;
	size_t i;

	c->ask.vectors = true;
	if (b->n_missing == b->n)
		return;
	list = buf_new(c->arena, MAX_BYTES);
	body = buf_new(c->arena, MAX_BYTES);
	jw_init(&w, list);
	jw_array(&w);
	for (i = 0; i < b->n; i++)
		if (b->texts[i].vector.p == NULL)
			jw_str(&w, b->texts[i].s);
	jw_end(&w);
	edit.value = buf_str(list);
	if (jtext_apply(body, c->ask.body, &edit, 1) != 0)
		return;
	c->ask.body = buf_str(body);
	c->ask.chat = NULL;
	memset(c->planner.tokens, 0, sizeof(c->planner.tokens));
}

/* ---- putting together ---- */

/* Pass the stored vectors that come next. */
static int
pass_stored(struct cache_batch *b, struct error *err)
{
	static const enum event_kind kinds[] = { EVENT_OPEN, EVENT_DELTA,
		EVENT_CLOSE };
	struct event ev = { .block = BLOCK_VECTOR };
	size_t i;

	for (; b->at < b->n && b->texts[b->at].vector.p != NULL; b->at++) {
		ev.key = (int)b->at;
		ev.text = b->texts[b->at].vector;
		for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			ev.kind = kinds[i];
			if (sink_put(b->next, &ev, err) != 0)
				return -1;
		}
	}
	return 0;
}

/* As if none had been: only the cost tells the difference. */
static struct usage
with_stored(const struct cache_batch *b, const struct usage *new)
{
	struct usage all = *new;
	int i;

	for (i = 0; i < USAGE_BUCKETS; i++)
		all.tokens[i] += b->usage.tokens[i];
	return all;
}

static int
batch_put(struct sink *s, const struct event *ev, struct error *err)
{
	struct cache_batch *b = (struct cache_batch *)s;
	struct event out = *ev;
	struct usage all;

	if (ev->kind == EVENT_HEAD)
		out.framing = FRAMING_NONE; /* no bytes hold all of it */
	if (ev->kind == EVENT_OPEN && pass_stored(b, err) != 0)
		return -1;
	if (ev->kind == EVENT_USAGE) {
		all = with_stored(b, ev->usage);
		out.usage = &all;
	}
	out.key = (int)b->at;
	if (sink_put(b->next, &out, err) != 0)
		return -1;
	b->at += ev->kind == EVENT_CLOSE;
	return 0;
}

struct sink *
cache_batch_sink(struct cache_batch *b, struct sink *out)
{
	if (b->n_missing == b->n)
		return out;
	b->sink.put = batch_put;
	b->next = out;
	return &b->sink;
}

int
cache_batch_end(struct cache_batch *b, int64_t *saved_pusd, struct error *err)
{
	if (b->next == NULL)
		return 0;
	if (*saved_pusd >= 0)
		*saved_pusd =
		    b->saved_pusd < 0 ? -1 : *saved_pusd + b->saved_pusd;
	if (pass_stored(b, err) != 0)
		return -1;
	if (b->at < b->n)
		return error_set(err, ERROR_UP_BROKEN,
		    "the provider's answer lacks embeddings");
	return 0;
}

/* ---- storing ---- */

/* A text's share of what all that were asked for took. */
static int64_t
share(int64_t whole, size_t part, size_t of)
{
	if (whole < 0 || of == 0)
		return whole;
	return (int64_t)((double)whole * (double)part / (double)of + 0.5);
}

static void
store_one(struct call *c, const struct text *t, const struct cache_walk *w,
    size_t bytes)
{
	int64_t cost = c->row.cost.known ? c->row.cost.pusd : -1;
	struct usage usage = w->usage;
	struct buf out;

	usage.tokens[USAGE_INPUT] =
	    share(usage.tokens[USAGE_INPUT], t->s.n, bytes);
	cost = share(cost, t->s.n, bytes);
	buf_init(&out, (size_t)c->conf->cache.max_entry_bytes);
	record_start(&out, &w->about, w->event.name);
	record_vector(&out, 0, t->vector);
	record_end(&out, &usage, cost);
	if (buf_over(&out))
		c->row.cache = STR("refused: too large");
	else
		call_cache_put(c, t->key, buf_str(&out), cost);
	buf_release(&out);
}

/* Find the vectors of what was missing; false unless there are all. */
static bool
take_vectors(struct cache_batch *b, struct text **missing, struct cache_walk *w,
    struct str *model)
{
	enum cache_record r;
	size_t n = 0;

	while ((r = cache_next(w)) == CACHE_ABOUT || r == CACHE_EVENT) {
		if (r == CACHE_ABOUT)
			continue;
		if (w->event.kind == EVENT_START)
			*model = str_dup(b->arena, w->event.name);
		if (w->event.kind == EVENT_DELTA && n < b->n_missing)
			missing[n++]->vector = w->event.text;
	}
	return r == CACHE_END && n == b->n_missing;
}

void
cache_batch_store(struct cache_batch *b, struct call *c, struct str recording)
{
	struct text **missing =
	    ARENA_ARRAY(b->arena, struct text *, b->n_missing + 1);
	struct error ignored = { .kind = ERROR_NONE };
	struct cache_walk w = {
		.arena = b->arena, .rest = recording, .error = &ignored
	};
	struct str model = STR_NONE;
	size_t i, n = 0, bytes = 0;

	usage_init(&w.usage);
	for (i = 0; i < b->n; i++) {
		if (b->texts[i].vector.p != NULL)
			continue;
		missing[n++] = &b->texts[i];
		bytes += b->texts[i].s.n;
	}
	if (!take_vectors(b, missing, &w, &model)) {
		c->row.cache = STR("refused: unfinished");
		return;
	}
	w.event.name = model;
	for (i = 0; i < n; i++)
		store_one(c, missing[i], &w, bytes);
}
