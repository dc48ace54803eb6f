/* SPDX-License-Identifier: MIT */
/*
 * What the request decoders of all dialects share: an object is read by a
 * table of its members and a content part by a table of types.  A member
 * that no table knows is a loss, never an error: features newer than sluice
 * must not break a request.
 */
#ifndef FCGI_DECODE_H
#define FCGI_DECODE_H

#include <stddef.h>

#include "core/chat.h"
#include "core/jtree.h"
#include "core/str.h"

struct error;

/* Reads value ${v} (never null) into the struct that the table is about. */
typedef int field_fn(
    struct chat *chat, void *into, const struct jnode *v, struct error *err);

enum field_kind {
	FIELD_SKIP,   /* carries nothing across, and nothing is lost */
	FIELD_LOSE,   /* a loss, unless it is false or empty */
	FIELD_REFUSE, /* an error, unless it is false or [] */
	FIELD_STR,    /* struct str */
	FIELD_NAME,   /* struct str, not empty */
	FIELD_BOOL,   /* bool */
	FIELD_COUNT,  /* int64_t, at least 1 */
	FIELD_NUMBER, /* struct opt_double */
	FIELD_READ    /* what read does */
};

/* One member of an object; a table ends with name NULL. */
struct field {
	const char *name;
	enum field_kind kind;
	size_t offset; /* of the value in the struct, for STR to NUMBER */
	field_fn *read;
	enum jtree_need need;
	const char *why; /* REFUSE: the message, "is not available on ..." */
};

/* Rows: a value at a place, a reader for a place, a reader for the whole
 * struct, a member that must be there, one that carries nothing. */
#define FIELD_OF(name_, kind_, type_, member_)                                 \
	{                                                                      \
		.name = (name_), .kind = FIELD_##kind_,                        \
		.offset = offsetof(type_, member_)                             \
	}
#define FIELD_BY(name_, read_, type_, member_)                                 \
	{                                                                      \
		.name = (name_), .kind = FIELD_READ,                           \
		.offset = offsetof(type_, member_), .read = (read_)            \
	}
#define FIELD_DO(name_, read_)                                                 \
	{                                                                      \
		.name = (name_), .kind = FIELD_READ, .read = (read_)           \
	}
#define FIELD_MUST(name_, kind_, type_, member_)                               \
	{                                                                      \
		.name = (name_), .kind = FIELD_##kind_,                        \
		.offset = offsetof(type_, member_), .need = JTREE_REQUIRED     \
	}
#define FIELD_MUST_DO(name_, read_)                                            \
	{                                                                      \
		.name = (name_), .kind = FIELD_READ, .read = (read_),          \
		.need = JTREE_REQUIRED                                         \
	}
#define FIELD_NO(name_, kind_)                                                 \
	{                                                                      \
		.name = (name_), .kind = FIELD_##kind_                         \
	}
#define FIELD_NEVER(name_, why_)                                               \
	{                                                                      \
		.name = (name_), .kind = FIELD_REFUSE, .why = (why_)           \
	}
#define FIELD_END                                                              \
	{                                                                      \
		.name = NULL                                                   \
	}

/*
 * decode_object(chat, obj, table, label, into, err):
 * Read the object at ${obj} into the struct at ${into}, in the order of
 * ${table}.  Losses are called ${label}.member (label NULL: the member).
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST.
 */
int decode_object(struct chat *chat, const struct jnode *obj,
    const struct field *table, const char *label, void *into, struct error *err)
    __attribute__((warn_unused_result));

/*
 * decode_items(chat, into, v, read, err):
 * Have ${read} read each item of the array ${v}, all into ${into}.
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST.
 */
int decode_items(struct chat *chat, void *into, const struct jnode *v,
    field_fn *read, struct error *err) __attribute__((warn_unused_result));

/* Who may say a content part. */
enum speaker {
	SPEAKER_SYSTEM = 1 << 0,
	SPEAKER_USER = 1 << 1,
	SPEAKER_ASSISTANT = 1 << 2,
	SPEAKER_TOOL = 1 << 3 /* inside a tool result */
};

/* Appends the part at ${obj} to ${list}. */
typedef int part_fn(struct chat *chat, struct part **list,
    const struct jnode *obj, struct error *err);

/* One type of content part; a table ends with name NULL. */
struct part_type {
	const char *name;  /* of the type, or its beginning: "mcp_*" */
	unsigned speakers; /* enum speaker */
	part_fn *read;     /* NULL: known, but bound to its vendor */
};

/*
 * decode_content(chat, list, v, types, who, err):
 * Read ${v}, a string or an array of parts that ${who} says, into ${list}.
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST.
 */
int decode_content(struct chat *chat, struct part **list, const struct jnode *v,
    const struct part_type *types, enum speaker who, struct error *err)
    __attribute__((warn_unused_result));

/*
 * decode_part(chat, list, kind, at):
 * Returns  a new part at the end of ${list}, its path that of ${at}.
 */
struct part *decode_part(struct chat *chat, struct part **list,
    enum part_kind kind, const struct jnode *at);

/*
 * decode_type(obj, type, err):
 * Read the member `type` that says what the object at ${obj} is.
 */
int decode_type(const struct jnode *obj, struct str *type, struct error *err)
    __attribute__((warn_unused_result));

/* How one of OpenAI's formats writes a tool choice that is an object. */
struct choice_form {
	const char *allowed; /* member that has mode and tools; NULL: itself */
	int (*named)(struct chat *chat, const struct jnode *v, struct str *name,
	    struct error *err); /* the name in the choice of one tool */
};

/*
 * decode_choice(chat, v, form, err):
 * Take the tool choice ${v}: a word, one tool, or those that are allowed.
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST.
 */
int decode_choice(struct chat *chat, const struct jnode *v,
    const struct choice_form *form, struct error *err)
    __attribute__((warn_unused_result));

/* Field readers for more than one dialect. */
field_fn decode_names;    /* into struct name *: a string or several */
field_fn decode_effort;   /* into enum effort */
field_fn decode_mark;     /* into enum cache_mark: {ttl} */
field_fn decode_json;     /* into struct str: an object, as compact text */
field_fn decode_shared;   /* into chat->shared, unless it is false or empty */
field_fn decode_parallel; /* into chat->parallel_off */
field_fn decode_stream_options; /* into struct chat */
field_fn decode_media; /* into struct part: https: url; data: mime, data */
field_fn decode_audio_format; /* into struct part: "wav" is "audio/wav" */

#endif
