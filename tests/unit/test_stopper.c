/* SPDX-License-Identifier: MIT */
#include "core/attempt.h"
#include "core/loop.h"
#include "core/order.h"
#include "core/stopper.h"
#include "tests/unit/provider_kit.h"

#define MAX_STOPS 3

struct stop_case {
	const char *text;
	const char *stops[MAX_STOPS];
	const char *want; /* text that passes */
	const char *stop; /* NULL: none */
};

static const struct stop_case cases[] = {
	{ "one two three", { "two" }, "one ", "two" },
	{ "one two three", { "four" }, "one two three", NULL },
	{ "two", { "two" }, "", "two" },
	{ "aaab", { "aab" }, "a", "aab" },
	{ "ababac", { "abac" }, "ab", "abac" },
	{ "ab", { "abc" }, "ab", NULL },
	/* the first to be complete wins, then the longest */
	{ "xabcd", { "abcd", "bc" }, "xa", "bc" },
	{ "xabc", { "c", "abc" }, "x", "abc" },
	{ "xabc", { "abc", "c" }, "x", "abc" },
	{ "a\nb", { "", "\n" }, "a", "\n" },
	{ "", { "a" }, "", NULL },
};

struct rig {
	struct arena *arena;
	struct kit_sink seen;
	struct stopper stopper;
	struct sink *head;
	struct error err;
};

static void
rig_init(struct rig *r, const char *const *stops)
{
	struct name *list = NULL;

	*r = (struct rig){ .seen = { .sink = { kit_put } } };
	r->arena = arena_new(KIT_BYTES);
	r->seen.text = buf_new(r->arena, KIT_BYTES);
	for (int i = 0; i < MAX_STOPS && stops[i]; i++)
		name_add(r->arena, &list, str_of(stops[i]));
	stopper_init(&r->stopper, r->arena, list, &r->seen.sink);
	r->head = order_new(r->arena, &r->stopper.sink);
}

static void
put(struct rig *r, struct event ev)
{
	assert_int_equal(sink_put(r->head, &ev, &r->err), 0);
}

static void
put_block(struct rig *r, enum block_kind kind, struct str text, size_t cut)
{
	struct str piece;

	put(r,
	    (struct event){
		.kind = EVENT_OPEN, .block = kind, .name = STR("f") });
	for (; text.n > 0; text = str_skip(text, piece.n)) {
		piece = text;
		piece.n = text.n < cut ? text.n : cut;
		put(r, (struct event){ .kind = EVENT_DELTA, .text = piece });
	}
	put(r, (struct event){ .kind = EVENT_CLOSE });
}

/* Remembers the text alone, and how it ended. */
static int
join(struct sink *s, const struct event *ev, struct error *err)
{
	struct kit_sink *k = (struct kit_sink *)(void *)s;

	(void)err;
	if (ev->kind == EVENT_DELTA)
		buf_adds(k->text, ev->text);
	if (ev->kind == EVENT_STOP)
		buf_addf(k->raws, "%d %.*s", ev->stop, STR_ARG(ev->text));
	return 0;
}

static void
text_is_cut_at_the_first_stop_string_however_it_comes(void **state)
{
	const struct stop_case *c;
	struct rig r;

	(void)state;
	for (c = cases; c < cases + COUNT(cases); c++)
		for (size_t cut = 1; cut < 14; cut++) {
			rig_init(&r, c->stops);
			r.seen.sink.put = join;
			r.seen.raws = buf_new(r.arena, KIT_BYTES);
			put_block(&r, BLOCK_TEXT, str_of(c->text), cut);
			put(&r,
			    (struct event){
				.kind = EVENT_STOP, .stop = STOP_END });
			assert_string_equal(r.seen.text->p, c->want);
			assert_string_equal(r.seen.raws->p,
			    arena_printf(r.arena, "%d %s",
				c->stop ? STOP_SEQUENCE : STOP_END,
				c->stop ? c->stop : ""));
			arena_free(r.arena);
		}
}

