/* SPDX-License-Identifier: MIT */
/*
 * The snapshot of all evidence that routing reads: data_dir/fit.snap, one
 * JSON object a line, per experiment, version and task.  Written anew by
 * whoever has judged, replaced as a whole; read again when it has changed,
 * which every process looks for once a second at most.  It can be lost: all
 * of it follows from the evidence.
 *
 *	{"experiment":"e","version":"…","task":"summarise","resting":false,
 *	 "arms":[{"arm":"smart","n":40,"fit":0.91,"floor":0.85,
 *		  "call_usd":"0.0012"},…]}
 *
 * A line without a task is about the experiment as a whole, whatever its
 * version: that it rests, and perhaps "promoted", the arm that all calls go
 * to.  Other lines of a version that the configuration has no more count for
 * nothing.
 */
#ifndef CORE_FITS_H
#define CORE_FITS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct buf;
struct error;
struct evidence;
struct experiment;
struct fits;

#define FITS_FILE      "fit.snap"
#define FITS_MAX_BYTES ((size_t)4 << 20)

struct fits_arm {
	int64_t n;
	double fit;        /* mean */
	double floor;      /* it is above, at every moment (stats_low) */
	int64_t call_pusd; /* mean cost of a call; -1 unknown */
};

/*
 * fits_line(out, e, ev, resting), fits_line_whole(out, e, promoted):
 * Append the line of ${ev}; ${resting}: no more trials are wanted, because it
 * is decided.  Append the line of an experiment that rests as a whole,
 * ${promoted} (absent: none) being the arm of all its calls.
 */
void fits_line(struct buf *out, const struct experiment *e,
    const struct evidence *ev, bool resting);
void fits_line_whole(
    struct buf *out, const struct experiment *e, struct str promoted);

/*
 * fits_write(dirfd, text, err):
 * Replace the snapshot in data_dir ${dirfd}.
 *
 * Returns  0, or -1: ERROR_STORE.
 */
int fits_write(int dirfd, struct str text, struct error *err)
    __attribute__((warn_unused_result));

/*
 * fits_new(data_dir), fits_free(f):
 * A reader; used by several threads.  What cannot be read leaves the old.
 */
struct fits *fits_new(struct str data_dir);
void fits_free(struct fits *f);

/*
 * fits_rests(f, e, task):
 * Returns  true if no more trials are wanted of ${task}.  NULL ${f}: false.
 */
bool fits_rests(struct fits *f, const struct experiment *e, struct str task);

/*
 * fits_promoted(f, e):
 * Returns  the arm that has been promoted, or -1.
 */
int fits_promoted(struct fits *f, const struct experiment *e);

/*
 * fits_arm(f, e, task, arm, out):
 * Returns  true with what is known of arm ${arm} of ${e}; false: nothing is.
 */
bool fits_arm(struct fits *f, const struct experiment *e, struct str task,
    unsigned arm, struct fits_arm *out);

#endif
