/* SPDX-License-Identifier: MIT */
/* What the admin API makes of parameters and bodies, and its audit log. */
#include "core/chat.h"
#include "core/jtext.h"
#include "core/trail.h"
#include "fcgi/admin.h"
#include "fcgi/exchange.h"
#include "tests/unit/calls.h"
#include "tests/unit/unit.h"

/* All kinds of parameters at once. */
struct values {
	struct str text, secret;
	bool flag;
	int64_t count, time_us, pusd;
	struct name *names;
	struct jnode node;
};

static void
set_opts(struct values *v, struct admin_opt opts[8])
{
	const struct admin_opt all[8] = {
		{ "text", ADMIN_TEXT, &v->text, 0, false, false },
		{ "secret", ADMIN_TEXT, &v->secret, 2000, false, false },
		{ "flag", ADMIN_FLAG, &v->flag, 0, false, false },
		{ "count", ADMIN_COUNT, &v->count, 100, false, false },
		{ "time", ADMIN_TIME, &v->time_us, 0, false, false },
		{ "usd", ADMIN_USD, &v->pusd, 0, false, false },
		{ "names", ADMIN_NAMES, &v->names, 0, false, false },
		{ "node", ADMIN_NODE, &v->node, 0, false, false },
	};

	memcpy(opts, all, sizeof(all));
}

struct asking {
	struct exchange x;
	struct admin ad;
	struct values v;
	struct admin_opt opts[8];
};

static void
begin(struct asking *a)
{
	memset(a, 0, sizeof(*a));
	a->x.arena = arena_new((size_t)16 << 20);
	a->ad.x = &a->x;
	set_opts(&a->v, a->opts);
}

static int
query(struct asking *a, const char *text)
{
	begin(a);
	a->x.in.query = str_of(text);
	return admin_query(&a->ad, a->opts, COUNT(a->opts));
}

static int
body(struct asking *a, const char *text)
{
	begin(a);
	assert_int_equal(
	    jtree_read(a->x.arena, str_of(text), &a->ad.body, &a->ad.err), 0);
	return admin_body(&a->ad, &a->ad.body, a->opts, COUNT(a->opts));
}

static void
a_query_is_decoded_as_forms_are(void **state)
{
	static const struct {
		const char *query, *text;
	} cases[] = { { "text=a+b", "a b" }, { "text=a%2Bb%3D%26", "a+b=&" },
		{ "text", "" }, { "text=", "" }, { "&&text=x&", "x" },
		{ "text=a=b", "a=b" }, { "t%65xt=%c3%A9", "\xc3\xa9" } };
	struct asking a;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(query(&a, cases[i].query), 0);
		assert_true(str_is(a.v.text, cases[i].text));
		assert_true(a.opts[0].given && !a.opts[1].given);
		arena_free(a.x.arena);
	}
	assert_int_equal(
	    query(&a, "flag=true&count=7&time=2026-11-24&usd=0.5"), 0);
	assert_true(a.v.flag);
	assert_int_equal(a.v.count, 7);
	assert_true(a.v.time_us == INT64_C(1795478400000000));
	assert_true(a.v.pusd == INT64_C(500000000000));
	arena_free(a.x.arena);
}

static void
what_a_query_must_not_say_is_named(void **state)
{
	static const struct {
		const char *query, *param;
	} cases[] = { { "colour=1", "colour" }, { "text=a&text=b", "text" },
		{ "text=%zz", "" }, { "text=%4", "" }, { "text=%", "" },
		{ "text=%00", "text" }, { "text=%1b", "text" },
		{ "text=%7f", "text" }, { "flag=yes", "flag" },
		{ "flag=", "flag" }, { "count=0", "count" },
		{ "count=101", "count" }, { "count=1.5", "count" },
		{ "count=99999999999999999999", "count" },
		{ "count= 1", "count" }, { "time=never", "time" },
		{ "usd=-1", "usd" }, { "names=a", "names" },
		{ "node=a", "node" } };
	struct asking a;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(query(&a, cases[i].query), -1);
		assert_int_equal(a.ad.err.status, 400);
		assert_string_equal(a.ad.err.param, cases[i].param);
		arena_free(a.x.arena);
	}
}

static void
a_body_is_read_by_type(void **state)
{
	static const struct {
		const char *body, *param; /* NULL: is fine */
	} cases[] = { { "{}", NULL }, { "{\"text\":\"a\"}", NULL },
		{ "{\"text\":null,\"names\":null,\"node\":null}", NULL },
		{ "{\"secret\":\"a\\nb\"}", NULL },
		{ "{\"text\":\"a\\nb\"}", "text" }, { "{\"text\":1}", "text" },
		{ "{\"flag\":true}", NULL }, { "{\"flag\":\"true\"}", "flag" },
		{ "{\"flag\":1}", "flag" }, { "{\"count\":0}", NULL },
		{ "{\"count\":-1}", "count" }, { "{\"count\":101}", "count" },
		{ "{\"count\":\"1\"}", "count" },
		{ "{\"usd\":\"12.50\"}", NULL }, { "{\"usd\":12.5}", NULL },
		{ "{\"usd\":12}", NULL }, { "{\"usd\":1e999}", "usd" },
		{ "{\"usd\":true}", "usd" },
		{ "{\"names\":[\"a\",\"b\"]}", NULL },
		{ "{\"names\":[\"\"]}", "names" },
		{ "{\"names\":[1]}", "names" }, { "{\"names\":{}}", "names" },
		{ "{\"node\":{}}", NULL }, { "{\"node\":[]}", "node" },
		{ "{\"time\":\"2026-11-24T10:00:00Z\"}", NULL },
		{ "{\"time\":0}", "time" }, { "{\"other\":0}", "other" },
		{ "[]", "" }, { "\"x\"", "" }, { "null", "" } };
	struct asking a;
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		rc = body(&a, cases[i].body);
		assert_int_equal(rc, cases[i].param == NULL ? 0 : -1);
		if (cases[i].param != NULL)
			assert_string_equal(a.ad.err.param, cases[i].param);
		arena_free(a.x.arena);
	}
}

