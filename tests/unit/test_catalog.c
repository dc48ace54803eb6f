/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/catalog.h"
#include "core/chat.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/price.h"
#include "tests/unit/unit.h"

#define MIB ((size_t)1 << 20)

static const char *const providers[] = { "anthropic", "cerebras", "deepinfra",
	"deepseek", "fireworks", "google", "groq", "mistral", "openai",
	"together", "xai" };

struct world {
	struct arena *arena;
	struct catalog *catalog;
	struct error err;
	struct str provider; /* being walked */
	struct str last;
	size_t models, priced;
};

static int
setup(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.arena = arena_new(64 * MIB);
	w.catalog = catalog_new(w.arena, catalog_builtin(), &w.err);
	*state = &w;
	return w.catalog != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	arena_free(w->arena);
	return 0;
}

static const struct model *
find(struct world *w, const char *provider, const char *id)
{
	return catalog_find(w->catalog, w->arena, str_of(provider), str_of(id));
}

static void
the_builtin_text_is_json_without_duplicates(void **state)
{
	struct world *w = *state;

	assert_int_equal(jtext_check(catalog_builtin(), &w->err), 0);
}

static void
check_model(void *arg, struct str id)
{
	struct world *w = arg;
	struct price price;
	const struct model *m =
	    catalog_find(w->catalog, w->arena, w->provider, id);

	assert_non_null(m);
	assert_true(str_eq(m->id, id));
	assert_true(str_eq(m->provider, w->provider));
	assert_non_null(m->name.p);
	assert_true(str_cmp(w->last, id) < 0);
	w->last = id;
	w->models++;
	if (m->price.p == NULL)
		return;
	w->priced++;
	if (price_parse(m->price, &price, &w->err) != 0)
		fail_msg("%.*s: %s", STR_ARG(id), w->err.msg);
	assert_true(price.modes[0].tiers[0].pusd[USAGE_CACHE_READ] <=
	    price.modes[0].tiers[0].pusd[USAGE_INPUT]);
	assert_true(price.modes[0].tiers[0].pusd[USAGE_CACHE_WRITE_1H] >=
	    price.modes[0].tiers[0].pusd[USAGE_CACHE_WRITE_5M]);
}

static void
every_builtin_model_can_be_read_and_priced(void **state)
{
	struct world *w = *state;
	size_t i;

	for (i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
		w->models = 0;
		w->last = STR("");
		w->provider = str_of(providers[i]);
		catalog_each(w->catalog, w->provider, check_model, w);
		assert_true(w->models > 0);
	}
	assert_true(w->priced > 200);
}

/* Another reader of the builtin text accepts it as configuration. */
static void
the_builtin_text_passes_the_check_of_any_catalogue(void **state)
{
	struct world *w = *state;
	struct str copy = str_dup(w->arena, catalog_builtin());

	assert_non_null(catalog_new(w->arena, copy, &w->err));
}

static void
known_models_have_their_facts(void **state)
{
	static const struct {
		const char *provider, *id;
		int64_t context;
		unsigned can, cannot;
		unsigned efforts; /* all of these */
	} cases[] = {
		{ "openai", "gpt-5", 400000,
		    MODEL_TOOLS | MODEL_IMAGES | MODEL_REASONING | MODEL_SCHEMA,
		    MODEL_TEMPERATURE | MODEL_ADAPTIVE | MODEL_BUDGET,
		    1 << EFFORT_MINIMAL | 1 << EFFORT_HIGH },
		{ "openai", "gpt-4o", 128000, MODEL_TEMPERATURE | MODEL_TOOLS,
		    MODEL_REASONING, 0 },
		{ "openai", "o3", 200000, MODEL_REASONING, MODEL_TEMPERATURE,
		    1 << EFFORT_LOW },
		{ "anthropic", "claude-opus-4-7", 1000000,
		    MODEL_ADAPTIVE | MODEL_SCHEMA | MODEL_PDF,
		    MODEL_TEMPERATURE | MODEL_BUDGET,
		    1 << EFFORT_XHIGH | 1 << EFFORT_MAX },
		{ "anthropic", "claude-sonnet-5", 1000000, MODEL_ADAPTIVE,
		    MODEL_TEMPERATURE, 1 << EFFORT_HIGH },
		{ "anthropic", "claude-sonnet-4-6", 1000000,
		    MODEL_ADAPTIVE | MODEL_BUDGET | MODEL_TEMPERATURE, 0,
		    1 << EFFORT_MAX },
		{ "anthropic", "claude-sonnet-4-5", 200000,
		    MODEL_BUDGET | MODEL_TEMPERATURE | MODEL_SCHEMA,
		    MODEL_ADAPTIVE, 0 },
		{ "google", "gemini-2.5-pro", 1048576,
		    MODEL_BUDGET | MODEL_AUDIO | MODEL_PDF, MODEL_ADAPTIVE, 0 },
		{ "deepseek", "deepseek-chat", 1000000, MODEL_TOOLS,
		    MODEL_IMAGES, 0 },
		{ "groq", "openai/gpt-oss-120b", 131072, MODEL_REASONING,
		    MODEL_IMAGES, 0 },
	};
	const struct model *m;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		m = find(*state, cases[i].provider, cases[i].id);
		assert_non_null(m);
		if (m->context != cases[i].context ||
		    (m->can & cases[i].can) != cases[i].can ||
		    (m->can & cases[i].cannot) != 0 ||
		    (m->efforts & cases[i].efforts) != cases[i].efforts)
			fail_msg("%s: %lld, %x", cases[i].id,
			    (long long)m->context, m->can);
	}
}

