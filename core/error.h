/* SPDX-License-Identifier: MIT */
/*
 * What went wrong, once.  A fallible function returns 0 or -1 and fills the
 * one struct error it was given; the first error stays.  One table (error.c)
 * turns a kind into the HTTP status and the type words of each client
 * dialect, so that nobody else knows them.
 */
#ifndef CORE_ERROR_H
#define CORE_ERROR_H

#include <stdint.h>

#include "core/str.h"
#include "core/wire.h"

enum error_kind {
	ERROR_NONE,
	ERROR_BAD_REQUEST,    /* 400: the client's JSON; param has the path */
	ERROR_AUTH,           /* 401: gateway key missing or unknown */
	ERROR_BUDGET,         /* 402: out of money */
	ERROR_FORBIDDEN,      /* 403: key known, thing not allowed */
	ERROR_NOT_FOUND,      /* 404: path or model */
	ERROR_METHOD,         /* 405 */
	ERROR_TOO_LARGE,      /* 413: body beyond server.max_body_mb */
	ERROR_UPGRADE,        /* 426: WebSocket asked for */
	ERROR_RATE,           /* 429: our own limit */
	ERROR_CLIENT_GONE,    /* 499: nobody reads the answer; never logged */
	ERROR_INTERNAL,       /* 500: a bug */
	ERROR_BUSY,           /* 503: server.max_calls reached, or draining */
	ERROR_STORE,          /* 503: data_dir does not work */
	ERROR_CONF,           /* 503: the configuration does not load */
	ERROR_UP_REFUSED,     /* the provider's own 4xx, status kept */
	ERROR_UP_CREDENTIALS, /* 502: the provider refuses our credential */
	ERROR_UP_RATE,        /* 429 from the provider */
	ERROR_UP_OVERLOADED,  /* 529 (503) from the provider */
	ERROR_UP_TIMEOUT,     /* 504: one of our deadlines passed */
	ERROR_UP_BROKEN,      /* 502: no connection, cut stream, garbage, 5xx */
	ERROR_KINDS
};

struct error {
	enum error_kind kind;
	int status;             /* HTTP status to answer with */
	int64_t retry_after_ms; /* from the provider or our limit; 0 unknown */
	char msg[400];          /* for the client: no secrets, no full stop */
	char param[160];        /* JSON path of the offending value, or "" */
	char code[64];          /* the dialects' machine word, or "" */
	char details[512];      /* a JSON object for the error body, or "" */
	struct str raw;         /* the provider's own error body (or SSE frame),
				* for a client of the same wire format; lives in
				* the attempt's arena; absent otherwise */
	enum wire raw_wire;     /* format of raw */
	int raw_status;         /* that came with it; 0: in a stream */
};

/*
 * error_set(e, kind, fmt, ...):
 * Record an error unless ${e} holds one already.  status comes from the table
 * of kinds; callers may overwrite it, and set the other members, afterwards.
 *
 * Returns  -1, always: "return error_set(...)" reads as one thought.
 */
int error_set(struct error *e, enum error_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * error_param(e, param, what):
 * Set ERROR_BAD_REQUEST "<param>: <what>" with its path ${param}.
 *
 * Returns  -1.
 */
int error_param(struct error *e, const char *param, const char *what);

/* error_clear(e): forget what ${e} holds. */
void error_clear(struct error *e);

/*
 * error_openai_type(e), error_anthropic_type(e), error_code(e):
 * Returns  the `type` word for the dialect; the canonical snake_case word for
 *          ledger, logs and OpenAI's `code` (e->code when set).
 */
const char *error_openai_type(const struct error *e);
const char *error_anthropic_type(const struct error *e);
const char *error_code(const struct error *e);

/*
 * error_kind_of_status(status):
 * Returns  the kind for a provider's HTTP status (400..599); ERROR_UP_BROKEN
 *          for one that no rule knows.  Source: design §8, "Classes".
 */
enum error_kind error_kind_of_status(int status);

/*
 * error_address(e, wire):
 * Answer a client of ${wire}: with the provider's own status if raw is for
 * him, else with that of the kind.  Errors without raw stay as they are.
 */
void error_address(struct error *e, enum wire wire);

/*
 * error_mask(msg, secret):
 * Overwrite each occurrence of ${secret} in ${msg} with asterisks, in place,
 * and what of one is left at the end of a message that was cut within it.
 */
void error_mask(char *msg, struct str secret);

#endif
