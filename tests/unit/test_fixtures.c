/* SPDX-License-Identifier: MIT */
/*
 * Recorded traffic of many vendors, replayed: requests of the same format
 * pass as they are, answers decode the same however the network cuts them,
 * and their usage adds up.  $SLUICE_FIXTURES is the folder; without it the
 * test is skipped.  What each usage costs goes to the file $SLUICE_COSTS, if
 * that is set, for somebody else to recompute.
 */
#include "core/catalog.h"
#include "core/grammar.h"
#include "core/jtext.h"
#include "core/jw.h"
#include "core/price.h"
#include "core/usage.h"
#include "tests/unit/provider_kit.h"
#include "tests/unit/wires.h"

#define MAX_VENDORS 32

/* What has been replayed, per vendor. */
static struct tally {
	char vendor[32];
	int answers, streams, usages, errors, requests;
} tallies[MAX_VENDORS];

/* Names of formats in the index, and who speaks them. */
static const struct api {
	const char *name;
	const struct provider *provider;
	const char *model; /* what the request's model becomes; NULL: none */
} apis[] = {
	{ "chat", &provider_openai, "m" },
	{ "messages", &provider_anthropic, "m" },
	{ "responses", &provider_openai_responses, "m" },
	{ "generate", &provider_gemini, NULL },
	{ "stream_generate", &provider_gemini, NULL },
};

struct fixture {
	struct kit kit;
	const struct api *format;
	struct tally *tally;
	const char *dir;
	struct str api, vendor, model;
	int64_t status;
	struct str body;
	enum framing framing;
};

static struct tally *
tally_of(struct str vendor)
{
	struct tally *t = tallies;

	while (t->vendor[0] && !str_is(vendor, t->vendor))
		t++;
	assert_true(t < tallies + MAX_VENDORS - 1);
	(void)snprintf(t->vendor, sizeof(t->vendor), "%.*s", STR_ARG(vendor));
	return t;
}

static const char *
root(void)
{
	const char *dir = getenv("SLUICE_FIXTURES");

	return dir ? dir : "../shared/fixtures";
}

static struct str
read_file(struct arena *a, const char *path)
{
	struct buf *b = buf_new(a, KIT_BYTES);
	char block[65536];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		return STR_NONE;
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(b, block, n);
	fclose(f);
	return buf_str(b);
}

static struct jnode
read_json(struct kit *k, const char *dir, const char *name)
{
	struct jnode v;

	if (jtree_read(k->arena,
		read_file(k->arena,
		    arena_printf(k->arena, "%s/%s/%s", root(), dir, name)),
		&v, &k->err) != 0)
		fail_msg("%s/%s: %s", dir, name, k->err.msg);
	return v;
}

static struct str
member(const struct jnode *v, const char *key)
{
	struct jnode at;

	return jtree_find(v, key, &at) ? jtree_value_str(&at) : STR_NONE;
}

/* Is the body of ${v} a tree of the wanted kind?  Then as text. */
static bool
request_text(struct kit *k, const char *dir, struct str *text)
{
	struct jnode v = read_json(k, dir, "request.json"), body;

	if (!jtree_find(&v, "body", &body))
		return false;
	*text = jtree_text(k->arena, &body);
	return true;
}

/* The wanted body: the same, with what prepare may change. */
static struct str
expected(struct fixture *f, struct str body)
{
	struct json_object *v = json_tokener_parse(body.p), *options;
	struct str text;

	if (f->format->model)
		json_object_object_add(
		    v, "model", json_object_new_string(f->format->model));
	if (f->kit.ask.stream && str_is(f->api, "chat")) {
		if (!json_object_object_get_ex(v, "stream_options", &options) ||
		    !options) {
			options = json_object_new_object();
			json_object_object_add(v, "stream_options", options);
		}
		json_object_object_add(
		    options, "include_usage", json_object_new_boolean(true));
	}
	text = str_dup(f->kit.arena,
	    str_of(json_object_to_json_string_ext(
		v, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)));
	json_object_put(v);
	return text;
}

