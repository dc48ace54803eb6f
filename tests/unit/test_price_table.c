/* SPDX-License-Identifier: MIT */
/* Tables of prices as operators bring them. */
#include "core/arena.h"
#include "core/buf.h"
#include "core/catalog.h"
#include "core/error.h"
#include "core/price_table.h"
#include "core/provider.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static const struct provider *const apis[] = { NULL };
static const struct vendor vendors[] = { { .name = "openai" },
	{ .name = "google" }, { .name = "anthropic" }, { .name = NULL } };
static const char *const price_names[] = { "gemini", "google", NULL };
static const struct registry registry = {
	.apis = apis, .vendors = vendors, .price_names = price_names
};

struct fixture {
	struct arena *arena;
	struct price_table table;
	struct error err;
};

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	f.arena = arena_new((size_t)256 << 20);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(f->arena);
	return 0;
}

static int
parse(struct fixture *f, const char *text)
{
	error_clear(&f->err);
	return price_table_parse(
	    f->arena, str_of(text), &registry, &f->table, &f->err);
}

static const struct price_entry *
entry(const struct fixture *f, const char *provider, const char *id)
{
	const struct price_entry *e = f->table.entries;

	while (
	    e != NULL && !(str_is(e->provider, provider) && str_is(e->id, id)))
		e = e->next;
	assert_non_null(e);
	return e;
}

/* As LiteLLM spells it. */
static const char litellm[] =
    "{\"sample_spec\":{\"input_cost_per_token\":0,\"litellm_provider\":"
    "\"one of ...\",\"output_cost_per_token\":0},"
    "\"gpt-x\":{\"litellm_provider\":\"openai\",\"mode\":\"chat\","
    "\"max_input_tokens\":272000,\"max_output_tokens\":128000,"
    "\"input_cost_per_token\":1.25e-06,\"output_cost_per_token\":1e-05,"
    "\"cache_read_input_token_cost\":1.25e-07,"
    "\"input_cost_per_token_flex\":6.25e-07,"
    "\"output_cost_per_token_flex\":5e-06,"
    "\"input_cost_per_token_priority\":2.5e-06,"
    "\"output_cost_per_token_priority\":2e-05,"
    "\"input_cost_per_token_batches\":6.25e-07,"
    "\"search_context_cost_per_query\":{\"search_context_size_low\":0.01,"
    "\"search_context_size_high\":0.025},"
    "\"supports_vision\":true,\"supports_reasoning\":false},"
    "\"openai/gpt-x\":{\"litellm_provider\":\"openai\","
    "\"input_cost_per_token\":9,\"output_cost_per_token\":9},"
    "\"gemini/gem\":{\"litellm_provider\":\"gemini\","
    "\"input_cost_per_token\":0.00000125,\"output_cost_per_token\":1e-5,"
    "\"input_cost_per_token_above_200k_tokens\":2.5E-6,"
    "\"output_cost_per_token_above_200k_tokens\":1.5000000000000002e-05},"
    "\"claude-y\":{\"litellm_provider\":\"anthropic\","
    "\"input_cost_per_token\":\"3e-06\",\"output_cost_per_token\":1.5e-05,"
    "\"cache_creation_input_token_cost\":3.75e-06,"
    "\"cache_creation_input_token_cost_above_1hr\":6e-06,"
    "\"cache_read_input_token_cost\":3e-07},"
    "\"of-nobody\":{\"litellm_provider\":\"nobody\","
    "\"input_cost_per_token\":1e-06,\"output_cost_per_token\":1e-06},"
    "\"dall-z\":{\"litellm_provider\":\"openai\","
    "\"input_cost_per_image\":0.04}}";

