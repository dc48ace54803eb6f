/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/price.h"
#include "tests/unit/unit.h"

static const char openai[] =
    "{\"input\":\"1.25\",\"cache_read\":\"0.125\",\"output\":\"10\"}";
static const char anthropic[] =
    "{\"input\":\"3\",\"cache_read\":\"0.3\",\"cache_write\":\"3.75\","
    "\"cache_write_1h\":\"6\",\"output\":\"15\","
    "\"units\":{\"web_search\":\"0.01\"}}";
static const char google[] =
    "{\"input\":\"1.25\",\"cache_read\":\"0.125\",\"output\":\"10\","
    "\"audio_in\":\"1.5\",\"tiers\":[{\"above\":200000,\"input\":\"2.5\","
    "\"cache_read\":\"0.25\",\"output\":\"15\"}]}";
static const char deepseek[] =
    "{\"input\":\"0.435\",\"cache_read\":\"0.003625\",\"output\":\"0.87\"}";
static const char split[] =
    "{\"input\":\"1\",\"output\":\"2\",\"reasoning\":\"3\","
    "\"cache_write_5m\":\"4\",\"audio_out\":\"5\",\"image_in\":\"6\","
    "\"tiers\":[{\"above\":10,\"output\":\"20\"},"
    "{\"above\":20,\"input\":\"10\",\"reasoning\":\"30\"}]}";

/* Worked out by hand from the vendors' price lists. */
static const struct {
	const char *name;
	const char *price;
	int64_t tokens[USAGE_BUCKETS];
	int64_t web_searches;
	const char *dollars;
} bills[] = {
	{ "nothing", openai, { 0 }, 0, "0" },
	/* 2000 x 1.25 + 8000 x 0.125 + (500 + 1500) x 10 */
	{ "openai with cache and reasoning", openai,
	    { [USAGE_INPUT] = 2000,
		[USAGE_CACHE_READ] = 8000,
		[USAGE_OUTPUT] = 500,
		[USAGE_REASONING] = 1500 },
	    0, "0.0235" },
	/* Cache writes without a price are input, audio is text. */
	{ "openai writes and audio", openai,
	    { [USAGE_CACHE_WRITE_30M] = 1000,
		[USAGE_AUDIO_IN] = 1000,
		[USAGE_AUDIO_OUT] = 1 },
	    0, "0.00251" },
	/* 1200 x 3 + 50000 x 0.3 + 4000 x 3.75 + 2000 x 6 + 900 x 15 */
	{ "anthropic with both cache lifetimes", anthropic,
	    { [USAGE_INPUT] = 1200,
		[USAGE_CACHE_READ] = 50000,
		[USAGE_CACHE_WRITE_5M] = 4000,
		[USAGE_CACHE_WRITE_1H] = 2000,
		[USAGE_OUTPUT] = 900 },
	    0, "0.0591" },
	{ "anthropic, lifetimes without a price", anthropic,
	    { [USAGE_CACHE_WRITE_30M] = 1000, [USAGE_CACHE_WRITE_12H] = 1000 },
	    0, "0.0075" },
	{ "anthropic with web searches", anthropic, { [USAGE_OUTPUT] = 100 }, 3,
	    "0.0315" },
	{ "google at the limit of the tier", google,
	    { [USAGE_INPUT] = 100000,
		[USAGE_CACHE_READ] = 100000,
		[USAGE_OUTPUT] = 1000 },
	    0, "0.1475" },
	/* 150000 x 2.5 + 100000 x 0.25 + (1000 + 2000) x 15 */
	{ "google above it", google,
	    { [USAGE_INPUT] = 150000,
		[USAGE_CACHE_READ] = 100000,
		[USAGE_OUTPUT] = 1000,
		[USAGE_REASONING] = 2000 },
	    0, "0.445" },
	/* The tier has no audio price of its own: the base's. */
	{ "google audio above it", google, { [USAGE_AUDIO_IN] = 200001 }, 0,
	    "0.3000015" },
	/* 5000 x 0.435 + 100000 x 0.003625 + 1000 x 0.87 */
	{ "deepseek", deepseek,
	    { [USAGE_INPUT] = 5000,
		[USAGE_CACHE_READ] = 100000,
		[USAGE_OUTPUT] = 1000 },
	    0, "0.0034075" },
	{ "every bucket apart", split,
	    { [USAGE_INPUT] = 1,
		[USAGE_CACHE_READ] = 1,
		[USAGE_CACHE_WRITE_5M] = 1,
		[USAGE_CACHE_WRITE_1H] = 1,
		[USAGE_IMAGE_IN] = 1,
		[USAGE_OUTPUT] = 1,
		[USAGE_REASONING] = 1,
		[USAGE_AUDIO_OUT] = 1,
		[USAGE_IMAGE_OUT] = 1 },
	    0, "0.000025" },
	{ "second tier", split,
	    { [USAGE_INPUT] = 11,
		[USAGE_OUTPUT] = 1,
		[USAGE_REASONING] = 1,
		[USAGE_IMAGE_OUT] = 1 },
	    0, "0.000054" },
	{ "third tier, output from the base", split,
	    { [USAGE_INPUT] = 21, [USAGE_OUTPUT] = 1, [USAGE_REASONING] = 1 },
	    0, "0.000242" },
};

