/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cli.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/ledger.h"
#include "core/state.h"
#include "tests/unit/shell.h"
#include "tests/unit/unit.h"

static int
setup(void **state)
{
	*state = shell_open(
	    "{\"data_dir\":\"data\",\"privacy\":{\"retention_days\":0},"
	    "\"providers\":{\"openai\":{},\"local\":{\"api\":\"openai\","
	    "\"base_url\":\"http://127.0.0.1:1/v1\",\"free\":true,"
	    "\"key\":\"hunter2\"}},\"aliases\":{\"fast\":\"local/tiny\"},"
	    "\"models\":{\"local/tiny\":{\"context\":2048,"
	    "\"price\":{\"input\":\"0.5\",\"output\":\"1\"}}}}");
	return 0;
}

static int
teardown(void **state)
{
	shell_close(*state);
	return 0;
}

static void
wrong_usage_exits_with_2_and_shows_the_usage(void **state)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
		{ "", "a verb is missing" },
		{ "frobnicate", "unknown verb \"frobnicate\"" },
		{ "chek", "did you mean \"check\"?" },
		{ "check now", "unknown argument \"now\"" },
		{ "check --live", "unknown option \"--live\"" },
		{ "check --json=1", "--json takes no value" },
		{ "help nothing", "unknown verb \"nothing\"" },
		{ "key", "a verb is missing" },
		{ "key crate", "did you mean \"create\"?" },
		{ "key create", "--name is missing" },
		{ "key create --name", "--name needs a value" },
		{ "key create --name=", "--name needs a value" },
		{ "key create --name a --name b", "--name is given twice" },
		{ "key create --name a --expires soon",
		    "--expires: \"soon\" is no date" },
		{ "key create --name a --expires 2001-01-01",
		    "--expires lies in the past" },
		{ "key revoke", "ID is missing" },
		{ "key revoke a b", "ID is given twice" },
		{ "ledger tail -n 0", "-n: \"0\" is no number in range" },
		{ "ledger tail -n many", "-n: \"many\" is no number" },
		{ "ledger tail -n 999999", "-n: at most 10000" },
		{ "ledger export --format xml", "--format: jsonl or csv" },
		{ "ledger summary", "--by is missing" },
		{ "ledger summary --by color", "by: \"color\"" },
		{ "ledger summary --by key,key", "all different" },
		{ "ledger prune --before 2999-01-01", "an hour ago" },
		{ "backup", "DIR is missing" },
		{ "reconcile --provider x f", "openai or anthropic" },
		{ "models --jsn", "unknown option \"--jsn\"" },
		{ "version x", "unknown argument \"x\"" },
	};
	struct shell *sh = *state;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(shell_run(sh, cases[i].line), CLI_USAGE);
		if (strstr(sh->err, cases[i].message) == NULL)
			fail_msg("%s: %s", cases[i].line, sh->err);
		assert_non_null(strstr(sh->err, "usage: sluice"));
		assert_string_equal(sh->out, "");
	}
}

static void
every_verb_has_help(void **state)
{
	static const char *const verbs[] = { "", "check", "help", "key",
		"key create", "key list", "key revoke", "ledger",
		"ledger export", "ledger tail", "ledger summary",
		"ledger prune", "reconcile", "backup", "verify", "recover",
		"models", "version" };
	struct shell *sh = *state;
	char line[64], want[64], *shown;
	size_t i;

	for (i = 0; i < COUNT(verbs); i++) {
		snprintf(line, sizeof(line), "%s --help", verbs[i]);
		assert_int_equal(shell_run(sh, line), CLI_DONE);
		snprintf(want, sizeof(want), "usage: sluice %s", verbs[i]);
		assert_memory_equal(sh->out, want, strlen(want));
		assert_string_equal(sh->err, "");
		shown = strdup(sh->out);
		snprintf(line, sizeof(line), "help %s", verbs[i]);
		assert_int_equal(shell_run(sh, line), CLI_DONE);
		assert_string_equal(sh->out, shown);
		free(shown);
	}
	/* Other arguments do not get in the way. */
	assert_int_equal(shell_run(sh, "key create --name x -h"), CLI_DONE);
	assert_non_null(strstr(sh->out, "--expires DATE"));
}

