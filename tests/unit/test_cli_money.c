/* SPDX-License-Identifier: MIT */
/* The verbs about money: budget, account, prices, and limits of keys. */
#include "core/cli.h"
#include "tests/unit/shell.h"
#include "tests/unit/unit.h"

#define SECRET "sk-cli-canary-81f0"

static int
setup(void **state)
{
	*state = shell_open("{\"data_dir\":\"data\"}");
	setenv("CLI_SECRET", SECRET, 1);
	return 0;
}

static int
teardown(void **state)
{
	shell_close(*state);
	return 0;
}

static void
wrong_usage_is_told(void **state)
{
	static const struct {
		const char *line, *complaint;
	} cases[] = {
		{ "budget set team ann --usd 1 --per day",
		    "\"team\" is none of key, account, user, tag" },
		{ "budget set user ann --usd 1 --per year",
		    "\"year\" is none of day, week, month, total" },
		{ "budget set user ann --per day", "--usd is missing" },
		{ "budget set user ann --usd -1 --per day",
		    "--usd: \"-1\" is no amount in USD" },
		{ "budget set user ann --usd 1.0000000000001 --per day",
		    "is no amount in USD" },
		{ "budget set user ann --usd 1 --per day --alert 101",
		    "--alert is a percentage" },
		{ "budget set user", "NAME is missing" },
		{ "budget set user a b", "NAME is given twice" },
		{ "account set team openai", "give PROVIDER with --key" },
		{ "account set team", "give PROVIDER with --key" },
		{ "account create team --allow-shared maybe",
		    "is neither yes nor no" },
		{ "key create --name k --budget-usd 5", "go together" },
		{ "key create --name k --per day", "go together" },
		{ "key create --name k --budget-usd 5 --per year",
		    "is none of day, week, month, total" },
		{ "key create --name k --cache maybe", "--cache is on or off" },
		{ "key create --name k --rpm 0", "is no number in range" },
		{ "key rotate ID --grace 5", "is no span of time" },
		{ "prices import", "FILE is missing" },
	};
	struct shell *sh = *state;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(shell_run(sh, cases[i].line), CLI_USAGE);
		if (strstr(sh->err, cases[i].complaint) == NULL)
			fail_msg("%s: %s", cases[i].line, sh->err);
	}
}

static void
a_secret_on_the_command_line_is_refused(void **state)
{
	struct shell *sh = *state;

	assert_int_equal(shell_run(sh, "account create team"), CLI_DONE);
	assert_int_equal(
	    shell_run(sh, "account set team openai --key sk-abc"), CLI_FAILED);
	assert_non_null(strstr(sh->err, "does not belong on a command line"));
}

static void
budgets_are_set_listed_and_removed(void **state)
{
	struct shell *sh = *state;

	assert_int_equal(
	    shell_run(sh,
		"budget set account team --usd 12.50 --per month --alert 80"),
	    CLI_DONE);
	assert_int_equal(
	    shell_run(sh, "budget set tag job=nightly --usd 1 --per total"),
	    CLI_DONE);
	assert_int_equal(
	    shell_run(sh, "budget set account team --usd 13.50 --per month"),
	    CLI_DONE);
	assert_int_equal(shell_run(sh, "budget list"), CLI_DONE);
	assert_non_null(strstr(sh->out, "account"));
	assert_non_null(strstr(sh->out, "13.5"));
	assert_non_null(strstr(sh->out, "never"));
	assert_int_equal(
	    shell_run(sh, "budget show account team --json"), CLI_DONE);
	assert_non_null(strstr(sh->out,
	    "[{\"scope\":\"account\",\"name\":\"team\",\"per\":\"month\","
	    "\"limit_usd\":\"13.5\",\"spent_usd\":\"0\",\"reserved_usd\":"
	    "\"0\",\"left_usd\":\"13.5\",\"resets_at\":\"2"));
	assert_int_equal(
	    shell_run(sh, "budget remove account team --per day"), CLI_FAILED);
	assert_int_equal(shell_run(sh, "budget remove account team"), CLI_DONE);
	assert_int_equal(shell_run(sh, "budget show account team"), CLI_FAILED);
	assert_int_equal(shell_run(sh, "budget list --json"), CLI_DONE);
	assert_null(strstr(sh->out, "account"));
	assert_int_equal(
	    shell_run(sh, "budget set tag nightly --usd 1 --per day"),
	    CLI_FAILED);
	assert_non_null(strstr(sh->err, "NAME=VALUE"));
}

