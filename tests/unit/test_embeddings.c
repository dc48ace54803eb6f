/* SPDX-License-Identifier: MIT */
/* Embeddings from the client's request to the client's answer. */
#include "fcgi/dialect.h"
#include "providers/gemini.h"
#include "providers/openai.h"
#include "tests/unit/chat_text.h"
#include "tests/unit/provider_kit.h"
#include "tests/unit/reply.h"

#define ONE "{\"turns\":[" TEXT("hello world") "]"
#define TWO "{\"turns\":[" TEXT("a b") "," TEXT("c") "]"
#define TEXT(t)                                                                \
	"{\"role\":\"user\",\"parts\":[{\"kind\":\"text\",\"text\":\"" t "\"}" \
	"]}"

/* ---- the dialect ---- */

static void
requests_decode_to_a_turn_for_each_text(void **state)
{
	static const struct chat_case cases[] = {
		{ "{\"model\":\"m\",\"input\":\"a\"}", "U[(text text=a)]" },
		{ "{\"input\":[\"a\",\"\"],\"dimensions\":3,\"user\":\"u\","
		  "\"encoding_format\":\"base64\",\"new\":1}",
		    "U[(text text=a)]U[(text text=)] dimensions=3 user=u "
		    "lose=new" },
		{ "{}", "!input: is required" },
		{ "{\"input\":[]}", "!input: must have 1 to 2048 texts" },
		{ "{\"input\":7}", "!input: must be text" },
		{ "{\"input\":[\"a\",[1]]}", "!input[1]: must be text" },
		{ "{\"input\":\"a\",\"dimensions\":0}", "!dimensions: must" },
		{ "{\"input\":\"a\",\"encoding_format\":\"hex\"}",
		    "!encoding_format: must be float or base64" },
	};

	(void)state;
	chat_cases(&dialect_openai_embeddings, cases, COUNT(cases));
}

static const struct event vectors[] = {
	WHOLE(WIRE_GEMINI),
	START("m-1"),
	OPEN(0, BLOCK_VECTOR),
	DELTA(0, "[0.5, -1,\n3e2]"),
	CLOSE(0),
	OPEN(1, BLOCK_VECTOR),
	DELTA(1, "[0,1,2]"),
	CLOSE(1),
	USAGE,
};

#define DOCUMENT(one, two)                                                     \
	"{\"object\":\"list\",\"data\":[{\"object\":\"embedding\","            \
	"\"index\":0,\"embedding\":" one "},{\"object\":\"embedding\","        \
	"\"index\":1,\"embedding\":" two "}],\"model\":\"m-1\",\"usage\":{"    \
	"\"prompt_tokens\":16,\"total_tokens\":16,\"cost\":0.5}}"

static void
vectors_are_written_as_numbers_or_as_little_endian_floats(void **state)
{
	static const struct {
		const char *body, *want;
	} cases[] = {
		{ "{}", DOCUMENT("[0.5, -1,\n3e2]", "[0,1,2]") },
		{ "{\"encoding_format\":\"float\"}",
		    DOCUMENT("[0.5, -1,\n3e2]", "[0,1,2]") },
		/* 0000003f 000080bf 00009643, 00000000 0000803f 00000040 */
		{ "{\"encoding_format\":\"base64\"}",
		    DOCUMENT("\"AAAAPwAAgL8AAJZD\"", "\"AAAAAAAAgD8AAABA\"") },
	};
	struct reply a;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		reply_begin(&a, &dialect_openai_embeddings,
		    &(struct reply_opts){
			.known = true, .pusd = INT64_C(500000000000) });
		a.ask.body = str_of(cases[i].body);
		reply_run(&a, vectors, COUNT(vectors));
		reply_is(&a, cases[i].want);
		reply_end(&a);
	}
}

static void
an_answer_of_the_same_format_passes_with_its_cost(void **state)
{
	static const struct event ev[] = {
		WHOLE(WIRE_OPENAI_CHAT),
		START("m"),
		USAGE,
		FRAME("{\"data\":[ 1.50 ],\"usage\":{\"prompt_tokens\":2}}"),
	};
	struct reply a;

	(void)state;
	reply_begin(&a, &dialect_openai_embeddings,
	    &(struct reply_opts){
		.known = true, .pusd = INT64_C(500000000000) });
	reply_run(&a, ev, COUNT(ev));
	reply_is(&a,
	    "{\"data\":[ 1.50 ],\"usage\":{\"prompt_tokens\":2,"
	    "\"cost\":0.5}}");
	reply_end(&a);
}

