/* SPDX-License-Identifier: MIT */
/* The verb cache. */
#include "core/cache.h"
#include "core/cli.h"
#include "core/clock.h"
#include "core/error.h"
#include "tests/unit/shell.h"
#include "tests/unit/unit.h"

static int
setup(void **state)
{
	*state = shell_open("{\"data_dir\":\"data\","
			    "\"cache\":{\"max_mb\":16,\"account_mb\":4}}");
	return 0;
}

static int
teardown(void **state)
{
	shell_close(*state);
	return 0;
}

static void
fill(struct shell *sh)
{
	static const char *const accounts[] = { "a", "b\033[2J", NULL };
	struct cache_item item = { .value = STR("an answer"), .cost_pusd = 7 };
	struct error err = { .kind = ERROR_NONE };
	unsigned char key[CACHE_KEY] = { 0 };
	struct cache *c;
	char dir[96];
	int i;

	snprintf(dir, sizeof(dir), "%s/data", sh->scratch.dir);
	c = cache_open(str_of(dir), 16 << 20, &err);
	assert_non_null(c);
	for (i = 0; i < 30; i++) {
		key[0] = (unsigned char)i;
		item.account = str_of(accounts[i % 3]);
		item.route = i % 2 == 0 ? STR("even") : STR("odd");
		item.stored_us = clock_wall_us() - (i < 6 ? 7200000000 : 0);
		item.expires_us = item.stored_us + 86400000000;
		assert_int_equal(cache_put(c, key, &item, &err), 1);
	}
	cache_close(c);
}

static void
wrong_usage_is_told(void **state)
{
	static const char *const lines[] = { "cache", "cache drop",
		"cache stats all", "cache purge --older yesterday",
		"cache purge --account" };
	struct shell *sh = *state;
	size_t i;

	for (i = 0; i < COUNT(lines); i++)
		assert_int_equal(shell_run(sh, lines[i]), CLI_USAGE);
}

static void
stats_say_what_is_there(void **state)
{
	struct shell *sh = *state;

	fill(sh);
	assert_int_equal(shell_run(sh, "cache stats --json"), CLI_DONE);
	assert_non_null(strstr(sh->out, "{\"entries\":30,"));
	assert_non_null(strstr(sh->out, "\"max_bytes\":16777216,"));
	assert_non_null(strstr(sh->out, "\"account_bytes\":4194304,"));
	assert_non_null(
	    strstr(sh->out, "{\"account\":\"a\",\"entries\":10,\"bytes\":"));
	assert_int_equal(shell_run(sh, "cache stats"), CLI_DONE);
	assert_non_null(
	    strstr(sh->out, "stored                             30"));
	assert_non_null(strstr(sh->out, "\nb?[2J "));
	assert_null(strchr(sh->out, 033));
}

static void
a_purge_says_how_many(void **state)
{
	static const struct {
		const char *line, *want;
	} cases[] = {
		{ "cache purge --older 1h", "6 removed\n" },
		{ "cache purge --account a --route odd", "4 removed\n" },
		{ "cache purge --route=odd", "8 removed\n" },
		{ "cache purge --account nobody", "0 removed\n" },
		{ "cache purge", "12 removed\n" },
		{ "cache purge", "0 removed\n" },
	};
	struct shell *sh = *state;
	size_t i;

	fill(sh);
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(shell_run(sh, cases[i].line), CLI_DONE);
		assert_string_equal(sh->out, cases[i].want);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(wrong_usage_is_told),
		CASE(stats_say_what_is_there),
		CASE(a_purge_says_how_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