static void
help_needs_no_configuration(void **state)
{
	struct shell *sh = *state;

	shell_conf(sh, "oops");
	assert_int_equal(shell_run(sh, "help"), CLI_DONE);
	assert_int_equal(shell_run(sh, "version"), CLI_DONE);
}

static void
version_names_the_libraries(void **state)
{
	static const char *const names[] = { "sluice", "libcurl", "openssl",
		"json-c", "berkeley-db" };
	struct shell *sh = *state;
	char want[32];
	size_t i;

	assert_int_equal(shell_run(sh, "version"), CLI_DONE);
	for (i = 0; i < COUNT(names); i++) {
		snprintf(want, sizeof(want), "%s ", names[i]);
		assert_non_null(strstr(sh->out, want));
	}
	assert_int_equal(shell_run(sh, "version --json"), CLI_DONE);
	for (i = 0; i < COUNT(names); i++) {
		snprintf(want, sizeof(want), "\"%s\":\"", names[i]);
		assert_non_null(strstr(sh->out, want));
	}
}

static void
check_on_a_broken_file_lists_every_complaint(void **state)
{
	struct shell *sh = *state;

	shell_conf(sh, "{\"server\":{\"worker\":1,\"max_calls\":0},\"x\":1}");
	assert_int_equal(shell_run(sh, "check"), CLI_FAILED);
	assert_string_equal(sh->out, "");
	assert_non_null(strstr(sh->err, "/sluice.json: server.worker: "));
	assert_non_null(strstr(sh->err, "/sluice.json: server.max_calls: "));
	assert_non_null(strstr(sh->err, "/sluice.json: x: unknown key"));
	setenv("SLUICE_CONFIG", "/nonexistent", 1);
	assert_int_equal(shell_run(sh, "check"), CLI_FAILED);
	assert_non_null(strstr(sh->err, "cannot read /nonexistent"));
}

static void
check_sums_up_without_showing_a_key(void **state)
{
	struct shell *sh = *state;

	assert_int_equal(shell_run(sh, "check"), CLI_DONE);
	assert_non_null(strstr(sh->out, "/sluice.json\n"));
	assert_non_null(strstr(sh->out, "/data: writable\n"));
	assert_non_null(strstr(sh->out, "openai (openai): NO KEY, "));
	assert_non_null(
	    strstr(sh->out, "local (openai): key, 1 models, 1 priced\n"));
	assert_non_null(strstr(sh->out, "echo (echo): no key needed"));
	assert_null(strstr(sh->out, "hunter2"));
	assert_int_equal(shell_run(sh, "check --json"), CLI_DONE);
	assert_memory_equal(sh->out, "{\"ok\":true,", 11);
	assert_non_null(strstr(sh->out, "\"store_error\":null"));
	assert_null(strstr(sh->out, "hunter2"));
}

static void
check_fails_where_the_data_dir_does_not_work(void **state)
{
	struct shell *sh = *state;

	shell_conf(sh, "{\"data_dir\":\"/dev/null/data\"}");
	assert_int_equal(shell_run(sh, "check"), CLI_FAILED);
	assert_null(strstr(sh->out, "writable"));
	assert_int_equal(shell_run(sh, "check --json"), CLI_FAILED);
	assert_memory_equal(sh->out, "{\"ok\":false,", 12);
	assert_int_equal(shell_run(sh, "key list"), CLI_FAILED);
	assert_true(sh->err[0] != '\0');
}

