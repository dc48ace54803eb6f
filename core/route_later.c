/* SPDX-License-Identifier: MIT */
/*
 * { "best": [ … ], "task": …, "quality_floor": … } and { "experiment": NAME }
 * have their places here; this version says that it cannot do them yet.
 */
#include "core/route.h"

static struct route *
parse_best(struct route_reader *r, const struct jnode *at)
{
	route_bad(r, at,
	    "\"best\" is not there yet: use \"cheapest\" or "
	    "\"fallback\"");
	return NULL;
}

static struct route *
parse_experiment(struct route_reader *r, const struct jnode *at)
{
	route_bad(r, at, "\"experiment\" is not there yet: use \"split\"");
	return NULL;
}

const struct route_kind route_best = {
	.name = "best",
	.options = "task, quality_floor",
	.parse = parse_best,
};

const struct route_kind route_experiment = {
	.name = "experiment",
	.options = "",
	.parse = parse_experiment,
};
