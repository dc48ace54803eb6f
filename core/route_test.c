/* SPDX-License-Identifier: MIT */
#include "core/route_test.h"

#include <stdio.h>

#include <json-c/json_object.h>
#include <json-c/linkhash.h>

#include "core/arena.h"
#include "core/chat.h"
#include "core/ledger.h"
#include "core/plan.h"
#include "core/route.h"

enum fact_type {
	FACT_TEXT,
	FACT_NUMBER,
	FACT_BOOL,
	FACT_TIME
};

enum op {
	OP_EQ,
	OP_NE,
	OP_GT,
	OP_LT,
	OP_IN,
	OP_PREFIX
};

enum test_kind {
	TEST_AND,
	TEST_OR,
	TEST_NOT,
	TEST_FACT
};

struct fact {
	const char *name;
	enum fact_type type;
	/* Texts; the absent str where the request lacks it. */
	struct str (*text)(struct planner *p, struct str name);
	/* The others. */
	int64_t (*number)(struct planner *p);
	bool by_name; /* a family: { "tags": { NAME: … } } */
};

struct route_test {
	enum test_kind kind;
	struct route_test *subs, *next;
	const struct fact *fact; /* FACT, with what follows */
	struct str name;         /* of a family's member */
	enum op op;
	struct str text;
	int64_t number;
	struct name *in;
};

static const char *const op_words[] = { [OP_EQ] = "eq",
	[OP_NE] = "ne",
	[OP_GT] = "gt",
	[OP_LT] = "lt",
	[OP_IN] = "in",
	[OP_PREFIX] = "prefix" };

/* --- facts --- */

static struct str
get_model(struct planner *p, struct str name)
{
	(void)name;
	return p->ask->model;
}

#define ROW_TEXT(member)                                                       \
	static struct str get_##member(struct planner *p, struct str name)     \
	{                                                                      \
		(void)name;                                                    \
		return p->row->member;                                         \
	}

ROW_TEXT(task)
ROW_TEXT(user)
ROW_TEXT(session)
ROW_TEXT(key)
ROW_TEXT(account)

static struct str
get_tag(struct planner *p, struct str name)
{
	const struct header *h;

	for (h = p->row->tags; h != NULL; h = h->next)
		if (str_eq(h->name, name))
			return h->value;
	return STR_NONE;
}

static struct str
get_header(struct planner *p, struct str name)
{
	struct str v = STR_NONE;

	if (p->header != NULL)
		v = p->header(p->arg, name.p);
	return v.n > 0 ? v : STR_NONE;
}

static int64_t
get_input_tokens(struct planner *p)
{
	return plan_input_tokens(p, NULL);
}

static int64_t
get_tools(struct planner *p)
{
	const struct chat *chat = plan_chat(p);

	return chat != NULL && chat->tools != NULL;
}

static bool
has_image(const struct part *part)
{
	for (; part != NULL; part = part->next)
		if (part->kind == PART_IMAGE || has_image(part->parts))
			return true;
	return false;
}

static int64_t
get_images(struct planner *p)
{
	const struct chat *chat = plan_chat(p);
	const struct turn *t = chat != NULL ? chat->turns : NULL;

	for (; t != NULL; t = t->next)
		if (has_image(t->parts))
			return 1;
	return 0;
}

static int64_t
get_json_schema(struct planner *p)
{
	const struct chat *chat = plan_chat(p);

	return chat != NULL && chat->output == OUTPUT_SCHEMA;
}

static int64_t
get_stream(struct planner *p)
{
	return p->ask->stream;
}

static int64_t
get_time(struct planner *p)
{
	return p->wall_us / 60000000 % 1440;
}

static const struct fact facts[] = {
	{ "model", FACT_TEXT, get_model, NULL, false },
	{ "task", FACT_TEXT, get_task, NULL, false },
	{ "user", FACT_TEXT, get_user, NULL, false },
	{ "session", FACT_TEXT, get_session, NULL, false },
	{ "key", FACT_TEXT, get_key, NULL, false },
	{ "account", FACT_TEXT, get_account, NULL, false },
	{ "tags", FACT_TEXT, get_tag, NULL, true },
	{ "header", FACT_TEXT, get_header, NULL, true },
	{ "input_tokens", FACT_NUMBER, NULL, get_input_tokens, false },
	{ "tools", FACT_BOOL, NULL, get_tools, false },
	{ "images", FACT_BOOL, NULL, get_images, false },
	{ "json_schema", FACT_BOOL, NULL, get_json_schema, false },
	{ "stream", FACT_BOOL, NULL, get_stream, false },
	{ "time", FACT_TIME, NULL, get_time, false },
};

