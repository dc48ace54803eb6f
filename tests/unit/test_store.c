/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/store.h"
#include "tests/unit/scratch.h"

static int
setup(void **state)
{
	static struct scratch s;

	scratch_make(&s);
	*state = &s;
	return 0;
}

static int
teardown(void **state)
{
	scratch_drop(*state);
	return 0;
}

static struct store *
open_it(struct scratch *s)
{
	struct error err = { .kind = ERROR_NONE };
	enum store_fault fault;
	struct store *store = store_open(s->dir, &fault, &err);

	assert_string_equal(err.msg, "");
	assert_non_null(store);
	assert_int_equal(fault, STORE_FINE);
	return store;
}

static int
put_three(struct txn *t, void *arg)
{
	assert_int_equal(store_put(t, STORE_KEYS, STR("a"), STR("1")), 0);
	assert_int_equal(store_put(t, STORE_KEYS, STR("c"), STR("3")), 0);
	assert_int_equal(store_put(t, STORE_KEYS, STR("b"), STR("")), 0);
	return arg != NULL ? error_set(t->err, ERROR_NOT_FOUND, "no") : 0;
}

static int
get(struct txn *t, void *arg)
{
	struct str *io = arg; /* key, value */

	if (store_get(t, STORE_KEYS, io[0], &io[1]) == 0)
		io[1] = STR_NONE;
	return 0;
}

static bool
holds(struct store *store, const char *key, const char *value)
{
	struct error err = { .kind = ERROR_NONE };
	struct str io[2] = { str_of(key), STR_NONE };

	assert_int_equal(store_txn(store, get, io, &err), 0);
	return io[1].p == NULL ? value == NULL
			       : value != NULL && str_is(io[1], value);
}

static void
what_is_committed_stays(void **state)
{
	struct error err = { .kind = ERROR_NONE };
	struct store *store = open_it(*state);

	assert_int_equal(store_txn(store, put_three, NULL, &err), 0);
	store_close(store); /* no checkpoint: recovered at open */
	store = open_it(*state);
	assert_true(holds(store, "a", "1"));
	assert_true(holds(store, "b", ""));
	assert_true(holds(store, "d", NULL));
	assert_int_equal(store_checkpoint(store, &err), 0);
	store_close(store);
	store = open_it(*state);
	assert_true(holds(store, "c", "3"));
	store_close(store);
}

static void
what_a_body_refuses_is_undone(void **state)
{
	struct error err = { .kind = ERROR_NONE };
	struct store *store = open_it(*state);

	assert_int_equal(store_txn(store, put_three, &err, &err), -1);
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	assert_true(holds(store, "a", NULL));
	assert_int_equal(store_fault(store), STORE_FINE);
	store_close(store);
}

static int
del_a(struct txn *t, void *arg)
{
	(void)arg;
	assert_int_equal(store_del(t, STORE_KEYS, STR("a")), 0);
	return store_del(t, STORE_KEYS, STR("a"));
}

static void
what_is_not_there_can_be_removed(void **state)
{
	struct error err = { .kind = ERROR_NONE };
	struct store *store = open_it(*state);

	assert_int_equal(store_txn(store, put_three, NULL, &err), 0);
	assert_int_equal(store_txn(store, del_a, NULL, &err), 0);
	assert_true(holds(store, "a", NULL));
	store_close(store);
}

struct seen {
	char keys[16];
	struct str from;
	char stop;
	bool back;
};

static int
see(void *arg, struct str key, struct str value)
{
	struct seen *s = arg;

	(void)value;
	strncat(s->keys, key.p, key.n);
	return key.p[0] == s->stop ? 5 : 0;
}

static int
scan(struct txn *t, void *arg)
{
	struct seen *s = arg;
	int rc = s->back ? store_scan_back(t, STORE_KEYS, s->from, see, s)
			 : store_scan(t, STORE_KEYS, s->from, see, s);

	assert_int_equal(rc, s->stop != 0 ? 5 : 0);
	return 0;
}

