/* SPDX-License-Identifier: MIT */
/* The verb cache. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/cache.h"
#include "core/cli.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/provider.h"
#include "tests/unit/scratch.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_ARGS 24

static const struct provider echo = { .name = "echo", .wire = WIRE_NONE };
static const struct provider *const apis[] = { &echo, NULL };
static const struct vendor vendors[] = {
	{ "echo", "echo", "", NULL, 0 },
	{ NULL, NULL, NULL, NULL, 0 },
};
static const struct registry registry = { apis, vendors, NULL };

struct fixture {
	struct scratch scratch;
	char *out, *err;
};

static int
setup(void **state)
{
	static const char conf[] =
	    "{\"data_dir\":\"data\","
	    "\"cache\":{\"max_mb\":16,\"account_mb\":4}}";
	struct fixture *f = calloc(1, sizeof(*f));
	char path[96];

	scratch_make(&f->scratch);
	scratch_write(&f->scratch, "sluice.json", conf, sizeof(conf) - 1);
	snprintf(path, sizeof(path), "%s/sluice.json", f->scratch.dir);
	setenv("SLUICE_CONFIG", path, 1);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	scratch_drop(&f->scratch);
	free(f->out);
	free(f->err);
	free(f);
	return 0;
}

static int
run(struct fixture *f, const char *line)
{
	struct cli_env env = { .registry = &registry };
	char *argv[MAX_ARGS] = { NULL }, *save = NULL, *word;
	char *words = strdup(line), program[] = "sluice";
	size_t out_n, err_n;
	int argc = 0, rc;

	argv[argc++] = program;
	for (word = strtok_r(words, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	free(f->out);
	free(f->err);
	env.out = open_memstream(&f->out, &out_n);
	env.err = open_memstream(&f->err, &err_n);
	rc = cli_main(&env, argc, argv);
	fclose(env.out);
	fclose(env.err);
	free(words);
	return rc;
}

static void
fill(struct fixture *f)
{
	static const char *const accounts[] = { "a", "b\033[2J", NULL };
	struct cache_item item = { .value = STR("an answer"), .cost_pusd = 7 };
	struct error err = { .kind = ERROR_NONE };
	unsigned char key[CACHE_KEY] = { 0 };
	struct cache *c;
	char dir[96];
	int i;

	snprintf(dir, sizeof(dir), "%s/data", f->scratch.dir);
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
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < COUNT(lines); i++)
		assert_int_equal(run(f, lines[i]), CLI_USAGE);
}

static void
stats_say_what_is_there(void **state)
{
	struct fixture *f = *state;

	fill(f);
	assert_int_equal(run(f, "cache stats --json"), CLI_DONE);
	assert_non_null(strstr(f->out, "{\"entries\":30,"));
	assert_non_null(strstr(f->out, "\"max_bytes\":16777216,"));
	assert_non_null(strstr(f->out, "\"account_bytes\":4194304,"));
	assert_non_null(
	    strstr(f->out, "{\"account\":\"a\",\"entries\":10,\"bytes\":"));
	assert_int_equal(run(f, "cache stats"), CLI_DONE);
	assert_non_null(
	    strstr(f->out, "stored                             30"));
	assert_non_null(strstr(f->out, "\nb?[2J "));
	assert_null(strchr(f->out, 033));
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
	struct fixture *f = *state;
	size_t i;

	fill(f);
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(run(f, cases[i].line), CLI_DONE);
		assert_string_equal(f->out, cases[i].want);
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