/* --- reading --- */

static struct route_test *
test_new(struct route_reader *r, enum test_kind kind)
{
	struct route_test *t = ARENA_NEW(r->arena, struct route_test);

	t->kind = kind;
	return t;
}

static void
test_add(struct route_test *list, struct route_test *sub)
{
	struct route_test **end = &list->subs;

	while (*end != NULL)
		end = &(*end)->next;
	*end = sub;
}

/* "HH:MM" as minutes of the day, or -1. */
static int64_t
minutes(struct str s)
{
	int64_t h, m;
	struct str hour, minute = str_split(s, ':', &hour);

	if (s.n != 5 || str_i64(hour, 0, 24, &h) != 0 ||
	    str_i64(minute, 0, 59, &m) != 0)
		return -1;
	return h * 60 + m;
}

/* The value that ${t} compares with. */
static int
read_value(struct route_reader *r, const struct jnode *at, struct route_test *t)
{
	struct str s = jtree_value_str(at);

	switch (t->fact->type) {
	case FACT_TEXT:
		t->text = str_dup(r->arena, s);
		return s.p != NULL ? 0 : route_bad(r, at, "must be a string");
	case FACT_NUMBER:
		t->number = json_object_get_int64(at->v);
		return json_object_is_type(at->v, json_type_int)
		    ? 0
		    : route_bad(r, at, "must be an integer");
	case FACT_BOOL:
		t->number = json_object_get_boolean(at->v);
		return json_object_is_type(at->v, json_type_boolean)
		    ? 0
		    : route_bad(r, at, "must be true or false");
	case FACT_TIME:
		t->number = minutes(s);
		return t->number >= 0 ? 0
				      : route_bad(r, at, "must be \"HH:MM\"");
	}
	return -1;
}

static int
read_in(struct route_reader *r, const struct jnode *at, struct route_test *t)
{
	struct jnode item;
	size_t i;

	if (t->fact->type != FACT_TEXT || jtree_len(at) == 0)
		return route_bad(r, at, "must be a list of strings");
	for (i = 0; i < jtree_len(at); i++) {
		item = jtree_item(at, i);
		if (read_value(r, &item, t) != 0)
			return -1;
		name_add(r->arena, &t->in, t->text);
	}
	return 0;
}

/* Whether an operator makes sense for a type of fact. */
static bool
fits(enum op op, enum fact_type type)
{
	if (op == OP_GT || op == OP_LT)
		return type == FACT_NUMBER || type == FACT_TIME;
	return op == OP_EQ || op == OP_NE || type == FACT_TEXT;
}

/* The place of ${word} in op_words, or -1. */
static int
op_of(const char *word)
{
	int i;

	for (i = OP_EQ; i <= OP_PREFIX; i++)
		if (strcmp(word, op_words[i]) == 0)
			return i;
	return -1;
}

/* An object that says something: of nothing everything would hold. */
static bool
is_said(const struct jnode *at)
{
	return json_object_is_type(at->v, json_type_object) &&
	    json_object_object_length(at->v) > 0;
}

/* One fact: a plain value, or an object of operators. */
static int
read_fact(struct route_reader *r, const struct jnode *at,
    const struct route_test *like, struct route_test *all)
{
	struct jnode member = { .up = at };
	struct route_test *t;
	int op;

	if (!json_object_is_type(at->v, json_type_object)) {
		t = test_new(r, TEST_FACT);
		t->fact = like->fact;
		t->name = like->name;
		test_add(all, t);
		return read_value(r, at, t);
	}
	if (!is_said(at))
		return route_bad(r, at, "needs an operator");
	json_object_object_foreach(at->v, key, value)
	{
		member.key = key;
		member.v = value;
		op = op_of(key);
		if (op < 0 || !fits((enum op)op, like->fact->type))
			return route_bad(r, &member, "is no operator for this");
		t = test_new(r, TEST_FACT);
		t->fact = like->fact;
		t->name = like->name;
		t->op = (enum op)op;
		test_add(all, t);
		if (op == OP_IN ? read_in(r, &member, t) != 0
				: read_value(r, &member, t) != 0)
			return -1;
	}
	return 0;
}

