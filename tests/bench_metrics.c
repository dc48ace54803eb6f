/* SPDX-License-Identifier: MIT */
/*
 * What /metrics costs with every series there can be, and what one count
 * costs then: bench_metrics DIR, an empty directory.
 */
#include <stdio.h>
#include <time.h>

#include "core/buf.h"
#include "core/error.h"
#include "core/health.h"
#include "core/metrics.h"
#include "core/metrics_text.h"
#include "core/state.h"

#define ADDS 100000

static double
cpu_ms(clock_t since)
{
	return (double)(clock() - since) * 1e3 / CLOCKS_PER_SEC;
}

static struct str
name_of(char out[64], unsigned i)
{
	snprintf(out, 64, "accounts/someone/models/model-%u", i);
	return str_of(out);
}

static void
fill(struct state *s)
{
	enum metric metric;
	char text[64];
	struct str name;
	unsigned i;

	for (metric = 0; metric < METRICS; metric++)
		for (i = 0; i < metrics_families[metric].series + 1; i++) {
			name = name_of(text, i);
			metrics_add(state_metrics(s), metric,
			    (struct str[METRICS_LABELS]){
				name, name, name, name },
			    i);
		}
	for (i = 0; i < HEALTH_TARGETS; i++)
		health_find(
		    state_targets(s), STR("provider"), name_of(text, i));
}

int
main(int argc, char **argv)
{
	const struct str labels[METRICS_LABELS] = { STR("a"), STR("b"),
		STR("c"), STR("d") };
	struct error err = { .kind = ERROR_NONE };
	struct state *s = NULL;
	struct buf out;
	clock_t since;
	int i;

	if (argc == 2)
		s = state_open(str_of(argv[1]), DURABILITY_PROCESS, &err);
	if (s == NULL) {
		fprintf(stderr, "bench_metrics DIR: %s\n", err.msg);
		return 1;
	}
	fill(s);
	buf_init(&out, (size_t)64 << 20);
	since = clock();
	metrics_text(s, false, &out);
	printf("/metrics, all series: %zu kB, %.1f ms CPU\n", out.n / 1024,
	    cpu_ms(since));
	since = clock();
	for (i = 0; i < ADDS; i++)
		metrics_add(state_metrics(s), METRIC_REQUESTS, labels, 1);
	printf("one count, its family full: %.2f us CPU\n",
	    cpu_ms(since) * 1e3 / ADDS);
	buf_release(&out);
	state_close(s);
	return 0;
}