/* ---- OpenAI ---- */

static void
openai_gets_the_clients_bytes_with_another_model(void **state)
{
	struct kit k;

	(void)state;
	kit_init(&k, &openai_embeddings, "http://h/v1");
	k.ask.wire = WIRE_OPENAI_CHAT;
	k.ask.body = STR("{ \"input\":[[1,2]],\"model\":\"p/x\",\"q\":1e0}");
	assert_int_equal(kit_prepare(&k), 0);
	assert_string_equal(k.request.url, "http://h/v1/embeddings");
	assert_true(str_is(
	    k.request.body, "{ \"input\":[[1,2]],\"model\":\"m\",\"q\":1e0}"));
	assert_true(str_is(
	    header_get(k.request.headers, "authorization"), "Bearer secret"));
	kit_release(&k);
}

/* ---- answers ---- */

static const struct {
	const struct provider *api;
	const char *chat, *body;
	const char *want; /* events, or the error with '!' in front */
} answers[] = {
	{ &openai_embeddings, NULL,
	    "{\"data\":[{\"embedding\":[1]}],\"model\":\"m-1\",\"usage\":{"
	    "\"prompt_tokens\":3,\"total_tokens\":3}}",
	    "start  m-1\nusage input=3\n" },
	{ &openai_embeddings, NULL,
	    "{\"data\":[],\"usage\":{"
	    "\"total_tokens\":3}}",
	    "start  m\nusage input=3\n" },
	{ &openai_embeddings, NULL, "{\"data\":[]}", "start  m\n" },
	{ &openai_embeddings, NULL, "{\"x\":1}", "!answer has no embeddings" },
	{ &openai_embeddings, NULL, "{\"error\":{\"message\":\"odd\"}}",
	    "!odd" },
	{ &openai_embeddings, NULL, "<html>", "!is no JSON" },
	{ &openai_embeddings, NULL, "", "!answered nothing" },
	{ &gemini_embeddings, ONE "}",
	    "{\"embedding\":{\"values\":[0.5,-1]},\"usageMetadata\":{"
	    "\"promptTokenCount\":2}}",
	    "start  m\nopen 0 vector\n0 [0.5,-1]\nclose 0\nusage input=2\n" },
	{ &gemini_embeddings, TWO "}",
	    "{\"embeddings\":[{\"values\":[1]},{\"values\":[ 2 ]}],"
	    "\"usageMetadata\":{\"promptTokenCount\":2}}",
	    "start  m\nopen 0 vector\n0 [1]\nclose 0\nopen 1 vector\n"
	    "1 [ 2 ]\nclose 1\nusage input=2\n" },
	{ &gemini_embeddings, TWO "}", "{\"embeddings\":[{\"values\":[1]}]}",
	    "!another number of embeddings" },
	{ &gemini_embeddings, ONE "}",
	    "{\"embeddings\":[{\"values\":[1]},{\"values\":[2]}]}",
	    "!another number of embeddings" },
	{ &gemini_embeddings, ONE "}", "{\"embeddings\":[{}]}",
	    "!no list of numbers" },
	{ &gemini_embeddings, ONE "}", "{}", "!answer has no embeddings" },
	{ &gemini_embeddings, ONE "}",
	    "{\"error\":{\"code\":429,\"message\":\"slow\"}}", "!slow" },
};

static void
answers_decode_to_vectors_and_usage(void **state)
{
	struct kit_sink out;
	struct kit k;
	const char *got;

	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		kit_init(&k, answers[i].api, "http://h");
		k.ask.operation = OPERATION_EMBED;
		if (answers[i].chat != NULL)
			kit_chat(&k, answers[i].chat);
		if (kit_decode(&k, FRAMING_WHOLE, str_of(answers[i].body), 5,
			&out) != 0)
			got = arena_printf(k.arena, "!%s", k.err.msg);
		else
			got = out.text->p;
		if (answers[i].want[0] == '!'
			? got[0] != '!' || !strstr(got, answers[i].want + 1)
			: strcmp(got, answers[i].want) != 0)
			fail_msg("got  %s\nwant %s", got, answers[i].want);
		kit_release(&k);
	}
}

