/* SPDX-License-Identifier: MIT */
/* Which images are fetched, from where they may come, and what becomes of
 * them; the whole way of one is tests/e2e/13's. */
#include "core/attempt.h"
#include "core/fetch.h"
#include "core/loop.h"
#include "core/plan.h"
#include "core/route.h"
#include "core/upstream.h"
#include "tests/unit/provider_kit.h"

#define IMAGE(u)   "{\"kind\":\"image\",\"url\":\"" u "\"}"
#define ASK(parts) "{\"turns\":[{\"role\":\"user\",\"parts\":[" parts "]}]}"

/* A call to one target, or to that and another. */
struct trip {
	struct kit k;
	struct conf conf;
	struct route_target leaf, other_leaf;
	struct conf_provider other;
	struct plan plan, first, second;
};

static void
trip_init(struct trip *t, const struct provider *api, const char *chat)
{
	*t = (struct trip){ .conf = { .fetch_images = true } };
	kit_init(&t->k, api, "http://h");
	kit_chat(&t->k, chat);
	t->leaf.target = t->k.target;
	t->other = t->k.vendor;
	t->other.api = &provider_openai;
	t->other_leaf.target = t->k.target;
	t->other_leaf.target.provider = &t->other;
	t->first = (struct plan){
		.kind = PLAN_TARGET, .leaf = &t->other_leaf, .next = &t->second
	};
	t->second = (struct plan){ .kind = PLAN_TARGET, .leaf = &t->leaf };
	t->plan = (struct plan){ .kind = PLAN_CHAIN, .first = &t->first };
}

static int
wanted(struct trip *t)
{
	return fetch_wanted(&t->conf, &t->k.ask, &t->plan, &t->k.err);
}

static void
only_images_whose_bytes_somebody_wants_are_fetched(void **state)
{
	static const struct {
		const struct provider *api;
		bool on;
		const char *parts, *want; /* addresses */
	} cases[] = {
		{ &provider_gemini, true, IMAGE("http://a/1"), "http://a/1" },
		{ &provider_gemini, true,
		    IMAGE("https://a/1") "," IMAGE("https://a/2") "," IMAGE(
			"https://a/1"),
		    "https://a/1 https://a/2" },
		{ &provider_gemini, true,
		    "{\"kind\":\"result\",\"id\":\"c\",\"parts\":[" IMAGE(
			"https://a/1") "]}",
		    "https://a/1" },
		{ &provider_gemini, true,
		    IMAGE("https://youtu.be/x") ","
						"{\"kind\":\"document\","
						"\"url\":\"https://a/d\"}",
		    "" },
		{ &provider_gemini, true, "{\"kind\":\"text\",\"text\":\"x\"}",
		    "" },
		{ &provider_gemini, false, IMAGE("https://a/1"), "" },
		{ &provider_openai, true, IMAGE("https://a/1"), "" },
		{ &provider_anthropic, true, IMAGE("https://a/1"), "" },
	};
	struct trip t;
	char chat[400], got[400];
	const struct media *m;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(chat, sizeof(chat), ASK("%s"), cases[i].parts);
		trip_init(&t, cases[i].api, chat);
		t.conf.fetch_images = cases[i].on;
		assert_int_equal(wanted(&t), 0);
		got[0] = '\0';
		for (m = t.k.ask.media; m; m = m->next)
			snprintf(got + strlen(got), sizeof(got) - strlen(got),
			    "%s%.*s", got[0] ? " " : "", STR_ARG(m->url));
		assert_string_equal(got, cases[i].want);
		assert_ptr_equal(t.k.ask.chat->media, t.k.ask.media);
		kit_release(&t.k);
	}
}

static void
too_many_images_are_refused(void **state)
{
	char chat[4096] = "{\"turns\":[{\"role\":\"user\",\"parts\":[";
	struct trip t;
	size_t n;

	(void)state;
	for (int i = 0; i <= FETCH_MAX_IMAGES; i++) {
		n = strlen(chat);
		snprintf(chat + n, sizeof(chat) - n, "%s" IMAGE("http://a/%d"),
		    i > 0 ? "," : "", i);
	}
	n = strlen(chat);
	snprintf(chat + n, sizeof(chat) - n, "]}]}");
	trip_init(&t, &provider_gemini, chat);
	assert_int_equal(wanted(&t), -1);
	assert_int_equal(t.k.err.kind, ERROR_BAD_REQUEST);
	kit_release(&t.k);
}

static void
hosts_are_allowed_by_their_whole_name(void **state)
{
	static const struct {
		const char *url;
		bool allowed;
	} cases[] = { { "http://files/x", true },
		{ "https://FILES:81/x", false }, { "https://files:81/x", true },
		{ "http://files.evil/x", false },
		{ "http://evil/files", false }, { "http://files@evil/", false },
		{ "http://evil@files/", true }, { "http://[::1]/", true },
		{ "files", false }, { "", false } };
	struct name v6 = { STR("[::1]"), NULL };
	struct name files = { STR("files"), &v6 };
	const struct conf conf = { .fetch_hosts = &files };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (fetch_is_allowed(&conf, str_of(cases[i].url)) !=
		    cases[i].allowed)
			fail_msg("%s", cases[i].url);
}

