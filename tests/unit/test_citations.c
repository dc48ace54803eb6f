/* SPDX-License-Identifier: MIT */
/* Where words come from: told to every client in its own form. */
#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/event.h"
#include "core/fold.h"
#include "core/grammar.h"
#include "core/order.h"
#include "core/provider.h"
#include "core/tee.h"
#include "fcgi/dialect.h"
#include "tests/unit/unit.h"
#include "tests/unit/wires.h"

#define N(list)   (sizeof(list) / sizeof(*(list)))
#define MAX_BYTES ((size_t)64 << 20)

/* Two blocks of text: places in Chat move by the first one's characters. */
#define GROUNDED                                                               \
	"{\"responseId\":\"i\",\"modelVersion\":\"g\",\"candidates\":[{"       \
	"\"content\":{\"parts\":[{\"text\":\"Zo\303\253. \"},{\"text\":\"t\"," \
	"\"thought\":true},{\"text\":\"It is so.\"}]},\"groundingMetadata\":{" \
	"\"groundingChunks\":[{\"web\":{\"uri\":\"https://a\",\"title\":"      \
	"\"A\"}}],\"groundingSupports\":[{\"segment\":{\"text\":\"is so\"},"   \
	"\"groundingChunkIndices\":[0]}]},\"finishReason\":\"STOP\"}]}"
#define NESTED                                                                 \
	"{\"type\":\"url_citation\",\"url_citation\":{\"start_index\":8,"      \
	"\"end_index\":13,\"title\":\"A\",\"url\":\"https://a\"}}"
#define FLAT                                                                   \
	"{\"type\":\"url_citation\",\"start_index\":3,\"end_index\":8,"        \
	"\"title\":\"A\",\"url\":\"https://a\"}"
#define LOCATION                                                               \
	"{\"type\":\"web_search_result_location\",\"url\":\"https://a\","      \
	"\"title\":\"A\",\"encrypted_index\":\"sluice:google-gemini-v1:\","    \
	"\"cited_text\":\"is so\"}"

static void
each_dialect_has_its_own_place_for_them(void **state)
{
	static const struct {
		int to;
		const char *whole, *stream[3];
	} cases[] = {
		{ 0, "\"annotations\":[" NESTED "]",
		    { "\"delta\":{\"annotations\":[" NESTED "]}" } },
		{ 1, "\"annotations\":[" FLAT "]",
		    { "event: response.output_text.annotation.added\n",
			"\"annotation_index\":0,\"annotation\":" FLAT,
			"\"annotations\":[" FLAT "],\"logprobs\":[]" } },
		{ 2, "\"citations\":[" LOCATION "]",
		    { "{\"type\":\"citations_delta\",\"citation\":" LOCATION
		      "}" } },
	};
	struct arena *a = arena_new(MAX_BYTES);
	struct error err = { 0 };
	struct str bytes;
	char why[256];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct wires_way way = { &wires[3], &wires[cases[i].to],
			false };

		assert_true(wires_encode(a, &way, STR(GROUNDED), &bytes, &err));
		assert_true(str_find(bytes, str_of(cases[i].whole)) > 0);
		way.stream = true;
		assert_true(wires_encode(a, &way, STR(GROUNDED), &bytes, &err));
		for (size_t k = 0; k < 3 && cases[i].stream[k]; k++)
			if (str_find(bytes, str_of(cases[i].stream[k])) < 0)
				fail_msg("no %s in\n%.*s", cases[i].stream[k],
				    STR_ARG(bytes));
		assert_int_equal(grammar_check(way.to->provider->wire, bytes,
				     why, sizeof(why)),
		    0);
	}
	arena_free(a);
}

static const struct citation source = { .url = { "https://a", 9 },
	.title = { "A", 1 },
	.quote = { "q", 1 },
	.end = 1 };

static void
put(struct sink *s, struct event ev)
{
	struct error err = { 0 };

	assert_int_equal(sink_put(s, &ev, &err), 0);
}

/* Legacy completions have no place: that is told, of whole and stream. */
static void
a_dialect_without_a_place_says_that_it_lost_them(void **state)
{
	struct arena *a = arena_new(MAX_BYTES);

	(void)state;
	for (int stream = 0; stream < 2; stream++) {
		struct ask ask = { .arena = a, .stream = stream };
		struct encode_opts opts = { .ask = &ask,
			.call_id = "i",
			.out = buf_new(a, MAX_BYTES) };
		struct encoder *e =
		    dialect_openai_completions.encoder_new(a, &opts);

		put(&e->sink,
		    (struct event){ .kind = EVENT_HEAD, .wire = WIRE_GEMINI });
		put(&e->sink, (struct event){ .kind = EVENT_START });
		put(&e->sink, (struct event){ .kind = EVENT_OPEN });
		put(&e->sink,
		    (struct event){ .kind = EVENT_DELTA, .text = STR("x") });
		assert_null(e->lost);
		put(&e->sink,
		    (struct event){
			.kind = EVENT_CITATION, .citation = &source });
		assert_true(str_is(e->lost->s, "annotations"));
	}
	arena_free(a);
}

