/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/event.h"
#include "core/order.h"
#include "tests/unit/unit.h"

#define MIB ((size_t)1 << 20)

/*
 * Events as text, one word each: "o1" opens block 1, "d1:abc" is a delta,
 * "s1:abc" a signature, "c1" closes; H(ead), B(egin), U(sage), P(ing),
 * F(rame) and E(nd, STOP) stand alone.
 */
struct recorder {
	struct sink sink;
	struct buf out;
	size_t bytes;
	bool quiet;     /* count only */
	bool fail_next; /* refuse the next event */
};

static const struct {
	char letter;
	enum event_kind kind;
} letters[] = {
	{ 'o', EVENT_OPEN },
	{ 'd', EVENT_DELTA },
	{ 's', EVENT_SIGNATURE },
	{ 'c', EVENT_CLOSE },
	{ 'H', EVENT_HEAD },
	{ 'B', EVENT_START },
	{ 'U', EVENT_USAGE },
	{ 'P', EVENT_PING },
	{ 'F', EVENT_FRAME },
	{ 'E', EVENT_STOP },
};

static char
letter_of(enum event_kind kind)
{
	size_t i;

	for (i = 0; i < COUNT(letters); i++)
		if (letters[i].kind == kind)
			return letters[i].letter;
	return '?';
}

static enum event_kind
kind_of(char letter)
{
	size_t i;

	for (i = 0; i < COUNT(letters); i++)
		if (letters[i].letter == letter)
			return letters[i].kind;
	fail_msg("no event %c", letter);
	return EVENT_PING;
}

static int
record(struct sink *s, const struct event *ev, struct error *err)
{
	struct recorder *r = (struct recorder *)s;

	r->bytes += ev->text.n;
	if (r->fail_next)
		return error_set(err, ERROR_CLIENT_GONE, "gone");
	if (r->quiet)
		return 0;
	if (r->out.n > 0)
		buf_addch(&r->out, ' ');
	buf_addch(&r->out, letter_of(ev->kind));
	if (strchr("odsc", letter_of(ev->kind)) != NULL)
		buf_addf(&r->out, "%d", ev->key);
	if (ev->id.n + ev->name.n > 0)
		buf_addf(
		    &r->out, "(%.*s,%.*s)", STR_ARG(ev->id), STR_ARG(ev->name));
	if (ev->text.p != NULL)
		buf_addf(&r->out, ":%.*s", STR_ARG(ev->text));
	return 0;
}

/* One test's chain. */
struct chain {
	struct arena *arena;
	struct recorder rec;
	struct sink *order;
	struct error err;
};

static void
chain_init(struct chain *c)
{
	*c = (struct chain){ .arena = arena_new(4 * MIB) };
	c->rec.sink.put = record;
	buf_init(&c->rec.out, 4 * MIB);
	c->order = order_new(c->arena, &c->rec.sink);
}

static void
chain_end(struct chain *c)
{
	buf_release(&c->rec.out);
	arena_free(c->arena);
}

static int
put(struct chain *c, struct event ev)
{
	return sink_put(c->order, &ev, &c->err);
}

/* Puts one word of the notation above. */
static int
put_word(struct chain *c, struct str word)
{
	struct event ev = { .kind = kind_of(word.p[0]) };
	struct str key;
	int64_t n;

	ev.text = str_split(str_skip(word, 1), ':', &key);
	if (key.n > 0) {
		assert_int_equal(str_i64(key, 0, 9999, &n), 0);
		ev.key = (int)n;
	}
	return put(c, ev);
}

/* Puts all words; -1 at the first that is refused. */
static int
put_words(struct chain *c, const char *words)
{
	struct str rest = str_of(words), word;

	while (rest.n > 0) {
		rest = str_split(rest, ' ', &word);
		if (put_word(c, word) != 0)
			return -1;
	}
	return 0;
}

