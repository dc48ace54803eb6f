/* SPDX-License-Identifier: MIT */
#include "tests/unit/crossing.h"

#include <string.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/chat.h"
#include "core/error.h"
#include "tests/unit/unit.h"
#include "tests/unit/wires.h"

#define N(list)   (sizeof(list) / sizeof(*(list)))
#define MAX_BYTES ((size_t)64 << 20)

/* "*": any; "*x": among them. */
static void
check_losses(const struct crossing *c, struct arena *a, const struct chat *chat)
{
	struct buf *b = buf_new(a, MAX_BYTES);
	const struct name *l;

	buf_addz(b, "");
	for (l = chat ? chat->losses : NULL; l; l = l->next) {
		if (b->n > 0)
			buf_addch(b, ' ');
		buf_adds(b, l->s);
	}
	if (c->losses[0] != '*')
		assert_string_equal(b->p, c->losses);
	else if (!strstr(b->p, c->losses + 1))
		fail_msg("%s: lost %s", c->line, b->p);
}

static void
check_bytes(const struct crossing *c, struct str bytes)
{
	for (size_t i = 0; i < N(c->wants) && c->wants[i]; i++)
		if (str_find(bytes, str_of(c->wants[i])) < 0)
			fail_msg("%s: no %s in\n%.*s", c->line, c->wants[i],
			    STR_ARG(bytes));
	if (c->never && str_find(bytes, str_of(c->never)) >= 0)
		fail_msg("%s: %s in\n%.*s", c->line, c->never, STR_ARG(bytes));
}

void
crossing_check(const struct crossing *c)
{
	const struct wires_way way = { &wires[c->from], &wires[c->to], false };
	struct arena *a = arena_new(MAX_BYTES);
	struct error err = { 0 };
	struct wires_sent sent;

	if (wires_send(a, &way, str_of(c->body), &sent, &err) != 0) {
		if (!c->param)
			fail_msg("%s: %s", c->line, err.msg);
		assert_int_equal(err.kind, ERROR_BAD_REQUEST);
		assert_string_equal(err.param, c->param);
		check_bytes(c, str_of(err.msg));
	} else {
		if (c->param)
			fail_msg("%s: sent %.*s", c->line, STR_ARG(sent.body));
		check_bytes(c, sent.body);
		check_losses(c, a, sent.chat);
	}
	arena_free(a);
}
