/* SPDX-License-Identifier: MIT */
#include "core/jtree.h"

#include <math.h>

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/jtext.h"

static void
put_tree(void *v)
{
	(void)json_object_put(v);
}

/*
 * A tree takes up to 100 times the room of its text, so what counts is the
 * number of values, at most one for every two bytes.
 */
static bool
has_too_many_values(struct str text)
{
	size_t values = 1;
	bool quoted = false;
	size_t i;

	if (text.n / 2 <= JTREE_MAX_VALUES)
		return false;
	for (i = 0; i < text.n; i++) {
		if (quoted && text.p[i] == '\\') {
			i++;
		} else if (text.p[i] == '"') {
			quoted = !quoted;
		} else if (!quoted) {
			values += text.p[i] == ',' || text.p[i] == '[' ||
			    text.p[i] == '{';
		}
	}
	return values > JTREE_MAX_VALUES;
}

static int
parse(struct json_tokener *tok, struct str text, struct json_object **v,
    struct error *err)
{
	*v = json_tokener_parse_ex(tok, text.p, (int)text.n);
	if (json_tokener_get_error(tok) == json_tokener_continue) {
		/* A number at the root ends where the text does. */
		*v = json_tokener_parse_ex(tok, "", 1);
	}
	if (json_tokener_get_error(tok) != json_tokener_success) {
		return error_set(err, ERROR_BAD_REQUEST, "invalid JSON: %s",
		    json_tokener_error_desc(json_tokener_get_error(tok)));
	}
	return 0;
}

int
jtree_read(
    struct arena *a, struct str text, struct jnode *root, struct error *err)
{
	struct json_tokener *tok;
	int rc;

	*root = (struct jnode){ 0 };
	if (jtext_check(text, err) != 0)
		return -1;
	if (text.n >= INT_MAX || has_too_many_values(text)) {
		return error_set(
		    err, ERROR_BAD_REQUEST, "JSON with too many values");
	}
	tok = json_tokener_new_ex(JTREE_MAX_DEPTH + 1);
	if (tok == NULL)
		return error_set(err, ERROR_INTERNAL, "out of memory");
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	rc = parse(tok, str_trim(text), &root->v, err);
	json_tokener_free(tok);
	if (root->v != NULL)
		arena_defer(a, put_tree, root->v);
	jtree_exact(root->v, text);
	return rc;
}

bool
jtree_find(const struct jnode *at, const char *key, struct jnode *out)
{
	*out = (struct jnode){ .up = at, .key = key };
	if (!json_object_is_type(at->v, json_type_object))
		return false;
	return json_object_object_get_ex(at->v, key, &out->v) && out->v != NULL;
}

struct jnode
jtree_item(const struct jnode *at, size_t i)
{
	struct jnode item = { .up = at, .index = i };

	if (i < jtree_len(at))
		item.v = json_object_array_get_idx(at->v, i);
	return item;
}

size_t
jtree_len(const struct jnode *at)
{
	return json_object_is_type(at->v, json_type_array)
	    ? json_object_array_length(at->v)
	    : 0;
}

static bool
is_number(enum json_type type)
{
	return type == json_type_int || type == json_type_double;
}

/*
 * Find member ${key} of type ${type}; each kind of number passes for both.
 *
 * Returns  1 if it is there, 0 if it is not and need not be, or -1.
 */
static int
find_typed(const struct jnode *at, const char *key, enum jtree_need need,
    struct jnode *out, enum json_type type, struct error *err)
{
	static const char *const names[] = {
		[json_type_boolean] = "true or false",
		[json_type_double] = "a number",
		[json_type_int] = "an integer",
		[json_type_object] = "an object",
		[json_type_array] = "an array",
		[json_type_string] = "a string",
	};
	enum json_type got;

	if (!jtree_find(at, key, out)) {
		if (at->v != NULL &&
		    !json_object_is_type(at->v, json_type_object))
			return jtree_fail(at, err, "must be an object");
		return need == JTREE_REQUIRED
		    ? jtree_fail(out, err, "is required")
		    : 0;
	}
	got = json_object_get_type(out->v);
	if (got == type || (is_number(got) && is_number(type)))
		return 1;
	return jtree_fail(out, err, "must be %s", names[type]);
}

