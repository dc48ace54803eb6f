/* SPDX-License-Identifier: MIT */
#include "core/metrics_text.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/health.h"
#include "core/metrics.h"
#include "core/money.h"
#include "core/shm.h"
#include "core/state.h"
#include "core/status.h"
#include "core/version.h"
#include "core/visit.h"

#define MAX_LABELS_BYTES 4096
#define MAX_JOURNALS     4096 /* looked at; there are seldom more than 10 */

struct writer {
	struct buf *out;
	bool open;                           /* OpenMetrics */
	const struct metric_family *headed;  /* its head is written */
	struct buf labels;                   /* of the series at hand */
	char bounds[METRICS_BOUNDS + 1][24]; /* of its family */
	int64_t now_us;
};

/* --- lines --- */

static void
head(struct writer *w, const char *name, const char *type, const char *help)
{
	bool total = !w->open && strcmp(type, "counter") == 0;
	const char *suffix = total ? "_total" : "";

	buf_addf(w->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help,
	    name, suffix, type);
}

/* Printable ASCII, as metrics.h keeps it; of that only two need an escape. */
static void
put_label(struct buf *out, const char *name, struct str value)
{
	size_t i;
	char c;

	if (value.n == 0)
		return;
	buf_addf(out, "%s%s=\"", out->n > 0 ? "," : "", name);
	for (i = 0; i < value.n; i++) {
		c = value.p[i];
		if (c == '"' || c == '\\')
			buf_addch(out, '\\');
		buf_addch(out, c >= ' ' && c <= '~' ? c : '_');
	}
	buf_addch(out, '"');
}

/* The labels of a series once, for all of its lines. */
static void
set_labels(struct writer *w, const struct metric_series *s)
{
	const char *const *names = s->family->labels;
	size_t i;

	buf_reset(&w->labels);
	for (i = 0; i < METRICS_LABELS && names[i] != NULL; i++)
		put_label(&w->labels, names[i], s->labels[i]);
}

/* The name of a sample, with its labels and an upper bound if it has one. */
static void
put_name(struct writer *w, const char *name, const char *suffix, const char *le)
{
	buf_addz(w->out, name);
	buf_addz(w->out, suffix);
	buf_addch(w->out, '{');
	buf_adds(w->out, buf_str(&w->labels));
	if (le != NULL) {
		buf_addz(w->out, w->labels.n > 0 ? ",le=\"" : "le=\"");
		buf_addz(w->out, le);
		buf_addch(w->out, '"');
	}
	buf_addch(w->out, '}');
}

static void
put_value(struct buf *out, enum metric_unit unit, int64_t v)
{
	char money[MONEY_TEXT_BYTES];

	switch (unit) {
	case METRIC_COUNT:
		buf_addf(out, " %" PRId64 "\n", v);
		break;
	case METRIC_PUSD:
		buf_addf(out, " %s\n", money_text(v, money));
		break;
	case METRIC_US:
		buf_addf(out, " %" PRId64 ".%06" PRId64 "\n", v / 1000000,
		    v % 1000000);
		break;
	}
}

/* The same in both formats, so that a series keeps its name: "2.5", "1.0". */
static void
set_bounds(struct writer *w, const struct metric_family *f)
{
	double v;
	size_t i;

	for (i = 0; f->bounds != NULL && f->bounds[i] != 0; i++) {
		v = (double)f->bounds[i] / (f->unit == METRIC_US ? 1e6 : 1);
		snprintf(w->bounds[i], sizeof(w->bounds[i]),
		    v == (double)(int64_t)v ? "%.1f" : "%.15g", v);
	}
	snprintf(w->bounds[i], sizeof(w->bounds[i]), "+Inf");
}

/* --- what is counted --- */

static void
put_histogram(struct writer *w, const struct metric_series *s)
{
	const struct metric_family *f = s->family;
	size_t i = 0;

	do {
		put_name(w, f->name, "_bucket", w->bounds[i]);
		put_value(w->out, METRIC_COUNT, s->counts[i]);
	} while (f->bounds[i++] != 0);
	put_name(w, f->name, "_sum", NULL);
	put_value(w->out, f->unit, s->value);
	put_name(w, f->name, "_count", NULL);
	put_value(w->out, METRIC_COUNT, s->counts[i - 1]);
}

static void
put_series(void *arg, const struct metric_series *s)
{
	const struct metric_family *f = s->family;
	struct writer *w = arg;

	if (w->headed != f) {
		head(w, f->name, s->counts != NULL ? "histogram" : "counter",
		    f->help);
		set_bounds(w, f);
	}
	w->headed = f;
	set_labels(w, s);
	if (s->counts != NULL) {
		put_histogram(w, s);
		return;
	}
	put_name(w, f->name, "_total", NULL);
	put_value(w->out, f->unit, s->value);
}

/* --- what is just so --- */

