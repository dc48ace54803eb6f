/* SPDX-License-Identifier: MIT */
#include "core/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/chat.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/jw.h"
#include "core/price.h"

#define MAX_ID_BYTES 600 /* provider/model */

/* conf/models.json, found by the assembler beside the Makefile. */
__asm__(".section .rodata\n"
	"catalog_text_begin:\n"
	".incbin \"conf/models.json\"\n"
	"catalog_text_end:\n"
	".byte 0\n"
	".text\n");

extern const char catalog_text_begin[];
extern const char catalog_text_end[];

struct entry {
	struct str provider;
	struct str id;
	struct str text;    /* raw JSON object */
	struct str price;   /* raw, instead of the one in text; or absent */
	struct str version; /* of its price */
};

/* Entries are sorted by provider and id, and unique. */
struct catalog {
	struct arena *arena;
	struct str version;
	struct entry *entries;
	size_t n;
	size_t cap;
};

struct str
catalog_builtin(void)
{
	return (struct str){ .p = catalog_text_begin,
		/* cppcheck-suppress comparePointers ; ends of one object */
		.n = (size_t)(catalog_text_end - catalog_text_begin) };
}

static int
by_key(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;
	int rc = str_cmp(x->provider, y->provider);

	return rc != 0 ? rc : str_cmp(x->id, y->id);
}

/* The decoded name; without escapes it is a view. */
static struct str
plain_name(struct arena *a, struct str raw)
{
	if (memchr(raw.p, '\\', raw.n) != NULL)
		return jtext_string(a, raw);
	return (struct str){ .p = raw.p + 1, .n = raw.n - 2 };
}

/* Make room at ${at} and put ${e} there. */
static void
insert(struct catalog *c, size_t at, const struct entry *e)
{
	struct entry *more;

	if (c->n == c->cap) {
		c->cap = c->cap == 0 ? 256 : 2 * c->cap;
		more = ARENA_ARRAY(c->arena, struct entry, c->cap);
		if (c->n > 0)
			memcpy(more, c->entries, c->n * sizeof(*more));
		c->entries = more;
	}
	memmove(c->entries + at + 1, c->entries + at,
	    (c->n - at) * sizeof(*c->entries));
	c->entries[at] = *e;
	c->n++;
}

