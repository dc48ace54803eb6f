/* SPDX-License-Identifier: MIT */
/*
 * An operator at work: a folder with sluice.json, to which $SLUICE_CONFIG
 * points, and what the last verb has printed.  Known vendors are openai (its
 * key in $TEST_OPENAI_KEY) and echo.
 */
#ifndef TESTS_SHELL_H
#define TESTS_SHELL_H

#include "tests/unit/scratch.h"

struct shell {
	struct scratch scratch;
	char *out, *err;
};

/*
 * shell_open(conf), shell_close(sh):
 * Returns  a shell with ${conf} as its sluice.json.
 */
struct shell *shell_open(const char *conf);
void shell_close(struct shell *sh);

/* shell_conf(sh, text): put ${text} in the place of sluice.json. */
void shell_conf(struct shell *sh, const char *text);

/*
 * shell_run(sh, line):
 * Run `sluice ${line}`, whose words are separated by single spaces.
 *
 * Returns  its exit code (enum cli_exit).
 */
int shell_run(struct shell *sh, const char *line);

#endif