static void
accounts_are_shown_without_their_secrets(void **state)
{
	struct shell *sh = *state;

	assert_int_equal(
	    shell_run(sh, "account create team --allow-shared no"), CLI_DONE);
	assert_int_equal(
	    shell_run(sh, "account set team openai --key env:CLI_SECRET"),
	    CLI_DONE);
	assert_int_equal(
	    shell_run(sh, "account set team groq --key env:CLI_SECRET --add"),
	    CLI_DONE);
	assert_non_null(strstr(sh->err, "no provider is called groq"));
	assert_int_equal(
	    shell_run(sh, "account set team openai --key env:NO_SUCH"),
	    CLI_FAILED);
	assert_int_equal(shell_run(sh, "account list"), CLI_DONE);
	assert_non_null(strstr(sh->out, "openai groq"));
	assert_int_equal(shell_run(sh, "account show team --json"), CLI_DONE);
	assert_non_null(strstr(sh->out, "\"allow_shared\":false"));
	assert_null(strstr(sh->out, SECRET));
	assert_null(strstr(sh->out, "v1:"));
	assert_int_equal(shell_run(sh, "account rekey"), CLI_DONE);
	assert_int_equal(shell_run(sh, "account unset team groq"), CLI_DONE);
	assert_int_equal(
	    shell_run(sh, "account set team --allow-shared yes"), CLI_DONE);
	assert_int_equal(shell_run(sh, "account show team"), CLI_DONE);
	assert_non_null(strstr(sh->out, "yes     openai\n"));
	assert_int_equal(shell_run(sh, "account remove team"), CLI_DONE);
	assert_int_equal(shell_run(sh, "account show team"), CLI_FAILED);
}

static void
a_key_is_made_with_its_limits_and_rotated(void **state)
{
	struct shell *sh = *state;
	char id[19] = "", line[128];

	assert_int_equal(shell_run(sh,
			     "key create --name k --models a,openai/* "
			     "--budget-usd 5 --per week --rpm 3 --tpm 2000000 "
			     "--parallel 2 --may-route --cache off --json"),
	    CLI_DONE);
	memcpy(id, strstr(sh->out, "sk-sl-"), 18);
	snprintf(line, sizeof(line), "key show %s", id);
	assert_int_equal(shell_run(sh, line), CLI_DONE);
	assert_non_null(strstr(sh->out,
	    "\"may_route\":true,\"admin\":false,\"rpm\":3,\"tpm\":2000000,"
	    "\"parallel\":2,\"cache\":\"off\",\"old_secret_until\":null,"
	    "\"models\":[\"a\",\"openai/*\"]}"));
	snprintf(line, sizeof(line), "budget show key %s", id);
	assert_int_equal(shell_run(sh, line), CLI_DONE);
	snprintf(line, sizeof(line), "key rotate %s --grace 24h --json", id);
	assert_int_equal(shell_run(sh, line), CLI_DONE);
	assert_non_null(strstr(sh->out, id));
	assert_true(strlen(sh->out) > 80);
	snprintf(line, sizeof(line), "key show %s", id);
	assert_int_equal(shell_run(sh, line), CLI_DONE);
	assert_non_null(strstr(sh->out, "\"old_secret_until\":\"2"));
	assert_int_equal(
	    shell_run(sh, "key show sk-sl-zzzzzzzzzzzz"), CLI_FAILED);
}

