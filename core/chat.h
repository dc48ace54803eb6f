/* SPDX-License-Identifier: MIT */
/*
 * The canonical chat request: what every client dialect decodes to and every
 * provider prepares from.  Plain data in one arena; strings are views into
 * it.  wire.md §7 is the table of what becomes what.
 *
 * Losses.  Whoever cannot carry something over calls chat_lose with the name
 * the client used; nothing is dropped without it.  What would change the
 * meaning is an error instead.
 */
#ifndef CORE_CHAT_H
#define CORE_CHAT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"
#include "core/wire.h"

struct arena;

enum role {
	ROLE_SYSTEM,
	ROLE_USER,
	ROLE_ASSISTANT
};

enum part_kind {
	PART_TEXT,
	PART_IMAGE,
	PART_DOCUMENT,
	PART_AUDIO,
	PART_TOOL_CALL,   /* assistant: id, name, text = arguments as JSON */
	PART_TOOL_RESULT, /* user: id of the call, parts, is_error */
	PART_THINKING,    /* assistant: text, signature, issuer, redacted */
	PART_REFUSAL      /* assistant: text */
};

enum cache_mark {
	CACHE_MARK_NONE,
	CACHE_MARK_5M,
	CACHE_MARK_30M,
	CACHE_MARK_1H,
	CACHE_MARK_12H
};

struct part {
	enum part_kind kind;
	struct str text;      /* TEXT, THINKING, REFUSAL; arguments of a call;
			       * DOCUMENT: plain text instead of data */
	struct str id;        /* TOOL_CALL, TOOL_RESULT: call id */
	struct str name;      /* TOOL_CALL: function; DOCUMENT: file name */
	struct str url;       /* IMAGE, DOCUMENT: https URL; else absent */
	struct str data;      /* IMAGE, DOCUMENT, AUDIO: base64; else absent */
	struct str mime;      /* of data: "image/png" */
	struct str file_id;   /* provider's file; never crosses formats */
	struct str detail;    /* IMAGE: low, high, auto; absent if not given */
	struct str signature; /* THINKING: opaque token; REDACTED: its data;
			       * TOOL_CALL: Gemini's, if not in the id */
	enum wire issuer;     /* THINKING, TOOL_CALL: whose signature */
	bool redacted;        /* THINKING: no text, signature is the data */
	bool is_error;        /* TOOL_RESULT */
	bool custom;          /* TOOL_CALL of a custom (free text) tool */
	enum cache_mark
	    cache_mark;     /* prompt cache breakpoint after this part */
	struct str path;    /* where it stood: "messages[1].content[0]" */
	struct part *parts; /* TOOL_RESULT: list */
	struct part *next;
	struct part *last; /* private, of a list's first: see chat_part */
};

/* An image that stands at an address, fetched before anything is sent. */
struct media {
	struct str url;
	struct str path;       /* of the first part with this address */
	struct str mime, data; /* as in struct part; absent: not yet here */
	struct media *next;
};

/* A message.  System messages inside the conversation keep their place. */
struct turn {
	enum role role;
	struct part *parts;
	struct str name; /* participant's name, absent if not given */
	struct str path; /* "messages[1]" */
	struct turn *next;
	struct turn *last; /* private */
};

struct tool {
	struct str name;        /* with a namespace: "ns__name" */
	struct str ns;          /* its namespace; absent if none */
	struct str description; /* absent if not given */
	struct str schema;      /* JSON Schema text; absent if not given */
	bool strict;
	bool custom;        /* free text input, format in grammar */
	bool search;        /* the client's search for further tools */
	bool hidden;        /* private to dialects: not offered (yet) */
	struct str grammar; /* custom: raw JSON of `format`; or absent */
	enum cache_mark cache_mark;
	struct tool *next;
	struct tool *last; /* private */
};

enum tool_choice {
	TOOL_CHOICE_UNSET,
	TOOL_CHOICE_AUTO,
	TOOL_CHOICE_NONE,
	TOOL_CHOICE_REQUIRED,
	TOOL_CHOICE_NAMED
};