static void
blocks_come_out_one_after_the_other(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		/* nothing to order */
		{ "H B o0 d0:a d0:b c0 U E", "H B o0 d0:a d0:b c0 U E" },
		{ "E", "E" },
		/* a block left open is closed before the end */
		{ "o0 d0:a E", "o0 d0:a c0 E" },
		{ "o0 o1 d1:x E", "o0 c0 o1 d1:x c1 E" },
		/* the second block waits, then streams */
		{ "o0 d0:a o1 d1:x d0:b d1:y c0 d1:z c1 E",
		    "o0 d0:a d0:b c0 o1 d1:xy d1:z c1 E" },
		/* closed while it waited */
		{ "o0 o1 d1:x c1 d0:a c0 E", "o0 d0:a c0 o1 d1:x c1 E" },
		{ "o0 o1 o2 d2:y c2 d1:x c1 c0 E",
		    "o0 c0 o1 d1:x c1 o2 d2:y c2 E" },
		{ "o0 o1 o2 d2:y c2 d1:x c0 d1:z c1 E",
		    "o0 c0 o1 d1:x d1:z c1 o2 d2:y c2 E" },
		/* a key that is used again is another block */
		{ "o0 d0:a c0 o0 d0:b c0 E", "o0 d0:a c0 o0 d0:b c0 E" },
		{ "o0 o1 d1:x c1 o1 d1:y c1 E",
		    "o0 c0 o1 d1:x c1 o1 d1:y c1 E" },
		/* signatures, in pieces */
		{ "o0 d0:a s0:S c0 E", "o0 d0:a s0:S c0 E" },
		{ "o0 o1 d1:t s1:S s1:T c1 c0 E", "o0 c0 o1 d1:t s1:ST c1 E" },
		/* what passes at once */
		{ "H B o0 o1 d1:x P U F:raw E U F:end",
		    "H B o0 P U F:raw c0 o1 d1:x c1 E U F:end" },
		/* one start, one end; a needless close hurts nobody */
		{ "B B o0 c0 c0 c7 E E c0", "B o0 c0 E" },
	};
	struct chain c;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		chain_init(&c);
		assert_int_equal(put_words(&c, cases[i].in), 0);
		assert_string_equal(c.rec.out.p, cases[i].out);
		chain_end(&c);
	}
}

static void
what_breaks_the_grammar_is_refused(void **state)
{
	static const char *const cases[] = {
		"d0:a",
		"o0 d1:a",
		"o0 c0 d0:a",
		"o0 o1 c1 d1:a",
		"o0 s1:a",
		"o0 o0",
		"o0 o1 o1",
		"o0 E d0:a",
		"E o0",
	};
	struct chain c;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		chain_init(&c);
		assert_int_equal(put_words(&c, cases[i]), -1);
		assert_int_equal(c.err.kind, ERROR_UP_BROKEN);
		chain_end(&c);
	}
}

static void
a_block_that_waited_keeps_its_kind_id_and_name(void **state)
{
	char id[] = "call_1", name[] = "weather";
	struct chain c;

	(void)state;
	chain_init(&c);
	put_words(&c, "o0");
	put(&c,
	    (struct event){ .kind = EVENT_OPEN,
		.block = BLOCK_TOOL,
		.key = 1,
		.id = str_of(id),
		.name = str_of(name) });
	memset(id, 'x', sizeof(id) - 1); /* valid during the call only */
	memset(name, 'x', sizeof(name) - 1);
	put_words(&c, "d1:{} c0 E");
	assert_string_equal(c.rec.out.p, "o0 c0 o1(call_1,weather) d1:{} c1 E");
	chain_end(&c);
}

static void
an_error_of_the_next_sink_comes_back(void **state)
{
	static const char *const cases[] = { "o0", "B", "E" };
	struct chain c;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		chain_init(&c);
		c.rec.fail_next = true;
		assert_int_equal(put_words(&c, cases[i]), -1);
		assert_int_equal(c.err.kind, ERROR_CLIENT_GONE);
		chain_end(&c);
	}
}

static void
waiting_text_has_a_ceiling(void **state)
{
	static char mib[1 << 20];
	struct event delta = {
		.kind = EVENT_DELTA, .key = 1, .text = { mib, sizeof(mib) }
	};
	struct chain c;
	unsigned i;

	(void)state;
	chain_init(&c);
	c.rec.quiet = true;
	put_words(&c, "o0 o1 o2");
	for (i = 0; i < ORDER_MAX_BYTES / sizeof(mib); i++) {
		delta.key = 1 + (int)i % 2;
		assert_int_equal(put(&c, delta), 0);
	}
	delta.text.n = 1;
	assert_int_equal(put(&c, delta), -1);
	assert_int_equal(c.err.kind, ERROR_UP_BROKEN);
	/* the streaming block needs no memory, and waiting text leaves it */
	error_clear(&c.err);
	delta.key = 0;
	assert_int_equal(put(&c, delta), 0);
	assert_int_equal(put_words(&c, "c0 d2:x"), 0);
	assert_int_equal(put_words(&c, "E"), 0);
	assert_int_equal(c.rec.bytes, ORDER_MAX_BYTES + 2);
	chain_end(&c);
}

