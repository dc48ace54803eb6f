/* SPDX-License-Identifier: MIT */
/*
 * Full fidelity: every recorded request of a client's format goes to every
 * provider's format, every recorded answer of a provider comes to every
 * client, and what arrives says the same as what was sent.  What differs is a
 * loss that was declared, or what wire.md says it becomes: the tables below.
 * A request with one thing wrong does the same, or is refused with its path.
 * $SLUICE_FIXTURES is the folder; without it the tests are skipped.
 */
#include <string.h>

#include "core/arena.h"
#include "core/chat.h"
#include "core/error.h"
#include "core/fold.h"
#include "core/grammar.h"
#include "core/provider.h"
#include "tests/unit/mutate.h"
#include "tests/unit/projection.h"
#include "tests/unit/unit.h"
#include "tests/unit/wires.h"

#define MAX_BYTES ((size_t)256 << 20)

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
	{ "description ", "tools.format", 0 }, /* with the grammar behind it */
	{ "strict ", "tools.strict", 0 },
	{ "schema_strict", "json_schema.strict", 0 },
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
	{ "description ", "tools.format", 0 },
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

/* ---- requests ---- */

/* One translation: what was said, what arrived. */
struct crossing {
	struct arena *arena;
	const char *dir;
	struct wires_way way;
	bool is_damaged;
	const struct chat *chat; /* with the losses; NULL: no request */
	struct facts said, heard;
	struct facts_diff diff;
	struct error err;
};

static void
crossing_init(struct crossing *x, const char *dir, int from, int to)
{
	x->arena = arena_new(MAX_BYTES);
	x->dir = dir;
	x->way = (struct wires_way){ &wires[from], &wires[to], false };
	x->chat = NULL;
	error_clear(&x->err);
}

static enum wire
target(const struct crossing *x)
{
	return x->way.to->provider->wire;
}

static bool
complain(const struct crossing *x, const char *what, struct str line)
{
	failures++;
	print_message("%s: %s to %s %s: %.*s\n", x->dir, x->way.from->name,
	    x->way.to->name, what, line.n > 300 ? 300 : (int)line.n, line.p);
	return false;
}

/* Of requests with one thing wrong, on top. */
static const struct excuse lost_by_damage[] = {
	/* Responses has each tool once; others have fewer letters */
	{ "tool ", NULL, 0 },
	{ "schema ", NULL, 0 }, /* with its type behind it */
	{ "schema_strict", NULL, TO(WIRE_OPENAI_RESPONSES) }, /* of none */
	{ "strict ", NULL, TO(WIRE_OPENAI_RESPONSES) },
	{ "call ", NULL, TO(WIRE_GEMINI) | TO(WIRE_ANTHROPIC) }, /* _raw */
	/* the same block twice: without a blank between */
	{ "assistant ", NULL, TO(WIRE_OPENAI_CHAT) },
	/* a second result of one call, with an image */
	{ "result ", NULL, TO(WIRE_OPENAI_CHAT) },
	{ "description ", NULL, TO(WIRE_OPENAI_RESPONSES) },
	{ "strict calls", NULL, TO(WIRE_GEMINI) }, /* of no tools */
	{ "tool_choice 2", NULL, 0 },              /* the same */
	{ "tool_choice ", "tool_choice", 0 }, { "named ", "tool_choice", 0 },
	{ "service_tier", NULL, 0 }, /* "" */
};
static const struct excuse gained_by_damage[] = {
	{ "result #", NULL, 0 }, /* none came: wire.md, section 9 */
	{ "user Attached to", NULL, TO(WIRE_OPENAI_CHAT) },
	{ "assistant ", NULL, TO(WIRE_OPENAI_CHAT) },
	{ "user image", NULL, TO(WIRE_OPENAI_CHAT) },
	{ "call ", NULL, TO(WIRE_GEMINI) | TO(WIRE_ANTHROPIC) },
	{ "schema ", NULL, 0 },
	{ "tool_choice 2", NULL, 0 },
	{ "tool ", NULL, 0 },
};

/* A list of excuses. */
struct excuses {
	const struct excuse *list;
	size_t n;
};

#define EXCUSES(list_)                                                         \
	(struct excuses)                                                       \
	{                                                                      \
		(list_), COUNT(list_)                                          \
	}