static void
bills_are_exact(void **state)
{
	char text[MONEY_TEXT_BYTES];
	struct error err = { 0 };
	struct usage usage;
	struct price price;
	int64_t pusd;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bills) / sizeof(bills[0]); i++) {
		usage_init(&usage);
		memcpy(usage.tokens, bills[i].tokens, sizeof(usage.tokens));
		usage.web_searches = bills[i].web_searches;
		assert_int_equal(
		    price_parse(str_of(bills[i].price), &price, &err), 0);
		assert_int_equal(price_cost(&price, &usage, &pusd), 0);
		if (strcmp(money_text(pusd, text), bills[i].dollars) != 0)
			fail_msg("%s: %s, not %s", bills[i].name, text,
			    bills[i].dollars);
	}
}

static void
a_sum_that_overflows_is_no_cost(void **state)
{
	struct error err = { 0 };
	struct usage usage;
	struct price price;
	int64_t pusd = 0;

	(void)state;
	assert_int_equal(price_parse(str_of(anthropic), &price, &err), 0);
	usage_init(&usage);
	usage.tokens[USAGE_INPUT] = INT64_MAX / 3000000;
	assert_int_equal(price_cost(&price, &usage, &pusd), 0);
	usage.tokens[USAGE_INPUT]++;
	assert_int_equal(price_cost(&price, &usage, &pusd), -1);
	usage.tokens[USAGE_INPUT]--;
	usage.tokens[USAGE_OUTPUT] = 1;
	assert_int_equal(price_cost(&price, &usage, &pusd), -1);
	usage_init(&usage);
	usage.web_searches = INT64_MAX;
	assert_int_equal(price_cost(&price, &usage, &pusd), -1);
	usage_init(&usage);
	usage.tokens[USAGE_OUTPUT] = -1;
	assert_int_equal(price_cost(&price, &usage, &pusd), -1);
}

static const char modal[] =
    "{\"input\":\"2\",\"output\":\"8\",\"cache_read\":\"0.5\","
    "\"units\":{\"request\":\"0.005\",\"web_search\":\"0.01\"},\"modes\":{"
    "\"priority\":{\"input\":\"4\",\"output\":\"16\",\"tiers\":["
    "{\"above\":10,\"input\":\"40\"}]},"
    "\"batch\":{\"input\":\"1\",\"output\":\"4\"}}}";

