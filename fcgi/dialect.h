/* SPDX-License-Identifier: MIT */
/*
 * The interface to a client's dialect: request JSON to the canonical chat,
 * events back to that client's stream or document, errors in its words.
 * Pure translation; bytes go to a buf that the exchange sends.
 */
#ifndef FCGI_DIALECT_H
#define FCGI_DIALECT_H

#include <stdint.h>

#include "core/ledger.h"
#include "core/provider.h"
#include "core/sink.h"
#include "core/str.h"
#include "core/wire.h"

struct arena;
struct buf;
struct error;

/* What is known when the call has been settled. */
struct receipt {
	struct cost cost;
	struct str answered; /* provider/model */
	unsigned attempts;
	struct name *lossy;
	struct str cache;   /* hit, "refused: …", or nothing to tell */
	int64_t saved_pusd; /* as in the ledger */
};

/*
 * One answer being written.  The sink takes ordered events (order.h).
 *
 * Verbatim mode: when HEAD names the encoder's own wire and the framing the
 * client asked for, the FRAMEs are written as they are and the other events
 * only tell what a frame held.  A frame that carried usage is held back with
 * whatever follows it, until either content follows (then they go out
 * unchanged) or finish adds usage.cost to the last of them.
 */
struct encoder {
	struct sink sink;
	struct name *lost; /* of the answer: the client's words have no place
			    * for it */
	/* Write the dialect's keep-alive; streams only. */
	void (*ping)(struct encoder *e);
	/* The answer is complete: write what ends it.  -1 with the error. */
	int (*finish)(
	    struct encoder *e, const struct receipt *r, struct error *err);
	/* After the head has gone: end the stream with an error event (the
	 * provider's own frame if err->raw is of this wire). */
	void (*fail)(struct encoder *e, const struct error *err);
};

struct encode_opts {
	const struct ask *ask; /* stream, include_usage, requested model */
	const char *call_id;
	int64_t created_s; /* wall seconds for `created` */
	struct buf *out;   /* where the bytes go */
};

struct dialect {
	const char *name; /* "openai-chat": for the ledger */
	enum wire wire;
	enum operation operation;
	/* Member with the conversation, an array that must not be empty;
	 * NULL: whether there is one, decode says. */
	const char *turns;
	/* Decode a whole request; see struct ask. */
	int (*decode)(struct arena *a, struct str body, struct chat *chat,
	    struct error *err); /* NULL: STORED */
	/* Returns an encoder in ${a}; never NULL. */
	struct encoder *(*encoder_new)(
	    struct arena *a, const struct encode_opts *opts);
	/* Append the JSON error body for ${err}; err->raw passes unchanged
	 * if it is of this wire. */
	void (*fail_body)(
	    struct buf *out, const struct error *err, const char *call_id);
	const char *fail_type; /* media type; NULL: application/json */
};

extern const struct dialect dialect_openai_chat;
extern const struct dialect dialect_openai_responses;
extern const struct dialect dialect_openai_responses_count;
extern const struct dialect dialect_openai_responses_compact;
extern const struct dialect dialect_openai_responses_stored;
extern const struct dialect dialect_openai_completions;
extern const struct dialect dialect_openai_embeddings;
extern const struct dialect dialect_anthropic;
extern const struct dialect dialect_anthropic_count;

#endif