static int
read_family(struct route_reader *r, const struct jnode *at,
    const struct fact *fact, struct route_test *all)
{
	struct route_test like = { .kind = TEST_FACT, .fact = fact };
	struct jnode member = { .up = at };

	if (!is_said(at))
		return route_bad(r, at, "must be an object of names");
	json_object_object_foreach(at->v, key, value)
	{
		member.key = key;
		member.v = value;
		like.name = str_dup(r->arena, str_of(key));
		if (read_fact(r, &member, &like, all) != 0)
			return -1;
	}
	return 0;
}

static struct route_test *read_all(
    struct route_reader *r, const struct jnode *at);

static int
read_group(struct route_reader *r, const struct jnode *at, enum test_kind kind,
    struct route_test *all)
{
	struct route_test *group = test_new(r, kind);
	struct route_test *sub;
	struct jnode item;
	size_t i;

	test_add(all, group);
	if (kind == TEST_NOT) {
		group->subs = read_all(r, at);
		return group->subs != NULL ? 0 : -1;
	}
	if (jtree_len(at) == 0)
		return route_bad(r, at, "must be a list of conditions");
	for (i = 0; i < jtree_len(at); i++) {
		item = jtree_item(at, i);
		sub = read_all(r, &item);
		if (sub == NULL)
			return -1;
		test_add(group, sub);
	}
	return 0;
}

static int
unknown_fact(struct route_reader *r, const struct jnode *at)
{
	char list[256] = "and, or, not";
	size_t i, n = strlen(list);

	for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		n += (size_t)snprintf(
		    list + n, sizeof(list) - n, ", %s", facts[i].name);
	return route_bad(r, at, "unknown condition, known: %s", list);
}

static int
read_member(
    struct route_reader *r, const struct jnode *at, struct route_test *all)
{
	static const char *const groups[] = { "and", "or", "not" };
	struct route_test like = { .kind = TEST_FACT };
	size_t i;

	for (i = 0; i < 3; i++)
		if (strcmp(at->key, groups[i]) == 0)
			return read_group(r, at, (enum test_kind)i, all);
	for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		if (strcmp(at->key, facts[i].name) != 0)
			continue;
		like.fact = &facts[i];
		return facts[i].by_name ? read_family(r, at, &facts[i], all)
					: read_fact(r, at, &like, all);
	}
	return unknown_fact(r, at);
}

static struct route_test *
read_all(struct route_reader *r, const struct jnode *at)
{
	struct route_test *all = test_new(r, TEST_AND);
	struct jnode member = { .up = at };

	if (!is_said(at)) {
		route_bad(r, at, "must be an object with a condition");
		return NULL;
	}
	json_object_object_foreach(at->v, key, value)
	{
		member.key = key;
		member.v = value;
		if (read_member(r, &member, all) != 0)
			return NULL;
	}
	return all;
}

const struct route_test *
route_test_parse(struct route_reader *r, const struct jnode *at)
{
	return read_all(r, at);
}

/* --- holding --- */

static bool
text_holds(const struct route_test *t, struct str v)
{
	const struct name *n;

	switch (t->op) {
	case OP_EQ:
		return v.p != NULL && str_eq(v, t->text);
	case OP_NE:
		return v.p == NULL || !str_eq(v, t->text);
	case OP_PREFIX:
		return v.n >= t->text.n && str_starts(v, t->text.p);
	case OP_IN:
		for (n = t->in; n != NULL; n = n->next)
			if (v.p != NULL && str_eq(v, n->s))
				return true;
		return false;
	case OP_GT:
	case OP_LT:
		break;
	}
	return false;
}

static bool
number_holds(const struct route_test *t, int64_t v)
{
	if (t->op == OP_GT)
		return v > t->number;
	if (t->op == OP_LT)
		return v < t->number;
	return (v == t->number) == (t->op == OP_EQ);
}

static bool
fact_holds(struct planner *p, const struct route_test *t)
{
	if (t->fact->type == FACT_TEXT)
		return text_holds(t, t->fact->text(p, t->name));
	return number_holds(t, t->fact->number(p));
}

bool
route_test_holds(struct planner *p, const struct route_test *test)
{
	const struct route_test *sub = test->subs;

	switch (test->kind) {
	case TEST_AND:
		while (sub != NULL && route_test_holds(p, sub))
			sub = sub->next;
		return sub == NULL;
	case TEST_OR:
		while (sub != NULL && !route_test_holds(p, sub))
			sub = sub->next;
		return sub != NULL;
	case TEST_NOT:
		return !route_test_holds(p, sub);
	case TEST_FACT:
		break;
	}
	return fact_holds(p, test);
}
