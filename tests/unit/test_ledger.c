/* SPDX-License-Identifier: MIT */
#include "core/buf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/ledger.h"
#include "core/provider.h"
#include "core/state.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define DAY_US (INT64_C(86400) * 1000000)
#define NOW_US INT64_C(1795541489123456) /* 2026-11-24T17:31:29.123456Z */

struct fixture {
	struct scratch scratch;
	struct state *state;
	struct error err;
};

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	scratch_make(&f.scratch);
	f.state = state_open(str_of(f.scratch.dir), DURABILITY_PROCESS, &f.err);
	*state = &f;
	return f.state == NULL;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	state_close(f->state);
	scratch_drop(&f->scratch);
	return 0;
}

/* A row with nothing optional in it. */
static struct ledger_call
bare(int64_t started_us)
{
	struct ledger_call row = { .started_us = started_us,
		.endpoint = "/v1/chat/completions",
		.dialect = "openai-chat",
		.requested = STR("openai/gpt-5-mini"),
		.ttft_ms = -1,
		.duration_ms = -1,
		.cost = { .why = "not finished" } };

	ledger_id(row.id, started_us);
	return row;
}

static void
write_row(struct fixture *f, struct ledger_call *row, enum call_outcome outcome)
{
	row->outcome = outcome;
	assert_int_equal(ledger_write(f->state, row, &f->err), 0);
}

/* What a read gives: the rows' `requested`, and the last row. */
struct seen {
	char names[64];
	char last[4096];
	size_t n, stop;
};

static bool
see(void *arg, struct str row)
{
	struct seen *s = arg;
	struct str v;

	assert_true(jtext_get(row, "requested", &v));
	strncat(s->names, v.p + 1, v.n - 2);
	snprintf(s->last, sizeof(s->last), "%.*s", STR_ARG(row));
	return ++s->n != s->stop;
}

static struct seen
read_rows(struct fixture *f, const struct ledger_filter *filter)
{
	struct seen s = { .n = 0 };

	assert_int_equal(ledger_read(f->state, filter, see, &s, &f->err), 0);
	return s;
}

static void
ids_sort_by_time(void **state)
{
	char a[CALL_ID_BYTES], b[CALL_ID_BYTES];
	int64_t us;

	(void)state;
	ledger_id(a, 0);
	assert_memory_equal(a, "call_0000000000", 15);
	assert_int_equal(strlen(a), 31);
	assert_int_equal(strspn(a + 5, "0123456789abcdefghjkmnpqrstvwxyz"), 26);
	ledger_id(a, INT64_C(1469918176385) * 1000); /* the ULID spec's own */
	assert_memory_equal(a, "call_01aryz6s41", 15);
	for (us = 1; us < INT64_C(1) << 47; us *= 3) {
		ledger_id(a, us * 1000);
		ledger_id(b, us * 1000 + 1000);
		assert_true(strcmp(a, b) < 0);
		ledger_id(b, us * 1000);
		assert_string_not_equal(a, b);
	}
}

static void
an_open_row_has_every_member(void **state)
{
	struct ledger_call row = bare(NOW_US);
	struct buf b;

	(void)state;
	memcpy(row.id, "call_x", 7);
	buf_init(&b, 4096);
	ledger_json(&row, &b);
	assert_string_equal(b.p,
	    "{\"id\":\"call_x\",\"started_at\":\"2026-11-24T17:31:29.123456Z\","
	    "\"ended_at\":null,\"key\":null,\"account\":null,\"user\":null,"
	    "\"session\":null,\"task\":null,\"tags\":{},"
	    "\"endpoint\":\"/v1/chat/completions\","
	    "\"dialect\":\"openai-chat\",\"stream\":false,"
	    "\"requested\":\"openai/gpt-5-mini\",\"route\":null,"
	    "\"answered\":null,\"status\":null,\"outcome\":\"open\","
	    "\"error\":null,\"cache\":null,\"saved_usd\":null,\"lossy\":[],"
	    "\"ttft_ms\":null,\"duration_ms\":null,\"cost_usd\":null,"
	    "\"cost_note\":\"not finished\",\"attempts\":[]}");
	buf_release(&b);
}