static void
a_price_map_of_litellm_is_read_to_the_picodollar(void **state)
{
	struct fixture *f = *state;
	const struct price *p;

	assert_int_equal(parse(f, litellm), 0);
	assert_int_equal(f->table.n, 3);
	assert_int_equal(f->table.n_bad, 0);
	assert_int_equal(f->table.skipped, 4);
	p = &entry(f, "openai", "gpt-x")->price;
	assert_int_equal(
	    p->modes[USAGE_STANDARD].tiers[0].pusd[USAGE_INPUT], 1250000);
	assert_int_equal(
	    p->modes[USAGE_STANDARD].tiers[0].pusd[USAGE_CACHE_READ], 125000);
	assert_int_equal(
	    p->modes[USAGE_FLEX].tiers[0].pusd[USAGE_OUTPUT], 5000000);
	assert_int_equal(
	    p->modes[USAGE_PRIORITY].tiers[0].pusd[USAGE_INPUT], 2500000);
	assert_int_equal(p->modes[USAGE_BATCH].n_tiers, 0); /* no output */
	assert_true(p->web_search_pusd == INT64_C(25000000000));
	p = &entry(f, "google", "gem")->price;
	assert_int_equal(p->modes[0].n_tiers, 2);
	assert_int_equal(p->modes[0].tiers[1].above_tokens, 200000);
	assert_int_equal(p->modes[0].tiers[1].pusd[USAGE_OUTPUT], 15000000);
	p = &entry(f, "anthropic", "claude-y")->price;
	assert_int_equal(
	    p->modes[0].tiers[0].pusd[USAGE_CACHE_WRITE_5M], 3750000);
	assert_int_equal(
	    p->modes[0].tiers[0].pusd[USAGE_CACHE_WRITE_1H], 6000000);
}

static void
amounts_that_are_none_make_their_model_unusable(void **state)
{
	static const char *const amounts[] = { "-1e-06", "true", "\"x\"", "[]",
		"1e400", "99999999999999999999", "\"\"" };
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(amounts) / sizeof(*amounts); i++) {
		assert_int_equal(
		    parse(f,
			arena_printf(f->arena,
			    "{\"good\":{\"litellm_provider\":\"openai\","
			    "\"input_cost_per_token\":1e-06,"
			    "\"output_cost_per_token\":1e-06},"
			    "\"bad\":{\"litellm_provider\":\"openai\","
			    "\"input_cost_per_token\":%s,"
			    "\"output_cost_per_token\":1e-06}}",
			    amounts[i])),
		    0);
		assert_int_equal(f->table.n_bad, 1);
		assert_non_null(entry(f, "openai", "bad")->bad);
		assert_null(entry(f, "openai", "good")->bad);
	}
}

static void
files_that_are_no_price_tables_are_refused(void **state)
{
	static const char *const texts[] = { "", "[]", "5", "{", "{}",
		"{\"providers\":{}}", "{\"providers\":{\"openai\":[]}}",
		"{\"version\":1,\"providers\":{\"openai\":{\"x\":{\"price\":"
		"{\"input\":-1,\"output\":1}}}}}",
		"{\"version\":\"1\",\"providers\":{\"openai\":{\"x\":{"
		"\"price\":"
		"{\"input\":\"-1\",\"output\":\"1\"}}}}}",
		"{\"gpt\":{\"input_cost_per_token\":1}}" };
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(parse(f, texts[i]), -1);
		assert_int_equal(f->err.kind, ERROR_CONF);
	}
}

/* What a table changes: one letter for each price. */
static void
note(void *arg, const struct price_change *c)
{
	buf_addch(arg, c->is_new ? 'n' : c->jumps ? 'J' : 'c');
}

static const char *
changes(struct fixture *f, const char *now, const char *then)
{
	struct buf *out = buf_new(f->arena, 100);
	struct catalog *c = catalog_new(f->arena,
	    str_of(arena_printf(f->arena,
		"{\"version\":\"1\",\"providers\":{\"openai\":{\"x\":{%s}}}}",
		now)),
	    &f->err);

	assert_non_null(c);
	assert_int_equal(
	    parse(f,
		arena_printf(f->arena,
		    "{\"version\":\"2\",\"providers\":{\"openai\":{\"x\":"
		    "{%s}}}}",
		    then)),
	    0);
	price_table_diff(&f->table, c, f->arena, note, out);
	return out->p;
}

#define PRICE(in, out, more)                                                   \
	"\"price\":{\"input\":\"" in "\",\"output\":\"" out "\"" more "}"

