/* SPDX-License-Identifier: MIT */
/*
 * The ledger: one row per client call, one entry per upstream attempt, real
 * dollars on each.  A row is opened before the first upstream byte leaves and
 * closed on a single exit path; both are records in this process's journal
 * (journal.h), and that append is the acknowledgement.  Ingest (store.h)
 * brings them into Berkeley DB, where the close replaces the open row, so a
 * row exists exactly once whoever dies when.
 *
 * A row, in the journal, in the database and in `ledger export`, is the one
 * JSON object of design §13; the database key is the call id, whose text
 * sorts by time.  An attempt's usage and cost hold all that it took; where
 * another model has done some of it (an advisor, a fallback at the
 * provider's), usage.others says what of them is whose: a list of { model,
 * the buckets, cost_usd }, absent where there is none.
 */
#ifndef CORE_LEDGER_H
#define CORE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/chat.h"
#include "core/str.h"
#include "core/usage.h"

struct buf;
struct header;
struct error;
struct state;

enum call_outcome {
	CALL_OPEN,
	CALL_OK,
	CALL_ERROR,
	CALL_REFUSED,
	CALL_CANCELLED,
	CALL_UNKNOWN
};
enum attempt_outcome {
	ATTEMPT_OPEN,
	ATTEMPT_WON,
	ATTEMPT_LOST,
	ATTEMPT_FAILED,
	ATTEMPT_CANCELLED,
	ATTEMPT_UNKNOWN
};
enum attempt_role {
	ROLE_PRIMARY,
	ROLE_RETRY,
	ROLE_FALLBACK,
	ROLE_RACE,
	ROLE_HEDGE,
	ROLE_JUDGE,
	ROLE_SHADOW
};
enum cost_source {
	COST_UNKNOWN,
	COST_RESERVED,
	COST_ESTIMATED,
	COST_REPORTED
};

/* The ledger's words, by value. */
extern const char *const ledger_call_words[];
extern const char *const ledger_attempt_words[];
extern const char *const ledger_role_words[];

/* An amount, or the reason why there is none. */
struct cost {
	enum cost_source source;
	bool known;      /* false: null in the ledger */
	int64_t pusd;    /* when known */
	const char *why; /* when not known: "no price for openai/x" */
};

/* "call_" and 26 letters (Crockford base 32, lower case): 48 bit of
 * milliseconds, 80 random bits, as a ULID. */
#define CALL_ID_BYTES 32

struct ledger_attempt {
	struct str provider, model; /* as sent */
	struct str returned_model;  /* as answered; absent if it never was */
	struct str credential;      /* which one, never the secret: "conf" */
	enum attempt_role role;
	enum attempt_outcome outcome;
	int status;          /* HTTP, 0 if none came */
	struct str error;    /* canonical word; absent if none */
	int64_t start_ms;    /* after the call's start */
	int64_t ttft_ms;     /* first content, after start; -1 none */
	int64_t duration_ms; /* -1 while open */
	struct usage usage;
	int64_t others_pusd[USAGE_OTHERS]; /* of usage.others; -1 unknown */
	struct cost cost;
	struct str price; /* version of the price used; absent */
	struct ledger_attempt *next;
};

struct ledger_call {
	char id[CALL_ID_BYTES];
	int64_t started_us, ended_us;   /* wall; ended 0 while open */
	struct str key, account;        /* public key id; absent without auth */
	struct str user, session, task; /* absent if not given */
	struct header *tags;
	const char *endpoint; /* "/v1/chat/completions" */
	const char *dialect;  /* "openai-chat" */
	bool stream;
	struct str requested; /* model name in the request */
	struct str route;     /* absent: none */
	struct str answered;  /* provider/model; absent */
	int status;           /* HTTP status sent; 0 while open */
	enum call_outcome outcome;
	struct str error;   /* canonical word; absent */
	struct str cache;   /* hit, miss, "refused: …"; absent: not asked */
	int64_t saved_pusd; /* by what was stored; -1 unknown, nothing was */
	struct name *lossy;
	int64_t ttft_ms, duration_ms; /* -1 unknown */
	struct cost cost;             /* sum over attempts */
	int64_t reserved_pusd;        /* set aside in budgets; 0 none */
	struct ledger_attempt *attempts;
};

/*
 * ledger_id(out, now_us):
 * Write a new call id for wall time ${now_us} to ${out}.
 */
void ledger_id(char out[CALL_ID_BYTES], int64_t now_us);

/*
 * ledger_write(state, row, err):
 * Append ${row} to this process's journal: as open record while its outcome
 * is CALL_OPEN, as closing record otherwise.  When it returns 0 the record
 * survives the death of this process.
 *
 * Returns  0, or -1: ERROR_STORE.
 * Blocks   on one write(2), and on fdatasync with durability "power".
 */
int ledger_write(struct state *state, const struct ledger_call *row,
    struct error *err) __attribute__((warn_unused_result));

/*
 * ledger_note(state, row, err):
 * Write an open ${row} again, as it is now: what it has reserved has grown.
 * As ledger_write, but never waits for the disk.
 */
int ledger_note(struct state *state, const struct ledger_call *row,
    struct error *err) __attribute__((warn_unused_result));

/*
 * ledger_json(row, out):
 * Append ${row} as its JSON object to ${out}.
 */
void ledger_json(const struct ledger_call *row, struct buf *out);

/* Which rows to read; zero means everything. */
struct ledger_filter {
	int64_t since_us, until_us; /* started_at in [since, until); 0 open */
	struct str key, account;    /* absent: all */
	bool newest_first;
	struct str before; /* newest_first: rows below this id; absent: all */
	size_t limit;      /* 0: all */
	size_t look;       /* rows looked at, about; 0: any */
	char *reached;     /* CALL_ID_BYTES, the last row looked at: "" where
			    * there are no more; NULL: who cares */
};

/*
 * ledger_read(state, filter, fn, arg, err):
 * Ingest all journals, then call ${fn} with the JSON of each row, in order
 * of time, until it returns false.
 *
 * Returns  0, or -1: ERROR_STORE.
 * Blocks   on the lease (up to 2 s) and the database.
 */
int ledger_read(struct state *state, const struct ledger_filter *filter,
    bool (*fn)(void *arg, struct str row), void *arg, struct error *err)
    __attribute__((warn_unused_result));

#endif