#define NONE(model, output)                                                    \
	"{\"model\":\"" model "\",\"input\":0,\"cache_read\":0,"               \
	"\"cache_write_5m\":0,\"cache_write_1h\":0,\"cache_write_30m\":0,"     \
	"\"cache_write_12h\":0,\"output\":" output ",\"reasoning\":0,"         \
	"\"audio_in\":0,\"audio_out\":0,\"image_in\":0,\"image_out\":0,"       \
	"\"cost_usd\":"

static void
a_closed_row_says_all(void **state)
{
	struct ledger_call row = bare(NOW_US);
	struct header tags = { STR("team"), STR("a\"b"), NULL };
	struct name lossy = { STR("top_k"), NULL };
	struct ledger_attempt second = { .provider = STR("echo"),
		.model = STR("x"),
		.role = ROLE_FALLBACK,
		.outcome = ATTEMPT_FAILED,
		.error = STR("provider_overloaded"),
		.start_ms = 12,
		.ttft_ms = -1,
		.duration_ms = 3,
		.cost = { .known = true, .source = COST_REPORTED } };
	struct ledger_attempt first = { .provider = STR("openai"),
		.model = STR("gpt-5-mini"),
		.returned_model = STR("gpt-5-mini-2026"),
		.credential = STR("conf"),
		.outcome = ATTEMPT_WON,
		.status = 200,
		.ttft_ms = 250,
		.duration_ms = 900,
		.cost = { COST_ESTIMATED, true, 3100000000, NULL },
		.price = STR("2026-07-02"),
		.next = &second };
	struct buf b;

	(void)state;
	memcpy(row.id, "call_y", 7);
	usage_init(&first.usage);
	usage_init(&second.usage);
	first.usage.tokens[USAGE_INPUT] = 11;
	first.usage.tokens[USAGE_REASONING] = 7;
	first.usage.web_searches = 2;
	usage_other(&first.usage, STR("big"))->tokens[USAGE_OUTPUT] = 5;
	usage_other(&first.usage, STR("odd"));
	first.others_pusd[0] = 7;
	first.others_pusd[1] = -1;
	first.usage.source = USAGE_REPORTED;
	first.usage.provider_cost_pusd = 1;
	row.ended_us = row.started_us + 1000000;
	row.key = STR("sk-sl-abcdefghijkl");
	row.account = STR("default");
	row.user = STR("u");
	row.session = STR("s");
	row.task = STR("t");
	row.tags = &tags;
	row.stream = true;
	row.route = STR("smart");
	row.answered = STR("openai/gpt-5-mini");
	row.status = 200;
	row.outcome = CALL_OK;
	row.lossy = &lossy;
	row.ttft_ms = 251;
	row.duration_ms = 1000;
	row.cost = first.cost;
	row.attempts = &first;
	buf_init(&b, 8192);
	ledger_json(&row, &b);
	assert_string_equal(b.p,
	    "{\"id\":\"call_y\",\"started_at\":\"2026-11-24T17:31:29.123456Z\","
	    "\"ended_at\":\"2026-11-24T17:31:30.123456Z\","
	    "\"key\":\"sk-sl-abcdefghijkl\",\"account\":\"default\","
	    "\"user\":\"u\",\"session\":\"s\",\"task\":\"t\","
	    "\"tags\":{\"team\":\"a\\\"b\"},"
	    "\"endpoint\":\"/v1/chat/completions\","
	    "\"dialect\":\"openai-chat\",\"stream\":true,"
	    "\"requested\":\"openai/gpt-5-mini\",\"route\":\"smart\","
	    "\"answered\":\"openai/gpt-5-mini\",\"status\":200,"
	    "\"outcome\":\"ok\",\"error\":null,\"cache\":null,"
	    "\"saved_usd\":null,\"lossy\":[\"top_k\"],\"ttft_ms\":251,"
	    "\"duration_ms\":1000,\"cost_usd\":\"0.0031\",\"cost_note\":null,"
	    "\"attempts\":[{\"provider\":\"openai\",\"model\":\"gpt-5-mini\","
	    "\"returned_model\":\"gpt-5-mini-2026\",\"credential\":\"conf\","
	    "\"role\":\"primary\",\"outcome\":\"won\",\"status\":200,"
	    "\"error\":null,\"start_ms\":0,\"ttft_ms\":250,"
	    "\"duration_ms\":900,\"usage\":{\"input\":11,\"cache_read\":0,"
	    "\"cache_write_5m\":0,\"cache_write_1h\":0,\"cache_write_30m\":0,"
	    "\"cache_write_12h\":0,\"output\":0,\"reasoning\":7,"
	    "\"audio_in\":0,\"audio_out\":0,\"image_in\":0,\"image_out\":0,"
	    "\"units\":{\"web_search\":2},\"others\":[" NONE(
		"big", "5") "\"0.000000000007\"}," NONE("odd",
		"0") "null}]},\"usage_source\":\"reported\","
		     "\"cost_usd\":\"0.0031\",\"cost_source\":\"estimated\","
		     "\"price\":\"2026-07-02\","
		     "\"provider_cost_usd\":\"0.000000000001\"},"
		     "{\"provider\":\"echo\",\"model\":\"x\",\"returned_"
		     "model\":null,"
		     "\"credential\":null,\"role\":\"fallback\","
		     "\"outcome\":\"failed\",\"status\":null,"
		     "\"error\":\"provider_overloaded\",\"start_ms\":12,"
		     "\"ttft_ms\":null,\"duration_ms\":3,\"usage\":{\"input\":"
		     "0,"
		     "\"cache_read\":0,\"cache_write_5m\":0,\"cache_write_1h\":"
		     "0,"
		     "\"cache_write_30m\":0,\"cache_write_12h\":0,\"output\":0,"
		     "\"reasoning\":0,\"audio_in\":0,\"audio_out\":0,\"image_"
		     "in\":0,"
		     "\"image_out\":0,\"units\":{}},\"usage_source\":\"none\","
		     "\"cost_usd\":\"0\",\"cost_source\":\"reported\","
		     "\"price\":null,"
		     "\"provider_cost_usd\":null}]}");
	buf_release(&b);
}