/* Write ${text} as a table and run `prices ${verb}` on it. */
static int
prices(struct shell *sh, const char *verb, const char *text)
{
	char line[160];

	scratch_write(&sh->scratch, "table.json", text, strlen(text));
	snprintf(line, sizeof(line), "prices %s %s/table.json", verb,
	    sh->scratch.dir);
	return shell_run(sh, line);
}

static void
prices_are_imported_unless_they_look_wrong(void **state)
{
	static const char good[] =
	    "{\"version\":\"v9\",\"providers\":{\"openai\":{\"gpt-4o\":{"
	    "\"price\":{\"input\":\"2\",\"cache_read\":\"1\",\"output\":\"9\"}}"
	    ","
	    "\"brand-new\":{\"price\":{\"input\":\"1\",\"output\":\"1\"}}}}}";
	static const char jump[] =
	    "{\"version\":\"v10\",\"providers\":{\"openai\":{\"gpt-4o\":{"
	    "\"price\":{\"input\":\"20\",\"cache_read\":\"1\",\"output\":"
	    "\"9\"}}}}}";
	static const char negative[] =
	    "{\"version\":\"v11\",\"providers\":{\"openai\":{\"gpt-4o\":{"
	    "\"price\":{\"input\":\"-2\",\"output\":\"9\"}},\"other\":{"
	    "\"price\":{\"input\":\"1\",\"output\":\"1\"}}}}}";
	struct shell *sh = *state;

	assert_int_equal(prices(sh, "check", good), CLI_DONE);
	assert_int_equal(prices(sh, "diff", good), CLI_DONE);
	assert_non_null(strstr(sh->out, "changed  openai/gpt-4o  "));
	assert_non_null(strstr(sh->out, "new      openai/brand-new"));
	assert_int_equal(prices(sh, "import", good), CLI_DONE);
	assert_int_equal(
	    shell_run(sh, "prices list --provider openai"), CLI_DONE);
	assert_non_null(strstr(sh->out, "v9"));
	assert_int_equal(prices(sh, "import", jump), CLI_FAILED);
	assert_non_null(
	    strstr(sh->out, "JUMPS    openai/gpt-4o  input 2 -> 20"));
	assert_int_equal(prices(sh, "check", negative), CLI_FAILED);
	assert_non_null(strstr(sh->out, "BAD      openai/gpt-4o"));
	assert_int_equal(prices(sh, "import", "{}"), CLI_FAILED);
	assert_int_equal(shell_run(sh, "prices list --json"), CLI_DONE);
	assert_non_null(strstr(sh->out, "\"v9\""));
	assert_null(strstr(sh->out, "\"v10\""));
	assert_int_equal(prices(sh, "import --force", jump), CLI_DONE);
	assert_int_equal(shell_run(sh, "prices list --json"), CLI_DONE);
	assert_non_null(strstr(sh->out, "\"v10\""));
	assert_int_equal(prices(sh, "import --force", negative), CLI_DONE);
	assert_int_equal(
	    shell_run(sh, "prices list --provider openai"), CLI_DONE);
	assert_non_null(strstr(sh->out, "openai/other"));
}

static void
a_damaged_price_file_is_told_with_its_path(void **state)
{
	struct shell *sh = *state;

	assert_int_equal(mkdirat(sh->scratch.fd, "data", 0700), 0);
	scratch_write(&sh->scratch, "data/prices.json", "{\"ver", 5);
	assert_int_equal(shell_run(sh, "prices list"), CLI_FAILED);
	assert_non_null(strstr(sh->err, "/data/prices.json: "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(wrong_usage_is_told),
		TEST(a_secret_on_the_command_line_is_refused),
		TEST(budgets_are_set_listed_and_removed),
		TEST(accounts_are_shown_without_their_secrets),
		TEST(a_key_is_made_with_its_limits_and_rotated),
		TEST(prices_are_imported_unless_they_look_wrong),
		TEST(a_damaged_price_file_is_told_with_its_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