static void
a_tenfold_jump_is_seen_either_way_and_anywhere(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *now, *then, *want;
	} cases[] = {
		{ PRICE("1", "2", ""), PRICE("1", "2", ""), "" },
		{ PRICE("1", "2", ""), PRICE("1.0", "2.00", ""), "" },
		{ "", PRICE("1", "2", ""), "n" },
		{ PRICE("1", "2", ""), PRICE("1.5", "2", ""), "c" },
		{ PRICE("1", "2", ""), PRICE("9.99", "2", ""), "c" },
		{ PRICE("1", "2", ""), PRICE("10", "2", ""), "J" },
		{ PRICE("1", "2", ""), PRICE("1", "0.2", ""), "J" },
		{ PRICE("1", "2", ""), PRICE("0", "2", ""), "J" },
		{ PRICE("0", "0", ""), PRICE("1", "2", ""), "J" },
		{ PRICE("1", "2", ",\"cache_read\":\"0.1\""),
		    PRICE("1", "2", ""), "J" },
		{ PRICE("1", "2", ",\"units\":{\"web_search\":\"0.01\"}"),
		    PRICE("1", "2", ",\"units\":{\"web_search\":\"0.1\"}"),
		    "J" },
		{ PRICE("1", "2",
		      ",\"modes\":{\"flex\":{\"input\":\"1\",\"output\":"
		      "\"1\"}}"),
		    PRICE("1", "2",
			",\"modes\":{\"flex\":{\"input\":\"1\",\"output\":"
			"\"10\"}}"),
		    "J" },
		{ PRICE("1", "2", ""),
		    PRICE("1", "2",
			",\"modes\":{\"flex\":{\"input\":\"1\",\"output\":"
			"\"1\"}}"),
		    "c" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(
		    changes(f, cases[i].now, cases[i].then), cases[i].want);
}

static void
what_was_written_lies_over_what_is_built_in(void **state)
{
	struct fixture *f = *state;
	struct scratch s;
	struct catalog *c = catalog_new(f->arena, catalog_builtin(), &f->err);
	const struct model *m;
	struct str text;

	scratch_make(&s);
	assert_int_equal(parse(f, litellm), 0);
	assert_int_equal(
	    price_table_write(str_of(s.dir), &f->table, f->arena, &f->err), 0);
	assert_int_equal(
	    price_table_read(f->arena,
		arena_printf(f->arena, "%s/" PRICE_TABLE_FILE, s.dir), &text,
		&f->err),
	    0);
	assert_int_equal(catalog_add(c, STR("openai/gpt-x"),
			     STR("{\"context\":5}"), &f->err),
	    0);
	assert_int_equal(catalog_add(c, STR("google/gem"),
			     STR("{" PRICE("7", "8", "") "}"), &f->err),
	    0);
	assert_int_equal(catalog_overlay(c, text, &f->err), 0);
	/* The configuration's facts, the table's price. */
	m = catalog_find(c, f->arena, STR("openai"), STR("gpt-x"));
	assert_int_equal(m->context, 5);
	assert_true(str_starts(m->version, "litellm-"));
	/* The configuration's price. */
	m = catalog_find(c, f->arena, STR("google"), STR("gem"));
	assert_true(str_is(m->version, "conf"));
	assert_true(str_find(m->price, STR("\"7\"")) > 0);
	/* New, and what is not in the table. */
	m = catalog_find(c, f->arena, STR("anthropic"), STR("claude-y"));
	assert_true(str_starts(m->version, "litellm-"));
	m = catalog_find(c, f->arena, STR("openai"), STR("gpt-5-mini"));
	assert_true(str_is(m->version, "2026-07-02"));
	scratch_drop(&s);
}

static void
a_damaged_table_is_no_overlay(void **state)
{
	static const char *const texts[] = { "", "{", "{}",
		"{\"version\":\"1\"}", "{\"version\":\"1\",\"providers\":" };
	struct fixture *f = *state;
	struct catalog *c = catalog_new(f->arena, catalog_builtin(), &f->err);
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		error_clear(&f->err);
		assert_int_equal(
		    catalog_overlay(c, str_of(texts[i]), &f->err), -1);
		assert_int_equal(f->err.kind, ERROR_CONF);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_price_map_of_litellm_is_read_to_the_picodollar),
		TEST(amounts_that_are_none_make_their_model_unusable),
		TEST(files_that_are_no_price_tables_are_refused),
		TEST(a_tenfold_jump_is_seen_either_way_and_anywhere),
		TEST(what_was_written_lies_over_what_is_built_in),
		TEST(a_damaged_table_is_no_overlay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
