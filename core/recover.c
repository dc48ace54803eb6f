/* SPDX-License-Identifier: MIT */
#include "core/recover.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/dir.h"
#include "core/error.h"
#include "core/ingest.h"
#include "core/journal.h"
#include "core/jtext.h"
#include "core/ledger_row.h"
#include "core/rollup.h"
#include "core/shm.h"
#include "core/store.h"
#include "core/visit.h"

#define BAD_PREFIX "env.bad."
#define BATCH      256
#define ROWS_BYTES ((size_t)64 << 20)

struct recovering {
	struct state *state;
	const char *from;
	struct recovery *found;
	struct store *store;
	struct arena *rows_arena; /* of a batch */
	struct str keys[BATCH], rows[BATCH];
	int n;
	enum store_table table; /* whose they are */
	struct error *err;
};

/* A salvaged row as if it came from a journal of a process that is dead. */
static int
put_row(struct txn *t, struct rollup *sums, struct str row)
{
	struct buf *b = buf_new(t->arena, 2 * JOURNAL_MAX_PAYLOAD);
	struct str outcome;

	buf_addch(b, LEDGER_RECORD_VERSION);
	buf_addch(b,
	    jtext_get(row, "outcome", &outcome) && str_is(outcome, "\"open\"")
		? LEDGER_OPEN
		: LEDGER_CLOSE);
	buf_adds(b, row);
	return ledger_row_apply(t, sums, buf_str(b), STR("salvaged")) < 0 ? -1
									  : 0;
}

static int
txn_rows(struct txn *t, void *arg)
{
	struct recovering *r = arg;
	struct rollup *sums = rollup_begin(t);
	int i;

	if (sums != NULL)
		rollup_again(sums);
	for (i = 0; sums != NULL && i < r->n; i++)
		if (put_row(t, sums, r->rows[i]) != 0)
			return -1;
	return sums != NULL ? rollup_end(sums) : -1;
}

static int
put_batch(struct recovering *r)
{
	int rc = store_txn(r->store, txn_rows, r, r->err);

	r->found->salvaged += r->n;
	r->n = 0;
	arena_reset(r->rows_arena);
	return rc;
}

static int
see_salvaged(void *arg, struct str id, struct str row)
{
	struct recovering *r = arg;
	struct error ignored = { .kind = ERROR_NONE };

	(void)id;
	if (jtext_check(row, &ignored) != 0)
		return 0;
	r->rows[r->n++] = str_dup(r->rows_arena, row);
	return r->n == BATCH ? put_batch(r) : 0;
}

static int
salvage_rows(struct recovering *r, const char *path)
{
	int rc = store_salvage(path, STORE_LEDGER, see_salvaged, r, r->err);

	return rc == 0 && r->n > 0 ? put_batch(r) : rc;
}

/* --- what no journal has: taken as it is, it is newer than any backup --- */

static const enum store_table plain_tables[] = { STORE_VERDICTS, STORE_EVIDENCE,
	STORE_EXPERIMENTS, STORE_FEEDBACK };

static int
txn_plain(struct txn *t, void *arg)
{
	struct recovering *r = arg;
	int i;

	for (i = 0; i < r->n; i++)
		if (store_put(t, r->table, r->keys[i], r->rows[i]) != 0)
			return -1;
	return 0;
}

static int
put_plain(struct recovering *r)
{
	int rc = store_txn(r->store, txn_plain, r, r->err);

	r->n = 0;
	arena_reset(r->rows_arena);
	return rc;
}

static int
see_plain(void *arg, struct str key, struct str value)
{
	struct recovering *r = arg;
	struct error ignored = { .kind = ERROR_NONE };

	if (jtext_check(value, &ignored) != 0)
		return 0;
	r->keys[r->n] = str_dup(r->rows_arena, key);
	r->rows[r->n++] = str_dup(r->rows_arena, value);
	return r->n == BATCH ? put_plain(r) : 0;
}

static int
salvage_plain(struct recovering *r, const char *path)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < sizeof(plain_tables) / sizeof(*plain_tables);
	     i++) {
		r->table = plain_tables[i];
		rc = store_salvage(path, r->table, see_plain, r, r->err);
		if (rc == 0 && r->n > 0)
			rc = put_plain(r);
	}
	return rc;
}

static int
salvage(struct recovering *r, const char *path)
{
	int rc;

	r->n = 0;
	r->rows_arena = arena_new(ROWS_BYTES);
	rc = salvage_rows(r, path);
	if (rc == 0)
		rc = salvage_plain(r, path);
	arena_free(r->rows_arena);
	return rc;
}

static int
salvage_all(struct recovering *r)
{
	struct arena *a = arena_new(DIR_LIST_BYTES);
	struct dir_list list;
	size_t i;
	int rc = dir_read(AT_FDCWD, r->state->dir, a, &list, r->err);

	for (i = 0; rc == 0 && i < list.n; i++)
		if (str_starts(str_of(list.names[i]), BAD_PREFIX))
			rc = salvage(r,
			    arena_printf(
				a, "%s/%s", r->state->dir, list.names[i]));
	arena_free(a);
	return rc;
}

static int
look(const char *data_dir)
{
	struct error why = { .kind = ERROR_NONE };
	enum store_fault fault;
	struct store *store = store_open(data_dir, &fault, &why);
	struct audit found;
	int rc = -1;

	if (store != NULL)
		rc = audit(data_dir, store, &found, &why);
	store_close(store);
	return rc;
}

/* In a child: damaged pages have been seen to kill who reads them. */
static bool
is_sound(const struct state *s)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* it has our lease, too */
		_exit(look(s->dir) == 0 ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static int
rebuild(struct recovering *r)
{
	int rc = visit_rebuild(r->state, r->from, r->err);

	r->found->rebuilt = true;
	r->found->from_backup = rc == 0;
	return rc < 0 ? -1 : 0;
}

static int
complete(struct recovering *r)
{
	struct state *s = r->state;

	if (visit_is_marked(s, VISIT_SALVAGE) && salvage_all(r) != 0)
		return -1;
	if (ingest(s, r->store, 0, r->err) < 0 ||
	    audit(s->dir, r->store, &r->found->found, r->err) != 0)
		return -1;
	unlinkat(s->dirfd, VISIT_SALVAGE, 0);
	store_prune_bad(s->dir, 0);
	atomic_store(shm_slot(s->shm, SHM_FAULTS), 0);
	atomic_store(shm_slot(s->shm, SHM_RETRY_AT_US), 0);
	return 0;
}

static int
body(struct state *s, struct store *none, void *arg, struct error *err)
{
	struct recovering *r = arg;
	enum store_fault fault;
	int rc = 0;

	(void)none;
	if (r->from != NULL || visit_is_marked(s, VISIT_RESTORING) ||
	    !is_sound(s))
		rc = rebuild(r);
	if (rc == 0 && (r->store = store_open(s->dir, &fault, err)) == NULL)
		rc = -1;
	if (rc == 0)
		rc = complete(r);
	store_close(r->store);
	return rc;
}

int
recover(struct state *s, const char *from, struct recovery *found,
    struct error *err)
{
	struct recovering r = {
		.state = s, .from = from, .found = found, .err = err
	};

	*found = (struct recovery){ .rebuilt = false };
	return visit_closed(s, body, &r, err);
}