static void
the_mode_of_the_answer_has_its_own_price(void **state)
{
	static const struct {
		enum usage_mode mode;
		int64_t input;
		int rc;
		const char *dollars;
	} cases[] = {
		/* 10 x 2 + 10 x 8 micro-USD, and 0.005 for the request */
		{ USAGE_STANDARD, 10, 0, "0.0051" },
		{ USAGE_PRIORITY, 10, 0, "0.0052" },
		{ USAGE_PRIORITY, 11, 0, "0.0056" },
		{ USAGE_BATCH, 10, 0, "0.00505" },
		/* Not priced: standard is an upper bound, or there is none. */
		{ USAGE_FLEX, 10, 1, "0.0051" },
		{ USAGE_FAST, 10, -1, NULL },
	};
	char text[MONEY_TEXT_BYTES];
	struct price price;
	struct usage usage;
	struct error err = { 0 };
	int64_t pusd;
	size_t i;

	(void)state;
	assert_int_equal(price_parse(str_of(modal), &price, &err), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		usage_init(&usage);
		usage.mode = cases[i].mode;
		usage.tokens[USAGE_INPUT] = cases[i].input;
		usage.tokens[USAGE_OUTPUT] = 10;
		assert_int_equal(
		    price_cost(&price, &usage, &pusd), cases[i].rc);
		if (cases[i].rc >= 0)
			assert_string_equal(
			    money_text(pusd, text), cases[i].dollars);
	}
}

static void
words_of_vendors_mean_modes(void **state)
{
	static const struct {
		const char *word;
		enum usage_mode mode;
	} cases[] = {
		{ "flex", USAGE_FLEX },
		{ "priority", USAGE_PRIORITY },
		{ "batch", USAGE_BATCH },
		{ "fast", USAGE_FAST },
		{ "default", USAGE_STANDARD },
		{ "standard", USAGE_STANDARD },
		{ "on_demand", USAGE_STANDARD },
		{ "", USAGE_STANDARD },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
		    usage_mode_of(str_of(cases[i].word)), cases[i].mode);
}

static void
prices_take_effect_on_their_day(void **state)
{
	static const char list[] =
	    "[{\"input\":\"1\",\"output\":\"1\",\"from\":\"2026-01-01\"},"
	    "{\"input\":\"3\",\"output\":\"3\",\"from\":\"2026-07-01\"},"
	    "{\"input\":\"2\",\"output\":\"2\",\"from\":\"2026-03-01\"}]";
	static const struct {
		const char *now;
		int64_t pusd;
	} cases[] = {
		{ "2025-12-31T23:59:59Z", -1 },
		{ "2026-01-01", 1000000 },
		{ "2026-02-28", 1000000 },
		{ "2026-03-01", 2000000 },
		{ "2026-06-30T23:59:59.999999Z", 2000000 },
		{ "2026-07-01", 3000000 },
		{ "2099-01-01", 3000000 },
	};
	struct price price;
	struct error err;
	int64_t now_us;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err = (struct error){ 0 };
		assert_int_equal(clock_parse(str_of(cases[i].now), &now_us), 0);
		assert_int_equal(
		    price_parse_at(str_of(list), now_us, &price, &err),
		    cases[i].pusd < 0 ? -1 : 0);
		if (cases[i].pusd >= 0)
			assert_int_equal(
			    price.modes[0].tiers[0].pusd[USAGE_INPUT],
			    cases[i].pusd);
	}
	err = (struct error){ 0 };
	assert_int_equal(price_check(str_of(list), &err), 0);
}