static void
check_request(struct fixture *f)
{
	struct kit *k = &f->kit;
	struct str body, stream, want;

	if (!request_text(k, f->dir, &body))
		return;
	k->ask.wire = k->vendor.api->wire;
	k->ask.body = body;
	k->ask.stream =
	    jtext_get(body, "stream", &stream) && str_is(stream, "true");
	if (kit_prepare(k) != 0)
		fail_msg("%s: %s", f->dir, k->err.msg);
	want = expected(f, body);
	if (!str_eq(k->request.body, want))
		fail_msg("%s:\n%.*s\n%.*s", f->dir, STR_ARG(k->request.body),
		    STR_ARG(want));
	f->tally->requests++;
}

static void
check_refusal(struct fixture *f)
{
	struct kit *k = &f->kit;

	kit_refuse(k, (int)f->status, NULL, f->body);
	assert_int_not_equal(k->err.kind, ERROR_NONE);
	assert_true(k->err.msg[0] && k->err.msg[0] != '{');
	assert_null(strstr(k->err.msg, "the provider answered"));
	assert_true(str_eq(k->err.raw, f->body));
	f->tally->errors++;
}

/* The usage that one JSON text carries, if any, goes to ${*usage}. */
static void
find_usage(struct kit *k, struct str text, struct jnode *usage)
{
	struct jnode v, outer, at;
	struct error err = { 0 };

	if (jtree_read(k->arena, text, &v, &err) != 0)
		return;
	if (json_object_is_type(v.v, json_type_array))
		v = jtree_item(&v, jtree_len(&v) - 1);
	if (jtree_find(&v, "usage", &at) ||
	    jtree_find(&v, "usageMetadata", &at))
		*usage = at;
	else if ((jtree_find(&v, "message", &outer) ||
		     jtree_find(&v, "response", &outer) ||
		     jtree_find(&v, "x_groq", &outer)) &&
	    jtree_find(&outer, "usage", &at))
		*usage = at;
}

/* The last usage object that the vendor reports, as it counts. */
static bool
reported(struct fixture *f, struct jnode *usage)
{
	struct str rest = f->body, line;

	usage->v = NULL;
	if (f->framing == FRAMING_WHOLE)
		find_usage(&f->kit, rest, usage);
	while (f->framing == FRAMING_SSE && rest.n > 0) {
		rest = str_split(rest, '\n', &line);
		if (str_starts(line, "data:"))
			find_usage(&f->kit, str_trim(str_skip(line, 5)), usage);
	}
	return usage->v != NULL;
}

static int64_t
number(const struct jnode *v, const char *key)
{
	struct jnode at;

	return jtree_find(v, key, &at) ? json_object_get_int64(at.v) : 0;
}

static void
check_gemini_usage(
    const struct fixture *f, const struct jnode *v, const struct usage *u)
{
	if (usage_total_input(u) + usage_total_output(u) !=
		number(v, "totalTokenCount") ||
	    u->tokens[USAGE_CACHE_READ] !=
		number(v, "cachedContentTokenCount") ||
	    u->tokens[USAGE_REASONING] != number(v, "thoughtsTokenCount"))
		fail_msg("%s: usage does not add up", f->dir);
}

static void
check_chat_usage(
    const struct fixture *f, const struct jnode *v, const struct usage *u)
{
	int64_t in = number(v, "prompt_tokens");
	int64_t out = number(v, "completion_tokens");
	int64_t total = number(v, "total_tokens");

	if (usage_total_input(u) != in ||
	    usage_total_input(u) + usage_total_output(u) !=
		(total > in + out ? total : in + out))
		fail_msg("%s: usage does not add up", f->dir);
}

static int64_t
messages_input(const struct jnode *v)
{
	return number(v, "input_tokens") +
	    number(v, "cache_read_input_tokens") +
	    number(v, "cache_creation_input_tokens");
}

