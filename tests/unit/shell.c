/* SPDX-License-Identifier: MIT */
#include "tests/unit/shell.h"

#include "core/chat.h"
#include "core/cli.h"
#include "core/provider.h"
#include "providers/providers.h"
#include "tests/unit/unit.h"

#define MAX_ARGS 24

static const struct provider openai = { .name = "openai",
	.wire = WIRE_OPENAI_CHAT };
static const struct provider echo = { .name = "echo", .wire = WIRE_NONE };
static const struct provider *const apis[] = { &openai, &echo, NULL };
static const struct vendor vendors[] = {
	{ "openai", "openai", "https://api.openai.com/v1", "TEST_OPENAI_KEY",
	    0 },
	{ "echo", "echo", "", NULL, 0 },
	{ NULL, NULL, NULL, NULL, 0 },
};
static const struct registry registry = {
	.apis = apis, .vendors = vendors, .bills = &provider_bills
};

struct shell *
shell_open(const char *conf)
{
	struct shell *sh = calloc(1, sizeof(*sh));
	char path[96];

	assert_non_null(sh);
	scratch_make(&sh->scratch);
	shell_conf(sh, conf);
	snprintf(path, sizeof(path), "%s/sluice.json", sh->scratch.dir);
	setenv("SLUICE_CONFIG", path, 1);
	unsetenv("TEST_OPENAI_KEY");
	unsetenv("SLUICE_MASTER_KEY");
	return sh;
}

void
shell_close(struct shell *sh)
{
	scratch_drop(&sh->scratch);
	free(sh->out);
	free(sh->err);
	free(sh);
}

void
shell_conf(struct shell *sh, const char *text)
{
	scratch_write(&sh->scratch, "sluice.json", text, strlen(text));
}

int
shell_run(struct shell *sh, const char *line)
{
	struct cli_env env = { .registry = &registry };
	char *argv[MAX_ARGS] = { NULL }, *save = NULL, *word;
	char *words = strdup(line), program[] = "sluice";
	size_t out_n, err_n;
	int argc = 0, rc;

	argv[argc++] = program;
	for (word = strtok_r(words, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save)) {
		assert_true(argc < MAX_ARGS - 1);
		argv[argc++] = word;
	}
	free(sh->out);
	free(sh->err);
	env.out = open_memstream(&sh->out, &out_n);
	env.err = open_memstream(&sh->err, &err_n);
	rc = cli_main(&env, argc, argv);
	fclose(env.out);
	fclose(env.err);
	free(words);
	return rc;
}