/* Users and providers send what they like; a row stays a row. */
static void
absurd_strings_are_cut(void **state)
{
	struct fixture *f = *state;
	struct ledger_filter all = { 0 };
	struct ledger_call row = bare(NOW_US);
	static char big[1 << 20];
	struct seen s;
	struct str v;
	size_t i;

	for (i = 0; i + 1 < sizeof(big); i += 2)
		memcpy(big + i, "\xc3\xa9", 2);
	row.user = (struct str){ big + 1, sizeof(big) - 1 };
	row.session = (struct str){ big, sizeof(big) };
	write_row(f, &row, CALL_OK);
	s = read_rows(f, &all);
	assert_int_equal(s.n, 1);
	assert_true(jtext_get(str_of(s.last), "session", &v));
	assert_int_equal(v.n, 256 + 2);
	assert_true(jtext_get(str_of(s.last), "user", &v));
	assert_true(v.n < 300);
}

static void
open_then_closed_is_one_row(void **state)
{
	struct fixture *f = *state;
	struct ledger_filter all = { 0 };
	struct ledger_call row = bare(NOW_US);
	struct seen s;

	write_row(f, &row, CALL_OPEN);
	s = read_rows(f, &all);
	assert_int_equal(s.n, 1);
	assert_non_null(strstr(s.last, "\"outcome\":\"open\""));

	row.status = 200;
	write_row(f, &row, CALL_OK);
	s = read_rows(f, &all);
	assert_int_equal(s.n, 1);
	assert_non_null(strstr(s.last, "\"status\":200,\"outcome\":\"ok\""));
}

static void
nothing_changes_a_closed_row(void **state)
{
	struct fixture *f = *state;
	struct ledger_filter all = { 0 };
	struct ledger_call row = bare(NOW_US);
	struct seen s;

	write_row(f, &row, CALL_OK);
	write_row(f, &row, CALL_OPEN);
	write_row(f, &row, CALL_CANCELLED);
	s = read_rows(f, &all);
	assert_int_equal(s.n, 1);
	assert_non_null(strstr(s.last, "\"outcome\":\"ok\""));
	write_row(f, &row, CALL_OPEN);
	s = read_rows(f, &all);
	assert_non_null(strstr(s.last, "\"outcome\":\"ok\""));
}

