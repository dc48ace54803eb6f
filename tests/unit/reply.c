/* SPDX-License-Identifier: MIT */
#include "tests/unit/reply.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/grammar.h"
#include "core/jtext.h"
#include "core/order.h"
#include "tests/unit/unit.h"

#define MIB ((size_t)1 << 20)

const struct usage reply_usage = {
	.tokens = { [USAGE_INPUT] = 10,
	    [USAGE_CACHE_READ] = 4,
	    [USAGE_CACHE_WRITE_1H] = 2,
	    [USAGE_OUTPUT] = 5,
	    [USAGE_REASONING] = 3 },
	.provider_cost_pusd = -1,
	.source = USAGE_REPORTED,
};

void
reply_begin(struct reply *a, const struct dialect *dialect,
    const struct reply_opts *opts)
{
	struct encode_opts eo = { .ask = &a->ask,
		.call_id = "call_01",
		.created_s = 1700000000,
		.out = &a->out };

	*a =
	    (struct reply){ .dialect = dialect, .arena = arena_new(512 * MIB) };
	buf_init(&a->out, 256 * MIB);
	a->ask.arena = a->arena;
	a->ask.wire = dialect->wire;
	a->ask.model = STR("asked");
	a->ask.stream = opts->stream;
	a->ask.include_usage = opts->include_usage;
	a->receipt.cost.known = opts->known;
	a->receipt.cost.pusd = opts->pusd;
	a->receipt.attempts = 2;
	a->receipt.answered = STR("p/m");
	a->enc = dialect->encoder_new(a->arena, &eo);
	a->in = order_new(a->arena, &a->enc->sink);
}

void
reply_put(struct reply *a, const struct event *ev)
{
	if (sink_put(a->in, ev, &a->err) != 0)
		fail_msg("%s", a->err.msg);
}

void
reply_check(struct reply *a)
{
	char why[256] = "";

	if (a->ask.stream &&
	    grammar_check(
		a->dialect->wire, buf_str(&a->out), why, sizeof(why)) != 0)
		fail_msg("%s in:\n%s", why, a->out.p);
}

void
reply_finish(struct reply *a)
{
	if (a->enc->finish(a->enc, &a->receipt, &a->err) != 0)
		fail_msg("%s", a->err.msg);
}

void
reply_run(struct reply *a, const struct event *ev, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		reply_put(a, &ev[i]);
	reply_finish(a);
	reply_check(a);
}

void
reply_errors(const struct dialect *dialect, struct error *err,
    const struct reply_error *cases, size_t n)
{
	static const struct event begun[] = { START("m"), OPEN(0, BLOCK_TEXT),
		DELTA(0, "x") };
	const struct reply_error *c;
	struct reply a;
	size_t i;

	for (c = cases; c < cases + n; c++) {
		err->raw = str_of(c->raw);
		err->raw_wire = c->wire;
		reply_begin(
		    &a, dialect, &(struct reply_opts){ .stream = true });
		for (i = 0; i < sizeof(begun) / sizeof(begun[0]); i++)
			reply_put(&a, &begun[i]);
		i = a.out.n;
		reply_fail(&a, err);
		assert_string_equal(a.out.p + i, c->stream);
		buf_reset(&a.out);
		dialect->fail_body(&a.out, err, "call_01");
		reply_is(&a, c->body);
		reply_end(&a);
	}
}

void
reply_is_frugal(const struct dialect *dialect, const struct event *ev, size_t n)
{
	struct reply a;
	size_t i, used = 0;

	reply_begin(&a, dialect, &(struct reply_opts){ .stream = true });
	for (i = 0; i < n; i++)
		reply_put(&a, &ev[i]);
	for (i = 0; i < 100000; i++) {
		reply_put(&a, &ev[n - 1]);
		if (i == 0)
			used = arena_used(a.arena);
		buf_reset(&a.out);
	}
	assert_int_equal(arena_used(a.arena), used);
	reply_end(&a);
}

void
reply_put_until(struct reply *a, const struct event *ev, enum event_kind last)
{
	do
		reply_put(a, ev);
	while (ev++->kind != last);
}

void
reply_fail(struct reply *a, const struct error *err)
{
	(a->enc->fail)(a->enc, err); /* fail() is a macro of cmocka */
	reply_check(a);
}

void
reply_end(struct reply *a)
{
	buf_release(&a->out);
	arena_free(a->arena);
}

void
reply_is(const struct reply *a, const char *want)
{
	assert_string_equal(a->out.p, want);
}

/* ---- random answers ---- */

static uint64_t
next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A block on its way: its text is given in pieces, then it closes. */
struct life {
	enum block_kind kind;
	struct str rest;
	bool opened, closed;
};

static void
live(uint64_t *state, struct life *l, struct event *ev)
{
	size_t n = next(state) % 7;

	if (!l->opened) {
		l->opened = true;
		ev->kind = EVENT_OPEN;
		ev->block = l->kind;
		ev->id = l->kind == BLOCK_TOOL ? STR("id_x") : STR_NONE;
		ev->name = l->kind == BLOCK_TOOL ? STR("look_up") : STR_NONE;
	} else if (l->rest.n == 0) {
		l->closed = true;
		ev->kind = EVENT_CLOSE;
	} else if (l->kind == BLOCK_REDACTED ||
	    (l->kind == BLOCK_THINKING && l->rest.n <= 3)) {
		ev->kind = EVENT_SIGNATURE;
		ev->text = l->rest;
		l->rest = STR_NONE;
	} else {
		n = n > l->rest.n ? l->rest.n : n;
		if (l->kind == BLOCK_THINKING && l->rest.n - n < 3)
			n = l->rest.n - 3;
		ev->kind = EVENT_DELTA;
		ev->text = (struct str){ l->rest.p, n };
		l->rest = str_skip(l->rest, n);
	}
}