#define SAID_CHAT(more)                                                        \
	"{\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"index\":0,"             \
	"\"message\":{\"role\":\"assistant\",\"content\":\"It is so.\"" more   \
	"},\"finish_reason\":\"stop\"}]"
#define SAID_RESPONSES(annotation)                                             \
	"{\"id\":\"r\",\"model\":\"m\",\"status\":\"completed\",\"output\":["  \
	"{\"type\":\"message\",\"content\":[{\"type\":\"output_text\","        \
	"\"text\":\"It is so.\",\"annotations\":[" annotation "]}]}]}"
#define SAID_MESSAGES(blocks)                                                  \
	"{\"type\":\"message\",\"id\":\"i\",\"model\":\"m\",\"content\":"      \
	"[" blocks "],\"stop_reason\":\"end_turn\"}"
#define CITED(citation)                                                        \
	"{\"type\":\"text\",\"text\":\"It is so.\",\"citations\":[" citation   \
	"]}"
#define SAID_GEMINI(more, grounds)                                             \
	"{\"responseId\":\"i\",\"modelVersion\":\"g\",\"candidates\":[{"       \
	"\"content\":{\"parts\":[{\"text\":\"It is so.\"}" more "]}" grounds   \
	",\"finishReason\":\"STOP\"}]}"

static const struct sourced {
	int from;
	const char *body;
	const char *lost; /* NULL: nothing, the client gets https://a */
} sourced[] = {
	{ 0, SAID_CHAT("") ",\"citations\":[\"https://a\"]}", NULL },
	{ 0,
	    SAID_CHAT("") ",\"citations\":[\"https://b\"],"
			  "\"search_results\":[{\"url\":\"https://a\","
			  "\"title\":\"A\"}]}",
	    NULL },
	{ 0,
	    SAID_CHAT(",\"annotations\":[{\"type\":\"file\",\"file\":{"
		      "\"name\":\"f\"}}]") "}",
	    "annotations" },
	{ 0, SAID_CHAT(",\"images\":[{\"type\":\"image_url\"}]") "}",
	    "images" },
	{ 0,
	    "{\"id\":\"i\",\"choices\":[{\"message\":{\"content\":[{\"type\":"
	    "\"text\",\"text\":\"It\"},{\"type\":\"tool_reference\",\"url\":"
	    "\"https://a\",\"title\":\"A\"}]},\"finish_reason\":\"stop\"}]}",
	    NULL },
	{ 0,
	    "{\"id\":\"i\",\"choices\":[{\"message\":{\"content\":[{\"type\":"
	    "\"text\",\"text\":\"It\"},{\"type\":\"reference\","
	    "\"reference_ids\":[1]}]},\"finish_reason\":\"stop\"}]}",
	    "reference" },
	{ 1,
	    SAID_RESPONSES("{\"type\":\"file_citation\",\"index\":5,"
			   "\"file_id\":\"f\",\"filename\":\"n\"}"),
	    "annotations" },
	{ 1,
	    SAID_RESPONSES("{\"type\":\"container_file_citation\","
			   "\"container_id\":\"c\",\"file_id\":\"f\"}"),
	    "annotations" },
	{ 1,
	    SAID_RESPONSES("{\"type\":\"file_path\",\"index\":5,"
			   "\"file_id\":\"f\"}"),
	    "annotations" },
	{ 2,
	    SAID_MESSAGES(CITED("{\"type\":\"char_location\","
				"\"document_index\":0,\"cited_text\":\"q\"}")),
	    "annotations" },
	{ 2,
	    SAID_MESSAGES(CITED("{\"type\":\"page_location\","
				"\"document_index\":0,\"cited_text\":\"q\"}")),
	    "annotations" },
	{ 2,
	    SAID_MESSAGES(CITED("{\"type\":\"content_block_location\","
				"\"document_index\":0,\"cited_text\":\"q\"}")),
	    "annotations" },
	{ 2,
	    SAID_MESSAGES(CITED("{\"type\":\"search_result_location\","
				"\"source\":\"https://a\",\"title\":\"A\"}")),
	    NULL },
	{ 2,
	    SAID_MESSAGES(CITED("{\"type\":\"search_result_location\","
				"\"source\":\"our wiki\"}")),
	    "annotations" },
	{ 2, SAID_MESSAGES(CITED("") ",{\"type\":\"web_search_tool_result\"}"),
	    "web_search_tool_result" },
	{ 2, SAID_MESSAGES(CITED("") ",{\"type\":\"a, b\\r\\nc\"}"),
	    "unknown" },
	{ 3,
	    SAID_GEMINI("",
		",\"groundingMetadata\":{\"groundingChunks\":[{"
		"\"retrievedContext\":{\"title\":\"A\"}}]}"),
	    "annotations" },
	{ 3,
	    SAID_GEMINI("",
		",\"citationMetadata\":{\"citationSources\":[{\"uri\":"
		"\"https://a\"}]}"),
	    NULL },
	/* behind a call the text is over */
	{ 3,
	    SAID_GEMINI(",{\"functionCall\":{\"name\":\"f\"}}",
		",\"groundingMetadata\":{\"groundingChunks\":[{\"web\":{"
		"\"uri\":\"https://a\"}}]}"),
	    "annotations" },
	{ 3, SAID_GEMINI(",{\"fileData\":{}}", ""), "fileData" },
};

