/* SPDX-License-Identifier: MIT */
/*
 * Full fidelity: every recorded request of a client's format goes to every
 * provider's format, every recorded answer of a provider comes to every
 * client, and what arrives says the same as what was sent.  What differs is a
 * loss that was declared, or what wire.md says it becomes: the tables below.
 * $SLUICE_FIXTURES is the folder; without it the tests are skipped.
 */
#include "provider_kit.h"

#include "core/fold.h"
#include "core/jtext.h"
#include "core/order.h"
#include "core/usage.h"
#include "fcgi/dialect.h"
#include "tests/unit/grammar.h"
#include "tests/unit/projection.h"
#include "tests/unit/wires.h"

/* One crossing, and what became of all that went over it. */
struct tally {
	int same, declared, refused, failed;
};
static struct tally requests[WIRES_CLIENTS][WIRES];
static struct tally answers[WIRES_CLIENTS][WIRES];
static int failures;

/* A line that may differ.  Prefixes; NULL: any. */
struct excuse {
	const char *line;
	const char *losses; /* one of these must be declared; NULL: the
			     * meaning arrives, in another form */
	unsigned to;        /* formats, bits; 0: all */
};

#define TO(wire_) (1u << (wire_))

/* Said by the client and not found at the provider. */
static const struct excuse lost_in_requests[] = {
	{ "thinking", "thinking", 0 },
	{ "cache marks", "cache_control|prompt_cache_breakpoint", 0 },
	{ "detail ", "detail", 0 },
	{ "seed ", "seed", 0 },
	{ "is_error ", "is_error", 0 },
	{ "result ", "is_error", 0 }, /* "Error: " before the words */
	{ "max_tokens ", "max_tokens", 0 },
	/* wire.md §7.1: the nearest that there is */
	{ "effort ", NULL, TO(WIRE_GEMINI) | TO(WIRE_ANTHROPIC) },
	/* asked for in words */
	{ "output ", "response_format", 0 },
	{ "system ", "response_format", 0 },
};

/* Not said by the client. */
static const struct excuse gained_in_requests[] = {
	{ "max_tokens ", NULL, TO(WIRE_ANTHROPIC) }, /* must be there */
	{ "max_tokens ", "max_tokens", 0 },
	{ "result ", "is_error", 0 },
	{ "effort ", NULL, 0 },               /* of a budget, wire.md §7.1 */
	{ "reasons", NULL, TO(WIRE_GEMINI) }, /* as little as there is */
	{ "user .", NULL, TO(WIRE_GEMINI) | TO(WIRE_ANTHROPIC) },
	{ "system ", "response_format", 0 },
};

static bool
is_declared(const struct chat *chat, const char *losses)
{
	const struct name *l;

	for (l = chat ? chat->losses : NULL; l; l = l->next) {
		struct str rest = str_of(losses), word;

		while (rest.p) {
			rest = str_split(rest, '|', &word);
			if (str_find(l->s, word) >= 0)
				return true;
		}
	}
	return false;
}

static bool
is_excused(struct str line, const struct excuse *e, size_t n,
    const struct chat *chat, enum wire to)
{
	for (size_t i = 0; i < n; i++)
		if (str_starts(line, e[i].line) &&
		    (e[i].to == 0 || (e[i].to & TO(to))) &&
		    (!e[i].losses || is_declared(chat, e[i].losses)))
			return true;
	return false;
}

static void
complain(const char *dir, const char *from, const char *to, const char *what,
    struct str line)
{
	failures++;
	print_message("%s: %s to %s %s: %.*s\n", dir, from, to, what,
	    line.n > 300 ? 300 : STR_ARG(line));
}

/* ---- requests ---- */

/* One translation: what was said, what arrived. */
struct crossing {
	struct kit kit;
	const char *dir;
	const struct wire_format *from, *to;
	struct facts said, heard;
	struct facts_diff diff;
};