enum output_format {
	OUTPUT_TEXT,
	OUTPUT_JSON,
	OUTPUT_SCHEMA
};

enum effort {
	EFFORT_UNSET,
	EFFORT_NONE,
	EFFORT_MINIMAL,
	EFFORT_LOW,
	EFFORT_MEDIUM,
	EFFORT_HIGH,
	EFFORT_XHIGH,
	EFFORT_MAX
};

/* A number that may be absent. */
struct opt_double {
	bool set;
	double v;
};

/* One name in a list: a loss, a stop string. */
struct name {
	struct str s;
	struct name *next;
};

/* A member that OpenAI's two formats share and no other has. */
struct shared {
	struct str name; /* "verbosity" */
	struct str path; /* where the client has it: "text.verbosity" */
	struct str raw;  /* JSON */
	bool carried;    /* by the writer: it goes along */
	struct shared *next;
};

struct chat {
	struct arena *arena; /* where all of it lives */
	enum wire dialect;   /* of the client */
	struct turn *turns;  /* leading system turns included, in order */
	struct tool *tools;

	enum tool_choice tool_choice;
	struct str tool_choice_name; /* TOOL_CHOICE_NAMED */
	bool parallel_off;           /* parallel tool calls forbidden */

	enum output_format output;
	struct str schema_name; /* OUTPUT_SCHEMA; may be absent */
	struct str schema;      /* OUTPUT_SCHEMA: JSON Schema text */
	bool schema_strict;

	int64_t max_tokens; /* 0: not given */
	struct opt_double temperature;
	struct opt_double top_p;
	struct opt_double top_k;
	struct opt_double presence_penalty;
	struct opt_double frequency_penalty;
	struct opt_double seed;
	struct name *stop; /* stop strings, in order */

	enum effort effort;
	int64_t thinking_budget; /* tokens; 0 not given, -1 adaptive */
	bool thinking_off;       /* explicitly disabled */
	bool thinking_hidden;    /* the client wants no thinking text */

	bool logprobs; /* asked for; they cross to nobody */
	bool stream;
	bool include_usage;      /* stream: the client wants a usage chunk */
	struct str user;         /* end-user id; absent if not given */
	struct str service_tier; /* as the client wrote it; absent */

	struct shared *shared; /* in order; what no writer carries is lost */
	const struct media *media; /* fetched images; see chat_media */

	int64_t dimensions;  /* OPERATION_EMBED: of a vector; 0: as usual */
	struct name *losses; /* what translation dropped, see chat_lose */
	bool beyond;         /* the client's bytes say more than this struct */
};

/*
 * chat_lose(chat, fmt, ...):
 * Note that what the client calls ${fmt}... does not reach the provider; the
 * same name counts once.  The chat is beyond then.
 */
void chat_lose(struct chat *chat, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* chat_lose_shared(chat): after each translation, what no writer carries. */
void chat_lose_shared(struct chat *chat);

/*
 * chat_turn(chat, role), chat_part(chat, list, kind), chat_tool(chat):
 * Append a zeroed element to the list's end, which the list's first element
 * remembers in last: append by these only, and never put one in front.
 *
 * Returns  the new element, in chat->arena.
 */
struct turn *chat_turn(struct chat *chat, enum role role);
struct part *chat_part(
    struct chat *chat, struct part **list, enum part_kind kind);
struct tool *chat_tool(struct chat *chat);

/* chat_media(chat, url): what stands at ${url}; NULL: nobody fetches it. */
const struct media *chat_media(const struct chat *chat, struct str url);

/* media_type(s): as vendors write it; many say "image/jpg". */
struct str media_type(struct str s);

/* name_add(a, list, s): append a copy of ${s} unless the list has it. */
void name_add(struct arena *a, struct name **list, struct str s);

/* effort_of(word), effort_word(e): "low" and so on; EFFORT_UNSET if unknown. */
enum effort effort_of(struct str word);
const char *effort_word(enum effort e);

#endif