static void
what_is_required_must_be_there_and_no_null(void **state)
{
	static const char *const bodies[] = { "{}", "{\"text\":null}" };
	struct asking a;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bodies); i++) {
		begin(&a);
		a.opts[0].required = true;
		assert_int_equal(jtree_read(a.x.arena, str_of(bodies[i]),
				     &a.ad.body, &a.ad.err),
		    0);
		assert_int_equal(
		    admin_body(&a.ad, &a.ad.body, a.opts, COUNT(a.opts)), -1);
		assert_string_equal(a.ad.err.msg, "text: is required");
		arena_free(a.x.arena);
	}
}

/* --- the audit log --- */

static void
log_one(struct calls *c, int i, struct str change)
{
	char target[24];
	struct trail_entry e = { .key = STR("admin"),
		.action = STR("key.create"),
		.status = 201,
		.change = change };
	int fd = trail_open(c->state, &c->err);

	assert_true(fd >= 0);
	snprintf(target, sizeof(target), "%d", i);
	e.target = str_of(target);
	trail_write(fd, &e);
	trail_close(fd);
}

/* All of the log in pages of ${limit}; how many, the oldest being ${first}. */
static int
count_back(struct calls *c, size_t limit, int newest)
{
	struct arena *a = arena_new((size_t)256 << 20);
	struct trail_page page = { .n = 0 };
	struct str cursor = STR_NONE, raw;
	char kept[48], want[24];
	int n = 0;
	size_t i;

	do {
		assert_int_equal(
		    trail_read(c->state, a, cursor, limit, &page, &c->err), 0);
		for (i = 0; i < page.n; i++, n++) {
			assert_true(jtext_get(page.lines[i], "target", &raw));
			snprintf(want, sizeof(want), "\"%d\"", newest - n);
			assert_true(str_is(raw, want));
		}
		snprintf(kept, sizeof(kept), "%s", page.next);
		cursor = str_of(kept);
	} while (kept[0] != '\0');
	arena_free(a);
	return n;
}

static void
the_audit_log_is_read_back_newest_first(void **state)
{
	static const size_t limits[] = { 1, 3, 7, 50, 200 };
	struct calls *c = *state;
	size_t i;
	int k;

	assert_int_equal(count_back(c, 5, 0), 0);
	for (k = 0; k < 40; k++)
		log_one(c, k, k % 2 ? STR("{\"name\":\"x\"}") : STR_NONE);
	for (i = 0; i < COUNT(limits); i++)
		assert_int_equal(count_back(c, limits[i], 39), 40);
}

static void
the_audit_log_has_a_ceiling_and_lines_that_fit(void **state)
{
	enum {
		N = 2 * TRAIL_MAX_BYTES / 3000
	};
	struct calls *c = *state;
	struct arena *a = arena_new((size_t)1 << 20);
	struct trail_page page;
	struct stat st;
	char big[8192] = "\"";
	int k, n;

	memset(big + 1, 'x', 3000);
	big[3001] = '"';
	for (k = 0; k <= N; k++)
		log_one(c, k, str_of(big));
	assert_int_equal(fstatat(c->scratch.fd, TRAIL_FILE, &st, 0), 0);
	assert_in_range(st.st_size, 1, TRAIL_MAX_BYTES);
	assert_int_equal(fstatat(c->scratch.fd, TRAIL_OLD_FILE, &st, 0), 0);
	assert_in_range(
	    st.st_size, TRAIL_MAX_BYTES, TRAIL_MAX_BYTES + TRAIL_LINE_BYTES);
	n = count_back(c, 100, N);
	assert_in_range(n, TRAIL_MAX_BYTES / TRAIL_LINE_BYTES, N + 1);
	memset(big + 1, 'x', 8000);
	big[8001] = '"';
	log_one(c, N + 1, str_of(big)); /* its change does not fit */
	assert_int_equal(
	    trail_read(c->state, a, STR_NONE, 1, &page, &c->err), 0);
	assert_true(str_find(page.lines[0], STR("\"change\":null")) > 0);
	arena_free(a);
}

static void
a_cursor_of_no_log_is_refused(void **state)
{
	static const char *const cursors[] = { "", "x", "1", "1-", "-1", "1--1",
		"0-0", "ffffffffffffffffffffff-1", "1-1x",
		"0123456789012345678901234567890123456789012345678" };
	struct calls *c = *state;
	struct arena *a = arena_new((size_t)1 << 20);
	struct trail_page page;
	size_t i;

	log_one(c, 0, STR_NONE);
	for (i = 0; i < COUNT(cursors); i++) {
		error_clear(&c->err);
		assert_int_equal(trail_read(c->state, a, str_of(cursors[i]), 5,
				     &page, &c->err),
		    -1);
		assert_string_equal(c->err.param, "cursor");
	}
	arena_free(a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, calls_setup, calls_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query_is_decoded_as_forms_are),
		cmocka_unit_test(what_a_query_must_not_say_is_named),
		cmocka_unit_test(a_body_is_read_by_type),
		cmocka_unit_test(what_is_required_must_be_there_and_no_null),
		TEST(the_audit_log_is_read_back_newest_first),
		TEST(the_audit_log_has_a_ceiling_and_lines_that_fit),
		TEST(a_cursor_of_no_log_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
