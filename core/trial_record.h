/* SPDX-License-Identifier: MIT */
/*
 * Records of experiments at rest, JSON objects in the environment (store.h):
 *
 *	table		key			what
 *	trials		call id			struct trial_record
 *	verdicts	NAME\x1fVERSION\x1fCALL	verdict_record.h
 *	evidence	NAME\x1fVERSION\x1fTASK	evidence_json
 *	experiments	NAME			struct experiment_record
 */
#ifndef CORE_TRIAL_RECORD_H
#define CORE_TRIAL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ledger.h"
#include "core/str.h"

struct arena;

enum trial_stage {
	TRIAL_SHADOW, /* the other arm is answering */
	TRIAL_JUDGE,  /* two answers wait for the judge, or are before it */
	TRIAL_STAGES
};

/* Why a trial came to nothing. */
enum trial_drop {
	TRIAL_LOST,     /* its process died */
	TRIAL_FAILED,   /* an arm had no answer: that is counted against it */
	TRIAL_NONSENSE, /* the judge's answer was of no use, three times */
	TRIAL_REFUSED,  /* the judge refused */
	TRIAL_EXPIRED,  /* nobody judged it in time */
	TRIAL_DAMAGED,  /* its body is gone, or opens with no master key */
	TRIAL_OUTDATED, /* the experiment has been edited, or is gone */
	TRIAL_UNPAID,   /* the budget has no room for the judge */
	TRIAL_DROPS
};

extern const char *const trial_drop_words[TRIAL_DROPS];

struct trial_record {
	char call[CALL_ID_BYTES];
	struct str experiment, version, task;
	struct str account; /* whose call it is; absent: nobody's */
	enum trial_stage stage;
	int64_t arms[2];       /* who served, who answered in the shadow */
	int64_t cost_pusd[2];  /* of their calls; -1 unknown */
	int64_t latency_ms[2]; /* -1 unknown */
	int64_t tries;         /* answers of the judge that were of no use */
	int64_t waits;         /* times that the judge could not be had */
	int64_t born_us;       /* wall */
	int64_t due_us;        /* wall: not before */
	int64_t reserved_pusd; /* the most that is still to be spent on it */
	int64_t pid, started;  /* the process at it (shm.h); 0: none is */
};

/* What an experiment has come to, whatever its version. */
struct experiment_record {
	struct str name;
	int64_t spent_pusd; /* by shadow and judge, since it was started */
	int64_t begun, judged;
	int64_t dropped[TRIAL_DROPS];
	bool stopped;        /* by hand, or by promoting an arm */
	struct str promoted; /* the arm; absent: none */
};

/*
 * trial_record_write(a, r), experiment_record_write(a, r):
 * Returns  the record as JSON in ${a}.
 */
struct str trial_record_write(struct arena *a, const struct trial_record *r);
struct str experiment_record_write(
    struct arena *a, const struct experiment_record *r);

/*
 * trial_record_read(a, json, r), experiment_record_read(a, json, r):
 * Returns  0 with ${*r} in ${a}, or -1 if ${json} is none.
 */
int trial_record_read(struct arena *a, struct str json, struct trial_record *r)
    __attribute__((warn_unused_result));
int experiment_record_read(struct arena *a, struct str json,
    struct experiment_record *r) __attribute__((warn_unused_result));

/*
 * trial_key(a, experiment, version, rest):
 * Returns  the key of a verdict or of evidence; absent ${rest}: what all of
 *          that version begin with.
 */
struct str trial_key(struct arena *a, struct str experiment, struct str version,
    struct str rest);

#endif
