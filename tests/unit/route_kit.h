/* SPDX-License-Identifier: MIT */
/* Configurations with routes from a string, and providers that do nothing. */
#ifndef TESTS_ROUTE_KIT_H
#define TESTS_ROUTE_KIT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/provider.h"

#include "scratch.h"

static const struct provider kit_api = { .name = "openai",
	.wire = WIRE_OPENAI_CHAT };
static const struct provider kit_other_api = { .name = "anthropic",
	.wire = WIRE_ANTHROPIC };
static const struct provider *const kit_apis[] = { &kit_api, &kit_other_api,
	NULL };
static const struct vendor kit_vendors[] = {
	{ "openai", "openai", "https://api.example/v1", NULL, 0 },
	{ "echo", "openai", "http://echo.example", NULL, 0 },
	{ NULL, NULL, NULL, NULL, 0 },
};
static const struct registry kit_registry = { .apis = kit_apis,
	.vendors = kit_vendors };

#define KIT_PROVIDERS                                                          \
	"\"providers\": { \"a\": { \"api\": \"openai\", \"base_url\": "        \
	"\"http://a\" }, \"b\": { \"api\": \"openai\", \"base_url\": "         \
	"\"http://b\", \"free\": true }, \"c\": { \"api\": \"anthropic\", "    \
	"\"base_url\": \"http://c\" } }"

/*
 * The configuration with these ${members} beside the providers a, b and c;
 * ${complaints} gets what is wrong, and then it is NULL.
 */
static inline struct conf *
kit_conf(const char *members, struct buf *complaints)
{
	struct scratch s;
	struct error err = { 0 };
	char path[128], *text = malloc(strlen(members) + 512);
	struct conf *conf;
	int n;

	if (text == NULL)
		abort();
	n = snprintf(text, strlen(members) + 512, "{ %s%s%s }", KIT_PROVIDERS,
	    members[0] != '\0' ? ", " : "", members);
	scratch_make(&s);
	scratch_write(&s, "sluice.json", text, (size_t)n);
	snprintf(path, sizeof(path), "%s/sluice.json", s.dir);
	conf = conf_load(str_of(path), &kit_registry, complaints, &err);
	scratch_drop(&s);
	free(text);
	return conf;
}

#endif
