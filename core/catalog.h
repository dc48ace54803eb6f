/* SPDX-License-Identifier: MIT */
/*
 * The catalogue of models: limits, capabilities and prices, as data.
 * conf/models.json is compiled into the program (read-only pages, shared by
 * all processes); the configuration's `models` entries come before it.
 *
 * Format, one model a line:
 *	{ "version": "2026-07-02", "source": "…", "providers": { "openai": {
 *	  "gpt-5": { "name": "GPT-5", "context": 400000, "output": 128000,
 *	    "can": ["tools","images","pdf","reasoning","schema"],
 *	    "effort": ["minimal","low","medium","high"], "budget": [1024,0],
 *	    "price": { "input": "1.25", "cache_read": "0.125",
 *	               "output": "10" } } } } }
 * Prices are USD per million tokens as decimal strings (price.h).
 */
#ifndef CORE_CATALOG_H
#define CORE_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct arena;
struct error;
struct jw;

enum model_can {
	MODEL_TOOLS = 1 << 0,
	MODEL_IMAGES = 1 << 1,
	MODEL_PDF = 1 << 2,
	MODEL_AUDIO = 1 << 3,
	MODEL_REASONING = 1 << 4,
	MODEL_SCHEMA = 1 << 5,      /* native structured output */
	MODEL_TEMPERATURE = 1 << 6, /* takes sampling parameters */
	MODEL_ADAPTIVE = 1 << 7,    /* thinking adaptive + effort (Claude) */
	MODEL_BUDGET = 1 << 8,      /* thinking by token budget */
	MODEL_FORCED = 1 << 9,      /* may be forced to call a tool (Claude) */
	MODEL_PREFILL = 1 << 10,    /* goes on with an answer it is given the
				     * beginning of (Claude) */
	MODEL_RESPONSES_ONLY = 1 << 11 /* OpenAI: not in Chat Completions */
};

struct model {
	struct str provider; /* "openai" */
	struct str id;       /* "gpt-5" */
	struct str name;     /* for people; absent if unknown */
	int64_t context;     /* tokens; 0 unknown */
	int64_t output;      /* most output tokens; 0 unknown */
	unsigned can;        /* enum model_can */
	unsigned efforts;    /* bit (1 << enum effort): accepted words */
	int64_t budget_min;  /* least thinking tokens; 0 unknown */
	int64_t budget_max;  /* most; 0 unknown or no limit */
	struct str price;    /* raw JSON, absent: unknown */
	struct str version;  /* of the table that has the price; "conf" */
};

struct catalog;

/*
 * catalog_new(a, text, err):
 * Index catalogue ${text} (must outlive it): one pass, no tree.
 *
 * Returns  the catalogue in ${a}, or NULL: ERROR_CONF.
 */
struct catalog *catalog_new(
    struct arena *a, struct str text, struct error *err);

/* catalog_builtin(): the text of conf/models.json, for catalog_new. */
struct str catalog_builtin(void);

/*
 * catalog_add(c, key, text, err):
 * Put one model of the configuration first: ${key} is "provider/id", ${text}
 * the object as above.
 *
 * Returns  0, or -1: ERROR_CONF.
 */
int catalog_add(struct catalog *c, struct str key, struct str text,
    struct error *err) __attribute__((warn_unused_result));

/*
 * catalog_overlay(c, text, err):
 * Put the prices of ${text} (format as above, must outlive ${c}) before those
 * built in, but behind the configuration's; models that are new come whole.
 * The prices have been checked when the table was imported (price_table.h).
 *
 * Returns  0, or -1: ERROR_CONF.
 */
int catalog_overlay(struct catalog *c, struct str text, struct error *err)
    __attribute__((warn_unused_result));

/*
 * catalog_find(c, a, provider, id):
 * Returns  the model in ${a}, or NULL.  Exact match only: a price by a name
 *          that merely looks alike would be a made-up number.
 */
const struct model *catalog_find(const struct catalog *c, struct arena *a,
    struct str provider, struct str id);

/*
 * catalog_json(m, provider, free, w):
 * Write ${m}, as ${provider} has it and perhaps for ${free}, as one object.
 */
void catalog_json(
    const struct model *m, struct str provider, bool free, struct jw *w);

/*
 * catalog_providers(c, fn, arg):
 * Call ${fn} with the name of each provider in it.
 */
void catalog_providers(const struct catalog *c,
    void (*fn)(void *arg, struct str provider), void *arg);

/*
 * catalog_each(c, provider, fn, arg):
 * Call ${fn} with the id of each model of ${provider}, in order of id.
 */
void catalog_each(const struct catalog *c, struct str provider,
    void (*fn)(void *arg, struct str id), void *arg);

#endif