static void
gauge(struct writer *w, const char *name, const char *help,
    enum metric_unit unit, int64_t v)
{
	head(w, name, "gauge", help);
	buf_addz(w->out, name);
	put_value(w->out, unit, v);
}

static void
put_breaker(void *arg, struct health_target *t)
{
	static const struct metric_family breaker = {
		.name = "sluice_breaker_state",
		.help = "Breaker of a target: 0 closed, 1 half-open, 2 open.",
		.labels = { "provider", "model" },
	};
	struct metric_series s = { .family = &breaker };
	struct writer *w = arg;

	if (w->headed != &breaker)
		head(w, breaker.name, "gauge", breaker.help);
	w->headed = &breaker;
	s.labels[1] = str_split(str_of(t->name), '/', &s.labels[0]);
	set_labels(w, &s);
	put_name(w, breaker.name, "", NULL);
	put_value(w->out, METRIC_COUNT, health_look(t, w->now_us));
}

/* Bytes that have not gone to the archive yet. */
static int64_t
journal_bytes(int jfd)
{
	int fd = openat(jfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;
	struct stat st;
	int64_t sum = 0;
	int n;

	for (n = 0; d != NULL && n < MAX_JOURNALS; n++) {
		e = readdir(d);
		if (e == NULL)
			break;
		if (fstatat(jfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			sum += st.st_size;
	}
	if (d != NULL)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	return sum;
}

static const struct {
	enum shm_slot slot;
	const char *name, *help;
} store_counters[] = {
	{ SHM_INGESTED, "sluice_store_ingested_records",
	    "Records brought from journals into the database." },
	{ SHM_BAD_RECORDS, "sluice_store_bad_records",
	    "Bytes in journals that were no record, kept in j/bad." },
	{ SHM_UNKNOWN_CALLS, "sluice_store_unknown_calls",
	    "Calls whose process ended before them." },
	{ SHM_REBUILDS, "sluice_store_rebuilds",
	    "Databases that were damaged and rebuilt." },
	{ SHM_OWNER_DEATHS, "sluice_store_owner_deaths",
	    "Processes that died inside the database." },
};

static void
put_counters(struct writer *w, struct shm *shm)
{
	size_t i;

	for (i = 0; i < sizeof(store_counters) / sizeof(*store_counters); i++) {
		head(w, store_counters[i].name, "counter",
		    store_counters[i].help);
		buf_addf(w->out, "%s_total", store_counters[i].name);
		put_value(
		    w->out, METRIC_COUNT, shm_get(shm, store_counters[i].slot));
	}
}

static void
put_store(struct writer *w, struct state *s)
{
	int64_t ingest_us = shm_get(s->shm, SHM_LAST_INGEST_US);
	int64_t done = shm_get(s->shm, SHM_DONE_BYTES);
	struct statvfs vfs;
	struct status st;

	status_of(s, &st);
	gauge(w, "sluice_store_status",
	    "As /healthz has it: 0 ok, 1 degraded, 2 failed.", METRIC_COUNT,
	    st.level);
	gauge(w, "sluice_store_backlog_seconds",
	    "Age of the oldest record that waits to be ingested.", METRIC_US,
	    st.backlog_ms * 1000);
	if (ingest_us > 0)
		gauge(w, "sluice_store_ingest_age_seconds",
		    "Time since the last ingest.", METRIC_US,
		    w->now_us > ingest_us ? w->now_us - ingest_us : 0);
	gauge(w, "sluice_store_journal_bytes",
	    "Size of the journals that are not archived.", METRIC_COUNT,
	    journal_bytes(s->jfd));
	gauge(w, "sluice_store_archive_bytes",
	    "Size of the archived journals, about.", METRIC_COUNT,
	    done > 0 ? done : 0);
	if (fstatvfs(s->jfd, &vfs) == 0)
		gauge(w, "sluice_store_disk_free_bytes",
		    "Room on the disk of data_dir.", METRIC_COUNT,
		    (int64_t)(vfs.f_bavail * vfs.f_frsize));
	put_counters(w, s->shm);
}

static void
put_build(struct writer *w)
{
	head(w, "sluice_build_info", "gauge", "The program's version.");
	buf_addf(
	    w->out, "sluice_build_info{version=\"%s\"} 1\n", SLUICE_VERSION);
}

void
metrics_text(struct state *s, bool open, struct buf *out)
{
	struct writer w = {
		.out = out, .open = open, .now_us = clock_mono_us()
	};
	enum metric metric;

	buf_init(&w.labels, MAX_LABELS_BYTES);
	put_build(&w);
	for (metric = 0; metric < METRICS; metric++)
		metrics_each(s->metrics, metric, put_series, &w);
	health_each(state_targets(s), put_breaker, &w);
	put_store(&w, s);
	buf_release(&w.labels);
	if (open)
		buf_addz(out, "# EOF\n");
}
