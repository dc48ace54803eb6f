/* SPDX-License-Identifier: MIT */
#include "core/ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/archive.h"
#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/ingest_list.h"
#include "core/journal.h"
#include "core/ledger_row.h"
#include "core/limit.h"
#include "core/log.h"
#include "core/prune.h"
#include "core/rollup.h"
#include "core/shm.h"
#include "core/store.h"
#include "core/visit.h"

#define CHUNK_BYTES ((size_t)2 << 20) /* more than any record */
#define UPGRADE_US  INT64_C(100000)
#define BATCH       LEDGER_CLOSES_MAX /* records, or swept rows, a txn */

struct run {
	struct state *state;
	struct store *store;
	struct ingest_list list;
	struct buf chunk;
	int64_t until_us; /* begin nothing after this; 0: no limit */
	bool late;        /* something was left for the next time */
	struct error *err;
};

/* A piece of one journal, and how far one transaction gets in it. */
struct batch {
	struct run *run;
	struct journal_file *file;
	struct str rest;
	bool complete;   /* nothing will follow rest */
	struct str next; /* what is left of rest if the commit succeeds */
	int good, bad;
};

static bool
is_late(struct run *r)
{
	if (r->until_us != 0 && clock_mono_us() >= r->until_us)
		r->late = true;
	return r->late;
}

static void
keep_bad(const struct batch *b, struct str bytes)
{
	struct error err = { .kind = ERROR_NONE };
	int64_t at = b->file->offset + (bytes.p - b->rest.p);

	log_event(LOG_LEVEL_WARN, "journal",
	    "%s: %zu bytes at %" PRId64 " are no record", b->file->name,
	    bytes.n, at);
	/* They are in j/done, too: not to keep them here is no failure. */
	if (archive_bad(b->run->state->jfd, b->file->name, at, bytes, &err) !=
	    0)
		log_event(LOG_LEVEL_WARN, "journal", "%s", err.msg);
}

static int
put_offset(struct txn *t, const struct batch *b)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64,
	    b->file->offset + (int64_t)(b->rest.n - b->next.n));
	return store_put(t, STORE_OFFSETS, str_of(b->file->name), str_of(text));
}

struct item {
	enum journal_item kind;
	struct str bytes;
};

/* One item into the database: 0, 1 if it is nonsense, -1. */
static int
apply(struct txn *t, struct rollup *sums, const struct batch *b,
    const struct ledger_closes *closes, const struct item *item)
{
	if (item->kind == JOURNAL_BAD)
		return 1;
	if (ledger_closes_covers(closes, item->bytes))
		return 0;
	return ledger_row_apply(t, sums, item->bytes, b->file->proc);
}

/* The items of the batch, as far as they are written. */
static int
take(struct batch *b, struct item items[BATCH], struct ledger_closes *closes)
{
	int n;

	for (n = 0; n < BATCH; n++) {
		items[n].kind =
		    journal_next(&b->next, b->complete, &items[n].bytes);
		if (items[n].kind == JOURNAL_END)
			break;
		if (items[n].kind == JOURNAL_RECORD)
			ledger_closes_note(closes, items[n].bytes);
	}
	return n;
}

static int
txn_batch(struct txn *t, void *arg)
{
	struct batch *b = arg;
	struct ledger_closes *closes =
	    ARENA_NEW(t->arena, struct ledger_closes);
	struct item *items = ARENA_ARRAY(t->arena, struct item, BATCH);
	struct rollup *sums = rollup_begin(t);
	int i, rc, n = take(b, items, closes);

	if (sums == NULL)
		return -1;
	if (b->file->again)
		rollup_again(sums);
	for (i = 0; i < n; i++) {
		rc = apply(t, sums, b, closes, &items[i]);
		if (rc < 0)
			return -1;
		if (rc == 1)
			keep_bad(b, items[i].bytes);
		b->good += rc == 0;
		b->bad += rc == 1;
	}
	if (n == 0)
		return 0;
	return rollup_end(sums) == 0 ? put_offset(t, b) : -1;
}

/* One transaction: 1 if it has brought us further, 0 at the end. */
static int
run_batch(struct batch *b)
{
	struct run *r = b->run;
	size_t used;

	b->next = b->rest;
	b->good = b->bad = 0;
	if (store_txn(r->store, txn_batch, b, r->err) != 0)
		return -1;
	used = b->rest.n - b->next.n;
	b->file->offset += (int64_t)used;
	b->rest = b->next;
	if (used > 0) /* whoever is killed now was not killed by this */
		atomic_store(shm_slot(r->state->shm, SHM_ENTERED), 0);
	shm_add(r->state->shm, SHM_INGESTED, b->good);
	shm_add(r->state->shm, SHM_BAD_RECORDS, b->bad);
	return used > 0;
}

/* Read on in ${fd}: 1 if there may be more, 0 at the end. */
static int
run_chunk(struct run *r, struct journal_file *f, int fd)
{
	struct batch b = { .run = r, .file = f };
	ssize_t n;
	bool at_end, moved = false;
	int rc = 1;

	n = pread(fd, r->chunk.p, CHUNK_BYTES, (off_t)f->offset);
	if (n < 0) {
		log_event(LOG_LEVEL_WARN, "journal", "%s: %s", f->name,
		    strerror(errno));
		return 0;
	}
	at_end = (size_t)n < CHUNK_BYTES;
	b.rest = (struct str){ r->chunk.p, (size_t)n };
	b.complete = f->complete && at_end;
	while (rc == 1 && b.rest.n > 0 && !is_late(r)) {
		rc = run_batch(&b);
		moved = moved || rc == 1;
	}
	if (rc < 0)
		return -1;
	f->consumed = b.complete && b.rest.n == 0;
	return moved && !at_end;
}

