/* SPDX-License-Identifier: MIT */
#include "core/cli.h"
static int run(struct cli *cli, int argc, char **argv){(void)argc;(void)argv;return cli_fail(cli,"no");}
const struct cmd cli_reconcile = { .name="reconcile",.help="x",.usage="sluice reconcile",.run=run};
