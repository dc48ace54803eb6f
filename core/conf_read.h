/* SPDX-License-Identifier: MIT */
/*
 * Inside of conf: what its files share.  conf.c has the schema and the
 * public functions, conf_read.c walks a document along the schema,
 * conf_type.c knows the types of values, conf_text.c gets the text and what
 * "env:" and "file:" refer to, conf_vendor.c completes providers and models,
 * conf_route.c reads routes, conf_experiment.c experiments.
 */
#ifndef CORE_CONF_READ_H
#define CORE_CONF_READ_H

#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

struct arena;
struct buf;
struct conf;
struct conf_provider;
struct conf_row;
struct error;
struct experiment;
struct jnode;
struct json_object;
struct registry;
struct route_reader;

/* One reading: where results and complaints go. */
struct conf_reader {
	struct conf *conf;
	struct arena *arena; /* conf's */
	struct arena *draft; /* the document's: gone when it is read */
	const struct registry *registry;
	struct buf *complaints;
	struct error *err; /* the first complaint */
	unsigned n;        /* complaints so far */
};

/* A type of value.  set() stores it at ${base} + row->offset. */
struct conf_type {
	const char *name; /* for people; NULL: the row's words */
	void (*set)(struct conf_reader *r, const struct conf_row *row,
	    const struct jnode *at, void *base);
	double scale; /* numbers: what is stored per unit of the key */
};

/* Places without a member of their own: the value is only checked. */
#define CONF_NOWHERE SIZE_MAX

/*
 * One key.  A segment in capitals stands for any name.  The default is JSON
 * text that is read like the file, or a remark in parentheses.
 */
struct conf_row {
	const char *key; /* "providers.NAME.api" */
	const struct conf_type *type;
	size_t offset;        /* in its struct, or CONF_NOWHERE */
	const char *fallback; /* NULL: none */
	double min, max;      /* numbers, in the unit of the key */
	const char *words;    /* word, switch: "cancel, drain" */
	const char *meaning;
};

extern const struct conf_type conf_alias_type, conf_api_type, conf_arms_type,
    conf_bool_type, conf_judge_type, conf_rules_type, conf_share_type,
    conf_time_type, conf_count_type, conf_headers_type, conf_hedge_type,
    conf_kb_type, conf_list_type, conf_mb_type, conf_ms_type, conf_pair_type,
    conf_path_type, conf_price_type, conf_route_type, conf_s_type,
    conf_secret_type, conf_switch_type, conf_text_type, conf_url_type,
    conf_usd_type, conf_word_type, conf_zone_type;

/* The schema; ends with key NULL. */
extern const struct conf_row conf_rows[];

/*
 * conf_complain(r, at, fmt, ...):
 * Note "<path of at>: <fmt ...>".
 */
void conf_complain(struct conf_reader *r, const struct jnode *at,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A choice among names, the way complaints present it. */
struct conf_names {
	struct str wanted;
	struct str best; /* nearest so far */
	size_t distance;
	struct buf *all; /* "a, b, c" */
};

/*
 * conf_names_add(names, s), conf_names_hint(names, a):
 * Offer one known name.  The hint is "did you mean …?" if one is near,
 * "known: …" otherwise.
 */
void conf_names_add(struct conf_names *names, struct str s);
const char *conf_names_hint(const struct conf_names *names, struct arena *a);

/*
 * conf_read_defaults(r, section, base):
 * Set every key that has a constant default: of ${section} ("experiments."),
 * or (NULL) of all that are there once.
 */
void conf_read_defaults(struct conf_reader *r, const char *section, void *base);

/* conf_read_document(r, root): set what the document says. */
void conf_read_document(struct conf_reader *r, const struct jnode *root);

/*
 * conf_text_read(r, path):
 * Returns  the tree of file ${path}, comments ignored, owned by r->draft;
 *          NULL after a complaint.  conf->mtime_ns and inode are set.
 */
struct json_object *conf_text_read(struct conf_reader *r, struct str path);

/*
 * conf_text_refs(r, root):
 * Replace each string "env:NAME" and "file:PATH" in the tree by what it
 * refers to, or by null after a complaint.
 */
void conf_text_refs(struct conf_reader *r, const struct jnode *root);

/*
 * conf_text_path(r, path):
 * Returns  ${path}; a relative one counts from the configuration's folder.
 */
char *conf_text_path(struct conf_reader *r, struct str path);

/* conf_vendor_add(r, name): append an empty provider. */
struct conf_provider *conf_vendor_add(struct conf_reader *r, struct str name);

/*
 * conf_vendor_complete(r, root):
 * Fill what the vendors' table knows, add echo, complain about what is still
 * missing.  ${root} NULL: no file, so every vendor whose key variable is set.
 */
void conf_vendor_complete(struct conf_reader *r, const struct jnode *root);

/* conf_experiment_add(r, at): append the experiment at ${at}, by default. */
struct experiment *conf_experiment_add(
    struct conf_reader *r, const struct jnode *at);

/* conf_experiments_complete(r): read those that no route has named. */
void conf_experiments_complete(struct route_reader *r);

/*
 * conf_routes_complete(r, root):
 * Read the trees of `routes`, with experiments and `tasks`, once providers,
 * models and aliases are known.
 */
void conf_routes_complete(struct conf_reader *r, const struct jnode *root);

/* conf_vendor_catalog(r): open the built-in catalogue of models. */
void conf_vendor_catalog(struct conf_reader *r);

/*
 * conf_vendor_prices(r):
 * Lay data_dir/prices.json, which `sluice prices import` has written, over
 * the catalogue.  One that is damaged is a complaint.
 *
 * conf_vendor_prices_mtime_ns(conf): that of the file now; 0 if none is there.
 */
void conf_vendor_prices(struct conf_reader *r);
int64_t conf_vendor_prices_mtime_ns(const struct conf *conf);

/*
 * conf_vendor_model(r, at):
 * Put entry ${at} of `models`, whose members are well-formed, into the
 * catalogue.
 */
void conf_vendor_model(struct conf_reader *r, const struct jnode *at);

#endif