/* ---- the way of one ---- */

struct arrival {
	struct error err;
	int n;
};

static void
on_done(void *arg, const struct error *err)
{
	struct arrival *a = arg;

	a->err = *err;
	a->n++;
}

static void
no_connection_is_made_to_what_is_not_public(void **state)
{
	static const char *const urls[] = { "http://127.0.0.1:9/x",
		"http://localhost:9/x", "http://[::1]:9/x",
		"http://169.254.169.254/x", "https://10.0.0.1/x",
		"http://2130706433/x", "http://0x7f.1/x", "http://0/x" };
	struct trip t;
	char chat[200];
	struct arrival arrival;
	struct attempt_engine engine = { .limits = { .connect_ms = 2000,
					     .first_content_ms = 2000,
					     .idle_ms = 2000,
					     .total_ms = 2000 } };

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++) {
		snprintf(chat, sizeof(chat), ASK(IMAGE("%s")), urls[i]);
		trip_init(&t, &provider_gemini, chat);
		engine.loop = loop_new(&t.k.err);
		engine.upstream = upstream_new(engine.loop);
		arrival = (struct arrival){ .n = 0 };
		assert_int_equal(wanted(&t), 0);
		(void)fetch_start(
		    t.k.arena, &t.k.ask, &t.conf, &engine, on_done, &arrival);
		while (arrival.n == 0)
			loop_turn(engine.loop, -1);
		assert_string_equal(arrival.err.msg,
		    "turns[0].parts[0]: the image cannot be fetched: its "
		    "address is not public");
		assert_string_equal(arrival.err.code, "invalid_image_url");
		assert_int_equal(arrival.err.status, 400);
		upstream_free(engine.upstream);
		loop_free(engine.loop);
		kit_release(&t.k);
	}
}

static void
a_cancelled_fetch_tells_nobody(void **state)
{
	struct attempt_engine engine = { .limits = { .connect_ms = 2000,
					     .first_content_ms = 2000,
					     .idle_ms = 2000,
					     .total_ms = 2000 } };
	struct arrival arrival = { .n = 0 };
	struct fetch *f;
	struct trip t;
	int turns;

	(void)state;
	/* Before anything has happened, and with the end on its way. */
	for (turns = 0; turns < 2; turns++) {
		trip_init(
		    &t, &provider_gemini, ASK(IMAGE("http://127.0.0.1:9/x")));
		engine.loop = loop_new(&t.k.err);
		engine.upstream = upstream_new(engine.loop);
		assert_int_equal(wanted(&t), 0);
		f = fetch_start(
		    t.k.arena, &t.k.ask, &t.conf, &engine, on_done, &arrival);
		if (turns > 0)
			loop_turn(engine.loop, 0);
		fetch_cancel(f);
		loop_turn(engine.loop, 10);
		loop_turn(engine.loop, 10);
		assert_int_equal(arrival.n, 0);
		upstream_free(engine.upstream);
		loop_free(engine.loop);
		kit_release(&t.k);
	}
	fetch_cancel(NULL);
}

/* ---- what becomes of them ---- */

static void
gemini_gets_the_bytes_in_place_of_the_address(void **state)
{
	static const struct {
		const char *mime, *data, *want; /* want NULL: refused */
	} cases[] = {
		{ "image/png", "AAAA",
		    "\"inlineData\":{\"mimeType\":\"image/png\","
		    "\"data\":\"AAAA\"}" },
		{ "image/gif", "AAAA", NULL },
		/* a dry run: not yet here */
		{ NULL, NULL, "\"inlineData\"" },
	};
	struct trip t;
	int rc;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		trip_init(&t, &provider_gemini, ASK(IMAGE("http://a/1")));
		assert_int_equal(wanted(&t), 0);
		t.k.ask.media->mime = str_of(cases[i].mime);
		t.k.ask.media->data = str_of(cases[i].data);
		rc = kit_prepare(&t.k);
		assert_int_equal(rc, cases[i].want != NULL ? 0 : -1);
		if (rc == 0)
			assert_true(str_find(t.k.request.body,
					str_of(cases[i].want)) >= 0);
		kit_release(&t.k);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    only_images_whose_bytes_somebody_wants_are_fetched),
		cmocka_unit_test(too_many_images_are_refused),
		cmocka_unit_test(hosts_are_allowed_by_their_whole_name),
		cmocka_unit_test(no_connection_is_made_to_what_is_not_public),
		cmocka_unit_test(a_cancelled_fetch_tells_nobody),
		cmocka_unit_test(gemini_gets_the_bytes_in_place_of_the_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