static void
scans_begin_where_they_are_told(void **state)
{
	static const struct {
		const char *from;
		bool back;
		char stop;
		const char *want;
	} cases[] = {
		{ NULL, false, 0, "abc" },
		{ NULL, true, 0, "cba" },
		{ "b", false, 0, "bc" },
		{ "b", true, 0, "a" },
		{ "bb", false, 0, "c" },
		{ "bb", true, 0, "ba" },
		{ "x", false, 0, "" },
		{ "x", true, 0, "cba" },
		{ "a", true, 0, "" },
		{ NULL, false, 'b', "ab" },
		{ NULL, true, 'b', "cb" },
	};
	struct error err = { .kind = ERROR_NONE };
	struct store *store = open_it(*state);
	size_t i;

	assert_int_equal(store_txn(store, put_three, NULL, &err), 0);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct seen s = { .from = str_of(cases[i].from),
			.back = cases[i].back,
			.stop = cases[i].stop };

		assert_int_equal(store_txn(store, scan, &s, &err), 0);
		assert_string_equal(s.keys, cases[i].want);
	}
	store_close(store);
}

static void
a_damaged_table_is_called_broken(void **state)
{
	struct scratch *s = *state;
	struct error err = { .kind = ERROR_NONE };
	enum store_fault fault;
	struct store *store = open_it(s);
	char junk[8192];

	assert_int_equal(store_txn(store, put_three, NULL, &err), 0);
	assert_int_equal(store_checkpoint(store, &err), 0);
	store_close(store);
	memset(junk, 'j', sizeof(junk));
	scratch_write(s, "env/keys.db", junk, sizeof(junk));
	assert_null(store_open(s->dir, &fault, &err));
	assert_int_equal(fault, STORE_BROKEN);
	assert_int_equal(err.kind, ERROR_STORE);

	error_clear(&err);
	assert_int_equal(store_set_aside(s->dir, &err), 0);
	store = open_it(s);
	assert_true(holds(store, "a", NULL));
	store_close(store);
	assert_int_equal(scratch_count(s, "env", "", NULL), STORE_TABLES + 1);
}

static void
a_directory_that_is_gone_is_an_error(void **state)
{
	struct error err = { .kind = ERROR_NONE };
	enum store_fault fault;

	(void)state;
	assert_null(store_open("/nonexistent/place", &fault, &err));
	assert_int_equal(err.kind, ERROR_STORE);
	assert_non_null(strstr(err.msg, "No such file"));
	store_close(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#define CANARY "sk-canary-of-the-heap"
#define ROW    "a row as long as a line of text, so that a page holds some"

/* Freed memory full of secrets, in all sizes that a page may be cut from. */
static char *
dirty_the_heap(void)
{
	static char *blocks[513]; /* the last stays: the heap must not shrink */
	size_t i, at, n;

	for (i = 0; i < 513; i++) {
		n = 512 + i * 64;
		blocks[i] = malloc(n);
		assert_non_null(blocks[i]);
		for (at = 0; at + sizeof(CANARY) <= n; at += sizeof(CANARY))
			memcpy(blocks[i] + at, CANARY, sizeof(CANARY));
	}
	for (i = 0; i < 512; i++)
		free(blocks[i]);
	return blocks[512];
}

/* Enough for pages to be made and split. */
static int
put_many(struct txn *t, void *arg)
{
	char key[16];
	int i;

	(void)arg;
	for (i = 0; i < 500; i++) {
		snprintf(key, sizeof(key), "key-%06d", i);
		assert_int_equal(
		    store_put(t, STORE_LEDGER, str_of(key), STR(ROW)), 0);
	}
	return 0;
}

static void
nothing_of_our_memory_gets_into_the_files(void **state)
{
	static const char *const files[] = { "env/ledger.db", "env/keys.db",
		"env/open.db", "env/offsets.db", "env/log.0000000001" };
	static char bytes[2 << 20];
	struct error err = { .kind = ERROR_NONE };
	struct store *store;
	char *last;
	size_t i, n;

	last = dirty_the_heap();
	store = open_it(*state);
	assert_int_equal(store_txn(store, put_many, NULL, &err), 0);
	assert_int_equal(store_checkpoint(store, &err), 0);
	store_close(store);
	free(last);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		n = scratch_read(*state, files[i], bytes, sizeof(bytes));
		assert_true(n > 0);
		assert_null(memmem(bytes, n, CANARY, strlen(CANARY)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_committed_stays),
		TEST(what_a_body_refuses_is_undone),
		TEST(what_is_not_there_can_be_removed),
		TEST(scans_begin_where_they_are_told),
		TEST(a_damaged_table_is_called_broken),
		TEST(a_directory_that_is_gone_is_an_error),
		cmocka_unit_test_setup_teardown(
		    nothing_of_our_memory_gets_into_the_files, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