static void
open_blocks_have_a_ceiling(void **state)
{
	struct event open = { .kind = EVENT_OPEN };
	struct chain c;

	(void)state;
	chain_init(&c);
	for (open.key = 0; open.key < ORDER_MAX_OPEN; open.key++)
		assert_int_equal(put(&c, open), 0);
	assert_int_equal(put(&c, open), -1);
	assert_int_equal(c.err.kind, ERROR_UP_BROKEN);
	error_clear(&c.err);
	assert_int_equal(put_words(&c, "c0 o300 E"), 0);
	chain_end(&c);
}

static void
a_hundred_thousand_events_leave_memory_flat(void **state)
{
	struct chain c;
	size_t used = 0;
	int i;

	(void)state;
	chain_init(&c);
	c.rec.quiet = true;
	for (i = 0; i < 100000; i++) {
		/* a block of 100 deltas beside one that waits */
		if (i % 100 == 0)
			assert_int_equal(put_words(&c, "o0 o1"), 0);
		assert_int_equal(put_words(&c, "d0:token d1:args"), 0);
		if (i % 100 == 99)
			assert_int_equal(put_words(&c, "c0 c1"), 0);
		if (i == 1000)
			used = arena_used(c.arena);
	}
	assert_int_equal(arena_used(c.arena), used);
	assert_true(used < 4096);
	assert_int_equal(c.rec.bytes, 100000 * 9);
	chain_end(&c);
}

/* Random interleavings: what each block gets, and in which order. */
#define KEYS 6

static void
interleave(struct chain *c, unsigned short seed[3], struct buf *want)
{
	bool open[KEYS] = { false }, used[KEYS] = { false };
	char word[8] = "x0:a";
	int step, key;

	for (step = 0; step < 200; step++) {
		key = (int)(nrand48(seed) % KEYS);
		word[1] = (char)('0' + key);
		word[2] = '\0';
		word[0] = open[key] ? 'd' : 'o';
		if (open[key] && nrand48(seed) % 20 == 0)
			word[0] = 'c';
		if (used[key] && !open[key])
			continue;
		open[key] = used[key] = word[0] != 'c';
		used[key] = true;
		if (word[0] == 'd') {
			word[2] = ':';
			word[3] = (char)('a' + nrand48(seed) % 26);
			buf_addch(&want[key], word[3]);
		}
		assert_int_equal(put_words(c, word), 0);
	}
	assert_int_equal(put_words(c, "E"), 0);
}

/* Reads the recorded words back; each block must be whole when it ends. */
static void
check_order(struct str out, const struct buf *want)
{
	struct buf got;
	struct str word;
	char open = '\0';

	buf_init(&got, MIB);
	for (; out.n > 0 && out.p[0] != 'E';) {
		out = str_split(out, ' ', &word);
		switch (word.p[0]) {
		case 'o':
			assert_int_equal(open, '\0');
			open = word.p[1];
			buf_reset(&got);
			break;
		case 'd':
			assert_int_equal(word.p[1], open);
			buf_adds(&got, str_skip(word, 3));
			break;
		default:
			assert_int_equal(word.p[1], open);
			assert_string_equal(got.p, want[open - '0'].p);
			open = '\0';
		}
	}
	assert_true(str_is(out, "E") && open == '\0');
	buf_release(&got);
}

static void
any_interleaving_comes_out_sequential_and_whole(void **state)
{
	unsigned short seed[3] = { 20, 26, 11 };
	struct buf want[KEYS];
	struct chain c;
	int round, k;

	(void)state;
	for (round = 0; round < 500; round++) {
		chain_init(&c);
		for (k = 0; k < KEYS; k++)
			buf_init(&want[k], MIB);
		interleave(&c, seed, want);
		check_order(buf_str(&c.rec.out), want);
		for (k = 0; k < KEYS; k++)
			buf_release(&want[k]);
		chain_end(&c);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_come_out_one_after_the_other),
		cmocka_unit_test(what_breaks_the_grammar_is_refused),
		cmocka_unit_test(
		    a_block_that_waited_keeps_its_kind_id_and_name),
		cmocka_unit_test(an_error_of_the_next_sink_comes_back),
		cmocka_unit_test(waiting_text_has_a_ceiling),
		cmocka_unit_test(open_blocks_have_a_ceiling),
		cmocka_unit_test(a_hundred_thousand_events_leave_memory_flat),
		cmocka_unit_test(
		    any_interleaving_comes_out_sequential_and_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
