/* SPDX-License-Identifier: MIT */
/* Recorded traffic between all formats, for tests: who speaks which. */
#ifndef TESTS_WIRES_H
#define TESTS_WIRES_H

#include <stdbool.h>

#include "core/str.h"
#include "core/wire.h"

struct arena;
struct ask;
struct chat;
struct dialect;
struct error;
struct fold;
struct jnode;
struct name;
struct provider;
struct sink;

#define WIRES         4
#define WIRES_CLIENTS 3 /* the first of them */

struct wire_format {
	const char *name;
	const char *apis[2]; /* in the index of fixtures */
	const struct provider *provider;
	const struct dialect *dialect; /* NULL: no client speaks it */
	const char *model;
};

extern const struct wire_format wires[WIRES];

/*
 * wires_each(fn, arg):
 * Call ${fn} for each row of the index of fixtures whose format, a place in
 * wires, is known here.
 *
 * Returns  how many there were: 0 without fixtures.
 */
typedef void wires_fn(
    void *arg, const char *dir, int format, const struct jnode *row);
int wires_each(wires_fn *fn, void *arg);

/* wires_request(a, dir): the body of a recorded request; absent: no JSON. */
struct str wires_request(struct arena *a, const char *dir);

/*
 * wires_answer(a, dir, row):
 * Returns  the body of a recorded answer of status 200; absent where it is an
 *          error, or framed as only its maker does.
 */
struct str wires_answer(
    struct arena *a, const char *dir, const struct jnode *row);

/* wires_is_odd(body): is it framed as only its maker does? */
bool wires_is_odd(struct str body);

/* wires_framing(body): how it is cut, by its look. */
enum framing wires_framing(struct str body);

/*
 * wires_decode(a, f, body, ask, out, err):
 * Pass the events of ${body}, an answer in words of ${f} to ${ask}, to
 * ${out}, with the frames, as an attempt does.
 */
int wires_decode(struct arena *a, const struct wire_format *f, struct str body,
    const struct ask *ask, struct sink *out, struct error *err);

/* From a client to a provider, or back. */
struct wires_way {
	const struct wire_format *from, *to;
	bool stream;
};

/* What a translated request comes to. */
struct wires_sent {
	struct chat *chat; /* what the client said; NULL: not understood */
	struct str body;
	const struct name *cut; /* stop strings left to the gateway */
};

/*
 * wires_send(a, way, body, out, err):
 * Translate ${body} for a model that can do everything: what a model cannot
 * do is for the tests of its provider.
 *
 * Returns  0, or -1 with the error.
 */
int wires_send(struct arena *a, const struct wires_way *way, struct str body,
    struct wires_sent *out, struct error *err);

/* wires_chat(a, f, body, err): ${body} in words of ${f}, decoded, or NULL. */
struct chat *wires_chat(struct arena *a, const struct wire_format *f,
    struct str body, struct error *err);

/*
 * wires_encode(a, way, body, bytes, err):
 * Translate the answer ${body} to what the client gets; ${*bytes} ends in an
 * error if it is none.
 *
 * Returns  whether it was an answer, else ${err} tells.
 */
bool wires_encode(struct arena *a, const struct wires_way *way, struct str body,
    struct str *bytes, struct error *err);

/* wires_lost(a, way, body, bytes): the same; what of the answer it loses. */
struct name *wires_lost(struct arena *a, const struct wires_way *way,
    struct str body, struct str *bytes);

/* wires_fold(a, f, body, fold, err): the same, folded. */
int wires_fold(struct arena *a, const struct wire_format *f, struct str body,
    struct fold *fold, struct error *err);

#endif
