/* SPDX-License-Identifier: MIT */
#include "core/price_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/catalog.h"
#include "core/dir.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/jw.h"
#include "core/price_litellm.h"
#include "core/provider.h"

#define JUMP 10

int
price_table_read(
    struct arena *a, const char *path, struct str *text, struct error *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;
	char *p;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		errno = EFBIG;
		if ((size_t)st.st_size <= PRICE_TABLE_MAX_BYTES) {
			p = arena_alloc(a, (size_t)st.st_size + 1);
			n = read(fd, p, (size_t)st.st_size);
			*text = (struct str){ p, n > 0 ? (size_t)n : 0 };
		}
	}
	if (n < 0)
		error_set(err, ERROR_STORE, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : 0;
}

/* A table being read. */
struct reading {
	struct arena *arena;
	const struct registry *registry;
	struct price_table *table;
	struct catalog *seen; /* what has been read */
	struct price_entry **end;
};

/* Read the price of ${e}; whatever else is wrong with it counts, too. */
static const char *
check(struct reading *r, struct price_entry *e)
{
	struct error err = { 0 };
	struct str price;
	const char *key = arena_printf(
	    r->arena, "%.*s/%.*s", STR_ARG(e->provider), STR_ARG(e->id));

	if (catalog_add(r->seen, str_of(key), e->text, &err) == 0 &&
	    jtext_get(e->text, "price", &price) &&
	    price_parse(price, &e->price, &err) == 0)
		return NULL;
	return arena_printf(r->arena, "%s", err.msg);
}

static void
add(struct reading *r, const struct price_entry *entry)
{
	struct price_entry *e;

	/* Some maps list a model with and without its provider. */
	if (catalog_find(r->seen, r->arena, entry->provider, entry->id) !=
	    NULL) {
		r->table->skipped++;
		return;
	}
	e = ARENA_NEW(r->arena, struct price_entry);
	*e = *entry;
	if (e->bad == NULL)
		e->bad = check(r, e);
	r->table->n++;
	r->table->n_bad += e->bad != NULL;
	*r->end = e;
	r->end = &e->next;
}

static void
read_ours(struct reading *r, struct str providers)
{
	struct price_entry e = { .bad = NULL };
	struct str name, models, price;
	size_t pos = 0, at;

	while (jtext_member(providers, &pos, &name, &models)) {
		e.provider = jtext_string(r->arena, name);
		for (at = 0; jtext_member(models, &at, &name, &e.text);) {
			e.id = jtext_string(r->arena, name);
			if (jtext_get(e.text, "price", &price))
				add(r, &e);
			else
				r->table->skipped++;
		}
	}
}

/* Our name for a provider of LiteLLM's; absent if we do not know it. */
static struct str
our_name(const struct registry *registry, struct str theirs)
{
	const char *const *pair = registry->price_names;
	const struct vendor *v;

	for (; pair != NULL && *pair != NULL; pair += 2)
		if (str_is(theirs, pair[0]))
			return str_of(pair[1]);
	v = registry_vendor(registry, theirs);
	return v != NULL ? str_of(v->name) : STR_NONE;
}

static void
read_litellm(struct reading *r, struct str text)
{
	struct price_entry e = { .bad = NULL };
	struct litellm_model m;
	struct str name, value;
	size_t pos = 0;

	while (jtext_member(text, &pos, &name, &value)) {
		name = jtext_string(r->arena, name);
		if (str_is(name, "sample_spec") ||
		    !litellm_model(r->arena, name, value, &m)) {
			r->table->skipped++;
			continue;
		}
		e.provider = our_name(r->registry, m.provider);
		e.id = m.id;
		e.text = m.text;
		e.bad = m.bad;
		if (e.provider.n > 0)
			add(r, &e);
		else
			r->table->skipped++;
	}
}

/* A name for a table that has none: what it is, and what is in it. */
static struct str
version_of(struct arena *a, const char *kind, struct str text)
{
	unsigned char hash[32] = { 0 };

	(void)EVP_Digest(text.p, text.n, hash, NULL, EVP_sha256(), NULL);
	return str_of(arena_printf(a, "%s-%02x%02x%02x%02x", kind, hash[0],
	    hash[1], hash[2], hash[3]));
}

int
price_table_parse(struct arena *a, struct str text,
    const struct registry *registry, struct price_table *table,
    struct error *err)
{
	struct reading r = { a, registry, table,
		catalog_new(a, STR("{\"version\":\"\",\"providers\":{}}"), err),
		&table->entries };
	struct error bad = { 0 };
	struct str providers, version;