/* A model that can do everything: what it cannot is another test's matter. */
static void
crossing_init(struct crossing *x, const char *dir,
    const struct wire_format *from, const struct wire_format *to)
{
	kit_init(&x->kit, to->provider, "http://x/v1");
	x->dir = dir;
	x->from = from;
	x->to = to;
	x->kit.target.model = str_of(to->model);
	x->kit.target.facts = &x->kit.facts;
	x->kit.facts.can = ~(unsigned)(MODEL_RESPONSES_ONLY | MODEL_BUDGET);
	x->kit.facts.efforts = ~0u;
	x->kit.facts.output = 128000;
	x->kit.ask.wire = from->provider->wire;
	x->kit.ask.model = STR("asked");
	if (from->dialect)
		x->kit.ask.decode = from->dialect->decode;
}

static struct chat *
read_request(struct arena *a, const struct wire_format *f, struct str body,
    struct error *err)
{
	struct chat *chat = ARENA_NEW(a, struct chat);
	int rc;

	chat->arena = a;
	chat->dialect = f->provider->wire;
	rc = f->dialect ? f->dialect->decode(a, body, chat, err)
			: gemini_read(a, body, chat, err);
	return rc == 0 ? chat : NULL;
}

static bool
check_diff(struct crossing *x, const struct excuse *lost, size_t n_lost,
    const struct excuse *gained, size_t n_gained)
{
	const struct chat *chat = x->kit.ask.chat;
	enum wire to = x->to->provider->wire;
	int before = failures;

	facts_compare(&x->said, &x->heard, &x->diff);
	for (size_t i = 0; i < x->diff.n_lost; i++)
		if (!is_excused(x->diff.lost[i], lost, n_lost, chat, to))
			complain(x->dir, x->from->name, x->to->name, "lost",
			    x->diff.lost[i]);
	for (size_t i = 0; i < x->diff.n_gained; i++)
		if (!is_excused(x->diff.gained[i], gained, n_gained, chat, to))
			complain(x->dir, x->from->name, x->to->name, "gained",
			    x->diff.gained[i]);
	return failures == before;
}

static void
cross_request(struct crossing *x, struct str body, struct tally *t)
{
	struct kit *k = &x->kit;
	enum wire to = x->to->provider->wire;
	struct chat *said, *heard;
	struct str stream;

	k->ask.body = body;
	k->ask.stream =
	    jtext_get(body, "stream", &stream) && str_is(stream, "true");
	said = ask_chat(&k->ask, &k->err);
	if (x->from == x->to && !said) {
		error_clear(&k->err); /* what sluice cannot read passes, too */
		t->same++;
		assert_int_equal(kit_prepare(k), 0);
		return;
	}
	if (!said || kit_prepare(k) != 0) {
		t->refused++;
		if (getenv("MATRIX_SHOW"))
			print_message("REF %s->%s %s: %s\n", x->from->name,
			    x->to->name, x->dir, k->err.msg);
		if (k->err.kind != ERROR_BAD_REQUEST || k->err.param[0] == 0)
			complain(x->dir, x->from->name, x->to->name,
			    "refused without a path", str_of(k->err.msg));
		return;
	}
	heard = read_request(k->arena, x->to, k->request.body, &k->err);
	if (!heard) {
		t->failed++;
		complain(x->dir, x->from->name, x->to->name, "wrote nonsense",
		    str_of(k->err.msg));
		return;
	}
	facts_of_chat(&x->said, k->arena, said, to);
	facts_of_chat(&x->heard, k->arena, heard, to);
	if (!check_diff(x, lost_in_requests, KIT_N(lost_in_requests),
		gained_in_requests, KIT_N(gained_in_requests)))
		t->failed++;
	else if (said->losses)
		t->declared++;
	else
		t->same++;
}

static void
request_everywhere(
    void *arg, const char *dir, int from, const struct jnode *row)
{
	static struct crossing x; /* large */
	struct str body;

	(void)arg;
	(void)row;
	for (int to = 0; from < WIRES_CLIENTS && to < WIRES; to++) {
		crossing_init(&x, dir, &wires[from], &wires[to]);
		body = wires_request(x.kit.arena, dir);
		if (body.p)
			cross_request(&x, body, &requests[from][to]);
		kit_release(&x.kit);
	}
}

static void
print_tally(const char *what, struct tally t[WIRES_CLIENTS][WIRES], bool back)
{
	for (int c = 0; c < WIRES_CLIENTS; c++)
		for (int p = 0; p < WIRES; p++)
			print_message("%s %-9s %s %-9s %3d same, %3d with "
				      "declared losses, %3d refused, %d "
				      "failed\n",
			    what, wires[c].name, back ? "<-" : "->",
			    wires[p].name, t[c][p].same, t[c][p].declared,
			    t[c][p].refused, t[c][p].failed);
}