/* Four rows: a and b on the first day, c and d on the next two. */
static void
write_four(struct fixture *f)
{
	static const struct {
		int64_t after_us;
		const char *name, *key, *account;
	} rows[] = {
		{ 0, "a", "sk-sl-1", "x" },
		{ 5000, "b", "sk-sl-2", "x" },
		{ DAY_US, "c", "sk-sl-1", "y" },
		{ 2 * DAY_US, "d", NULL, NULL },
	};
	struct ledger_call row;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		row = bare(NOW_US + rows[i].after_us);
		row.requested = str_of(rows[i].name);
		row.key = str_of(rows[i].key);
		row.account = str_of(rows[i].account);
		write_row(f, &row, CALL_OK);
	}
}

static void
filters_choose_rows_in_order(void **state)
{
	struct fixture *f = *state;
	const int64_t t = NOW_US, day = DAY_US;
	const struct {
		struct ledger_filter filter;
		const char *want;
	} cases[] = {
		{ { 0 }, "abcd" },
		{ { .newest_first = true }, "dcba" },
		{ { .limit = 2 }, "ab" },
		{ { .limit = 3, .newest_first = true }, "dcb" },
		{ { .since_us = t }, "abcd" },
		{ { .since_us = t + 1 }, "bcd" },
		{ { .since_us = t + 5000, .until_us = t + day }, "b" },
		{ { .until_us = t + day + 1 }, "abc" },
		{ { .until_us = t }, "" },
		{ { .since_us = t + 3 * day }, "" },
		{ { .since_us = t + day, .newest_first = true }, "dc" },
		{ { .until_us = t + day, .newest_first = true }, "ba" },
		{ { .key = STR("sk-sl-1") }, "ac" },
		{ { .key = STR("sk-sl") }, "" },
		{ { .account = STR("x") }, "ab" },
		{ { .account = STR("y"), .key = STR("sk-sl-1") }, "c" },
		{ { .account = STR("x"), .limit = 1 }, "a" },
	};
	struct seen s;
	size_t i;

	write_four(f);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		s = read_rows(f, &cases[i].filter);
		assert_string_equal(s.names, cases[i].want);
	}
}

static void
a_reader_may_stop(void **state)
{
	struct fixture *f = *state;
	struct ledger_filter all = { 0 };
	struct seen s = { .stop = 2 };

	write_four(f);
	assert_int_equal(ledger_read(f->state, &all, see, &s, &f->err), 0);
	assert_string_equal(s.names, "ab");
}

static bool
count(void *arg, struct str row)
{
	struct seen *s = arg;
	struct str id;

	assert_true(jtext_get(row, "id", &id));
	if (s->n++ > 0)
		assert_true(str_cmp(id, str_of(s->last)) * (int)s->stop > 0);
	snprintf(s->last, sizeof(s->last), "%.*s", STR_ARG(id));
	return true;
}

/* More than one batch, so that the seams are seen. */
static void
long_reads_have_no_seams(void **state)
{
	enum {
		N = 9000
	};
	struct fixture *f = *state;
	struct ledger_filter all = { 0 };
	struct ledger_call row;
	struct seen up = { .stop = 1 }, down = { .stop = (size_t)-1 };
	int i;

	for (i = 0; i < N; i++) {
		row = bare(NOW_US + i * INT64_C(700));
		write_row(f, &row, CALL_OK);
	}
	assert_int_equal(ledger_read(f->state, &all, count, &up, &f->err), 0);
	assert_int_equal(up.n, N);
	all.newest_first = true;
	assert_int_equal(ledger_read(f->state, &all, count, &down, &f->err), 0);
	assert_int_equal(down.n, N);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_sort_by_time),
		cmocka_unit_test(an_open_row_has_every_member),
		cmocka_unit_test(a_closed_row_says_all),
		TEST(absurd_strings_are_cut),
		TEST(open_then_closed_is_one_row),
		TEST(nothing_changes_a_closed_row),
		TEST(filters_choose_rows_in_order),
		TEST(a_reader_may_stop),
		TEST(long_reads_have_no_seams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
