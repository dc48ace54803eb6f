/* SPDX-License-Identifier: MIT */
/*
 * The journals there are to ingest, in order, with what is known of each and
 * of its process.
 */
#ifndef CORE_INGEST_LIST_H
#define CORE_INGEST_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

struct arena;
struct error;
struct store;

#define INGEST_LIST_BYTES ((size_t)256 << 20)

struct journal_file {
	const char *name;
	struct str proc;
	unsigned seq;
	bool dead;      /* its process is */
	bool complete;  /* nothing will be appended to it */
	int64_t offset; /* bytes that are in the database */
	bool consumed;  /* complete, and all of it is */
	bool again;     /* has been in the database before (archive.h) */
};

struct ingest_list {
	struct journal_file *files; /* by name: by process, then sequence */
	size_t n;
	bool partial; /* there are more: come again */
};

/*
 * ingest_list_read(list, a, jfd, store, err):
 * List directory ${jfd}, and bring in the offsets; offsets of files that are
 * gone are forgotten.
 *
 * Returns  0, or -1: ERROR_STORE.
 */
int ingest_list_read(struct ingest_list *list, struct arena *a, int jfd,
    struct store *store, struct error *err) __attribute__((warn_unused_result));

/*
 * ingest_list_is_over(list, proc):
 * Returns  true if ${proc} is dead and all its journals are consumed.
 */
bool ingest_list_is_over(const struct ingest_list *list, struct str proc);

/*
 * ingest_list_is_spent(f):
 * Returns  true if ${f} may go to the archive: consumed, and not the file
 *          whose lock says that a process lives.
 */
bool ingest_list_is_spent(const struct journal_file *f);

#endif
