/* SPDX-License-Identifier: MIT */
#include "core/trial_case.h"

#include "core/buf.h"
#include "core/chat.h"
#include "core/error.h"
#include "core/jtree.h"
#include "core/jw.h"
#include "core/transcript.h"

#define TEXT_BYTES ((size_t)16 << 20)

/* The text of the last turn of the user. */
static struct str
last_said(struct arena *a, const struct chat *chat)
{
	struct buf *out = buf_new(a, TEXT_BYTES);
	const struct turn *t, *last = NULL;
	const struct part *p;

	for (t = chat->turns; t != NULL; t = t->next)
		if (t->role == ROLE_USER)
			last = t;
	for (p = last != NULL ? last->parts : NULL; p != NULL; p = p->next)
		if (p->kind == PART_TEXT)
			buf_adds(out, p->text);
	return buf_str(out);
}

void
trial_case_asked(
    struct trial_case *tc, struct arena *a, const struct chat *chat)
{
	struct buf *out = buf_new(a, TEXT_BYTES);

	transcript_chat(chat, out);
	tc->asked = buf_str(out);
	tc->input = last_said(a, chat);
}

struct str
trial_case_write(struct arena *a, const struct trial_case *tc)
{
	struct buf *out = buf_new(a, 4 * TEXT_BYTES);
	struct jw w;

	jw_init(&w, out);
	jw_object(&w);
	jw_kv_str(&w, "input", tc->input);
	jw_kv_str(&w, "asked", tc->asked);
	jw_kv_pair(&w, "answers", tc->answers);
	jw_kv_pair(&w, "answered", tc->answered);
	jw_kv_str(&w, "account", tc->account);
	jw_end(&w);
	return buf_str(out);
}

static void
get_pair(const struct jnode *root, const char *name, struct str pair[2])
{
	struct jnode list, item;
	size_t i;

	(void)jtree_find(root, name, &list);
	for (i = 0; i < 2; i++) {
		item = jtree_item(&list, i);
		pair[i] = jtree_value_str(&item);
	}
}

int
trial_case_read(struct arena *a, struct str json, struct trial_case *tc)
{
	struct error err = { .kind = ERROR_NONE };
	struct jnode root, at;

	*tc = (struct trial_case){ .account = STR_NONE };
	if (jtree_read(a, json, &root, &err) != 0 ||
	    jtree_str(&root, "input", JTREE_REQUIRED, &tc->input, &err) != 0 ||
	    jtree_str(&root, "asked", JTREE_REQUIRED, &tc->asked, &err) != 0)
		return -1;
	get_pair(&root, "answers", tc->answers);
	get_pair(&root, "answered", tc->answered);
	(void)jtree_find(&root, "account", &at);
	tc->account = jtree_value_str(&at);
	return tc->answers[0].p != NULL && tc->answers[1].p != NULL ? 0 : -1;
}
