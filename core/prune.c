/* SPDX-License-Identifier: MIT */
#include "core/prune.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/dir.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/ledger_row.h"
#include "core/log.h"
#include "core/rollup.h"
#include "core/shm.h"
#include "core/store.h"
#include "core/trials_prune.h"
#include "core/visit.h"

#define BATCH    256
#define EVERY_US INT64_C(3600000000)
#define DAY_US   INT64_C(86400000000)

struct pruning {
	char end[CALL_ID_BYTES];  /* rows below go */
	char from[CALL_ID_BYTES]; /* rows below have been looked at */
	struct arena *arena;
	struct str ids[BATCH];
	int n, seen;
};

static int
see_row(void *arg, struct str id, struct str row)
{
	struct pruning *p = arg;
	struct str outcome;

	if (str_cmp(id, str_of(p->end)) >= 0)
		return 2;
	snprintf(p->from, sizeof(p->from), "%.*s", STR_ARG(id));
	if (!jtext_get(row, "outcome", &outcome) ||
	    !str_is(outcome, "\"open\""))
		p->ids[p->n++] = str_dup(p->arena, id);
	return ++p->seen == BATCH;
}

/* ${arg} has seen a full batch where there may be more. */
static int
txn_prune(struct txn *t, void *arg)
{
	struct pruning *p = arg;
	struct rollup *sums = rollup_begin(t);
	int i, rc;

	p->arena = t->arena;
	p->n = p->seen = 0;
	if (sums == NULL)
		return -1;
	rc = store_scan(t, STORE_LEDGER,
	    p->from[0] != '\0' ? str_of(p->from) : STR_NONE, see_row, p);
	if (p->n > 0 && rollup_set_pruned(sums, str_of(p->end)) != 0)
		return -1;
	for (i = 0; rc >= 0 && i < p->n; i++)
		if (store_del(t, STORE_LEDGER, p->ids[i]) != 0)
			rc = -1;
	return rc < 0 ? -1 : 0;
}

/* What a directory of journals holds that has not been written to since. */
static int
prune_files(int jfd, const char *dir, int64_t before_us, struct error *err)
{
	struct arena *a = arena_new(DIR_LIST_BYTES);
	struct dir_list list;
	struct stat st;
	const char *path;
	size_t i;
	int rc = dir_read(jfd, dir, a, &list, err);

	for (i = 0; rc == 0 && i < list.n; i++) {
		path = arena_printf(a, "%s/%s", dir, list.names[i]);
		if (fstatat(jfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_mtim.tv_sec < before_us / 1000000)
			unlinkat(jfd, path, 0);
	}
	arena_free(a);
	return rc;
}

static bool
is_late(int64_t until_us)
{
	return until_us != 0 && clock_mono_us() >= until_us;
}

int
prune(struct state *s, struct store *store, int64_t before_us, int64_t until_us,
    int64_t *rows, struct error *err)
{
	static const unsigned char low[10] = { 0 };
	struct pruning p = { .seen = BATCH };
	int rc = rollup_build(store, ROLLUP_EVERY, until_us, err);

	if (rc != 0)
		return rc;
	ledger_row_id(p.end, before_us > 0 ? before_us / 1000 : 0, low);
	while (p.seen == BATCH) {
		if (is_late(until_us))
			return 1;
		if (store_txn(store, txn_prune, &p, err) != 0)
			return -1;
		*rows += p.n;
	}
	if (trials_prune(s, store, str_of(p.end), before_us, err) != 0)
		return -1;
	if (*rows > 0 && store_checkpoint(store, err) != 0)
		return -1;
	if (prune_files(s->jfd, "done", before_us, err) != 0 ||
	    prune_files(s->jfd, "bad", before_us, err) != 0)
		return -1;
	store_prune_bad(s->dir, before_us);
	atomic_store(shm_slot(s->shm, SHM_DONE_FILES), -1);
	return 0;
}

int
prune_now_and_then(
    struct state *s, struct store *store, int64_t until_us, struct error *err)
{
	int64_t days = atomic_load(&s->retention_days), rows = 0;
	int64_t last_us = shm_get(s->shm, SHM_PRUNED_US);
	int rc;

	if (days == 0 || is_late(until_us) ||
	    (last_us != 0 && clock_mono_us() - last_us < EVERY_US))
		return 0;
	rc = prune(
	    s, store, clock_wall_us() - days * DAY_US, until_us, &rows, err);
	if (rows > 0)
		log_event(LOG_LEVEL_INFO, "store",
		    "%lld rows older than %lld days are pruned",
		    (long long)rows, (long long)days);
	if (rc == 0)
		atomic_store(shm_slot(s->shm, SHM_PRUNED_US), clock_mono_us());
	return rc;
}
