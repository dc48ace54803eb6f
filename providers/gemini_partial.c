/* SPDX-License-Identifier: MIT */
#include "providers/gemini_partial.h"

#include <json-c/json.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"

#include "providers/answer.h"

#define MAX_BYTES ((size_t)16 << 20) /* of one call's arguments */
#define MAX_INDEX 4096
#define MAX_STEPS 32

static void
put_args(void *arg)
{
	json_object_put(arg);
}

void
gemini_partial_begin(
    struct gemini_partial *p, struct arena *a, const struct jnode *call)
{
	*p = (struct gemini_partial){ .open = true, .arena = a };
	p->name = str_dup(a, answer_str(call, "name"));
	p->id = str_dup(a, answer_str(call, "id"));
	p->text = buf_new(a, MAX_BYTES);
	p->args = json_object_new_object();
	arena_defer(a, put_args, p->args);
}

/* One step of a path: a member's name, or an index. */
struct step {
	struct str name; /* absent: the index */
	int64_t index;
};

/* Takes ".name", "['name']" or "[0]" off the front of ${*path}. */
static bool
take_step(struct str *path, struct step *step)
{
	struct str in;
	size_t n = 1;

	*step = (struct step){ .index = 0 };
	if (path->p[0] == '.') {
		while (n < path->n && path->p[n] != '.' && path->p[n] != '[')
			n++;
		step->name = (struct str){ path->p + 1, n - 1 };
		*path = str_skip(*path, n);
		return step->name.n > 0;
	}
	if (path->p[0] != '[')
		return false;
	*path = str_split(str_skip(*path, 1), ']', &in);
	if (path->p == NULL)
		return false;
	if (in.n >= 2 && (in.p[0] == '\'' || in.p[0] == '"')) {
		step->name = (struct str){ in.p + 1, in.n - 2 };
		return step->name.n > 0;
	}
	return str_i64(in, 0, MAX_INDEX, &step->index) == 0;
}

static struct json_object *
get_at(struct json_object *in, const struct step *step, const char *name)
{
	if (step->name.p != NULL)
		return json_object_object_get(in, name);
	return json_object_array_get_idx(in, (size_t)step->index);
}

/* Takes ${v} over, or lets it go. */
static bool
put_at(struct json_object *in, const struct step *step, const char *name,
    struct json_object *v)
{
	int rc = step->name.p != NULL
	    ? json_object_object_add(in, name, v)
	    : json_object_array_put_idx(in, (size_t)step->index, v);

	if (rc != 0)
		json_object_put(v);
	return rc == 0;
}

/* The container that the next step leads into. */
static struct json_object *
container_for(struct str rest)
{
	return rest.p[0] == '[' && rest.n > 1 && rest.p[1] != '\'' &&
		rest.p[1] != '"'
	    ? json_object_new_array()
	    : json_object_new_object();
}

static bool
fits(struct json_object *in, const struct step *step)
{
	return json_object_is_type(
	    in, step->name.p != NULL ? json_type_object : json_type_array);
}

/* Put ${v}, which is taken over, where ${path} leads to. */
static bool
put_path(struct gemini_partial *p, struct str path, struct json_object *v)
{
	struct json_object *in = p->args, *next;
	struct step step;
	const char *name;
	int n;

	for (n = 0; n < MAX_STEPS && path.n > 0; n++) {
		if (!take_step(&path, &step) || !fits(in, &step))
			break;
		name = str_cstr(p->arena, step.name);
		if (path.n == 0)
			return put_at(in, &step, name, v);
		next = get_at(in, &step, name);
		if (next == NULL) {
			next = container_for(path);
			if (!put_at(in, &step, name, next))
				break;
		}
		in = next;
	}
	json_object_put(v);
	return false;
}

/* The string that was growing is whole. */
static bool
end_string(struct gemini_partial *p)
{
	struct str path = p->path;

	if (path.p == NULL)
		return true;
	p->path = STR_NONE;
	return put_path(
	    p, path, json_object_new_string_len(p->text->p, (int)p->text->n));
}

static bool
add_piece(struct gemini_partial *p, const struct jnode *piece)
{
	struct str path = answer_str(piece, "jsonPath");
	struct jnode v;

	if (path.n < 2 || path.p[0] != '$')
		return false;
	path = str_skip(path, 1);
	p->bytes += path.n;
	if (jtree_find(piece, "stringValue", &v)) {
		p->bytes += jtree_value_str(&v).n;
		if (!str_eq(path, p->path)) {
			if (!end_string(p))
				return false;
			p->path = str_dup(p->arena, path);
			buf_reset(p->text);
		}
		buf_adds(p->text, jtree_value_str(&v));
		return true;
	}
	if (!end_string(p))
		return false;
	if (!jtree_find(piece, "numberValue", &v) &&
	    !jtree_find(piece, "boolValue", &v))
		v.v = NULL;
	return put_path(p, path, json_object_get(v.v));
}

int
gemini_partial_add(
    struct gemini_partial *p, const struct jnode *call, struct error *err)
{
	struct jnode list, piece;
	size_t i;

	(void)jtree_find(call, "partialArgs", &list);
	for (i = 0; i < jtree_len(&list); i++) {
		piece = jtree_item(&list, i);
		if (!add_piece(p, &piece) || p->bytes > MAX_BYTES)
			return error_set(err, ERROR_UP_BROKEN,
			    "the provider's call has arguments nowhere");
	}
	return 0;
}

struct str
gemini_partial_args(struct gemini_partial *p, struct arena *a)
{
	const struct jnode root = { .v = p->args };

	(void)end_string(p);
	return jtree_text(a, &root);
}