static void
models_lists_aliases_limits_and_prices(void **state)
{
	static const char aliases[] =
	    "{\"aliases\":[{\"name\":\"fast\",\"model\":\"local/tiny\"}],";
	struct shell *sh = *state;

	assert_int_equal(shell_run(sh, "models"), CLI_DONE);
	assert_non_null(strstr(sh->out, "fast = local/tiny\n"));
	assert_non_null(strstr(sh->out, "\nopenai/gpt-5 "));
	assert_non_null(strstr(sh->out, "\nlocal/tiny "));
	assert_int_equal(shell_run(sh, "models --json"), CLI_DONE);
	assert_ptr_equal(strstr(sh->out, aliases), sh->out);
	assert_non_null(strstr(sh->out,
	    "{\"id\":\"local/tiny\",\"name\":null,\"provider\":\"local\","
	    "\"context\":2048,\"output\":null,\"can\":["));
	assert_non_null(strstr(sh->out,
	    "],\"free\":true,\"price\":{\"input\":\"0.5\","
	    "\"output\":\"1\"},\"price_version\":\"conf\"}"));
}

/* The value of string member ${name} in the last output. */
static void
member(const struct shell *sh, const char *name, char *value, size_t n)
{
	char head[64];
	const char *at;

	snprintf(head, sizeof(head), "\"%s\":\"", name);
	at = strstr(sh->out, head);
	assert_non_null(at);
	at += strlen(head);
	snprintf(value, n, "%.*s", (int)strcspn(at, "\""), at);
}

static void
a_key_is_created_listed_and_revoked(void **state)
{
	struct shell *sh = *state;
	char id[64], key[128], line[128];

	assert_int_equal(shell_run(sh,
			     "key create --name ci --account team "
			     "--owner ann --expires 2999-01-01 --json"),
	    CLI_DONE);
	assert_non_null(
	    strstr(sh->out, "\"name\":\"ci\",\"account\":\"team\"}"));
	member(sh, "id", id, sizeof(id));
	member(sh, "key", key, sizeof(key));
	assert_memory_equal(key, id, strlen(id));
	assert_true(strlen(key) > strlen(id) + 40);

	assert_int_equal(shell_run(sh, "key list"), CLI_DONE);
	assert_non_null(strstr(sh->out, id));
	assert_non_null(strstr(sh->out, "valid"));
	assert_non_null(strstr(sh->out, "2999-01-01"));
	assert_non_null(strstr(sh->out, "ci, ann\n"));
	assert_null(strstr(sh->out, key));

	snprintf(line, sizeof(line), "key revoke %s", id);
	assert_int_equal(shell_run(sh, line), CLI_DONE);
	assert_int_equal(shell_run(sh, "key list --json"), CLI_DONE);
	assert_non_null(strstr(sh->out, "\"revoked_at\":\"2"));
	assert_non_null(strstr(sh->out, "\"admin\":false"));
	assert_null(strstr(sh->out, key));
	assert_int_equal(
	    shell_run(sh, "key revoke sk-sl-nosuchkey000"), CLI_FAILED);
}

static void
a_new_key_stands_alone_on_standard_output(void **state)
{
	struct shell *sh = *state;

	assert_int_equal(
	    shell_run(sh, "key create --name ci --admin"), CLI_DONE);
	assert_memory_equal(sh->out, "sk-sl-", 6);
	assert_ptr_equal(strchr(sh->out, '\n'), sh->out + strlen(sh->out) - 1);
	assert_non_null(strstr(sh->err, "for account default"));
	assert_int_equal(shell_run(sh, "key list"), CLI_DONE);
	assert_non_null(strstr(sh->out, "  admin  "));
}

static void
an_empty_key_list_is_an_empty_array(void **state)
{
	struct shell *sh = *state;

	assert_int_equal(shell_run(sh, "key list --json"), CLI_DONE);
	assert_string_equal(sh->out, "[]\n");
}

/*
 * Put a closed call that began at ${started_us} into the journal.  It took
 * two attempts, of 10 and 20 input tokens.
 */
