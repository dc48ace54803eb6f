/* SPDX-License-Identifier: MIT */
/*
 * The editor of jtext.h.  An object is copied with what stands before each
 * value kept as it is; only objects on the path of an edit are walked into.
 */
#include <assert.h>

#include "core/buf.h"
#include "core/jtext.h"
#include "core/jw.h"

#define MAX_EDITS    8
#define MEMBER_BYTES 16 /* quotes, colons, braces and commas of an edit */

/* Edits below one object; path is what is left of theirs. */
struct edit_set {
	size_t n;
	struct {
		struct str path;
		struct str value;
	} e[MAX_EDITS];
};

/*
 * Move the edits of ${set} whose path begins with ${head} to ${sub}, without
 * it.  A path that ends there is left with the absent path.
 */
static void
take(struct edit_set *set, struct str head, struct edit_set *sub)
{
	struct str first;
	struct str rest;
	size_t kept = 0;
	size_t i;

	sub->n = 0;
	for (i = 0; i < set->n; i++) {
		rest = str_split(set->e[i].path, '.', &first);
		if (str_eq(first, head)) {
			sub->e[sub->n].path = rest;
			sub->e[sub->n++].value = set->e[i].value;
		} else {
			set->e[kept++] = set->e[i];
		}
	}
	set->n = kept;
}

/* As take, by the raw name of a member. */
static void
take_member(struct edit_set *set, struct str raw, struct edit_set *sub)
{
	struct str head;
	size_t i;

	sub->n = 0;
	for (i = 0; i < set->n; i++) {
		(void)str_split(set->e[i].path, '.', &head);
		if (jtext_is_name(raw, head)) {
			take(set, head, sub);
			return;
		}
	}
}

/* Is there nothing to be written, only to be removed? */
static bool
only_removes(const struct edit_set *set)
{
	size_t i;

	for (i = 0; i < set->n; i++)
		if (set->e[i].value.p != NULL)
			return false;
	return true;
}

static bool
is_leaf(const struct edit_set *set)
{
	return set->n > 0 && set->e[0].path.p == NULL;
}

/* Write what ${set} asks for as new members, behind ${have} others. */
static void
add_members(struct buf *out, struct edit_set *set, size_t have)
{
	struct edit_set sub;
	struct str head;

	while (set->n > 0) {
		(void)str_split(set->e[0].path, '.', &head);
		take(set, head, &sub);
		if (only_removes(&sub))
			continue;
		if (have++ > 0)
			buf_addch(out, ',');
		jw_quote(out, head);
		buf_addch(out, ':');
		if (is_leaf(&sub)) {
			buf_adds(out, sub.e[0].value);
			continue;
		}
		buf_addch(out, '{');
		add_members(out, &sub, 0);
		buf_addch(out, '}');
	}
}

/* What stands before a member, without its comma if nothing comes before. */
static void
add_before(struct buf *out, struct str between, bool first)
{
	struct str rest;

	if (first) {
		rest = str_trim(between);
		if (str_starts(rest, ",")) {
			between =
			    str_skip(between, (size_t)(rest.p - between.p) + 1);
		}
	}
	buf_adds(out, between);
}

static int apply_object(struct buf *out, struct str obj, struct edit_set *set);

static int
apply_value(struct buf *out, struct str value, struct edit_set *set)
{
	if (set->n == 0) {
		buf_adds(out, value);
		return 0;
	}
	if (is_leaf(set)) {
		buf_adds(out, set->e[0].value);
		return 0;
	}
	return apply_object(out, value, set);
}

/* Recurses as deep as the paths of the edits, which are the program's own. */
static int
apply_object(struct buf *out, struct str obj, struct edit_set *set)
{
	struct edit_set sub;
	struct str name;
	struct str value;
	size_t pos = 0;
	size_t done = 1; /* bytes of obj that are dealt with */
	size_t kept = 0;

	if (!str_starts(obj, "{"))
		return -1;
	buf_addch(out, '{');
	while (jtext_member(obj, &pos, &name, &value)) {
		take_member(set, name, &sub);
		if (!is_leaf(&sub) || sub.e[0].value.p != NULL) {
			add_before(out,
			    (struct str){ .p = obj.p + done,
				.n = (size_t)(value.p - obj.p) - done },
			    kept++ == 0);
			if (apply_value(out, value, &sub) != 0)
				return -1;
		}
		done = pos;
	}
	add_members(out, set, kept);
	buf_adds(out, str_skip(obj, done));
	return 0;
}

/* For all of it at once: what is edited stays as long as the call. */
static void
make_room(struct buf *out, struct str doc, const struct edit_set *set)
{
	size_t need = doc.n, i;

	for (i = 0; i < set->n; i++)
		need += set->e[i].path.n + set->e[i].value.n + MEMBER_BYTES;
	if (need <= out->max - out->n)
		(void)buf_room(out, need);
}

int
jtext_apply(
    struct buf *out, struct str doc, const struct jtext_edit *edits, size_t n)
{
	struct str obj = str_trim(doc);
	struct edit_set set = { .n = n };
	size_t i;

	assert(n <= MAX_EDITS);
	for (i = 0; i < n; i++) {
		set.e[i].path = str_of(edits[i].path);
		set.e[i].value = edits[i].value;
	}
	make_room(out, doc, &set);
	buf_add(out, doc.p, (size_t)(obj.p - doc.p));
	if (apply_object(out, obj, &set) != 0)
		return -1;
	buf_adds(out, str_skip(doc, (size_t)(obj.p - doc.p) + obj.n));
	return 0;
}