static void
only_text_is_searched_and_nothing_but_usage_follows(void **state)
{
	static const char *const stops[MAX_STOPS] = { "x" };
	static const struct usage usage = { .tokens = { 3 } };
	struct rig r;

	(void)state;
	rig_init(&r, stops);
	put(&r, (struct event){ .kind = EVENT_START });
	put_block(&r, BLOCK_THINKING, STR("axb"), 9);
	put_block(&r, BLOCK_TOOL, STR("axb"), 9);
	put_block(&r, BLOCK_REFUSAL, STR("axb"), 9);
	put_block(&r, BLOCK_TEXT, STR("axb"), 9);
	put_block(&r, BLOCK_TEXT, STR("more"), 9);
	put(&r, (struct event){ .kind = EVENT_PING });
	put(&r, (struct event){ .kind = EVENT_USAGE, .usage = &usage });
	put(&r, (struct event){ .kind = EVENT_STOP, .stop = STOP_TOOL });
	assert_string_equal(r.seen.text->p,
	    "start  \nopen 0 thinking\n0 axb\nclose 0\nopen 0 tool  f\n0 axb\n"
	    "close 0\nopen 0 refusal\n0 axb\nclose 0\nopen 0 text\n0 a\n"
	    "close 0\nstop sequence x\nusage input=3\n");
	arena_free(r.arena);
}

static void
what_may_begin_a_stop_string_is_held_back_no_longer_than_needed(void **state)
{
	static const char *const stops[MAX_STOPS] = { "\n\nHuman:" };
	struct rig r;

	(void)state;
	rig_init(&r, stops);
	put(&r, (struct event){ .kind = EVENT_OPEN, .block = BLOCK_TEXT });
	put(&r, (struct event){ .kind = EVENT_DELTA, .text = STR("a\n") });
	assert_string_equal(r.seen.text->p, "open 0 text\n0 a\n");
	put(&r, (struct event){ .kind = EVENT_DELTA, .text = STR("\nHu") });
	assert_string_equal(r.seen.text->p, "open 0 text\n0 a\n");
	put(&r, (struct event){ .kind = EVENT_DELTA, .text = STR("b") });
	assert_string_equal(r.seen.text->p, "open 0 text\n0 a\n0 \n\nHub\n");
	arena_free(r.arena);
}

/* ---- a whole attempt ---- */

struct run {
	struct sink *out;
	bool ended;
};

static struct sink *
content(void *arg, struct error *err)
{
	(void)err;
	return ((struct run *)arg)->out;
}

static void
progress(void *arg)
{
	(void)arg;
}

static void
ended(void *arg)
{
	((struct run *)arg)->ended = true;
}

static void
an_attempt_ends_well_at_a_stop_string_and_cancels_the_rest(void **state)
{
	static const struct attempt_events events = { content, progress,
		ended };
	struct attempt_engine engine = { .limits = { 1000, 1000, 1000, 1000 } };
	struct kit_sink seen = { .sink = { kit_put } };
	struct run run = { &seen.sink, false };
	struct attempt *at;
	struct kit k;

	(void)state;
	kit_init(&k, &provider_echo, "");
	/* it would hang: only a cancel ends it */
	k.target.model = STR("slow-60000ms");
	kit_chat(&k,
	    "{\"stop\":[\": \"],\"turns\":[{\"role\":\"user\",\"parts\":[{"
	    "\"kind\":\"text\",\"text\":\"one two\"}]}]}");
	seen.text = buf_new(k.arena, KIT_BYTES);
	engine.loop = loop_new(&k.err);
	engine.upstream = upstream_new(engine.loop);
	at = attempt_prepare(k.arena, &k.ask, &k.target, &k.err);
	assert_non_null(at);
	attempt_start(at, &engine, &events, &run);
	while (!run.ended)
		loop_turn(engine.loop, 1000000);
	assert_int_equal(at->err.kind, ERROR_NONE);
	assert_int_equal(at->meter.stop, STOP_SEQUENCE);
	assert_int_equal(at->meter.usage.source, USAGE_ESTIMATED);
	assert_true(usage_total_output(&at->meter.usage) > 0);
	assert_non_null(strstr(seen.text->p,
	    "0 echo\nclose 0\n"
	    "stop sequence : \nusage "));
	upstream_free(engine.upstream);
	loop_free(engine.loop);
	kit_release(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    text_is_cut_at_the_first_stop_string_however_it_comes),
		cmocka_unit_test(
		    only_text_is_searched_and_nothing_but_usage_follows),
		cmocka_unit_test(
		    what_may_begin_a_stop_string_is_held_back_no_longer_than_needed),
		cmocka_unit_test(
		    an_attempt_ends_well_at_a_stop_string_and_cancels_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
