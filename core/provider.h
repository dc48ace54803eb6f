/* SPDX-License-Identifier: MIT */
/*
 * The interface to a vendor's wire format.  A provider is a pure translator:
 * no sockets, no clock, no database.  It turns what a client asks into one
 * HTTP request, and the frames of the answer into events.  To write one, read
 * providers/echo.c first.
 */
#ifndef CORE_PROVIDER_H
#define CORE_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/chat.h"
#include "core/registry.h"
#include "core/str.h"
#include "core/wire.h"

struct arena;
struct conf_provider;
struct error;
struct frame;
struct model;
struct sink;

/* One HTTP header; lists keep their order. */
struct header {
	struct str name;
	struct str value;
	struct header *next;
};

/* header_add(a, list, name, value): append, copying nothing. */
void header_add(
    struct arena *a, struct header **list, struct str name, struct str value);

/*
 * header_get(list, name):
 * Returns  the first value of ${name} (any case), or the absent str.
 */
struct str header_get(const struct header *list, const char *name);

/* Where an attempt goes.  Lives as long as the call. */
struct target {
	const struct conf_provider *provider;
	struct str model;          /* as the provider spells it */
	const struct model *facts; /* NULL: not in the catalogue */
	struct str key;            /* of the account; absent: the provider's */
	struct str credential; /* what the ledger calls key; never a secret */
	unsigned nth, credentials; /* which of how many the account has */
};

/* What is asked for.  Everything but where prepare sends it is the same. */
enum operation {
	OPERATION_CHAT,
	OPERATION_EMBED,   /* vectors of texts; the turns are the texts */
	OPERATION_COUNT,   /* the input tokens of a chat; costs nothing */
	OPERATION_COMPACT, /* a conversation made shorter: Responses only */
	OPERATION_STORED   /* an answer that the vendor keeps: no model, no
			    * body to translate; costs nothing */
};

/* operation_is_free(op): does no vendor bill it, whatever it reports? */
bool operation_is_free(enum operation op);

/*
 * target_secret(t), target_credential(t):
 * Returns  the credential to use, absent if none is needed; its name.
 */
struct str target_secret(const struct target *t);
struct str target_credential(const struct target *t);

/*
 * What a client asks, as providers see it: its bytes, and on demand the
 * canonical request.
 */
struct ask {
	struct arena *arena;
	enum operation operation;
	enum wire wire;     /* format of body */
	struct str body;    /* the client's JSON, passed by jtext_check */
	const char *method; /* STORED: of HTTP; else NULL, which is POST */
	struct str place;   /* STORED: path and query, "/resp_1?stream=true" */
	struct str model;   /* as requested */
	bool stream;
	bool include_usage;     /* the client itself wants the usage chunk */
	bool lossless;          /* what loses anything is refused */
	bool vectors;           /* EMBED: events are wanted, not bytes alone */
	struct header *headers; /* to pass on to the same format: anthropic-* */
	int (*decode)(struct arena *a, struct str body, struct chat *chat,
	    struct error *err);
	struct chat *chat;   /* NULL until ask_chat has been called */
	struct media *media; /* images to fetch, or fetched: fetch.h */
};

/*
 * ask_chat(ask, err):
 * Returns  the canonical request, decoded on the first call; NULL on a
 *          request that does not decode (ERROR_BAD_REQUEST with its path).
 */
struct chat *ask_chat(struct ask *ask, struct error *err);

/*
 * ask_with(ask, set):
 * Two members say the same in every client's format: "system", a text that
 * stands instead of the system prompt, and "effort", of reasoning.
 *
 * Returns  the same with the members of the raw object ${set} in its body;
 *          ${ask} itself if ${set} is absent.
 */
struct ask *ask_with(struct ask *ask, struct str set);

/* One piece of a canned answer. */
struct canned_chunk {
	int64_t delay_ms; /* after the piece before */
	struct str bytes;
	struct canned_chunk *next;
};

/* An answer that needs no network: what echo gives. */
struct canned {
	int status;
	const char *content_type;
	struct header *headers;
	struct canned_chunk *chunks;
	bool cut;  /* the connection "breaks" after the last chunk */
	bool hang; /* nothing more comes, and no end */
};

/* Addresses that come from clients: where may they lead? */
enum fetch_from {
	FETCH_NOTHING, /* it is none */
	FETCH_PUBLIC,  /* address.h */
	FETCH_ANYWHERE
};

/* The HTTP request of one attempt, in the attempt's arena. */
struct upstream_request {
	const char *url;
	const char *method;     /* NULL: POST */
	enum fetch_from fetch;  /* not FETCH_NOTHING: GET */
	struct header *headers; /* with the credential */
	struct str body;
	struct name *losses;         /* of a body that passes as it is */
	const struct name *cut;      /* stop strings that the target does not
				      * take: the gateway cuts (stopper.h) */
	const struct canned *canned; /* not NULL: no network, play this */
};

/*
 * Reads one answer.  A decoder is the first member of the provider's own
 * struct and lives in the attempt's arena.
 */
struct decoder {
	/*
	 * Turn one frame into events.  An error inside the stream is -1 with
	 * the error set (raw and raw_wire included).
	 */
	int (*frame)(struct decoder *d, const struct frame *f, struct sink *out,
	    struct error *err);
	/*
	 * The body has ended.  -1, ERROR_UP_BROKEN, unless the answer was
	 * complete: a cut stream is never a normal end.
	 */
	int (*end)(struct decoder *d, struct sink *out, struct error *err);
};

/* An answer that is an error: its status is 300 or above. */
struct refusal {
	enum wire wire; /* the provider's */
	int status;
	const struct header *headers;
	struct str body;
};

struct provider {
	const char *name; /* the `api` value in the configuration */
	enum wire wire;

	/*
	 * Build the request.  If ask->wire is this provider's, the body is
	 * the client's bytes with the edits that must be (jtext_apply);
	 * otherwise it is written from ask_chat, and losses are noted there.
	 */
	int (*prepare)(struct arena *a, const struct target *t, struct ask *ask,
	    struct upstream_request *out, struct error *err);

	/* Returns a decoder for a 2xx answer to this ask; never NULL. */
	struct decoder *(*decoder_new)(
	    struct arena *a, const struct target *t, const struct ask *ask);

	/*
	 * Read an error answer: set ${err} with kind, status, the vendor's
	 * message and code, retry_after_ms, and raw = r->body.
	 */
	void (*refused)(
	    struct arena *a, const struct refusal *r, struct error *err);

	/* Must the image at ${url} come as bytes?  NULL: none must. */
	bool (*wants_bytes)(struct str url);

	/* The same vendor's other operations; NULL: it has none, and tokens
	 * are estimated (count.h).  Count, compact and stored are for clients
	 * of this format alone. */
	const struct provider *embed, *count, *compact, *stored;
};

#endif