static void
check_sourced(struct arena *a, const struct sourced *c, int to, bool stream)
{
	struct wires_way way = { &wires[c->from], &wires[to], stream };
	struct str bytes, told;
	struct name *lost;

	lost = wires_lost(a, &way, str_of(c->body), &bytes);
	if (c->lost == NULL) {
		if (lost != NULL || str_find(bytes, STR("https://a")) < 0)
			fail_msg("%s\nbecame %.*s", c->body, STR_ARG(bytes));
		return;
	}
	if (lost == NULL || lost->next != NULL || !str_is(lost->s, c->lost))
		fail_msg("lost %.*s of %s",
		    STR_ARG(lost != NULL ? lost->s : STR("nothing")), c->body);
	told = str_of(arena_printf(a, "\"lossy\":[\"%s\"]", c->lost));
	assert_int_equal(str_find(bytes, told) >= 0, stream);
}

/* Whole answers tell it in a header, streams in their last usage. */
static void
what_has_no_place_in_another_format_is_told(void **state)
{
	struct arena *a = arena_new(MAX_BYTES);

	(void)state;
	for (size_t i = 0; i < N(sourced); i++)
		for (int to = 0; to < WIRES_CLIENTS; to++) {
			if (to == sourced[i].from)
				continue;
			check_sourced(a, &sourced[i], to, false);
			check_sourced(a, &sourced[i], to, true);
		}
	arena_free(a);
}

/* Of a block that waits for its turn they wait, too; too late is lost. */
struct losses {
	struct sink sink;
	int n;
};

static int
note_loss(struct sink *s, const struct event *ev, struct error *err)
{
	(void)err;
	((struct losses *)s)->n +=
	    ev->kind == EVENT_LOST && str_eq(ev->name, EVENT_LOST_SOURCE);
	return 0;
}

static void
they_keep_to_their_block(void **state)
{
	struct arena *a = arena_new(MAX_BYTES);
	struct losses told = { .sink = { note_loss } };
	struct fold fold;
	struct sink *in;

	(void)state;
	fold_init(&fold, a);
	in = order_new(a, tee_new(a, &fold.sink, &told.sink));
	put(in, (struct event){ .kind = EVENT_OPEN, .key = 1 });
	put(in, (struct event){ .kind = EVENT_OPEN, .key = 2 });
	put(in,
	    (struct event){
		.kind = EVENT_CITATION, .key = 2, .citation = &source });
	put(in,
	    (struct event){
		.kind = EVENT_CITATION, .key = 9, .citation = &source });
	assert_int_equal(told.n, 1);
	put(in,
	    (struct event){ .kind = EVENT_DELTA, .key = 1, .text = STR("x") });
	put(in, (struct event){ .kind = EVENT_CLOSE, .key = 1 });
	put(in,
	    (struct event){
		.kind = EVENT_CITATION, .key = 1, .citation = &source });
	put(in, (struct event){ .kind = EVENT_CLOSE, .key = 2 });
	assert_int_equal(told.n, 2);
	assert_null(fold.blocks->cited);
	assert_non_null(fold.blocks->next->cited);
	assert_true(str_is(fold.blocks->next->cited->c->url, "https://a"));
	assert_null(fold.blocks->next->cited->next);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_dialect_has_its_own_place_for_them),
		cmocka_unit_test(
		    a_dialect_without_a_place_says_that_it_lost_them),
		cmocka_unit_test(what_has_no_place_in_another_format_is_told),
		cmocka_unit_test(they_keep_to_their_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