int
jtree_str(const struct jnode *at, const char *key, enum jtree_need need,
    struct str *out, struct error *err)
{
	struct jnode n;
	int rc = find_typed(at, key, need, &n, json_type_string, err);

	if (rc > 0)
		*out = jtree_value_str(&n);
	return rc < 0 ? -1 : 0;
}

int
jtree_bool(const struct jnode *at, const char *key, enum jtree_need need,
    bool *out, struct error *err)
{
	struct jnode n;
	int rc = find_typed(at, key, need, &n, json_type_boolean, err);

	if (rc > 0)
		*out = json_object_get_boolean(n.v) != 0;
	return rc < 0 ? -1 : 0;
}

int
jtree_i64(const struct jnode *at, const char *key, enum jtree_need need,
    int64_t *out, struct error *err)
{
	struct jnode n;
	double d;
	int rc = find_typed(at, key, need, &n, json_type_int, err);

	if (rc <= 0)
		return rc;
	if (json_object_is_type(n.v, json_type_int)) {
		if (json_object_get_uint64(n.v) > INT64_MAX)
			return jtree_fail(&n, err, "is too large");
		*out = json_object_get_int64(n.v);
		return 0;
	}
	d = json_object_get_double(n.v);
	/* cppcheck-suppress incorrectLogicOperator ; it misreads hex floats */
	if (!(d >= -0x1p63 && d < 0x1p63))
		return jtree_fail(&n, err, "is too large");
	if (d != (double)(int64_t)d)
		return jtree_fail(&n, err, "must be an integer");
	*out = (int64_t)d;
	return 0;
}

int
jtree_double(const struct jnode *at, const char *key, enum jtree_need need,
    double *out, struct error *err)
{
	struct jnode n;
	double d;
	int rc = find_typed(at, key, need, &n, json_type_double, err);

	if (rc <= 0)
		return rc;
	d = json_object_get_double(n.v);
	if (!isfinite(d))
		return jtree_fail(&n, err, "is too large");
	*out = d;
	return 0;
}

int
jtree_object(const struct jnode *at, const char *key, enum jtree_need need,
    struct jnode *out, struct error *err)
{
	return find_typed(at, key, need, out, json_type_object, err) < 0 ? -1
									 : 0;
}

int
jtree_array(const struct jnode *at, const char *key, enum jtree_need need,
    struct jnode *out, struct error *err)
{
	return find_typed(at, key, need, out, json_type_array, err) < 0 ? -1
									: 0;
}

struct str
jtree_value_str(const struct jnode *at)
{
	if (!json_object_is_type(at->v, json_type_string))
		return STR_NONE;
	return (struct str){ .p = json_object_get_string(at->v),
		.n = (size_t)json_object_get_string_len(at->v) };
}

struct str
jtree_text(struct arena *a, const struct jnode *at)
{
	struct str s;

	s.p = json_object_to_json_string_length(at->v,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &s.n);
	return at->v == NULL ? STR("null") : str_dup(a, s);
}

/* Recurses as deep as the document is nested, which jtext_check limits. */
static void
add_path(struct buf *out, const struct jnode *at)
{
	if (at->up == NULL)
		return;
	add_path(out, at->up);
	if (at->key == NULL)
		buf_addf(out, "[%zu]", at->index);
	else if (out->n > 0)
		buf_addch(out, '.');
	if (at->key != NULL)
		buf_addz(out, at->key);
}

struct str
jtree_path(struct arena *a, const struct jnode *at)
{
	struct str path;
	struct buf b;

	buf_init(&b, 1024);
	add_path(&b, at);
	path = str_of(arena_memdup(a, b.p, b.n));
	buf_release(&b);
	return path;
}

int
jtree_fail(const struct jnode *at, struct error *err, const char *fmt, ...)
{
	char msg[256];
	struct buf path;
	va_list ap;

	if (err->kind != ERROR_NONE)
		return -1;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	buf_init(&path, sizeof(err->param) - 1);
	add_path(&path, at);
	error_set(err, ERROR_BAD_REQUEST, "%s%s%s", path.p,
	    path.n > 0 ? ": " : "", msg);
	memcpy(err->param, path.p, path.n + 1);
	buf_release(&path);
	return -1;
}