/*
 * A stream's last usage may leave out input that message_start had; what an
 * answer took in several calls adds up.
 */
static void
check_messages_usage(
    const struct fixture *f, const struct jnode *v, const struct usage *u)
{
	int64_t in = messages_input(v), out = number(v, "output_tokens");
	struct jnode list, item;
	size_t i;

	(void)jtree_find(v, "iterations", &list);
	if (jtree_len(&list) > 0)
		in = out = 0;
	for (i = 0; i < jtree_len(&list); i++) {
		item = jtree_item(&list, i);
		in += messages_input(&item);
		out += number(&item, "output_tokens");
	}
	if (usage_total_output(u) != out || usage_total_input(u) < in ||
	    (f->framing == FRAMING_WHOLE && usage_total_input(u) != in))
		fail_msg("%s: usage does not add up", f->dir);
}

static void
check_responses_usage(
    const struct fixture *f, const struct jnode *v, const struct usage *u)
{
	if (usage_total_input(u) != number(v, "input_tokens") ||
	    usage_total_output(u) != number(v, "output_tokens"))
		fail_msg("%s: usage does not add up", f->dir);
}

/* For models without a listed price: one with all that a price can have. */
#define ODD_PRICE                                                              \
	"{\"input\":\"1.37\",\"output\":\"7.000001\",\"cache_read\":"          \
	"\"0.137\",\"cache_write\":\"1.7125\",\"cache_write_1h\":\"2.74\","    \
	"\"reasoning\":\"8.1\",\"audio_in\":\"40\",\"units\":{"                \
	"\"web_search\":\"0.010000000001\"},\"tiers\":[{\"above\":900,"        \
	"\"input\":\"2.5\"},{\"above\":5000,\"output\":\"9.9\"}]}"

static struct str
price_of(const struct fixture *f)
{
	struct arena *a = f->kit.arena;
	struct error err = { 0 };
	struct catalog *c = catalog_new(a, catalog_builtin(), &err);
	const struct model *m = catalog_find(c, a, f->vendor, f->model);

	return m != NULL && m->price.p != NULL ? m->price : STR(ODD_PRICE);
}

static void
write_cost(const struct fixture *f, const struct usage *u)
{
	FILE *to = fopen(getenv("SLUICE_COSTS"), "a");
	struct buf *out = buf_new(f->kit.arena, 1 << 16);
	struct str text = price_of(f);
	struct error err = { 0 };
	struct price price;
	int64_t pusd;
	struct jw w;

	assert_non_null(to);
	assert_int_equal(price_parse(text, &price, &err), 0);
	assert_int_equal(price_cost(&price, u, &pusd), 0);
	jw_init(&w, out);
	jw_object(&w);
	jw_kv_cstr(&w, "dir", f->dir);
	jw_kv_raw(&w, "price", text);
	for (int i = 0; i < USAGE_BUCKETS; i++)
		jw_kv_i64(&w, usage_bucket_names[i], u->tokens[i]);
	jw_kv_i64(&w, "web_search", u->web_searches);
	jw_kv_str(&w, "pusd",
	    str_of(arena_printf(f->kit.arena, "%lld", (long long)pusd)));
	jw_end(&w);
	fprintf(to, "%s\n", out->p);
	fclose(to);
}

static void
check_usage(struct fixture *f, const struct kit_sink *s)
{
	struct jnode v;

	for (int i = 0; i < USAGE_BUCKETS; i++)
		assert_true(s->usage.tokens[i] >= 0);
	assert_int_equal(reported(f, &v), s->has_usage);
	if (!s->has_usage)
		return;
	assert_int_equal(s->usage.source, USAGE_REPORTED);
	if (f->format->provider == &provider_openai)
		check_chat_usage(f, &v, &s->usage);
	else if (f->format->provider == &provider_anthropic)
		check_messages_usage(f, &v, &s->usage);
	else if (f->format->provider == &provider_openai_responses)
		check_responses_usage(f, &v, &s->usage);
	else
		check_gemini_usage(f, &v, &s->usage);
	if (getenv("SLUICE_COSTS") != NULL)
		write_cost(f, &s->usage);
	f->tally->usages++;
}