static void
write_call(
    struct shell *sh, int64_t started_us, const char *account, const char *user)
{
	struct ledger_attempt second = {
		.provider = STR("openai"),
		.model = STR("gpt-5"),
		.returned_model = STR("gpt-5"),
		.credential = STR("conf"),
		.role = ROLE_FALLBACK,
		.outcome = ATTEMPT_WON,
		.status = 200,
		.usage = { .tokens = { [USAGE_INPUT] = 20, [USAGE_OUTPUT] = 5 },
		    .web_searches = 3,
		    .provider_cost_pusd = -1,
		    .source = USAGE_REPORTED },
		.cost = { .source = COST_REPORTED,
		    .known = true,
		    .pusd = 7000000 },
	};
	struct ledger_attempt first = second;
	struct ledger_call row = {
		.started_us = started_us,
		.ended_us = started_us + 1500000,
		.key = STR("sk-sl-000000000000"),
		.account = str_of(account),
		.user = str_of(user),
		.endpoint = "/v1/chat/completions",
		.dialect = "openai-chat",
		.requested = STR("fast\x1b[2J"),
		.answered = user != NULL ? STR("openai/gpt-5")
					 : STR("echo/\x1b[2J\xc2\x9b"
					       "2J"),
		.status = 200,
		.outcome = CALL_OK,
		.ttft_ms = 20,
		.duration_ms = 1500,
		.cost = { .source = COST_REPORTED,
		    .known = true,
		    .pusd = 7000000 },
		.attempts = &first,
	};
	struct error err = { 0 };
	struct state *state;
	char dir[128];

	first.next = &second;
	first.usage.tokens[USAGE_INPUT] = 10;
	snprintf(dir, sizeof(dir), "%s/data", sh->scratch.dir);
	state = state_open(str_of(dir), DURABILITY_PROCESS, &err);
	assert_non_null(state);
	ledger_id(row.id, started_us);
	assert_int_equal(ledger_write(state, &row, &err), 0);
	state_close(state);
}

#define T0      INT64_C(1763942400000000) /* 2025-11-24T00:00:00Z */
#define HOUR_US INT64_C(3600000000)

static void
write_three_calls(struct shell *sh)
{
	write_call(sh, T0, "a", "one");
	write_call(sh, T0 + HOUR_US, "b", "t,w\"o");
	write_call(sh, T0 + 2 * HOUR_US, "a", NULL);
}

static size_t
count_lines(const char *text)
{
	size_t n = 0;

	while ((text = strchr(text, '\n')) != NULL) {
		text++;
		n++;
	}
	return n;
}

static void
export_filters_calls(void **state)
{
	static const struct {
		const char *options;
		size_t rows;
	} cases[] = {
		{ "", 3 },
		{ "--since 2025-11-24T01:00:00Z", 2 },
		{ "--until 2025-11-24T01:00:00Z", 1 },
		{ "--since=2025-11-24 --until=2025-11-25", 3 },
		{ "--since 2025-11-25", 0 },
		{ "--account a", 2 },
		{ "--account a --since 2025-11-24T01:00:00Z", 1 },
		{ "--key sk-sl-000000000000", 3 },
		{ "--key sk-sl-000000000001", 0 },
	};
	struct shell *sh = *state;
	char line[256];
	size_t i;

	write_three_calls(sh);
	for (i = 0; i < COUNT(cases); i++) {
		snprintf(line, sizeof(line), "ledger export --format jsonl %s",
		    cases[i].options);
		assert_int_equal(shell_run(sh, line), CLI_DONE);
		assert_int_equal(count_lines(sh->out), cases[i].rows);
		snprintf(line, sizeof(line), "ledger export --format csv %s",
		    cases[i].options);
		assert_int_equal(shell_run(sh, line), CLI_DONE);
		assert_int_equal(count_lines(sh->out), cases[i].rows + 1);
	}
}