static void
a_request_says_the_same_to_every_provider(void **state)
{
	(void)state;
	failures = 0;
	if (wires_each(request_everywhere, NULL) == 0)
		skip();
	print_tally("request", requests, false);
	assert_int_equal(failures, 0);
}

/* ---- one case in several dialects ---- */

/* Folder "case__dialect__request-NN": the case, and which request of it. */
static bool
lingua_case(struct str dir, struct str *name, bool *first)
{
	struct str rest = dir, word = STR_NONE;
	long end;

	if (!str_starts(dir, "braintrustdata+lingua/"))
		return false;
	while (rest.p)
		rest = str_split(rest, '/', &word);
	end = str_find(word, STR("__"));
	*name = (struct str){ word.p, end < 0 ? 0 : (size_t)end };
	/* 00 and 01 ask, whole and streamed; 02 and 03 have the answer in
	 * their history, which is each provider's own */
	*first = str_find(word, STR("request-00")) >= 0 ||
	    str_find(word, STR("request-01")) >= 0;
	return end > 0;
}

/*
 * What two writers of one case agree on: who says what, what is called with
 * what, and what came of it.  Limits, media and models are their own choice.
 */
static void
essence(struct facts *f)
{
	static const char *const kinds[] = { "system ", "user ", "call ",
		"result ", "tool " };
	size_t n = 0, i, k;

	for (i = 0; i < f->n; i++)
		for (k = 0; k < KIT_N(kinds); k++)
			if (str_starts(f->line[i], kinds[k]) &&
			    str_find(f->line[i], STR("user image")) != 0)
				f->line[n++] = f->line[i];
	f->n = n;
}

static struct tally lingua[WIRES_CLIENTS][WIRES];
static struct str lingua_name, lingua_dir;
static int lingua_from;

/* ${dir} is the same case, as an expert wrote it for ${to}. */
static void
lingua_compare(void *arg, const char *dir, int to, const struct jnode *row)
{
	static struct crossing x;
	struct str name, body;
	struct chat *heard = NULL, *expert;
	bool first;

	(void)arg;
	(void)row;
	if (to == lingua_from || !lingua_case(str_of(dir), &name, &first) ||
	    !first || !str_eq(name, lingua_name))
		return;
	crossing_init(&x, dir, &wires[lingua_from], &wires[to]);
	x.kit.ask.body =
	    wires_request(x.kit.arena, str_cstr(x.kit.arena, lingua_dir));
	body = wires_request(x.kit.arena, dir);
	expert = read_request(x.kit.arena, x.to, body, &x.kit.err);
	error_clear(&x.kit.err);
	if (expert && kit_prepare(&x.kit) == 0)
		heard = read_request(
		    x.kit.arena, x.to, x.kit.request.body, &x.kit.err);
	if (!heard) { /* a hosted tool: refused by name */
		lingua[lingua_from][to].refused++;
		kit_release(&x.kit);
		return;
	}
	facts_of_chat(&x.said, x.kit.arena, expert, x.to->provider->wire);
	facts_of_chat(&x.heard, x.kit.arena, heard, x.to->provider->wire);
	essence(&x.said);
	essence(&x.heard);
	if (check_diff(&x, NULL, 0, NULL, 0))
		lingua[lingua_from][to].same++;
	else
		lingua[lingua_from][to].failed++;
	kit_release(&x.kit);
}

static void
lingua_everywhere(void *arg, const char *dir, int from, const struct jnode *row)
{
	bool first;

	(void)arg;
	(void)row;
	if (from >= WIRES_CLIENTS ||
	    !lingua_case(str_of(dir), &lingua_name, &first) || !first)
		return;
	lingua_dir = str_of(dir);
	lingua_from = from;
	(void)wires_each(lingua_compare, NULL);
}

static void
a_case_is_translated_as_experts_wrote_it(void **state)
{
	(void)state;
	failures = 0;
	if (wires_each(lingua_everywhere, NULL) == 0)
		skip();
	print_tally("lingua ", lingua, false);
	assert_int_equal(failures, 0);
}

