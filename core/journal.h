/* SPDX-License-Identifier: MIT */
/*
 * Journals: what a process says has happened, before it says so to anybody
 * else.  One writer per file, appends only.
 *
 * A process has an id, <start us>-<pid>-<random>, and writes to
 * j/<id>.<seq>.jl, seq from 000000.  File 0 is created and locked (flock)
 * under another name and stays open for the life of the process, so the
 * process is dead if and only if its file 0 can be locked or is gone.  A
 * file with a successor is complete; so is the last one of a dead process.
 *
 * Record:
 *	4  magic f5 'S' 'L' 'J'		(f5 occurs in no UTF-8 text)
 *	4  length of the payload, little endian, at most JOURNAL_MAX_PAYLOAD
 *	4  CRC-32C of length and payload, little endian
 *	n  payload: UTF-8, or at least without f5
 *	1  '\n'
 * written by one write(2) with O_APPEND.
 */
#ifndef CORE_JOURNAL_H
#define CORE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct error;
struct journal;

#define JOURNAL_MAX_PAYLOAD  (512u << 10)
#define JOURNAL_ROTATE_BYTES (INT64_C(1) << 20)
#define JOURNAL_ROTATE_US    (INT64_C(600) * 1000000)
#define JOURNAL_PROC_BYTES   48 /* a process id and NUL */
#define JOURNAL_NAME_BYTES   64 /* a file name and NUL */

struct journal_policy {
	bool sync;            /* fdatasync before an append returns */
	int64_t rotate_bytes; /* a new file once this one is so large */
	int64_t rotate_us;    /* or so old */
};

/*
 * journal_new(dirfd, policy), journal_free(j):
 * A writer into directory ${dirfd} (not taken over).  No file is created
 * before the first append.  Used by several threads.
 */
struct journal *journal_new(int dirfd, const struct journal_policy *policy);
void journal_free(struct journal *j);

/*
 * journal_append(j, payload, err):
 * Write one record.
 *
 * Returns  0 when all of it is in the file, or -1: ERROR_STORE.
 * Blocks   on one write(2) (and fdatasync); now and then on a new file.
 */
int journal_append(struct journal *j, struct str payload, struct error *err)
    __attribute__((warn_unused_result));

/*
 * journal_note(j, payload, err):
 * As journal_append, but never waits for the disk: a power cut may take it.
 */
int journal_note(struct journal *j, struct str payload, struct error *err)
    __attribute__((warn_unused_result));

/*
 * journal_check(j, disk_full, err):
 * Returns  0 if there is room for more records, or -1: ERROR_STORE.  On a
 *          full disk there is what a file has reserved.
 */
int journal_check(struct journal *j, bool disk_full, struct error *err);

enum journal_item {
	JOURNAL_END,    /* nothing more, or not yet */
	JOURNAL_RECORD, /* a payload */
	JOURNAL_BAD     /* bytes that are no record */
};

/*
 * journal_next(rest, complete, item):
 * Take the next item off ${*rest}, a piece of a journal from a record's start
 * on.  ${complete}: nothing will ever follow these bytes, so that half a
 * record is not waited for.  After bad bytes it goes on at the next magic.
 *
 * Returns  what ${*item} is: a view into ${*rest}.
 */
enum journal_item journal_next(
    struct str *rest, bool complete, struct str *item);

/*
 * journal_parse_name(name, proc, seq):
 * Returns  true if ${name} is that of a journal, with its process id (a view)
 *          and sequence number.
 */
bool journal_parse_name(const char *name, struct str *proc, unsigned *seq);

/* journal_name(out, proc, seq): the reverse. */
void journal_name(char out[JOURNAL_NAME_BYTES], struct str proc, unsigned seq);

#endif
