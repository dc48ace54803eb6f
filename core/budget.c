/* SPDX-License-Identifier: MIT */
#include "core/budget.h"

#include <stdlib.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/jw.h"
#include "core/price.h"

#define MAX_NAME_BYTES   520 /* a tag with its value */
#define MAX_RECORD_BYTES 8192

const struct snap_kind budget_kind = {
	.table = STORE_BUDGETS,
	.file = "budgets.snap",
	.gen = SHM_BUDGETS_GEN,
	.what = "budgets",
};

const char *const budget_scopes[BUDGET_SCOPES] = {
	[BUDGET_KEY] = "key",
	[BUDGET_ACCOUNT] = "account",
	[BUDGET_USER] = "user",
	[BUDGET_TAG] = "tag",
};

enum budget_scope
budget_scope_of(struct str word)
{
	enum budget_scope s = BUDGET_KEY;

	while (s < BUDGET_SCOPES && !str_is(word, budget_scopes[s]))
		s++;
	return s;
}

static struct str
id_of(struct arena *a, const struct budget *b)
{
	return str_of(arena_printf(a, "%s/%s/%.*s", budget_scopes[b->scope],
	    window_words[b->window], STR_ARG(b->name)));
}

static struct str
json_of(struct arena *a, const struct budget *b)
{
	struct buf *out = buf_new(a, MAX_RECORD_BYTES);
	char usd[MONEY_TEXT_BYTES];
	struct jw w;

	jw_init(&w, out);
	jw_object(&w);
	jw_kv_str(&w, "id", id_of(a, b));
	jw_kv_cstr(&w, "scope", budget_scopes[b->scope]);
	jw_kv_str(&w, "name", b->name);
	jw_kv_cstr(&w, "per", window_words[b->window]);
	jw_kv_cstr(&w, "usd", money_text(b->pusd, usd));
	jw_kv_i64(&w, "alert_pct", b->alert_pct);
	jw_end(&w);
	return buf_str(out);
}

static bool
parse(struct arena *a, struct str json, struct budget *b)
{
	struct error ignored = { .kind = ERROR_NONE };
	struct str pct;

	if (jtext_check(json, &ignored) != 0)
		return false;
	b->scope = budget_scope_of(jtext_str(a, json, "scope"));
	b->window = window_of(jtext_str(a, json, "per"));
	b->name = jtext_str(a, json, "name");
	return b->scope < BUDGET_SCOPES && b->window < WINDOWS &&
	    b->name.n > 0 &&
	    money_parse(jtext_str(a, json, "usd"), PUSD_PER_USD, &b->pusd) ==
	    0 &&
	    jtext_get(json, "alert_pct", &pct) &&
	    str_i64(pct, 0, 100, &b->alert_pct) == 0;
}

static int
compare(const void *x, const void *y)
{
	const struct budget *a = x, *b = y;
	int rc;

	if (a->scope != b->scope)
		return a->scope < b->scope ? -1 : 1;
	rc = str_cmp(a->name, b->name);
	return rc != 0 ? rc : (int)a->window - (int)b->window;
}

void *
budget_build(struct arena *a, struct str text)
{
	struct budget_list *list = ARENA_NEW(a, struct budget_list);
	struct str line;

	list->budgets = ARENA_ARRAY(a, struct budget, snap_lines(text));
	while (text.n > 0) {
		text = str_split(text, '\n', &line);
		list->n += parse(a, line, &list->budgets[list->n]);
	}
	qsort(list->budgets, list->n, sizeof(*list->budgets), compare);
	return list;
}

const struct budget *
budget_first(
    const struct budget_list *list, enum budget_scope scope, struct str name)
{
	const struct budget want = { .scope = scope, .name = name };
	size_t low = 0, high = list->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (compare(&list->budgets[mid], &want) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == list->n || list->budgets[low].scope != scope ||
	    !str_eq(list->budgets[low].name, name))
		return NULL;
	return &list->budgets[low];
}

static int
put(struct snap_edit *e, void *arg, struct error *err)
{
	const struct budget *b = arg;

	(void)err;
	return snap_put(e, id_of(e->arena, b), json_of(e->arena, b));
}

int
budget_set(struct state *state, const struct budget *b, struct error *err)
{
	struct budget copy = *b;

	if (b->name.n == 0 || b->name.n > MAX_NAME_BYTES)
		return error_set(err, ERROR_BAD_REQUEST,
		    "budget: a name has 1 to %d bytes", MAX_NAME_BYTES);
	if (b->scope == BUDGET_TAG && memchr(b->name.p, '=', b->name.n) == NULL)
		return error_set(err, ERROR_BAD_REQUEST,
		    "budget: a tag is given as NAME=VALUE");
	return snap_edit(state, &budget_kind, put, &copy, err);
}

static int
del(struct snap_edit *e, void *arg, struct error *err)
{
	struct budget b = *(const struct budget *)arg;
	bool all = b.window == WINDOWS, found = false;
	struct snap_record *r;
	enum window w;

	for (w = all ? WINDOW_DAY : b.window; w < WINDOWS; w++) {
		b.window = w;
		r = snap_find(e, id_of(e->arena, &b));
		if (r != NULL) {
			found = true;
			if (snap_del(e, r) != 0)
				return -1;
		}
		if (!all)
			break;
	}
	return found
	    ? 0
	    : error_set(err, ERROR_NOT_FOUND, "no such budget of %s %.*s",
		  budget_scopes[b.scope], STR_ARG(b.name));
}

int
budget_remove(struct state *state, enum budget_scope scope, struct str name,
    enum window window, struct error *err)
{
	struct budget b = { .scope = scope, .name = name, .window = window };

	return snap_edit(state, &budget_kind, del, &b, err);
}

struct reading {
	struct arena *arena;
	struct budget_list *list;
};

static int
read_all(struct snap_edit *e, void *arg, struct error *err)
{
	struct reading *to = arg;
	const struct snap_record *r;
	struct buf *text = buf_new(to->arena, SNAP_MAX_BYTES);

	(void)err;
	for (r = e->records; r != NULL; r = r->next) {
		buf_adds(text, r->json);
		buf_addch(text, '\n');
	}
	*to->list =
	    *(struct budget_list *)budget_build(to->arena, buf_str(text));
	return 1;
}

int
budget_read(struct state *state, struct arena *a, struct budget_list *list,
    struct error *err)
{
	struct reading to = { a, list };

	return snap_edit(state, &budget_kind, read_all, &to, err);
}
