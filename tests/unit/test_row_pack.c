/* SPDX-License-Identifier: MIT */
#include "core/buf.h"
#include "core/crc32c.h"
#include "core/row_pack.h"
#include "tests/unit/calls.h"
#include "tests/unit/unit.h"

#define TWO_BYTE 61 /* texts; more may be added, never changed */
#define LIST_CRC 0xa9b111d8

/* Pack and unpack; how long it was in between. */
static size_t
there_and_back(struct str row)
{
	struct row_packer p;
	struct buf packed, back;
	size_t n;

	row_packer_init(&p);
	buf_init(&packed, 1 << 20);
	buf_init(&back, 1 << 20);
	assert_int_equal(row_pack(&p, row, &packed), 0);
	assert_int_equal(row_unpack(buf_str(&packed), &back), 0);
	assert_true(str_eq(buf_str(&back), row));
	n = packed.n;
	buf_release(&packed);
	buf_release(&back);
	return n;
}

static void
what_is_packed_comes_back(void **state)
{
	static const char *const rows[] = { "", "{}", "{\"id\":\"call_x\"}",
		",\"", ",\"st", "{\"id\":\"call_",
		"{\"a\":\",\\\"status\\\":\"}",
		",\"status\":200,\"status\":200,\"status\":null,\"status\":0",
		",\"outcome\":\"open\",\"outcome\":\"ok\"",
		"\xc3\xa9,\"key\":", ",,,\"\",\"a\"" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		there_and_back(str_of(rows[i]));
}

/* Every outcome, full and empty: a third of its size, or less. */
static void
rows_become_small(void **state)
{
	enum call_outcome o;
	struct one_call one;
	struct buf b;
	int full;

	(void)state;
	buf_init(&b, 1 << 16);
	for (o = CALL_OPEN; o <= CALL_UNKNOWN; o++) {
		for (full = 0; full < 2; full++) {
			calls_fill(&one, CALLS_NOW_US, 1234567);
			one.row.outcome = o;
			if (full == 0)
				one.row.user = one.row.session = one.row.task =
				    STR_NONE;
			buf_reset(&b);
			ledger_json(&one.row, &b);
			assert_true(3 * there_and_back(buf_str(&b)) < b.n);
		}
	}
	buf_release(&b);
}

static void
control_characters_are_refused(void **state)
{
	struct row_packer p;
	struct buf b;

	(void)state;
	row_packer_init(&p);
	buf_init(&b, 100);
	assert_int_equal(row_pack(&p, STR("{\n}"), &b), -1);
	assert_int_equal(row_pack(&p, STR("\x02"), &b), -1);
	buf_release(&b);
}

static void
damaged_rows_are_refused(void **state)
{
	static const struct str bad[] = { { "\x01", 1 }, { "\x01\xff", 2 },
		{ "\0", 1 }, { "a\x01", 2 } };
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 10000);
	for (i = 0; i < COUNT(bad); i++)
		assert_int_equal(row_unpack(bad[i], &b), -1);
	buf_release(&b);
}

/* What is on disk stays readable: these codes are for ever. */
static void
the_list_does_not_change(void **state)
{
	struct buf b;
	char code[2] = { 1, 0 };
	int i;

	(void)state;
	buf_init(&b, 1 << 16);
	for (i = 2; i < ' '; i++) {
		code[1] = (char)i;
		assert_int_equal(
		    row_unpack((struct str){ code + 1, 1 }, &b), 0);
	}
	for (i = 1; i <= TWO_BYTE; i++) {
		code[1] = (char)i;
		assert_int_equal(row_unpack((struct str){ code, 2 }, &b), 0);
	}
	assert_int_equal(crc32c(0, b.p, b.n), LIST_CRC);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_comes_back),
		cmocka_unit_test(rows_become_small),
		cmocka_unit_test(control_characters_are_refused),
		cmocka_unit_test(damaged_rows_are_refused),
		cmocka_unit_test(the_list_does_not_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
