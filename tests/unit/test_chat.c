/* SPDX-License-Identifier: MIT */
#include "core/arena.h"
#include "core/chat.h"
#include "tests/unit/unit.h"

static void
appended_elements_keep_their_order(void **state)
{
	struct chat chat = { .arena = arena_new(1 << 20) };
	struct turn *t, *turns[3];
	struct part *inner = NULL, *p, *parts[3];
	struct tool *tools[2];
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		turns[i] = chat_turn(&chat, ROLE_USER);
		parts[i] = chat_part(&chat, &turns[0]->parts, PART_IMAGE);
		assert_int_equal(parts[i]->kind, PART_IMAGE);
		chat_part(&chat, &inner, PART_TEXT);
	}
	for (i = 0, t = chat.turns; i < 3; i++, t = t->next)
		assert_ptr_equal(t, turns[i]);
	assert_null(t);
	for (i = 0, p = turns[0]->parts; i < 3; i++, p = p->next)
		assert_ptr_equal(p, parts[i]);
	assert_null(p);
	assert_null(inner->next->next->next);
	tools[0] = chat_tool(&chat);
	tools[1] = chat_tool(&chat);
	assert_ptr_equal(chat.tools, tools[0]);
	assert_ptr_equal(tools[0]->next, tools[1]);
	arena_free(chat.arena);
}

static void
the_same_loss_counts_once(void **state)
{
	struct chat chat = { .arena = arena_new(1 << 20) };

	(void)state;
	chat_lose(&chat, "tools[%d].strict", 1);
	chat_lose(&chat, "seed");
	chat_lose(&chat, "tools[%d].strict", 1);
	assert_true(str_is(chat.losses->s, "tools[1].strict"));
	assert_true(str_is(chat.losses->next->s, "seed"));
	assert_null(chat.losses->next->next);
	arena_free(chat.arena);
}

static void
losses_have_a_ceiling(void **state)
{
	struct chat chat = { .arena = arena_new(1 << 20) };
	const struct name *l;
	int i, n = 0;

	(void)state;
	for (i = 0; i < 10000; i++)
		chat_lose(&chat, "messages[%d].name", i);
	for (l = chat.losses; l->next != NULL; l = l->next)
		n++;
	assert_int_equal(n, 40);
	assert_true(str_is(l->s, "and_more"));
	arena_free(chat.arena);
}

static void
effort_words_are_read_as_they_are_written(void **state)
{
	int e;

	(void)state;
	for (e = EFFORT_NONE; e <= EFFORT_MAX; e++)
		assert_int_equal(
		    effort_of(str_of(effort_word((enum effort)e))), e);
	assert_int_equal(effort_of(STR("")), EFFORT_UNSET);
	assert_int_equal(effort_of(STR("HIGH")), EFFORT_UNSET);
	assert_string_equal(effort_word(EFFORT_UNSET), "");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(appended_elements_keep_their_order),
		cmocka_unit_test(the_same_loss_counts_once),
		cmocka_unit_test(losses_have_a_ceiling),
		cmocka_unit_test(effort_words_are_read_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