	*table = (struct price_table){ .n = 0 };
	if (jtext_check(text, &bad) != 0)
		return error_set(err, ERROR_CONF, "no JSON: %s", bad.msg);
	text = str_trim(text);
	if (!str_starts(text, "{"))
		return error_set(err, ERROR_CONF, "must be a JSON object");
	if (jtext_get(text, "providers", &providers) &&
	    str_starts(providers, "{")) {
		read_ours(&r, providers);
		if (jtext_get(text, "version", &version))
			table->version = jtext_string(a, version);
		if (table->version.n == 0)
			table->version = version_of(a, "models", text);
	} else {
		read_litellm(&r, text);
		table->version = version_of(a, "litellm", text);
	}
	if (table->n == table->n_bad)
		return error_set(err, ERROR_CONF,
		    "there is no usable price in it: neither the format of "
		    "models.json nor LiteLLM's price map?");
	return 0;
}

/* Does ${b} follow from ${a} by a factor that no list price moves by? */
static bool
jumps(int64_t a, int64_t b)
{
	int64_t low = a < b ? a : b, high = a < b ? b : a;

	return high > 0 && (low == 0 || low <= high / JUMP);
}

static int64_t
distance(int64_t a, int64_t b)
{
	int64_t low = a < b ? a : b, high = a < b ? b : a;

	return low == high ? 0 : low == 0 ? INT64_MAX : high * 100 / low;
}

static void
compare(struct price_change *c, const char *place, enum usage_mode mode,
    int64_t before, int64_t after)
{
	if (distance(before, after) <= distance(c->before, c->after))
		return;
	c->place = place;
	c->mode = mode;
	c->before = before;
	c->after = after;
}

static void
compare_modes(
    struct price_change *c, const struct price *old, const struct price *new)
{
	const struct price_mode *a, *b;
	unsigned t;
	int m, i;

	for (m = 0; m < USAGE_MODES; m++) {
		a = &old->modes[m];
		b = &new->modes[m];
		for (t = 0; t < a->n_tiers && t < b->n_tiers; t++)
			for (i = 0; i < USAGE_BUCKETS; i++)
				compare(c, usage_bucket_names[i],
				    (enum usage_mode)m, a->tiers[t].pusd[i],
				    b->tiers[t].pusd[i]);
	}
	compare(c, "web_search", USAGE_STANDARD, old->web_search_pusd,
	    new->web_search_pusd);
}

static bool
same(const struct price *a, const struct price *b)
{
	const struct price_mode *x = a->modes, *y = b->modes;

	for (; x < a->modes + USAGE_MODES; x++, y++)
		if (x->n_tiers != y->n_tiers ||
		    memcmp(x->tiers, y->tiers, sizeof(x->tiers)) != 0)
			return false;
	return a->web_search_pusd == b->web_search_pusd &&
	    a->request_pusd == b->request_pusd;
}

void
price_table_diff(const struct price_table *table, const struct catalog *catalog,
    struct arena *a, void (*fn)(void *arg, const struct price_change *change),
    void *arg)
{
	const struct price_entry *e;
	const struct model *m;
	struct error err = { 0 };
	struct price old;

	for (e = table->entries; e != NULL; e = e->next) {
		struct price_change c = { .entry = e };

		if (e->bad != NULL)
			continue;
		m = catalog_find(catalog, a, e->provider, e->id);
		c.is_new = m == NULL || m->price.p == NULL ||
		    price_parse(m->price, &old, &err) != 0;
		if (!c.is_new && same(&old, &e->price))
			continue;
		if (!c.is_new)
			compare_modes(&c, &old, &e->price);
		c.jumps = !c.is_new && jumps(c.before, c.after);
		fn(arg, &c);
	}
}

static void
write_entries(struct jw *w, const struct price_table *table)
{
	const struct price_entry *e, *of;

	/* All of one provider together, where its first one stands. */
	for (of = table->entries; of != NULL; of = of->next) {
		for (e = table->entries; e != of; e = e->next)
			if (str_eq(e->provider, of->provider))
				break;
		if (e != of)
			continue;
		jw_key_str(w, of->provider);
		jw_object(w);
		for (e = of; e != NULL; e = e->next) {
			if (e->bad != NULL ||
			    !str_eq(e->provider, of->provider))
				continue;
			jw_key_str(w, e->id);
			jw_raw(w, e->text);
		}
		jw_end(w);
	}
}

int
price_table_write(struct str dir, const struct price_table *table,
    struct arena *a, struct error *err)
{
	const char *path =
	    arena_printf(a, "%.*s/" PRICE_TABLE_FILE, STR_ARG(dir));
	const char *tmp = arena_printf(a, "%s.tmp", path);
	struct buf *out = buf_new(a, PRICE_TABLE_MAX_BYTES);
	struct jw w;

	jw_init(&w, out);
	jw_object(&w);
	jw_kv_str(&w, "version", table->version);
	jw_key(&w, "providers");
	jw_object(&w);
	write_entries(&w, table);
	jw_end(&w);
	jw_end(&w);
	if (buf_over(out))
		return error_set(err, ERROR_STORE, "the table is too large");
	if (dir_write(AT_FDCWD, tmp, buf_str(out)) != 0 ||
	    rename(tmp, path) != 0)
		return error_set(
		    err, ERROR_STORE, "%s: %s", path, strerror(errno));
	return 0;
}