static void
the_worst_case_is_the_dearest_way_to_bill(void **state)
{
	static const struct {
		const char *price;
		struct price_most most;
		const char *dollars;
	} cases[] = {
		{ openai, { .input_tokens = 1000, .output_tokens = 100 },
		    "0.00225" },
		/* all written to the cache for an hour */
		{ anthropic, { .input_tokens = 1000, .output_tokens = 100 },
		    "0.0075" },
		{ anthropic,
		    { .input_tokens = 1000,
			.output_tokens = 100,
			.may = PRICE_MAY_SEARCH,
			.searches = 3 },
		    "0.0375" },
		/* reasoning is dearer; the tier is that of the input */
		{ split, { .input_tokens = 10, .output_tokens = 10 },
		    "0.00007" },
		{ split, { .input_tokens = 11, .output_tokens = 10 },
		    "0.000244" },
		{ split,
		    { .input_tokens = 10,
			.output_tokens = 10,
			.may = PRICE_MAY_AUDIO | PRICE_MAY_IMAGE },
		    "0.00011" },
		{ modal,
		    { .input_tokens = 11,
			.output_tokens = 1,
			.mode = USAGE_PRIORITY },
		    "0.005456" },
	};
	char text[MONEY_TEXT_BYTES];
	struct price price;
	struct error err = { 0 };
	int64_t pusd;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    price_parse(str_of(cases[i].price), &price, &err), 0);
		assert_int_equal(price_worst(&price, &cases[i].most, &pusd), 0);
		assert_string_equal(money_text(pusd, text), cases[i].dollars);
	}
	assert_int_equal(
	    price_worst(&price,
		&(struct price_most){ .input_tokens = INT64_MAX }, &pusd),
	    -1);
}

static void
prices_that_make_no_sense_are_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"1",
		"[]",
		"{}",
		"{\"input\":\"1\"}",
		"{\"output\":\"1\"}",
		"{\"input\":1,\"output\":\"1\"}",
		"{\"input\":\"-1\",\"output\":\"1\"}",
		"{\"input\":\"1e3\",\"output\":\"1\"}",
		"{\"input\":\"\",\"output\":\"1\"}",
		"{\"input\":\"0.0000001\",\"output\":\"1\"}",
		"{\"input\":\"1\",\"output\":\"1\",\"outptu\":\"1\"}",
		"{\"input\":\"1\",\"output\":\"1\",\"output\":\"1\"}",
		"{\"input\":\"1\",\"output\":\"1\",\"above\":5}",
		"{\"input\":\"1\",\"output\":\"1\",\"units\":{\"x\":\"1\"}}",
		"{\"input\":\"1\",\"output\":\"1\",\"units\":[]}",
		"{\"input\":\"1\",\"output\":\"1\",\"units\":{\"request\":"
		"\"-1\"}}",
		"{\"input\":\"1\",\"output\":\"1\",\"from\":\"soon\"}",
		"{\"input\":\"1\",\"output\":\"1\",\"from\":\"2999-01-01\"}",
		"{\"input\":\"1\",\"output\":\"1\",\"modes\":[]}",
		"{\"input\":\"1\",\"output\":\"1\",\"modes\":{\"slow\":{}}}",
		"{\"input\":\"1\",\"output\":\"1\",\"modes\":{\"flex\":{"
		"\"input\":\"1\"}}}",
		"[{\"input\":\"1\",\"output\":\"1\"},{\"input\":\"1\"}]",
		"{\"input\":\"1\",\"output\":\"1\",\"tiers\":{}}",
		"{\"input\":\"1\",\"output\":\"1\",\"tiers\":[1]}",
		"{\"input\":\"1\",\"output\":\"1\",\"tiers\":[{}]}",
		"{\"input\":\"1\",\"output\":\"1\",\"tiers\":[{\"above\":0}]}",
		"{\"input\":\"1\",\"output\":\"1\",\"tiers\":[{\"above\":2},"
		"{\"above\":2}]}",
		"{\"input\":\"1\",\"output\":\"1\",\"tiers\":[{\"above\":1},"
		"{\"above\":2},{\"above\":3},{\"above\":4}]}",
		"{\"input\":\"1\",\"output\":\"1\",\"tiers\":[{\"above\":1,"
		"\"tiers\":[]}]}",
	};
	struct price price;
	struct error err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		err = (struct error){ 0 };
		if (price_parse(str_of(texts[i]), &price, &err) == 0)
			fail_msg("accepted: %s", texts[i]);
		assert_int_equal(err.kind, ERROR_CONF);
	}
}

