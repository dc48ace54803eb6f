/* SPDX-License-Identifier: MIT */
/*
 * Private to core/upstream.c (the engine), core/transfer.c (what the caller
 * holds), core/easy.c (curl's side of a transfer) and core/canned.c (the
 * player).  Everybody else includes core/upstream.h.
 *
 * A transfer lives in the caller's arena, and that arena may go while curl is
 * still on the stack: a callback of one transfer cancels another.  Whatever
 * curl points to is therefore a struct easy on the heap.  A cancelled one has
 * t NULL, answers curl's callbacks with "abort", and is freed as soon as curl
 * has returned.
 */
#ifndef CORE_TRANSFER_H
#define CORE_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "core/loop.h"
#include "core/upstream.h"

struct canned_play;

struct upstream {
	struct loop *loop;
	CURLM *multi;            /* NULL until the first transfer */
	CURLSH *share;           /* TLS sessions of all handles */
	struct loop_timer timer; /* curl's next timeout */
	struct loop_timer kick;  /* see to todo */
	struct easy *todo;       /* handles to add, resume or free */
	unsigned n_easy;         /* handles there are */
	bool busy;               /* curl is on the stack */
	const char *ca_file;     /* NULL: none */
	const char *ca_dir;      /* NULL: none; both NULL: curl's default */
};

struct easy {
	CURL *curl;
	struct upstream *up;
	struct transfer *t; /* NULL: cancelled or over */
	struct easy *next;  /* in up->todo */
	bool queued;        /* in up->todo */
	bool added;         /* curl has it */
	bool head_done;
	struct header *head; /* in the transfer's arena */
	size_t head_bytes, head_lines;
	size_t sent;                /* bytes of the body curl has taken */
	struct curl_slist *headers; /* of the request */
	const char *refused;        /* NULL, or why we gave up ourselves */
	char text[CURL_ERROR_SIZE];
};

enum transfer_phase {
	TRANSFER_CONNECTING, /* and again, if a kept connection was dead */
	TRANSFER_WAITING,    /* connected, no content yet */
	TRANSFER_CONTENT
};

struct transfer {
	struct upstream *up;
	const struct transfer_events *events;
	void *arg;
	enum transfer_phase phase;
	bool paused;
	int64_t last_us; /* last piece, or resumed */
	int64_t start_us;
	int64_t dial_us; /* since when it is connecting */
	struct arena *arena;
	const struct upstream_request *request;
	struct upstream_limits limits;
	struct loop_timer deadline;
	struct easy *easy;        /* NULL: canned, or over */
	struct canned_play *play; /* NULL: not canned, or over */
};

/* upstream_ready(u): set curl up unless it is: false if that fails. */
bool upstream_ready(struct upstream *u);

/* upstream_queue(e): have ${e} added, resumed or freed by the loop. */
void upstream_queue(struct easy *e);

/* upstream_drop(e): free ${e}, now or as soon as curl has returned. */
void upstream_drop(struct easy *e);

/*
 * transfer_dials(t), transfer_connected(t), transfer_head(t, status, headers),
 * transfer_data(t, bytes), transfer_finish(t, end, why):
 * What has happened; ${t} may be gone when these return.
 */
void transfer_dials(struct transfer *t);
void transfer_connected(struct transfer *t);
void transfer_head(
    struct transfer *t, int status, const struct header *headers);
void transfer_data(struct transfer *t, struct str bytes);
void transfer_finish(
    struct transfer *t, enum transfer_end end, const char *why);

/*
 * easy_new(t, err), easy_free(e):
 * Returns  curl's handle for ${t}, not yet added; NULL: ERROR_INTERNAL.
 */
struct easy *easy_new(struct transfer *t, struct error *err);
void easy_free(struct easy *e);

/* easy_finish(e, code): tell the transfer how curl ended it. */
void easy_finish(struct easy *e, CURLcode code);

/* canned_*(t): play ${t}'s canned answer; hold, go on, stop. */
void canned_start(struct transfer *t);
void canned_pause(struct transfer *t);
void canned_resume(struct transfer *t);
void canned_stop(struct transfer *t);

#endif