static void
random_life(uint64_t *state, struct life *l)
{
	static const struct {
		enum block_kind kind;
		const char *text;
	} lives[] = {
		{ BLOCK_TEXT, "The quick \"brown\"\n fox" },
		{ BLOCK_TEXT, "" },
		{ BLOCK_THINKING, "let me see, hmmSIG" },
		{ BLOCK_THINKING, "SIG" },
		{ BLOCK_REDACTED, "opaque==" },
		{ BLOCK_TOOL, "{\"city\":\"Zw\\u00f6lf\",\"n\":[1,2]}" },
		{ BLOCK_TOOL, "" },
		{ BLOCK_TOOL, "{}" },
		{ BLOCK_REFUSAL, "I will not" },
	};
	size_t i = next(state) % (sizeof(lives) / sizeof(lives[0]));

	*l = (struct life){ .kind = lives[i].kind,
		.rest = str_of(lives[i].text) };
}

size_t
reply_random(uint64_t seed, struct event ev[REPLY_EVENTS])
{
	static struct usage usage;
	static const struct str stop_text = { "END", 3 };
	uint64_t state = seed * 2654435761u + 88172645463325252u;
	struct life lives[5];
	size_t n_lives = next(&state) % 6, left = n_lives, n = 0, i;

	usage_init(&usage);
	usage.tokens[USAGE_INPUT] = (int64_t)(next(&state) % 1000);
	usage.tokens[USAGE_CACHE_READ] = (int64_t)(next(&state) % 1000);
	usage.tokens[USAGE_CACHE_WRITE_30M] = (int64_t)(next(&state) % 50);
	usage.tokens[USAGE_OUTPUT] = (int64_t)(next(&state) % 1000);
	usage.tokens[USAGE_REASONING] = (int64_t)(next(&state) % 9);
	for (i = 0; i < n_lives; i++)
		random_life(&state, &lives[i]);
	memset(ev, 0, sizeof(*ev) * REPLY_EVENTS);
	ev[n++] = (struct event){ .kind = EVENT_HEAD, .wire = WIRE_GEMINI };
	ev[n++] = (struct event){ .kind = EVENT_START, .name = STR("m-1") };
	if (next(&state) % 2)
		ev[n++] =
		    (struct event){ .kind = EVENT_USAGE, .usage = &usage };
	while (left > 0 && n < REPLY_EVENTS - 8) {
		if (next(&state) % 20 == 0)
			ev[n++].kind = EVENT_PING;
		i = next(&state) % n_lives;
		if (lives[i].closed)
			continue;
		ev[n].key = (int)i;
		live(&state, &lives[i], &ev[n++]);
		left -= lives[i].closed;
	}
	for (i = 0; i < n_lives; i++) /* what did not fit must still be whole */
		if (left > 0 && lives[i].opened && lives[i].rest.n > 0)
			return reply_random(seed + 1000, ev);
	ev[n++] = (struct event){ .kind = EVENT_USAGE, .usage = &usage };
	ev[n++] = (struct event){ .kind = EVENT_STOP,
		.stop = (enum stop_reason)(next(&state) % (STOP_PAUSE + 1)),
		.text = stop_text };
	return n;
}

/* ---- fixtures ---- */

static const char *
fixtures_root(void)
{
	const char *root = getenv("SLUICE_FIXTURES");

	return root != NULL ? root : "../shared/fixtures";
}

static struct str
read_all(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf *b = buf_new(a, 64 * MIB);
	char piece[4096];
	size_t n;

	if (f == NULL)
		return STR_NONE;
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		buf_add(b, piece, n);
	fclose(f);
	return buf_str(b);
}

struct str
reply_file(struct arena *a, const char *dir, const char *name)
{
	return read_all(
	    a, arena_printf(a, "%s/%s/%s", fixtures_root(), dir, name));
}

static bool
member_is(struct str doc, const char *path, const char *raw)
{
	struct str value;

	return jtext_get(doc, path, &value) && str_is(value, raw);
}

size_t
reply_fixtures(const char *api, void (*fn)(const char *dir))
{
	struct arena *a = arena_new(512 * MIB);
	struct str index = reply_file(a, ".", "index.jsonl"), line, dir;
	const char *quoted = arena_printf(a, "\"%s\"", api);
	size_t count = 0;

	while (index.p != NULL) {
		index = str_split(index, '\n', &line);
		if (line.n == 0 || !member_is(line, "api", quoted) ||
		    !member_is(line, "status", "200") ||
		    !member_is(line, "exact", "true") ||
		    !jtext_get(line, "dir", &dir))
			continue;
		fn(str_cstr(a, jtext_string(a, dir)));
		count++;
	}
	if (count == 0)
		printf("skipped: no fixtures in %s\n", fixtures_root());
	arena_free(a);
	return count;
}