/* As it is, it may go to a client of the same format. */
static void
check_passed(struct fixture *f)
{
	enum wire wire = f->format->provider->wire;
	char why[400];

	if (f->framing == FRAMING_SSE && wire != WIRE_GEMINI &&
	    grammar_check_passed(wire, f->body, why, sizeof(why)) != 0)
		fail_msg("%s: %s", f->dir, why);
}

static void
check_answer(struct fixture *f)
{
	static const size_t cuts[] = { 1, 7, 4096 };
	struct kit_sink whole, cut;
	int rc;

	rc = kit_decode(&f->kit, f->framing, f->body, 0, &whole);
	if (rc != 0 && f->kit.err.raw.p == NULL)
		fail_msg("%s: %s", f->dir, f->kit.err.msg);
	for (size_t i = 0; i < COUNT(cuts); i++) {
		error_clear(&f->kit.err);
		assert_int_equal(
		    kit_decode(&f->kit, f->framing, f->body, cuts[i], &cut),
		    rc);
		assert_string_equal(cut.text->p, whole.text->p);
		assert_true(str_eq(buf_str(cut.raws), buf_str(whole.raws)));
	}
	if (rc != 0) {
		f->tally->errors++;
		return;
	}
	assert_true(str_eq(buf_str(whole.raws), f->body));
	check_passed(f);
	assert_non_null(strstr(whole.text->p, "\nstop "));
	check_usage(f, &whole);
	f->tally->answers++;
	f->tally->streams += f->framing == FRAMING_SSE;
}

static void
replay(const struct jnode *row)
{
	struct fixture f = { .api = member(row, "api") };
	struct kit *k = &f.kit;
	size_t i = 0;

	while (i < COUNT(apis) && !str_is(f.api, apis[i].name))
		i++;
	if (i == COUNT(apis))
		return;
	f.format = &apis[i];
	kit_init(k, f.format->provider, "http://x/v1");
	f.dir = str_cstr(k->arena, member(row, "dir"));
	f.tally = tally_of(member(row, "provider"));
	f.vendor = member(row, "provider");
	f.model = member(row, "model");
	f.status = number(row, "status");
	f.body = read_file(
	    k->arena, arena_printf(k->arena, "%s/%s/body", root(), f.dir));
	f.framing = str_starts(str_trim(f.body), "{") ||
		str_starts(str_trim(f.body), "[")
	    ? FRAMING_WHOLE
	    : FRAMING_SSE;
	check_request(&f);
	if (wires_is_odd(f.body))
		f.status = 0;
	if (f.status == 200)
		check_answer(&f);
	else if (f.status != 0)
		check_refusal(&f);
	kit_release(k);
}

static void
recorded_traffic_is_understood(void **state)
{
	struct arena *a = arena_new(KIT_BYTES);
	struct str index =
	    read_file(a, arena_printf(a, "%s/index.jsonl", root()));
	struct str line;
	struct jnode row;
	struct error err = { 0 };

	(void)state;
	if (!index.p) {
		print_message("skipped: no %s\n", root());
		arena_free(a);
		return;
	}
	while (index.n > 0) {
		index = str_split(index, '\n', &line);
		if (line.n == 0)
			continue;
		assert_int_equal(jtree_read(a, line, &row, &err), 0);
		replay(&row);
	}
	for (struct tally *t = tallies; t->vendor[0]; t++)
		print_message("%-18s %3d answers (%d streams, %d with usage), "
			      "%d errors, %d requests\n",
		    t->vendor, t->answers, t->streams, t->usages, t->errors,
		    t->requests);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_traffic_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