/* A file that cannot be read does not keep us from the others. */
static int
run_file(struct run *r, struct journal_file *f)
{
	int fd = openat(r->state->jfd, f->name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int rc = 1;

	if (fd < 0) {
		log_event(LOG_LEVEL_WARN, "journal", "%s: %s", f->name,
		    strerror(errno));
		return 0;
	}
	f->again = fstat(fd, &st) == 0 && (st.st_mode & S_IWUSR) == 0;
	while (rc == 1 && !is_late(r))
		rc = run_chunk(r, f, fd);
	close(fd);
	return rc < 0 ? -1 : 0;
}

static bool
is_over(void *arg, struct str proc)
{
	const struct run *r = arg;

	return ingest_list_is_over(&r->list, proc);
}

struct sweep {
	struct run *run;
	int n;
};

static int
txn_sweep(struct txn *t, void *arg)
{
	struct sweep *s = arg;
	struct rollup *sums = rollup_begin(t);

	if (sums == NULL)
		return -1;
	s->n = ledger_row_sweep(t, sums, is_over, s->run, BATCH);
	return s->n < 0 ? -1 : rollup_end(sums);
}

static int
sweep(struct run *r)
{
	struct sweep s = { .run = r, .n = BATCH };

	while (s.n == BATCH) {
		if (store_txn(r->store, txn_sweep, &s, r->err) != 0)
			return -1;
		shm_add(r->state->shm, SHM_UNKNOWN_CALLS, s.n);
	}
	return 0;
}

static int
archive(struct run *r)
{
	struct state *s = r->state;
	size_t i;

	for (i = 0; i < r->list.n; i++)
		if (ingest_list_is_spent(&r->list.files[i]) &&
		    archive_journal(
			s->jfd, s->shm, r->list.files[i].name, r->err) != 0)
			return -1;
	return 0;
}

/* All files; what came of it: is anything new, is anybody dead? */
static int
run_files(struct run *r, bool *moved, bool *death)
{
	struct journal_file *f = r->list.files;
	const struct journal_file *end = f + r->list.n;
	int64_t before;

	for (; f < end && !is_late(r); f++) {
		before = f->offset;
		if (run_file(r, f) != 0)
			return -1;
		*death = *death || (f->dead && f->consumed);
		*moved =
		    *moved || f->offset != before || ingest_list_is_spent(f);
	}
	return 0;
}

static int
run(struct run *r)
{
	bool moved = false, death = false;

	if (run_files(r, &moved, &death) != 0)
		return -1;
	if (death && sweep(r) != 0)
		return -1;
	if (!moved)
		return 0;
	return store_checkpoint(r->store, r->err) == 0 ? archive(r) : -1;
}

/*
 * Rows that no rollup knows yet: after an upgrade, or a rebuild.  They have
 * half of the time, since the journals must not wait for them.
 */
static int
count_older(struct store *store, const struct run *r)
{
	int64_t now_us = clock_mono_us(), until_us = now_us + UPGRADE_US;

	if (r->until_us != 0)
		until_us = now_us + (r->until_us - now_us) / 2;
	return rollup_build(store, ROLLUP_EVERY, until_us, r->err) < 0 ? -1 : 0;
}

/* It did not come to that: the backlog is as old as it was, or older. */
static void
put_back(struct shm *shm, int64_t oldest_us)
{
	_Atomic int64_t *slot = shm_slot(shm, SHM_OLDEST_US);
	int64_t now = atomic_load(slot);

	while (oldest_us != 0 && (now == 0 || now > oldest_us) &&
	    !atomic_compare_exchange_weak(slot, &now, oldest_us))
		;
}

/* The journals, then what may only be done when all of them are in. */
static int
run_all(struct run *r, struct arena *a)
{
	struct state *s = r->state;
	struct limit_reap reap;
	int rc;

	limit_reap_begin(s, a, &reap);
	rc = count_older(r->store, r);
	if (rc == 0)
		rc = ingest_list_read(&r->list, a, s->jfd, r->store, r->err);
	if (rc == 0)
		rc = run(r);
	if (rc == 0 && !r->late && !r->list.partial)
		rc = limit_reap_end(s, r->store, &reap, r->err);
	if (rc == 0 && !r->late &&
	    prune_now_and_then(s, r->store, r->until_us, r->err) < 0)
		rc = -1;
	return rc;
}

int
ingest(
    struct state *s, struct store *store, int64_t budget_us, struct error *err)
{
	int64_t begun_us = clock_mono_us();
	int64_t oldest_us = atomic_exchange(shm_slot(s->shm, SHM_OLDEST_US), 0);
	struct arena *a = arena_new(INGEST_LIST_BYTES);
	struct run r = { .state = s,
		.store = store,
		.until_us = budget_us > 0 ? begun_us + budget_us : 0,
		.err = err };
	int rc;

	buf_init(&r.chunk, CHUNK_BYTES);
	buf_room(&r.chunk, CHUNK_BYTES);
	rc = run_all(&r, a);
	if (rc == 0 && !r.late && !r.list.partial) {
		atomic_store(shm_slot(s->shm, SHM_COVERED_US), begun_us);
		atomic_store(shm_slot(s->shm, SHM_LAST_INGEST_US), begun_us);
	} else {
		put_back(s->shm, oldest_us != 0 ? oldest_us : begun_us);
	}
	buf_release(&r.chunk);
	arena_free(a);
	return rc != 0 ? rc : r.late || r.list.partial;
}