static bool
may_differ(const struct crossing *x, struct str line, struct excuses always,
    struct excuses damage)
{
	return is_excused(line, always.list, always.n, x->chat, target(x)) ||
	    (x->is_damaged &&
		is_excused(line, damage.list, damage.n, x->chat, target(x)));
}

static bool
check_diff(struct crossing *x, struct excuses lost, struct excuses gained)
{
	int before = failures;
	size_t i;

	facts_compare(&x->said, &x->heard, &x->diff);
	for (i = 0; i < x->diff.n_lost; i++)
		if (!may_differ(
			x, x->diff.lost[i], lost, EXCUSES(lost_by_damage)))
			complain(x, "lost", x->diff.lost[i]);
	for (i = 0; i < x->diff.n_gained; i++)
		if (!may_differ(x, x->diff.gained[i], gained,
			EXCUSES(gained_by_damage)))
			complain(x, "gained", x->diff.gained[i]);
	return failures == before;
}

static bool
check_arrived(struct crossing *x, const struct wires_sent *sent)
{
	const struct chat *heard =
	    wires_chat(x->arena, x->way.to, sent->body, &x->err);

	if (!heard)
		return complain(x, "wrote nonsense", str_of(x->err.msg));
	facts_of_chat(&x->said, x->arena, sent->chat, target(x));
	facts_of_chat(&x->heard, x->arena, heard, target(x));
	return check_diff(
	    x, EXCUSES(lost_in_requests), EXCUSES(gained_in_requests));
}