/* The index of the first entry that is not before ${key}. */
static size_t
lower_bound(const struct catalog *c, const struct entry *key)
{
	size_t low = 0;
	size_t high = c->n;
	size_t mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (by_key(&c->entries[mid], key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
is_at(const struct catalog *c, size_t at, const struct entry *key)
{
	return at < c->n && by_key(&c->entries[at], key) == 0;
}

static void
index_provider(struct catalog *c, struct str provider, struct str models)
{
	struct entry e = { .provider = provider, .version = c->version };
	struct str name;
	size_t pos = 0;

	while (jtext_member(models, &pos, &name, &e.text)) {
		e.id = plain_name(c->arena, name);
		insert(c, c->n, &e);
	}
}

/* Words and their bits in model.can. */
static const struct {
	const char *word;
	unsigned bit;
} can_words[] = {
	{ "tools", MODEL_TOOLS },
	{ "images", MODEL_IMAGES },
	{ "pdf", MODEL_PDF },
	{ "audio", MODEL_AUDIO },
	{ "reasoning", MODEL_REASONING },
	{ "schema", MODEL_SCHEMA },
	{ "temperature", MODEL_TEMPERATURE },
	{ "adaptive", MODEL_ADAPTIVE },
	{ "budget", MODEL_BUDGET },
	{ "forced", MODEL_FORCED },
	{ "prefill", MODEL_PREFILL },
	{ "responses_only", MODEL_RESPONSES_ONLY },
};

static int
read_name(struct model *m, struct str value, struct arena *a)
{
	m->name = jtext_string(a, value);
	return m->name.p != NULL ? 0 : -1;
}

static int
read_context(struct model *m, struct str value, struct arena *a)
{
	(void)a;
	return str_i64(value, 0, INT64_MAX, &m->context);
}

static int
read_output(struct model *m, struct str value, struct arena *a)
{
	(void)a;
	return str_i64(value, 0, INT64_MAX, &m->output);
}

static int
read_can_word(struct model *m, struct str raw)
{
	size_t i;

	for (i = 0; i < sizeof(can_words) / sizeof(can_words[0]); i++) {
		if (jtext_is_name(raw, str_of(can_words[i].word))) {
			m->can |= can_words[i].bit;
			return 0;
		}
	}
	return -1;
}

static int
read_can(struct model *m, struct str value, struct arena *a)
{
	struct str raw;
	size_t pos = 0;

	(void)a;
	while (jtext_item(value, &pos, &raw))
		if (read_can_word(m, raw) != 0)
			return -1;
	return str_starts(value, "[") ? 0 : -1;
}

static int
read_effort(struct model *m, struct str value, struct arena *a)
{
	struct str raw;
	enum effort e;
	size_t pos = 0;

	while (jtext_item(value, &pos, &raw)) {
		e = effort_of(jtext_string(a, raw));
		if (e == EFFORT_UNSET)
			return -1;
		m->efforts |= 1u << e;
	}
	return str_starts(value, "[") ? 0 : -1;
}

static int
read_budget(struct model *m, struct str value, struct arena *a)
{
	int64_t *const bounds[] = { &m->budget_min, &m->budget_max };
	struct str raw;
	size_t pos = 0, n;

	(void)a;
	m->can |= MODEL_BUDGET;
	for (n = 0; jtext_item(value, &pos, &raw); n++)
		if (n == 2 || str_i64(raw, 0, INT64_MAX, bounds[n]) != 0)
			return -1;
	return n == 2 ? 0 : -1;
}

static int
read_price(struct model *m, struct str value, struct arena *a)
{
	(void)a;
	m->price = value;
	return str_starts(value, "{") || str_starts(value, "[") ? 0 : -1;
}

static const struct member {
	const char *name;
	int (*read)(struct model *m, struct str value, struct arena *a);
	const char *want;
} members[] = {
	{ "name", read_name, "a string" },
	{ "context", read_context, "a number of tokens" },
	{ "output", read_output, "a number of tokens" },
	{ "can", read_can,
	    "a list of tools, images, pdf, audio, reasoning, schema, "
	    "temperature, adaptive, budget, forced, prefill, "
	    "responses_only" },
	{ "effort", read_effort,
	    "a list of none, minimal, low, medium, high, xhigh, max" },
	{ "budget", read_budget, "a list of the least and most tokens" },
	{ "price", read_price, "an object, or a list of them" },
};

static int
fail_at(const struct entry *e, struct error *err, const char *name,
    const char *what)
{
	return error_set(err, ERROR_CONF, "models.%.*s/%.*s%s%s: %s",
	    STR_ARG(e->provider), STR_ARG(e->id), *name ? "." : "", name, what);
}

static int
read_member(const struct entry *e, struct str name, struct str value,
    struct arena *a, struct model *m, struct error *err)
{
	const struct member *row = members;
	const struct member *end =
	    members + sizeof(members) / sizeof(members[0]);
	char what[160] = "must be ";

	while (row < end && !jtext_is_name(name, str_of(row->name)))
		row++;
	if (row == end)
		return fail_at(
		    e, err, str_cstr(a, plain_name(a, name)), "no such member");
	if (row->read(m, value, a) == 0)
		return 0;
	memcpy(what + strlen(what), row->want, strlen(row->want) + 1);
	return fail_at(e, err, row->name, what);
}

static int
parse_model(
    const struct entry *e, struct arena *a, struct model *m, struct error *err)
{
	struct str name;
	struct str value;
	size_t pos = 0;

	*m = (struct model){ .provider = e->provider, .id = e->id };
	if (!str_starts(e->text, "{"))
		return fail_at(e, err, "", "must be an object");
	while (jtext_member(e->text, &pos, &name, &value))
		if (read_member(e, name, value, a, m, err) != 0)
			return -1;
	if (e->price.p != NULL)
		m->price = e->price;
	m->version = m->price.p != NULL ? e->version : STR_NONE;
	return 0;
}

/* Check all that is read later, when there is nobody to complain to. */
static int
check_entry(const struct entry *e, struct arena *a, struct error *err)
{
	struct error bad = { 0 };
	struct model m;

	if (parse_model(e, a, &m, err) != 0)
		return -1;
	if (m.price.p != NULL && price_check(m.price, &bad) != 0)
		return fail_at(e, err, "", bad.msg);
	return 0;
}

static int
check_all(const struct catalog *c, struct error *err)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (check_entry(&c->entries[i], c->arena, err) != 0)
			return -1;
	return 0;
}

struct catalog *
catalog_new(struct arena *a, struct str text, struct error *err)
{
	struct catalog *c = ARENA_NEW(a, struct catalog);
	bool builtin = text.p == catalog_text_begin;
	struct error bad = { 0 };
	struct str providers;
	struct str name;
	struct str models;
	size_t pos = 0;

	c->arena = a;
	/* What was compiled in has been checked by a test. */
	if (!builtin && jtext_check(text, &bad) != 0) {
		error_set(err, ERROR_CONF, "models: %s", bad.msg);
		return NULL;
	}
	if (!jtext_get(text, "providers", &providers) ||
	    !jtext_get(text, "version", &c->version)) {
		error_set(err, ERROR_CONF,
		    "models: version and providers are required");
		return NULL;
	}
	c->version = jtext_string(a, c->version);
	while (jtext_member(providers, &pos, &name, &models))
		index_provider(c, plain_name(a, name), models);
	if (c->n > 0)
		qsort(c->entries, c->n, sizeof(*c->entries), by_key);
	return builtin || check_all(c, err) == 0 ? c : NULL;
}

int
catalog_add(
    struct catalog *c, struct str key, struct str text, struct error *err)
{
	struct error bad = { 0 };
	struct entry e = { 0 };
	size_t at;

	key = str_dup(c->arena, key);
	e.version = STR("conf");
	e.id = str_split(key, '/', &e.provider);
	if (e.id.n == 0 || e.provider.n == 0)
		return error_set(err, ERROR_CONF,
		    "models.%.*s: must be provider/id", STR_ARG(key));
	if (jtext_check(text, &bad) != 0)
		return fail_at(&e, err, "", bad.msg);
	e.text = str_trim(str_dup(c->arena, text));
	if (check_entry(&e, c->arena, err) != 0)
		return -1;
	at = lower_bound(c, &e);
	if (is_at(c, at, &e))
		c->entries[at] = e;
	else
		insert(c, at, &e);
	return 0;
}

/* One model of an imported table. */
static void
lay_over(struct catalog *c, const struct entry *e)
{
	struct str own;
	size_t at = lower_bound(c, e);
	struct entry *old;

	if (!is_at(c, at, e)) {
		insert(c, at, e);
		return;
	}
	old = &c->entries[at];
	if (str_is(old->version, "conf") && jtext_get(old->text, "price", &own))
		return;
	if (jtext_get(e->text, "price", &old->price))
		old->version = e->version;
}

int
catalog_overlay(struct catalog *c, struct str text, struct error *err)
{
	struct entry e = { .text = STR_NONE };
	struct error bad = { 0 };
	struct str providers, models, name;
	size_t pos = 0, at;

	if (jtext_check(text, &bad) != 0 ||
	    !jtext_get(text, "providers", &providers) ||
	    !jtext_get(text, "version", &e.version))
		return error_set(err, ERROR_CONF, "%s",
		    bad.msg[0] ? bad.msg : "it has no version or providers");
	e.version = jtext_string(c->arena, e.version);
	while (jtext_member(providers, &pos, &name, &models)) {
		e.provider = plain_name(c->arena, name);
		for (at = 0; jtext_member(models, &at, &name, &e.text);) {
			e.id = plain_name(c->arena, name);
			if (str_starts(e.text, "{"))
				lay_over(c, &e);
		}
	}
	c->version = e.version;
	return 0;
}

void
catalog_providers(const struct catalog *c,
    void (*fn)(void *arg, struct str provider), void *arg)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (i == 0 ||
		    !str_eq(c->entries[i].provider, c->entries[i - 1].provider))
			fn(arg, c->entries[i].provider);
}

const struct model *
catalog_find(const struct catalog *c, struct arena *a, struct str provider,
    struct str id)
{
	const struct entry key = { .provider = provider, .id = id };
	size_t at = lower_bound(c, &key);
	struct error bad = { 0 };
	struct model *m;

	if (!is_at(c, at, &key))
		return NULL;
	m = ARENA_NEW(a, struct model);
	return parse_model(&c->entries[at], a, m, &bad) == 0 ? m : NULL;
}

void
catalog_each(const struct catalog *c, struct str provider,
    void (*fn)(void *arg, struct str id), void *arg)
{
	const struct entry key = { .provider = provider };
	size_t i;

	for (i = lower_bound(c, &key); i < c->n; i++) {
		if (!str_eq(c->entries[i].provider, provider))
			break;
		fn(arg, c->entries[i].id);
	}
}

static void
count_or_null(struct jw *w, const char *name, int64_t n)
{
	if (n > 0)
		jw_kv_i64(w, name, n);
	else
		jw_kv_null(w, name);
}

void
catalog_json(
    const struct model *m, struct str provider, bool free, struct jw *w)
{
	char id[MAX_ID_BYTES];
	size_t i;

	snprintf(
	    id, sizeof(id), "%.*s/%.*s", STR_ARG(provider), STR_ARG(m->id));
	jw_object(w);
	jw_kv_cstr(w, "id", id);
	jw_kv_str(w, "name", m->name);
	jw_kv_str(w, "provider", provider);
	count_or_null(w, "context", m->context);
	count_or_null(w, "output", m->output);
	jw_key(w, "can");
	jw_array(w);
	for (i = 0; i < sizeof(can_words) / sizeof(*can_words); i++)
		if ((m->can & can_words[i].bit) != 0)
			jw_cstr(w, can_words[i].word);
	jw_end(w);
	jw_kv_bool(w, "free", free);
	if (m->price.n > 0)
		jw_kv_raw(w, "price", m->price);
	else
		jw_kv_null(w, "price");
	jw_kv_str(w, "price_version", m->price.n > 0 ? m->version : STR_NONE);
	jw_end(w);
}