static void
a_name_that_merely_looks_alike_is_unknown(void **state)
{
	static const char *const keys[][2] = { { "openai", "gpt-5-2099" },
		{ "openai", "GPT-5" }, { "openai", "gpt" }, { "openai", "" },
		{ "open", "gpt-5" }, { "zzz", "zzz" }, { "", "" } };
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_null(find(*state, keys[i][0], keys[i][1]));
}

static void
list(void *arg, struct str id)
{
	buf_addf(arg, "%.*s ", STR_ARG(id));
}

static void
models_of_the_configuration_come_first(void **state)
{
	static const char price[] =
	    "{\"price\":{\"input\":\"7\",\"output\":\"8\"},\"context\":5}";
	struct world *w = *state;
	struct buf *ids = buf_new(w->arena, MIB);
	char key[] = "local/b";
	char text[sizeof(price)];

	memcpy(text, price, sizeof(price));
	assert_int_equal(
	    catalog_add(w->catalog, str_of(key), str_of(text), &w->err), 0);
	/* Nothing of what was given is kept. */
	memset(key, 'x', sizeof(key) - 1);
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(find(w, "local", "b")->context, 5);
	assert_int_equal(
	    catalog_add(w->catalog, STR("local/a/c"), STR("{}"), &w->err), 0);
	assert_null(find(w, "local", "a/c")->price.p);
	catalog_each(w->catalog, STR("local"), list, ids);
	assert_string_equal(ids->p, "a/c b ");
	assert_int_equal(catalog_add(w->catalog, STR("openai/gpt-5"),
			     str_of(price), &w->err),
	    0);
	assert_int_equal(find(w, "openai", "gpt-5")->context, 5);
	assert_int_equal(find(w, "openai", "gpt-5-mini")->context, 400000);
}

static void
models_that_make_no_sense_are_refused(void **state)
{
	static const struct {
		const char *key, *text, *msg;
	} cases[] = {
		{ "gpt-5", "{}", "models.gpt-5: must be provider/id" },
		{ "/x", "{}", "models./x: must be provider/id" },
		{ "a/b", "5", "models.a/b: must be an object" },
		{ "a/b", "{\"contxt\":5}",
		    "models.a/b.contxt: no such member" },
		{ "a/b", "{\"context\":-5}",
		    "models.a/b.context: must be a number of tokens" },
		{ "a/b", "{\"price\":5}",
		    "models.a/b.price: must be an object, or a list of them" },
		{ "a/b", "{\"price\":{}}",
		    "models.a/b: price: input and output are required" },
		{ "a/b", "{\"effort\":[\"much\"]}",
		    "models.a/b.effort: must be a list of none, minimal, "
		    "low, medium, high, xhigh, max" },
		{ "a/b", "{\"name\":5}", "models.a/b.name: must be a string" },
	};
	struct world *w = *state;
	struct error err;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err = (struct error){ 0 };
		assert_int_equal(catalog_add(w->catalog, str_of(cases[i].key),
				     str_of(cases[i].text), &err),
		    -1);
		assert_int_equal(err.kind, ERROR_CONF);
		assert_string_equal(err.msg, cases[i].msg);
	}
}

static void
catalogues_that_make_no_sense_are_refused(void **state)
{
	static const char *const texts[] = { "", "[]", "{}",
		"{\"version\":\"1\"}", "{\"providers\":{}}",
		"{\"version\":\"1\",\"providers\":{\"a\":{\"b\":5}}}",
		"{\"version\":\"1\",\"providers\":{\"a\":{\"b\":{},\"b\":{}}}}",
		"{\"version\":\"1\",\"providers\":{\"a\":{},\"a\":{}}}" };
	struct world *w = *state;
	struct error err;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		err = (struct error){ 0 };
		assert_null(catalog_new(w->arena, str_of(texts[i]), &err));
		assert_int_equal(err.kind, ERROR_CONF);
	}
	err = (struct error){ 0 };
	assert_non_null(catalog_new(w->arena,
	    STR("{\"version\":\"1\",\"providers\":{\"a\":{\"\\u0062\":{}}}}"),
	    &err));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_builtin_text_is_json_without_duplicates),
		cmocka_unit_test(every_builtin_model_can_be_read_and_priced),
		cmocka_unit_test(
		    the_builtin_text_passes_the_check_of_any_catalogue),
		cmocka_unit_test(known_models_have_their_facts),
		cmocka_unit_test(a_name_that_merely_looks_alike_is_unknown),
		cmocka_unit_test(models_of_the_configuration_come_first),
		cmocka_unit_test(models_that_make_no_sense_are_refused),
		cmocka_unit_test(catalogues_that_make_no_sense_are_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