/* ---- answers ---- */

static const struct excuse lost_in_answers[] = {
	{ "-", NULL, 0 },
};

static const struct excuse gained_in_answers[] = {
	{ "-", NULL, 0 },
};

/* The answer ${body} of ${x->from} as a client of ${x->to} gets it. */
static struct str
encode_answer(struct crossing *x, struct str body, bool stream)
{
	static struct buf out;
	struct arena *a = x->kit.arena;
	struct receipt receipt = { .answered = STR("p/m"), .attempts = 1 };
	struct encode_opts opts = { .ask = &x->kit.ask,
		.call_id = "call_01",
		.created_s = 1700000000,
		.out = &out };
	struct encoder *enc;
	struct chat *chat = ARENA_NEW(a, struct chat);
	struct str copy;

	chat->arena = a;
	x->kit.ask.chat = chat;
	x->kit.ask.wire = x->to->provider->wire;
	x->kit.ask.stream = x->kit.ask.include_usage = stream;
	buf_init(&out, KIT_BYTES);
	enc = x->to->dialect->encoder_new(a, &opts);
	if (wires_decode(a, x->from, body, &x->kit.ask,
		order_new(a, &enc->sink), &x->kit.err) != 0 ||
	    enc->finish(enc, &receipt, &x->kit.err) != 0) {
		buf_release(&out);
		return STR_NONE;
	}
	copy = str_dup(a, buf_str(&out));
	buf_release(&out);
	return copy;
}

static bool
cross_answer(
    struct crossing *x, struct str body, const struct fold *said, bool stream)
{
	struct arena *a = x->kit.arena;
	enum wire to = x->to->provider->wire;
	const char *how = stream ? "stream" : "whole";
	struct str bytes = encode_answer(x, body, stream);
	struct fold heard;
	char why[256];

	if (!bytes.p) {
		complain(x->dir, x->from->name, x->to->name, how,
		    str_of(x->kit.err.msg));
		return false;
	}
	if (stream && to != x->from->provider->wire &&
	    grammar_check(to, bytes, why, sizeof(why)) != 0) {
		complain(x->dir, x->from->name, x->to->name, how, str_of(why));
		return false;
	}
	if (wires_fold(a, x->to, bytes, &heard, &x->kit.err) != 0) {
		complain(x->dir, x->from->name, x->to->name, how,
		    str_of(x->kit.err.msg));
		return false;
	}
	facts_of_answer(&x->said, a, said, to);
	facts_of_answer(&x->heard, a, &heard, to);
	return check_diff(x, lost_in_answers, KIT_N(lost_in_answers),
	    gained_in_answers, KIT_N(gained_in_answers));
}

static void
answer_everywhere(void *arg, const char *dir, int from, const struct jnode *row)
{
	static struct crossing x;
	struct arena *a = arena_new(KIT_BYTES);
	struct str body = wires_answer(a, dir, row);
	struct fold said;
	struct error err = { 0 };
	bool ok;

	(void)arg;
	if (!body.p) {
		arena_free(a);
		return;
	}
	ok = wires_fold(a, &wires[from], body, &said, &err) == 0;
	for (int to = 0; to < WIRES_CLIENTS; to++) {
		struct tally *t = &answers[to][from];

		if (!ok) { /* an error in a 200: test_cuts sees to those */
			t->refused++;
			continue;
		}
		crossing_init(&x, dir, &wires[from], &wires[to]);
		ok = cross_answer(&x, body, &said, true);
		kit_release(&x.kit);
		crossing_init(&x, dir, &wires[from], &wires[to]);
		ok &= cross_answer(&x, body, &said, false);
		kit_release(&x.kit);
		if (ok)
			t->same++;
		else
			t->failed++;
		ok = true;
	}
	arena_free(a);
}

static void
an_answer_says_the_same_to_every_client(void **state)
{
	(void)state;
	failures = 0;
	if (wires_each(answer_everywhere, NULL) == 0)
		skip();
	print_tally("answer ", answers, true);
	assert_int_equal(failures, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_says_the_same_to_every_provider),
		cmocka_unit_test(a_case_is_translated_as_experts_wrote_it),
		cmocka_unit_test(an_answer_says_the_same_to_every_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
