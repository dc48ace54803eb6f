/* SPDX-License-Identifier: MIT */
#include "tests/unit/mutate.h"

#include <json-c/json.h>

#define MAX_PLACES 4096

/* A member or an item. */
struct place {
	struct json_object *up;
	const char *key; /* NULL: an item, number i */
	size_t i;
};

struct places {
	struct place at[MAX_PLACES];
	size_t n;
};

static uint64_t
next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void
collect(struct places *p, struct json_object *v)
{
	size_t i, n;

	if (json_object_is_type(v, json_type_object)) {
		json_object_object_foreach(v, key, below)
		{
			if (p->n < MAX_PLACES)
				p->at[p->n++] = (struct place){ v, key, 0 };
			collect(p, below);
		}
		return;
	}
	n = json_object_is_type(v, json_type_array)
	    ? json_object_array_length(v)
	    : 0;
	for (i = 0; i < n; i++) {
		if (p->n < MAX_PLACES)
			p->at[p->n++] = (struct place){ v, NULL, i };
		collect(p, json_object_array_get_idx(v, i));
	}
}

static struct json_object *
value_at(const struct place *p)
{
	return p->key ? json_object_object_get(p->up, p->key)
		      : json_object_array_get_idx(p->up, p->i);
}

static struct json_object *
copy_of(const struct place *p)
{
	struct json_object *copy = NULL;

	(void)json_object_deep_copy(value_at(p), &copy, NULL);
	return copy;
}

static void
take_away(const struct place *p)
{
	if (p->key)
		json_object_object_del(p->up, p->key);
	else
		(void)json_object_array_del_idx(p->up, p->i, 1);
}

/* A member of an object can be there twice by another name only. */
static void
repeat(const struct place *p)
{
	if (p->key)
		(void)json_object_object_add(p->up, "another_one", copy_of(p));
	else
		(void)json_object_array_add(p->up, copy_of(p));
}

static void
replace(const struct place *p, struct json_object *by)
{
	if (p->key)
		(void)json_object_object_add(p->up, p->key, by);
	else
		(void)json_object_array_put_idx(p->up, p->i, by);
}

static struct json_object *
another(const struct places *p, uint64_t by)
{
	switch (by % 6) {
	case 0:
		return json_object_new_string("");
	case 1:
		return json_object_new_array();
	case 2:
		return json_object_new_object();
	case 3:
		return json_object_new_int64(-1);
	case 4:
		return NULL;
	default:
		return copy_of(&p->at[(by >> 8) % p->n]);
	}
}

static void
damage(struct json_object *root, uint64_t *seed)
{
	static struct places places; /* large */
	const struct place *p;

	places.n = 0;
	collect(&places, root);
	if (places.n == 0)
		return;
	p = &places.at[next(seed) % places.n];
	switch (next(seed) % 4) {
	case 0:
	case 1:
		take_away(p);
		break;
	case 2:
		repeat(p);
		break;
	default:
		replace(p, another(&places, next(seed)));
		break;
	}
}

struct str
mutate(struct arena *a, struct str body, uint64_t *seed)
{
	struct json_object *root = json_tokener_parse(str_cstr(a, body));
	struct str out = body;

	if (json_object_is_type(root, json_type_object)) {
		damage(root, seed);
		out = str_dup(a,
		    str_of(json_object_to_json_string_ext(
			root, JSON_C_TO_STRING_PLAIN)));
	}
	json_object_put(root);
	return out;
}