static void
usage_that_nobody_reports_is_estimated(void **state)
{
	struct kit_sink out;
	struct kit k;

	(void)state;
	kit_init(&k, &gemini_embeddings, "http://h");
	kit_chat(&k, ONE "}");
	assert_int_equal(kit_decode(&k, FRAMING_WHOLE,
			     STR("{\"embedding\":{\"values\":[1]}}"), 0, &out),
	    0);
	assert_int_equal(out.usage.source, USAGE_ESTIMATED);
	assert_true(out.usage.tokens[USAGE_INPUT] >= 2);
	kit_release(&k);
}

/* ---- Gemini ---- */

static void
gemini_is_asked_for_one_or_in_a_batch(void **state)
{
	static const struct {
		const char *model, *chat, *url, *body, *losses;
	} cases[] = {
		{ "g", ONE "}", "http://h/v1beta/models/g:embedContent",
		    "{\"model\":\"models/g\",\"content\":{\"parts\":["
		    "{\"text\":\"hello world\"}]}}",
		    "" },
		{ "models/g", TWO ",\"dimensions\":3,\"user\":\"u\"}",
		    "http://h/v1beta/models/g:batchEmbedContents",
		    "{\"requests\":[{\"model\":\"models/g\",\"content\":{"
		    "\"parts\":[{\"text\":\"a b\"}]},"
		    "\"outputDimensionality\":3},{\"model\":\"models/g\","
		    "\"content\":{\"parts\":[{\"text\":\"c\"}]},"
		    "\"outputDimensionality\":3}]}",
		    "user" },
	};
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		kit_init(&k, &gemini_embeddings, "http://h");
		k.target.model = str_of(cases[i].model);
		kit_chat(&k, cases[i].chat);
		assert_int_equal(kit_prepare(&k), 0);
		assert_string_equal(k.request.url, cases[i].url);
		kit_same_json(&k, k.request.body, cases[i].body);
		assert_string_equal(kit_losses(&k), cases[i].losses);
		assert_true(str_is(
		    header_get(k.request.headers, "x-goog-api-key"), "secret"));
		kit_release(&k);
	}
}

/* ---- echo ---- */

static void
echo_counts_words_at_places_of_their_own(void **state)
{
	struct kit_sink out;
	struct kit k;

	(void)state;
	kit_init(&k, provider_echo.embed, "");
	k.target.model = STR("wait-20ms");
	kit_chat(&k,
	    "{\"turns\":[" TEXT("b a b") "," TEXT("b") "," TEXT(
		"") "],\"dimensions\":4}");
	assert_int_equal(kit_prepare(&k), 0);
	assert_int_equal(k.request.canned->chunks->delay_ms, 20);
	assert_int_equal(kit_decode(&k, FRAMING_WHOLE,
			     k.request.canned->chunks->bytes, 0, &out),
	    0);
	assert_int_equal(out.usage.tokens[USAGE_INPUT], 4);
	assert_int_equal(out.usage.source, USAGE_REPORTED);
	assert_non_null(strstr(out.text->p, "0.6666666666666666"));
	assert_non_null(strstr(out.text->p, "open 2 vector\n2 [0,0,0,0]\n"));
	kit_release(&k);
}

static void
echo_misbehaves_on_request(void **state)
{
	static const struct {
		const char *model, *chat;
		int rc, status;
	} cases[] = {
		{ "error-503", ONE "}", 0, 503 },
		{ "echo", ONE ",\"dimensions\":5000}", -1, 0 },
		{ "dance", ONE "}", -1, 0 },
	};
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		kit_init(&k, provider_echo.embed, "");
		k.target.model = str_of(cases[i].model);
		kit_chat(&k, cases[i].chat);
		assert_int_equal(kit_prepare(&k), cases[i].rc);
		if (cases[i].rc == 0)
			assert_int_equal(
			    k.request.canned->status, cases[i].status);
		kit_release(&k);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_decode_to_a_turn_for_each_text),
		cmocka_unit_test(
		    vectors_are_written_as_numbers_or_as_little_endian_floats),
		cmocka_unit_test(
		    an_answer_of_the_same_format_passes_with_its_cost),
		cmocka_unit_test(
		    openai_gets_the_clients_bytes_with_another_model),
		cmocka_unit_test(answers_decode_to_vectors_and_usage),
		cmocka_unit_test(usage_that_nobody_reports_is_estimated),
		cmocka_unit_test(gemini_is_asked_for_one_or_in_a_batch),
		cmocka_unit_test(echo_counts_words_at_places_of_their_own),
		cmocka_unit_test(echo_misbehaves_on_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
