/* SPDX-License-Identifier: MIT */
#include "providers/names.h"
#include "tests/unit/provider_kit.h"

#define TEN     "abcdefghij"
#define SIXTY   TEN TEN TEN TEN TEN TEN
#define SPELLED "________" /* a hash: any eight digits */

struct spell_case {
	const struct provider *api;
	unsigned quirks;
	const char *from, *want;
};

/* Does ${got} look like ${want}, whatever its hash? */
static void
assert_spelled(struct str got, const char *want)
{
	size_t n = strlen(want);
	size_t hash = n > 8 && strcmp(want + n - 8, SPELLED) == 0 ? 8 : 0;

	if (got.n != n || memcmp(got.p, want, n - hash) != 0)
		fail_msg("got %.*s, want %s", STR_ARG(got), want);
	for (size_t i = n - hash; i < n; i++)
		assert_non_null(strchr("0123456789abcdef", got.p[i]));
}

static void
names_keep_to_the_alphabet_of_the_target(void **state)
{
	static const struct spell_case cases[] = {
		{ &provider_openai, 0, "get_weather-2", "get_weather-2" },
		{ &provider_openai, 0, "a.b", "a_b_" SPELLED },
		{ &provider_anthropic, 0, "mcp:list files",
		    "mcp_list_files_" SPELLED },
		{ &provider_gemini, 0, "a.b:c-d", "a.b:c-d" },
		{ &provider_gemini, 0, "2fast", "_fast_" SPELLED },
		{ &provider_gemini, 0, "caf\303\251", "caf___" SPELLED },
		{ &provider_openai, 0, SIXTY "1234", SIXTY "1234" },
		{ &provider_openai, 0, SIXTY "12345",
		    TEN TEN TEN TEN TEN "abcde_" SPELLED },
		{ &provider_anthropic, 0, "", "_" SPELLED },
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_spelled(
		    name_for(a, str_of(cases[i].from), cases[i].api->wire),
		    cases[i].want);
	arena_free(a);
}

static void
ids_keep_to_what_each_vendor_takes(void **state)
{
	static const struct spell_case cases[] = {
		{ &provider_openai, 0, "call_1", "call_1" },
		{ &provider_openai, 0, TEN TEN TEN TEN "x",
		    TEN TEN TEN "a_" SPELLED },
		{ &provider_anthropic, 0, "call.weird:0",
		    "call_weird_0_" SPELLED },
		{ &provider_gemini, 0, "call.weird:0", "call.weird:0" },
		{ &provider_openai, QUIRK_SHORT_IDS, "aB3456789", "aB3456789" },
		/* a signature is for Gemini only */
		{ &provider_openai, 0, "c__thought__QUJD", "c" },
		{ &provider_anthropic, 0, "c__thought__QUJD", "c" },
		{ &provider_gemini, 0, "c__thought__QUJD", "c" },
	};
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		kit_init(&k, cases[i].api, "");
		k.vendor.quirks = cases[i].quirks;
		assert_spelled(call_id_for(k.arena, str_of(cases[i].from),
				   &k.target, k.vendor.api->wire),
		    cases[i].want);
		kit_release(&k);
	}
}

static void
short_ids_are_nine_letters_or_digits_and_stay_different(void **state)
{
	struct str ids[1000];
	struct kit k;

	(void)state;
	kit_init(&k, &provider_openai, "");
	k.vendor.quirks = QUIRK_SHORT_IDS;
	for (size_t i = 0; i < COUNT(ids); i++) {
		ids[i] = call_id_for(k.arena,
		    str_of(arena_printf(k.arena, "toolu_%zu", i)), &k.target,
		    k.vendor.api->wire);
		assert_int_equal(ids[i].n, 9);
		assert_int_equal(strspn(ids[i].p,
				     "0123456789abcdefghijklmnopq"
				     "rstuvwxyzABCDEFGHIJKLMNOPQRS"
				     "TUVWXYZ"),
		    9);
		for (size_t j = 0; j < i; j++)
			assert_false(str_eq(ids[i], ids[j]));
	}
	assert_true(str_eq(
	    call_id_for(k.arena, STR("toolu_7"), &k.target, k.vendor.api->wire),
	    ids[7]));
	kit_release(&k);
}

static void
names_come_back_as_the_client_wrote_them(void **state)
{
	static const char *const names[] = { "a.b", "a:b", "a b", "plain",
		SIXTY SIXTY, SIXTY "12345x", "\303\251" };
	static const enum wire wires[] = { WIRE_OPENAI_CHAT, WIRE_ANTHROPIC,
		WIRE_GEMINI };
	struct kit k;
	struct str spelled;

	(void)state;
	kit_init(&k, &provider_openai, "");
	kit_chat(&k, "{}");
	for (size_t i = 0; i < COUNT(names); i++)
		chat_tool(k.ask.chat)->name = str_of(names[i]);
	for (size_t w = 0; w < COUNT(wires); w++)
		for (size_t i = 0; i < COUNT(names); i++) {
			k.ask.wire = WIRE_OPENAI_RESPONSES;
			spelled = name_for(k.arena, str_of(names[i]), wires[w]);
			assert_true(spelled.n <= 64);
			assert_true(str_is(
			    name_back(&k.ask, spelled, wires[w]), names[i]));
			/* same format: nobody has spelled anything */
			k.ask.wire = wires[w];
			assert_true(str_eq(
			    name_back(&k.ask, spelled, wires[w]), spelled));
		}
	k.ask.wire = WIRE_NONE;
	assert_true(
	    str_is(name_back(&k.ask, STR("nobody"), WIRE_GEMINI), "nobody"));
	kit_release(&k);
}

static void
signatures_travel_in_ids_and_come_out_the_same(void **state)
{
	static const char *const good[] = { "QUJD",
		"a+b/cd==", "+/+=", "AAAAAAAA" };
	static const char *const bad[] = { "", "abc", "a b=", "====", "a=bc",
		"ab\"d" };
	struct arena *a = arena_new(1 << 20);
	struct str id;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		id = call_id_sign(a, STR("x_1"), str_of(good[i]));
		assert_int_equal(
		    strspn(id.p,
			"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH"
			"IJKLMNOPQRSTUVWXYZ_-"),
		    id.n);
		assert_true(str_is(call_id_signature(a, &id), good[i]));
		assert_true(str_is(id, "x_1"));
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		id = call_id_sign(a, STR("x_1"), str_of(bad[i]));
		assert_true(str_is(id, "x_1"));
		assert_null(call_id_signature(a, &id).p);
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_keep_to_the_alphabet_of_the_target),
		cmocka_unit_test(ids_keep_to_what_each_vendor_takes),
		cmocka_unit_test(
		    short_ids_are_nine_letters_or_digits_and_stay_different),
		cmocka_unit_test(names_come_back_as_the_client_wrote_them),
		cmocka_unit_test(
		    signatures_travel_in_ids_and_come_out_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
