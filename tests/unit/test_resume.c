/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/event.h"
#include "core/resume.h"
#include "tests/unit/unit.h"

/*
 * Tellings of an answer in short: "[" and "(" open a text or tool block, "]"
 * closes it, "$" is a signature, "." the stop, "," cuts texts into deltas,
 * all else is text.
 */
struct teller {
	struct sink sink;
	struct buf *told; /* without the commas */
};

static int
tell(struct sink *s, const struct event *ev, struct error *err)
{
	struct buf *told = ((struct teller *)s)->told;

	(void)err;
	if (ev->kind == EVENT_OPEN)
		buf_addch(told, ev->block == BLOCK_TOOL ? '(' : '[');
	else if (ev->kind == EVENT_DELTA)
		buf_adds(told, ev->text);
	else if (ev->kind == EVENT_SIGNATURE)
		buf_addch(told, '$');
	else if (ev->kind == EVENT_CLOSE)
		buf_addch(told, ']');
	else if (ev->kind == EVENT_STOP)
		buf_addch(told, '.');
	return 0;
}

static struct event
mark(char c)
{
	struct event ev = { .kind = EVENT_OPEN, .name = STR("n") };

	switch (c) {
	case '[':
		ev.block = BLOCK_TEXT;
		break;
	case '(':
		ev.block = BLOCK_TOOL;
		break;
	case ']':
		ev.kind = EVENT_CLOSE;
		break;
	case '$':
		ev.kind = EVENT_SIGNATURE;
		ev.text = STR("sig");
		break;
	default:
		ev.kind = EVENT_STOP;
	}
	return ev;
}

static int
put_all(struct resume *r, const char *s, struct error *err)
{
	struct event ev;
	size_t n;

	while (*s != '\0') {
		n = strcspn(s, "[](),$.");
		if (n > 0)
			ev = (struct event){ .kind = EVENT_DELTA,
				.text = { s, n } };
		else if (*s != ',')
			ev = mark(*s);
		else
			ev = (struct event){ .kind = EVENT_PING };
		if (sink_put(&r->sink, &ev, err) != 0)
			return -1;
		s += n > 0 ? n : 1;
	}
	return 0;
}

static void
an_answer_goes_on_where_it_broke_off(void **state)
{
	static const struct {
		const char *first, *second, *want; /* NULL: they differ */
	} cases[] = {
		{ "", "[a].", "[a]." },
		{ "[", "[a].", "[a]." },
		{ "[ab", "[abc].", "[abc]." },
		{ "[a,b", "[ab,c].", "[abc]." },
		{ "[abc", "[a,b,c,d]", "[abcd]" },
		{ "[ab]", "[ab](c].", "[ab](c]." },
		{ "[ab](c", "[ab](cd].", "[ab](cd]." },
		{ "[ab$", "[ab$].", "[ab$]." },
		{ "[ab].", "[ab].", "[ab].." },
		{ "[ab", "[ac].", NULL },
		{ "[ab", "(ab].", NULL },
		{ "[ab", "[a].", NULL },
		{ "[ab]", "[abc].", NULL },
		{ "[ab", ".", NULL },
		{ "[ab", "[a$b].", NULL },
	};
	struct arena *a = arena_new(1 << 24);
	struct error err;
	struct resume r;
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct teller t = { { tell }, buf_new(a, 1000) };

		err = (struct error){ 0 };
		resume_init(&r, a, &t.sink);
		assert_int_equal(put_all(&r, cases[i].first, &err), 0);
		resume_again(&r);
		rc = put_all(&r, cases[i].second, &err);
		assert_int_equal(rc, cases[i].want == NULL ? -1 : 0);
		if (rc == 0)
			assert_string_equal(t.told->p, cases[i].want);
		else
			assert_int_equal(err.kind, ERROR_UP_BROKEN);
	}
	arena_free(a);
}

static void
it_may_break_off_more_than_once_and_anywhere(void **state)
{
	const char *whole = "[one two](three][four].";
	struct arena *a = arena_new(1 << 24);
	struct error err = { 0 };
	struct resume r;
	char part[64];
	size_t i, k, n = strlen(whole);

	(void)state;
	for (i = 0; i < n; i++) {
		for (k = 0; k < n; k++) {
			struct teller t = { { tell }, buf_new(a, 1000) };

			resume_init(&r, a, &t.sink);
			snprintf(part, sizeof(part), "%.*s", (int)i, whole);
			assert_int_equal(put_all(&r, part, &err), 0);
			resume_again(&r);
			snprintf(part, sizeof(part), "%.*s", (int)k, whole);
			assert_int_equal(put_all(&r, part, &err), 0);
			resume_again(&r);
			assert_int_equal(put_all(&r, whole, &err), 0);
			assert_string_equal(t.told->p, whole);
		}
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_goes_on_where_it_broke_off),
		cmocka_unit_test(it_may_break_off_more_than_once_and_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