static void
summary_adds_up_and_prune_leaves_the_sums(void **state)
{
	struct shell *sh = *state;
	char *before;

	write_three_calls(sh);
	assert_int_equal(
	    shell_run(sh, "ledger summary --by account --json"), 0);
	assert_non_null(strstr(sh->out,
	    "{\"since\":null,\"until\":null,\"by\":[\"account\"],\"groups\":["
	    "{\"account\":\"a\",\"calls\":2,\"errors\":0,"));
	assert_non_null(strstr(sh->out, "\"cost_usd\":\"0.000021\","));
	before = strdup(sh->out);
	assert_int_equal(shell_run(sh, "ledger summary --by day,account"), 0);
	assert_int_equal(count_lines(sh->out), 4);
	assert_non_null(strstr(sh->out, "2025-11-24  a"));
	assert_int_equal(
	    shell_run(
		sh, "ledger summary --by user --since 2025-11-24T01:00:00Z"),
	    0);
	assert_non_null(strstr(sh->out, "t,w\"o"));
	assert_null(strstr(sh->out, "one"));
	assert_int_equal(shell_run(sh, "ledger prune"), CLI_FAILED);
	assert_non_null(strstr(sh->err, "kept for ever"));
	assert_int_equal(
	    shell_run(sh, "ledger prune --before 2025-11-24T01:30:00Z"), 0);
	assert_string_equal(sh->out, "2 rows removed\n");
	assert_int_equal(
	    shell_run(sh, "ledger summary --by account --json"), 0);
	assert_string_equal(sh->out, before);
	assert_int_equal(shell_run(sh, "ledger export"), 0);
	assert_int_equal(count_lines(sh->out), 1);
	free(before);
}

static void
backup_verify_and_recover_say_what_they_found(void **state)
{
	struct shell *sh = *state;
	char line[128];

	write_three_calls(sh);
	snprintf(line, sizeof(line), "backup %s/b --json", sh->scratch.dir);
	assert_int_equal(shell_run(sh, line), CLI_DONE);
	assert_memory_equal(sh->out, "{\"ok\":true,\"rows\":3,", 20);
	assert_int_equal(shell_run(sh, line), CLI_FAILED);
	assert_non_null(strstr(sh->err, "is not empty"));
	assert_int_equal(shell_run(sh, "verify"), CLI_DONE);
	assert_memory_equal(sh->out, "3 rows (0 of them open)", 23);
	snprintf(line, sizeof(line), "verify %s/b", sh->scratch.dir);
	assert_int_equal(shell_run(sh, line), CLI_DONE);
	assert_int_equal(shell_run(sh, "recover"), CLI_DONE);
	assert_memory_equal(sh->out, "nothing was damaged\n", 20);
	snprintf(line, sizeof(line), "backup %s/c", sh->scratch.dir);
	assert_int_equal(shell_run(sh, line), CLI_DONE);
	assert_non_null(strstr(sh->out, "not in it: the master key"));
	snprintf(
	    line, sizeof(line), "recover --from %s/b --json", sh->scratch.dir);
	assert_int_equal(shell_run(sh, line), CLI_DONE);
	assert_non_null(strstr(sh->out, "\"from_backup\":true,"));
	assert_int_equal(shell_run(sh, "verify"), CLI_DONE);
}

static void
reconcile_reads_a_bill(void **state)
{
	struct shell *sh = *state;
	char line[160], path[128];
	FILE *to;

	write_three_calls(sh);
	snprintf(path, sizeof(path), "%s/bill.csv", sh->scratch.dir);
	to = fopen(path, "w");
	assert_non_null(to);
	fputs("start_time,amount_value,amount_currency,line_item\n"
	      "1763942400,0.000042,usd,\"gpt-5, input\"\n",
	    to);
	fclose(to);
	snprintf(line, sizeof(line), "reconcile --provider openai %s", path);
	assert_int_equal(shell_run(sh, line), CLI_DONE);
	assert_int_equal(count_lines(sh->out), 4);
	assert_non_null(strstr(sh->out, "OpenAI costs, CSV"));
	assert_non_null(strstr(sh->out, "0.000042           0.000042"));
	strcat(line, " --json");
	assert_int_equal(shell_run(sh, line), CLI_DONE);
	assert_non_null(strstr(sh->out, "\"drift_usd\":\"0\",\"reason\":null"));
	assert_int_equal(
	    shell_run(sh, "reconcile --provider openai /nonexistent"),
	    CLI_FAILED);
}

