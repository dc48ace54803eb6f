/* SPDX-License-Identifier: MIT */
#include "core/cli.h"

#include "core/buf.h"
#include "core/clock.h"
#include "core/health.h"
#include "core/jw.h"
#include "core/state.h"

#define MAX_OUTPUT_BYTES ((size_t)1 << 20)

struct list {
	struct arena *arena;
	struct buf *out;
	int64_t now_us;
};

static void
print_target(void *arg, struct health_target *t)
{
	struct list *l = arg;
	struct health_window w = health_window(t, l->now_us);
	int64_t left_us = atomic_load(&t->open_until_us) - l->now_us;
	int64_t ttft_us = health_speed_us(t, 0);

	buf_addf(
	    l->out, "%-40.*s  ", STR_ARG(cli_shown(l->arena, str_of(t->name))));
	if (health_look(t, l->now_us) == HEALTH_CLOSED)
		buf_addf(l->out, "%-10s", "closed");
	else if (left_us > 0)
		buf_addf(l->out, "open %3llds",
		    (long long)(left_us + 999999) / 1000000);
	else
		buf_addf(l->out, "%-10s", "half-open");
	buf_addf(l->out, "  %4lld/%-4lld", (long long)w.failures,
	    (long long)w.calls);
	if (ttft_us > 0)
		buf_addf(l->out, "  %6lld  %6lld\n",
		    (long long)(ttft_us / 1000),
		    (long long)(health_p95_us(t) / 1000));
	else
		buf_addf(l->out, "  %6s  %6s\n", "-", "-");
}

static void
print_json(struct cli *cli, struct buf *out, int64_t now_us)
{
	struct jw w;

	jw_init(&w, out);
	jw_object(&w);
	jw_key(&w, "targets");
	health_json(state_targets(cli->state), now_us, &w);
	jw_end(&w);
	buf_addch(out, '\n');
}

static int
run_health(struct cli *cli, int argc, char **argv)
{
	bool json = false;
	const struct cli_opt opts[] = { { "--json", CLI_FLAG, &json, false } };
	struct list l = { .arena = cli->arena, .now_us = clock_mono_us() };

	if (cli_options(cli, opts, 1, argc, argv) == -1)
		return CLI_USAGE;
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	l.out = buf_new(cli->arena, MAX_OUTPUT_BYTES);
	if (json) {
		print_json(cli, l.out, l.now_us);
		return cli_print(cli, l.out);
	}
	buf_addf(l.out, "%-40s  %-10s  %-9s  %6s  %6s\n", "TARGET", "BREAKER",
	    "FAILED/60S", "TTFT", "P95 MS");
	health_each(state_targets(cli->state), print_target, &l);
	return cli_print(cli, l.out);
}

const struct cmd cli_health = {
	.name = "health",
	.help = "which targets work, and how fast",
	.usage = "sluice health [--json]",
	.run = run_health,
};
