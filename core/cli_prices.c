/* SPDX-License-Identifier: MIT */
#include "core/cli.h"

const struct cmd cli_prices = {
	.name = "prices",
	.help = "price tables",
	.usage = "sluice prices list|check|diff|import [arguments]",
	.verbs = (const struct cmd *const[]){ NULL },
};