static void
jsonl_is_the_row_itself(void **state)
{
	struct shell *sh = *state;
	char value[64];

	write_call(sh, T0, "a", "one");
	assert_int_equal(
	    shell_run(sh, "ledger export --format jsonl"), CLI_DONE);
	assert_memory_equal(sh->out, "{\"id\":\"call_", 12);
	member(sh, "started_at", value, sizeof(value));
	assert_string_equal(value, "2025-11-24T00:00:00.000000Z");
	member(sh, "cost_usd", value, sizeof(value));
	assert_string_equal(value, "0.000007");
	assert_non_null(strstr(sh->out, "\"attempts\":[{\"provider\":"));
}

static void
csv_is_one_flat_line_a_call(void **state)
{
	static const char *const wanted[] = {
		"2025-11-24T01:00:00.000000Z,2025-11-24T01:00:01.500000Z,"
		"sk-sl-000000000000,b,\"t,w\"\"o\",,",
		",/v1/chat/completions,openai-chat,false,",
		",openai/gpt-5,200,ok,",
		",20,1500,0.000007,,2,30,0,0,0,0,0,10,0,0,0,0,0,6\r\n",
	};
	struct shell *sh = *state;
	size_t i;

	write_call(sh, T0 + HOUR_US, "b", "t,w\"o");
	assert_int_equal(shell_run(sh, "ledger export --format csv"), CLI_DONE);
	assert_memory_equal(sh->out, "id,started_at,ended_at,key,account,", 35);
	assert_non_null(
	    strstr(sh->out, ",cost_note,attempts,input,cache_read,"));
	assert_int_equal(count_lines(sh->out), 2);
	for (i = 0; i < COUNT(wanted); i++) {
		if (strstr(sh->out, wanted[i]) == NULL)
			fail_msg("no %s in %s", wanted[i], sh->out);
	}
}

static void
tail_shows_the_newest_calls_last(void **state)
{
	struct shell *sh = *state;
	const char *one, *two;

	write_three_calls(sh);
	assert_int_equal(shell_run(sh, "ledger tail -n 2"), CLI_DONE);
	assert_int_equal(count_lines(sh->out), 3);
	one = strstr(sh->out, "2025-11-24T01:00:00 ");
	two = strstr(sh->out, "2025-11-24T02:00:00 ");
	assert_true(one != NULL && two != NULL && one < two);
	assert_non_null(strstr(sh->out, " openai/gpt-5 "));
	assert_non_null(strstr(sh->out, " $0.000007\n"));
	assert_int_equal(shell_run(sh, "ledger tail --json"), CLI_DONE);
	assert_int_equal(count_lines(sh->out), 3);
	assert_memory_equal(sh->out, "{\"id\":\"call_", 12);
}

static void
tail_lets_no_control_character_through(void **state)
{
	struct shell *sh = *state;

	write_three_calls(sh);
	assert_int_equal(shell_run(sh, "ledger tail"), CLI_DONE);
	assert_null(strchr(sh->out, 0x1b));
	assert_null(strstr(sh->out, "\xc2\x9b"));
	assert_non_null(strstr(sh->out, "echo/?[2J?2J"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(wrong_usage_exits_with_2_and_shows_the_usage),
		CASE(every_verb_has_help),
		CASE(help_needs_no_configuration),
		CASE(version_names_the_libraries),
		CASE(check_on_a_broken_file_lists_every_complaint),
		CASE(check_sums_up_without_showing_a_key),
		CASE(check_fails_where_the_data_dir_does_not_work),
		CASE(models_lists_aliases_limits_and_prices),
		CASE(a_key_is_created_listed_and_revoked),
		CASE(a_new_key_stands_alone_on_standard_output),
		CASE(an_empty_key_list_is_an_empty_array),
		CASE(export_filters_calls),
		CASE(summary_adds_up_and_prune_leaves_the_sums),
		CASE(backup_verify_and_recover_say_what_they_found),
		CASE(reconcile_reads_a_bill),
		CASE(jsonl_is_the_row_itself),
		CASE(csv_is_one_flat_line_a_call),
		CASE(tail_shows_the_newest_calls_last),
		CASE(tail_lets_no_control_character_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