static void
amounts_are_read_exactly_or_not_at_all(void **state)
{
	static const struct {
		const char *text;
		int64_t scale;
		int64_t want; /* -1: refused */
	} cases[] = {
		{ "0", PUSD_PER_USD, 0 },
		{ "1", PUSD_PER_USD, PUSD_PER_USD },
		{ "0.000000000001", PUSD_PER_USD, 1 },
		{ "0.0000000000010", PUSD_PER_USD, 1 },
		{ "0.0000000000001", PUSD_PER_USD, -1 },
		{ "0.00000000000000001", PUSD_PER_USD, -1 },
		{ "007.50", PUSD_PER_USD, INT64_C(7500000000000) },
		{ "1.25", 1000000, 1250000 },
		{ "0.003625", 1000000, 3625 },
		{ "0.0036250", 1000000, 3625 },
		{ "0.0036251", 1000000, -1 },
		{ "0.00000001", 1000000, -1 },
		{ "9223372.036854775807", PUSD_PER_USD, INT64_MAX },
		{ "9223372.036854775808", PUSD_PER_USD, -1 },
		{ "9223373", PUSD_PER_USD, -1 },
		{ "99999999999999999999", 1, -1 },
		{ "", 1000000, -1 },
		{ ".5", 1000000, -1 },
		{ "5.", 1000000, -1 },
		{ "1.2.3", 1000000, -1 },
		{ "+1", 1000000, -1 },
		{ "-1", 1000000, -1 },
		{ " 1", 1000000, -1 },
		{ "1 ", 1000000, -1 },
		{ "1,5", 1000000, -1 },
		{ "1e1", 1000000, -1 },
	};
	int64_t v;
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		v = -1;
		rc = money_parse(str_of(cases[i].text), cases[i].scale, &v);
		if (v != cases[i].want || rc != (v < 0 ? -1 : 0))
			fail_msg("%s: %lld", cases[i].text, (long long)v);
	}
}

static void
amounts_are_written_without_trailing_zeros(void **state)
{
	static const struct {
		int64_t pusd;
		const char *want;
	} cases[] = {
		{ 0, "0" },
		{ 1, "0.000000000001" },
		{ INT64_C(3100000000), "0.0031" },
		{ INT64_C(10000000000000), "10" },
		{ -INT64_C(1500000000000), "-1.5" },
		{ INT64_MAX, "9223372.036854775807" },
		{ INT64_MIN, "-9223372.036854775808" },
	};
	char text[MONEY_TEXT_BYTES];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(
		    money_text(cases[i].pusd, text), cases[i].want);
}

static void
amounts_survive_the_way_to_text_and_back(void **state)
{
	char text[MONEY_TEXT_BYTES];
	uint64_t seed = 1;
	int64_t v, back;
	int i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1;
		v = (int64_t)(seed >> (1 + i % 60));
		assert_int_equal(money_parse(str_of(money_text(v, text)),
				     PUSD_PER_USD, &back),
		    0);
		assert_true(v == back);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bills_are_exact),
		cmocka_unit_test(a_sum_that_overflows_is_no_cost),
		cmocka_unit_test(prices_that_make_no_sense_are_refused),
		cmocka_unit_test(the_mode_of_the_answer_has_its_own_price),
		cmocka_unit_test(words_of_vendors_mean_modes),
		cmocka_unit_test(prices_take_effect_on_their_day),
		cmocka_unit_test(the_worst_case_is_the_dearest_way_to_bill),
		cmocka_unit_test(amounts_are_read_exactly_or_not_at_all),
		cmocka_unit_test(amounts_are_written_without_trailing_zeros),
		cmocka_unit_test(amounts_survive_the_way_to_text_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
