/* SPDX-License-Identifier: MIT */
/* The vendors and wire formats there are, as data that main injects. */
#ifndef CORE_REGISTRY_H
#define CORE_REGISTRY_H

#include "core/str.h"

struct bill_formats;
struct provider;

/* Deviations of vendors that otherwise speak a known format. */
enum vendor_quirk {
	QUIRK_NO_STREAM_OPTIONS = 1 << 0, /* rejects stream_options */
	QUIRK_MAX_TOKENS = 1 << 1,        /* knows max_tokens only */
	QUIRK_NO_DEVELOPER = 1 << 2,      /* knows role system only */
	QUIRK_REASONING_OUTSIDE = 1 << 3, /* completion_tokens excludes
					   * reasoning tokens */
	QUIRK_NO_CANCEL = 1 << 4,         /* a cancel does not stop billing */
	QUIRK_SHORT_IDS = 1 << 5,         /* call ids: nine letters, digits */
	QUIRK_FLAT_MEDIA = 1 << 6,   /* documents are a document_url, audio is a
				    * string */
	QUIRK_THOUGHTS_BACK = 1 << 7 /* refuses a history without what it
				      * thought: reasoning_content */
};

/* A vendor we know by name: data in providers.c. */
struct vendor {
	const char *name;
	const char *api;      /* its struct provider; a second one may follow
			       * after a comma */
	const char *base_url; /* as the vendor's own SDK takes it */
	const char *key_env;  /* variables with its key, comma-separated;
			       * NULL: needs none */
	unsigned quirks;      /* enum vendor_quirk */
};

/* What main injects: core knows no vendor. */
struct registry {
	const struct provider *const *apis; /* ends with NULL */
	const struct vendor *vendors;       /* ends with name NULL */
	/* Vendors that LiteLLM's price map calls otherwise: theirs, ours, ...,
	 * NULL.  May be NULL. */
	const char *const *price_names;
	const struct bill_formats *bills; /* what reconcile reads, or NULL */
};

/*
 * vendor_apis(v, also):
 * Returns  the name of the first format of ${v}; ${*also} is the second's, or
 *          absent.
 */
struct str vendor_apis(const struct vendor *v, struct str *also);

/*
 * registry_api(r, name), registry_vendor(r, name):
 * Returns  the entry called ${name}, or NULL.
 */
const struct provider *registry_api(const struct registry *r, struct str name);
const struct vendor *registry_vendor(const struct registry *r, struct str name);

#endif
