/* SPDX-License-Identifier: MIT */
/*
 * Tables of prices that an operator brings: read, checked against the prices
 * in effect, and kept as data_dir/prices.json in the format of
 * conf/models.json (catalog.h).  A table that looks wrong is refused, and the
 * one before it stays: money is counted by it from the next second on.
 */
#ifndef CORE_PRICE_TABLE_H
#define CORE_PRICE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/price.h"
#include "core/str.h"

struct arena;
struct catalog;
struct error;
struct registry;

#define PRICE_TABLE_FILE      "prices.json"
#define PRICE_TABLE_MAX_BYTES ((size_t)64 << 20)

struct price_entry {
	struct str provider, id;
	struct str text;    /* raw model object */
	struct price price; /* in effect now, if bad is NULL */
	const char *bad;    /* why its price cannot be used */
	struct price_entry *next;
};

struct price_table {
	struct str version;
	struct price_entry
	    *entries; /* with a price, in the order of the file */
	size_t n, n_bad;
	size_t skipped; /* models without a price, or of nobody we know */
};

/*
 * price_table_read(a, path, text, err):
 * Returns  0 with the file's ${*text} in ${a}, or -1: ERROR_STORE.
 */
int price_table_read(struct arena *a, const char *path, struct str *text,
    struct error *err) __attribute__((warn_unused_result));

/*
 * price_table_parse(a, text, registry, table, err):
 * Read ${text}: conf/models.json's format, or LiteLLM's price map, of which
 * the vendors in ${registry} are taken.
 *
 * Returns  0, or -1: ERROR_CONF (neither, or without any price).
 */
int price_table_parse(struct arena *a, struct str text,
    const struct registry *registry, struct price_table *table,
    struct error *err) __attribute__((warn_unused_result));

/* How a price differs from the one in effect. */
struct price_change {
	const struct price_entry *entry;
	bool is_new;       /* there was none */
	bool jumps;        /* tenfold or more, either way; or from or to 0 */
	const char *place; /* the bucket that differs most: "input" */
	enum usage_mode mode;
	int64_t before, after; /* pUSD per token (web_search: each) */
};

/*
 * price_table_diff(table, catalog, a, fn, arg):
 * Call ${fn} for each price of ${table} that is not the one in ${catalog}.
 */
void price_table_diff(const struct price_table *table,
    const struct catalog *catalog, struct arena *a,
    void (*fn)(void *arg, const struct price_change *change), void *arg);

/*
 * price_table_write(dir, table, a, err):
 * Make ${table}, without its bad entries, the imported one of data_dir ${dir};
 * ${a} is for scratch.
 *
 * Returns  0, or -1: ERROR_STORE; then the old one stays.
 */
int price_table_write(struct str dir, const struct price_table *table,
    struct arena *a, struct error *err) __attribute__((warn_unused_result));

#endif
