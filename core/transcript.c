/* SPDX-License-Identifier: MIT */
#include "core/transcript.h"

#include "core/buf.h"
#include "core/chat.h"
#include "core/fold.h"

static void
put_call(struct buf *out, struct str name, struct str arguments)
{
	buf_addf(out, "[calls %.*s with ", STR_ARG(name));
	buf_adds(out, arguments);
	buf_addz(out, "]\n");
}

static void
put_parts(struct buf *out, const struct part *p)
{
	for (; p != NULL; p = p->next) {
		switch (p->kind) {
		case PART_TEXT:
		case PART_REFUSAL:
			buf_adds(out, p->text);
			buf_addch(out, '\n');
			break;
		case PART_IMAGE:
			buf_addz(out, "[an image]\n");
			break;
		case PART_AUDIO:
			buf_addz(out, "[a recording]\n");
			break;
		case PART_DOCUMENT:
			buf_addf(out, "[document %.*s]\n", STR_ARG(p->name));
			buf_adds(out, p->text);
			break;
		case PART_TOOL_CALL:
			put_call(out, p->name, p->text);
			break;
		case PART_TOOL_RESULT:
			buf_addz(out, "[result]\n");
			put_parts(out, p->parts);
			break;
		case PART_THINKING:
			break;
		}
	}
}

void
transcript_chat(const struct chat *chat, struct buf *out)
{
	static const char *const roles[] = {
		[ROLE_SYSTEM] = "system",
		[ROLE_USER] = "user",
		[ROLE_ASSISTANT] = "assistant",
	};
	const struct turn *t;

	for (t = chat->turns; t != NULL; t = t->next) {
		buf_addf(out, "%s:\n", roles[t->role]);
		put_parts(out, t->parts);
	}
}

void
transcript_answer(const struct fold *fold, struct buf *out)
{
	const struct fold_block *b;

	for (b = fold->blocks; b != NULL; b = b->next) {
		if (b->kind == BLOCK_TEXT || b->kind == BLOCK_REFUSAL)
			buf_adds(out, b->text);
		if (b->kind == BLOCK_TOOL)
			put_call(out, b->name, b->text);
	}
}