static void
cross_request(struct crossing *x, struct str body, struct tally *t)
{
	struct wires_sent sent;

	if (wires_send(x->arena, &x->way, body, &sent, &x->err) != 0) {
		t->refused++;
		if (x->err.kind != ERROR_BAD_REQUEST || x->err.param[0] == 0)
			complain(
			    x, "refused without a path", str_of(x->err.msg));
		return;
	}
	x->chat = sent.chat;
	if (!sent.chat) /* what sluice cannot read passes, too */
		t->same++;
	else if (!check_arrived(x, &sent))
		t->failed++;
	else if (sent.chat->losses && x->way.from != x->way.to)
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
		crossing_init(&x, dir, from, to);
		body = wires_request(x.arena, dir);
		if (body.p)
			cross_request(&x, body, &requests[from][to]);
		arena_free(x.arena);
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

/* ---- requests with one thing wrong ---- */

#define DAMAGES 4 /* of each request, to each provider */

static struct tally damaged[WIRES_CLIENTS][WIRES];

static void
damage_everywhere(void *arg, const char *dir, int from, const struct jnode *row)
{
	static struct crossing x;
	uint64_t *seed = arg;
	struct str body;

	(void)row;
	for (int i = 0; from < WIRES_CLIENTS && i < WIRES * DAMAGES; i++) {
		crossing_init(&x, dir, from, i % WIRES);
		x.is_damaged = true;
		body = wires_request(x.arena, dir);
		if (body.p)
			cross_request(&x, mutate(x.arena, body, seed),
			    &damaged[from][i % WIRES]);
		arena_free(x.arena);
	}
}

static void
a_damaged_request_is_the_same_declared_or_refused(void **state)
{
	uint64_t seed = 20261130;

	(void)state;
	failures = 0;
	if (wires_each(damage_everywhere, &seed) == 0)
		skip();
	print_tally("damaged", damaged, false);
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
	/* its writers have left out the history, where it differs */
	if (str_starts(word, "responsesToolSearchInputParam"))
		return false;
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
		for (k = 0; k < COUNT(kinds); k++)
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
	struct tally *t = &lingua[lingua_from][to];
	struct wires_sent sent;
	const struct chat *expert;
	struct str name;
	bool first;

	(void)arg;
	(void)row;
	if (to == lingua_from || !lingua_case(str_of(dir), &name, &first) ||
	    !first || !str_eq(name, lingua_name))
		return;
	crossing_init(&x, dir, lingua_from, to);
	(void)wires_send(x.arena, &x.way,
	    wires_request(x.arena, str_cstr(x.arena, lingua_dir)), &sent,
	    &x.err);
	expert =
	    wires_chat(x.arena, x.way.to, wires_request(x.arena, dir), &x.err);
	if (!expert || !sent.body.p) { /* a hosted tool: refused by name */
		t->refused++;
		arena_free(x.arena);
		return;
	}
	facts_of_chat(&x.said, x.arena, expert, target(&x));
	facts_of_chat(&x.heard, x.arena,
	    wires_chat(x.arena, x.way.to, sent.body, &x.err), target(&x));
	essence(&x.said);
	essence(&x.heard);
	if (check_diff(&x, (struct excuses){ 0 }, (struct excuses){ 0 }))
		t->same++;
	else
		t->failed++;
	arena_free(x.arena);
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

static bool
cross_answer(struct crossing *x, struct str body, const struct fold *said)
{
	const char *how = x->way.stream ? "stream" : "whole";
	struct arena *a = x->arena;
	struct str bytes;
	struct fold heard;
	char why[256];
	int (*check)(enum wire, struct str, char *, size_t) =
	    x->way.from == x->way.to ? grammar_check_passed : grammar_check;
	bool ok = wires_encode(a, &x->way, body, &bytes, &x->err);

	if (x->way.stream && check(target(x), bytes, why, sizeof(why)) != 0)
		return complain(x, how, str_of(why));
	if (ok != (said != NULL))
		return complain(x, how, STR("an error that is none"));
	if (!ok)
		return true;
	if (wires_fold(a, x->way.to, bytes, &heard, &x->err) != 0)
		return complain(x, how, str_of(x->err.msg));
	facts_of_answer(&x->said, a, said, target(x));
	facts_of_answer(&x->heard, a, &heard, target(x));
	return check_diff(x, (struct excuses){ 0 }, (struct excuses){ 0 });
}

static void
answer_everywhere(void *arg, const char *dir, int from, const struct jnode *row)
{
	static struct crossing x;
	struct arena *a = arena_new(MAX_BYTES);
	struct str body = wires_answer(a, dir, row);
	struct fold said;
	struct error err = { 0 };
	bool is_answer, ok;

	(void)arg;
	is_answer =
	    body.p && wires_fold(a, &wires[from], body, &said, &err) == 0;
	for (int to = 0; body.p && to < WIRES_CLIENTS; to++) {
		struct tally *t = &answers[to][from];

		ok = true;
		for (int stream = 0; stream < 2; stream++) {
			crossing_init(&x, dir, from, to);
			x.way.stream = stream;
			ok &= cross_answer(&x, body, is_answer ? &said : NULL);
			arena_free(x.arena);
		}
		/* an error in a 200 is one for the client */
		*(ok ? is_answer ? &t->same : &t->refused : &t->failed) += 1;
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

/* The same for answers: whatever they are, the client's stream is one.  What a
 * model calls a tool with is its own affair. */
static void
damage_answer(void *arg, const char *dir, int from, const struct jnode *row)
{
	static struct crossing x;
	uint64_t *seed = arg;
	struct str body, bytes;
	char why[256];

	for (int i = 0; i < WIRES_CLIENTS * DAMAGES; i++) {
		crossing_init(&x, dir, from, i % WIRES_CLIENTS);
		x.way.stream = true;
		body = wires_answer(x.arena, dir, row);
		if (body.p && wires_framing(body) == FRAMING_WHOLE) {
			body = mutate(x.arena, body, seed);
			(void)wires_encode(
			    x.arena, &x.way, body, &bytes, &x.err);
			if (grammar_check(
				target(&x), bytes, why, sizeof(why)) != 0 &&
			    strstr(why, "arguments are no object") == NULL)
				complain(&x, "told", str_of(why));
		}
		arena_free(x.arena);
	}
}

static void
a_damaged_answer_is_grammatical_to_every_client(void **state)
{
	uint64_t seed = 20261201;

	(void)state;
	failures = 0;
	if (wires_each(damage_answer, &seed) == 0)
		skip();
	assert_int_equal(failures, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_says_the_same_to_every_provider),
		cmocka_unit_test(
		    a_damaged_request_is_the_same_declared_or_refused),
		cmocka_unit_test(a_case_is_translated_as_experts_wrote_it),
		cmocka_unit_test(an_answer_says_the_same_to_every_client),
		cmocka_unit_test(
		    a_damaged_answer_is_grammatical_to_every_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
