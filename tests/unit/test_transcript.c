/* SPDX-License-Identifier: MIT */
#include "core/arena.h"
#include "core/buf.h"
#include "core/chat.h"
#include "core/fold.h"
#include "core/transcript.h"
#include "tests/unit/unit.h"

static void
a_conversation_reads_as_a_person_would_read_it(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct buf *out = buf_new(a, 1 << 16);
	struct chat chat = { .arena = a };
	struct part *p;
	struct turn *t;

	(void)state;
	t = chat_turn(&chat, ROLE_SYSTEM);
	chat_part(&chat, &t->parts, PART_TEXT)->text = STR("be brief");
	t = chat_turn(&chat, ROLE_USER);
	chat_part(&chat, &t->parts, PART_TEXT)->text = STR("look:");
	chat_part(&chat, &t->parts, PART_IMAGE)->data = STR("R0lGOD");
	chat_part(&chat, &t->parts, PART_AUDIO)->data = STR("R0lGOD");
	p = chat_part(&chat, &t->parts, PART_DOCUMENT);
	p->name = STR("a.txt");
	p->text = STR("words");
	t = chat_turn(&chat, ROLE_ASSISTANT);
	chat_part(&chat, &t->parts, PART_THINKING)->text = STR("hmm");
	p = chat_part(&chat, &t->parts, PART_TOOL_CALL);
	p->name = STR("f");
	p->text = STR("{\"x\":1}");
	t = chat_turn(&chat, ROLE_USER);
	p = chat_part(&chat, &t->parts, PART_TOOL_RESULT);
	chat_part(&chat, &p->parts, PART_TEXT)->text = STR("42");
	transcript_chat(&chat, out);
	assert_string_equal(out->p,
	    "system:\nbe brief\n"
	    "user:\nlook:\n[an image]\n[a recording]\n[document a.txt]\nwords\n"
	    "assistant:\n[calls f with {\"x\":1}]\n"
	    "user:\n[result]\n42\n");
	arena_free(a);
}

static void
of_an_answer_there_is_all_but_its_thinking(void **state)
{
	struct fold_block call = {
		.kind = BLOCK_TOOL, .name = STR("f"), .text = STR("{}")
	};
	struct fold_block text = {
		.kind = BLOCK_TEXT, .text = STR("done "), .next = &call
	};
	struct fold_block think = {
		.kind = BLOCK_THINKING, .text = STR("hmm"), .next = &text
	};
	struct fold fold = { .blocks = &think };
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	transcript_answer(&fold, &out);
	assert_string_equal(out.p, "done [calls f with {}]\n");
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_conversation_reads_as_a_person_would_read_it),
		cmocka_unit_test(of_an_answer_there_is_all_but_its_thinking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
