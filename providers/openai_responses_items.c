/* SPDX-License-Identifier: MIT */
/*
 * The items of a Responses answer.  Each has a block, a message one for each
 * part, under the numbers it came with until the item is done.  Whatever was
 * not streamed comes with the end of the item, so a whole answer is read as
 * items that are done.  Items of hosted tools are lost: their place in a
 * conversation is with their own vendor.
 */
#include "providers/openai_responses_decode.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/jtree.h"
#include "core/jw.h"

#include "providers/answer.h"
#include "providers/names.h"

#define MAX_TEXT_BYTES ((size_t)256 << 20)
#define CUSTOM_BEGIN   "{\"input\":\""
#define CUSTOM_END     "\"}"

/* ---- blocks ---- */

struct responses_block *
responses_find(const struct responses *o, int64_t output, int64_t content)
{
	struct responses_block *b = o->blocks;

	while (b && (b->output != output || b->content != content))
		b = b->next;
	return b;
}

static int
put_text(struct responses *o, const struct responses_block *b,
    enum event_kind kind, struct str text, struct error *err)
{
	if (text.n == 0)
		return 0;
	return responses_put(o,
	    (struct event){ .kind = kind, .key = b->key, .text = text }, err);
}

static struct responses_block *
new_block(
    struct responses *o, enum block_kind kind, int64_t output, int64_t content)
{
	struct responses_block *b = o->spare;

	if (b)
		o->spare = b->next;
	else
		b = ARENA_NEW(o->arena, struct responses_block);
	*b = (struct responses_block){ .output = output,
		.content = content,
		.piece = -1,
		.kind = kind,
		.key = o->next_key++,
		.next = o->blocks };
	o->blocks = b;
	return b;
}

static struct responses_block *
open_block(struct responses *o, struct event open, int64_t output,
    int64_t content, struct error *err)
{
	struct responses_block *b;

	if (o->next_key >= INT16_MAX) {
		(void)error_set(err, ERROR_UP_BROKEN,
		    "the provider's answer has too many parts");
		return NULL;
	}
	b = new_block(o, open.block, output, content);
	open.kind = EVENT_OPEN;
	open.key = b->key;
	o->called |= open.block == BLOCK_TOOL;
	o->refused |= open.block == BLOCK_REFUSAL;
	return responses_put(o, open, err) == 0 ? b : NULL;
}

int
responses_close(
    struct responses *o, struct responses_block *b, struct error *err)
{
	if (b->closed)
		return 0;
	b->closed = true;
	if (b->custom && put_text(o, b, EVENT_DELTA, STR(CUSTOM_END), err) != 0)
		return -1;
	return responses_put(
	    o, (struct event){ .kind = EVENT_CLOSE, .key = b->key }, err);
}

/* Ends every block of item ${output}. */
static int
drop_blocks(struct responses *o, int64_t output, struct error *err)
{
	struct responses_block **at = &o->blocks, *b;

	while ((b = *at) != NULL) {
		if (b->output != output) {
			at = &b->next;
			continue;
		}
		if (responses_close(o, b, err) != 0)
			return -1;
		*at = b->next;
		b->next = o->spare;
		o->spare = b;
	}
	return 0;
}

/* Free text becomes the inside of a JSON string, piece by piece. */
static struct str
quoted(struct responses *o, struct str text)
{
	struct buf *b = buf_new(o->scratch, MAX_TEXT_BYTES);

	jw_quote(b, text);
	return (struct str){ .p = b->p + 1, .n = b->n - 2 };
}

static int
feed(struct responses *o, struct responses_block *b, struct str text,
    struct error *err)
{
	if (b->closed || text.n == 0)
		return 0;
	b->fed = true;
	return put_text(
	    o, b, EVENT_DELTA, b->custom ? quoted(o, text) : text, err);
}

/* ---- messages ---- */

static enum block_kind
kind_of_part(struct str type)
{
	return str_is(type, "refusal") ? BLOCK_REFUSAL : BLOCK_TEXT;
}

/* The block of a part, opened if this is the first that is heard of it. */
static struct responses_block *
part_block(struct responses *o, enum block_kind kind, int64_t output,
    int64_t content, struct error *err)
{
	struct responses_block *b = responses_find(o, output, content);

	return b ? b
		 : open_block(o, (struct event){ .block = kind }, output,
		       content, err);
}

static int
message_done(struct responses *o, int64_t index, const struct jnode *item,
    struct error *err)
{
	struct responses_block *b;
	struct jnode list, part;
	struct str type, text;
	size_t i;

	(void)jtree_find(item, "content", &list);
	for (i = 0; i < jtree_len(&list); i++) {
		part = jtree_item(&list, i);
		type = answer_str(&part, "type");
		text = answer_str(
		    &part, str_is(type, "refusal") ? "refusal" : "text");
		if (text.n == 0)
			continue;
		b = part_block(o, kind_of_part(type), index, (int64_t)i, err);
		if (!b || (!b->fed && feed(o, b, text, err) != 0) ||
		    responses_cited(o, b, &part, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- calls ---- */

/* The block of a call, opened if this is the first that is heard of it. */
static struct responses_block *
call_block(struct responses *o, int64_t index, const struct jnode *item,
    struct error *err)
{
	struct event open = { .block = BLOCK_TOOL };
	struct responses_block *b = responses_find(o, index, 0);

	if (b)
		return b;
	open.id = answer_str(item, "call_id");
	if (!open.id.p)
		open.id = answer_str(item, "id");
	open.name =
	    name_back(o->ask, answer_str(item, "name"), WIRE_OPENAI_RESPONSES);
	b = open_block(o, open, index, 0, err);
	if (!b)
		return NULL;
	b->custom = str_is(answer_str(item, "type"), "custom_tool_call");
	if (b->custom &&
	    put_text(o, b, EVENT_DELTA, STR(CUSTOM_BEGIN), err) != 0)
		return NULL;
	return b;
}

static int
call_added(struct responses *o, int64_t index, const struct jnode *item,
    struct error *err)
{
	return call_block(o, index, item, err) ? 0 : -1;
}

static int
call_done(struct responses *o, int64_t index, const struct jnode *item,
    struct error *err)
{
	struct responses_block *b = call_block(o, index, item, err);

	if (!b)
		return -1;
	if (b->fed)
		return 0;
	return feed(
	    o, b, answer_str(item, b->custom ? "input" : "arguments"), err);
}

/* ---- thinking ---- */

/* ${raw}: the thoughts themselves; otherwise a summary.  Only one is passed,
 * its parts with an empty line between. */
static int
think(struct responses *o, struct responses_block *b, bool raw, int64_t piece,
    struct str text, struct error *err)
{
	if (b->closed || text.n == 0 || (b->fed && b->raw != raw))
		return 0;
	if (b->fed && b->piece != piece &&
	    put_text(o, b, EVENT_DELTA, STR("\n\n"), err) != 0)
		return -1;
	b->raw = raw;
	b->piece = piece;
	return feed(o, b, text, err);
}

static int
think_all(struct responses *o, int64_t index, const struct jnode *item,
    bool raw, struct error *err)
{
	struct responses_block *b;
	struct jnode list, part;
	struct str text;
	size_t i;

	(void)jtree_find(item, raw ? "content" : "summary", &list);
	for (i = 0; i < jtree_len(&list); i++) {
		part = jtree_item(&list, i);
		text = answer_str(&part, "text");
		if (text.n == 0)
			continue;
		b = part_block(o, BLOCK_THINKING, index, 0, err);
		if (!b || think(o, b, raw, (int64_t)i, text, err) != 0)
			return -1;
	}
	return 0;
}

static bool
has_token(const struct jnode *item)
{
	return answer_str(item, "encrypted_content").n > 0;
}

/* Thinking that shows no text is redacted. */
static int
reasoning_done(struct responses *o, int64_t index, const struct jnode *item,
    struct error *err)
{
	struct responses_block *b = responses_find(o, index, 0);

	if (!b || !b->fed) {
		if (think_all(o, index, item, false, err) != 0)
			return -1;
		b = responses_find(o, index, 0);
	}
	if ((!b || !b->fed) && think_all(o, index, item, true, err) != 0)
		return -1;
	if (!has_token(item))
		return 0;
	b = part_block(o,
	    responses_find(o, index, 0) ? BLOCK_THINKING : BLOCK_REDACTED,
	    index, 0, err);
	if (!b)
		return -1;
	if (b->closed)
		return 0;
	return put_text(
	    o, b, EVENT_SIGNATURE, answer_str(item, "encrypted_content"), err);
}

/*
 * OpenRouter ends a thought behind the message that follows it; whoever has a
 * token to come says so at the beginning.
 */
static int
end_thoughts(struct responses *o, struct error *err)
{
	struct responses_block *b;

	for (b = o->blocks; b; b = b->next)
		if (b->kind == BLOCK_THINKING && b->output != o->sealed &&
		    responses_close(o, b, err) != 0)
			return -1;
	return 0;
}

/* Its block opens with its first text: there may be none. */
static int
reasoning_added(struct responses *o, int64_t index, const struct jnode *item,
    struct error *err)
{
	(void)err;
	if (has_token(item))
		o->sealed = index;
	return 0;
}

static int
search_done(struct responses *o, int64_t index, const struct jnode *item,
    struct error *err)
{
	(void)index;
	o->searches++;
	return answer_lost(o->out, answer_str(item, "type"), err);
}

/* ---- items ---- */

typedef int item_fn(struct responses *o, int64_t index,
    const struct jnode *item, struct error *err);

static const struct {
	const char *type;
	item_fn *added, *done; /* NULL: nothing to do */
} items[] = {
	{ "message", NULL, message_done },
	{ "function_call", call_added, call_done },
	{ "custom_tool_call", call_added, call_done },
	{ "reasoning", reasoning_added, reasoning_done },
	{ "web_search_call", NULL, search_done },
};

int
responses_added(struct responses *o, int64_t index, const struct jnode *item,
    struct error *err)
{
	struct str type = answer_str(item, "type");

	if (end_thoughts(o, err) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(items) / sizeof(*items); i++)
		if (str_is(type, items[i].type) && items[i].added)
			return items[i].added(o, index, item, err);
	return 0;
}

int
responses_done(struct responses *o, int64_t index, const struct jnode *item,
    struct error *err)
{
	struct str type = answer_str(item, "type");
	size_t i = 0, n = sizeof(items) / sizeof(*items);

	while (i < n && !str_is(type, items[i].type))
		i++;
	if ((i < n ? items[i].done(o, index, item, err)
		   : answer_lost(o->out, type, err)) != 0)
		return -1;
	return drop_blocks(o, index, err);
}

/* ---- pieces ---- */

/* Events with a piece, or with the whole text at its end. */
static const struct {
	const char *name, *key;
	enum block_kind kind;
	bool whole;
	bool raw;          /* thinking: not a summary */
	const char *piece; /* member that numbers a thought's parts */
} texts[] = {
	{ "response.output_text.delta", "delta", BLOCK_TEXT, false, false,
	    NULL },
	{ "response.output_text.done", "text", BLOCK_TEXT, true, false, NULL },
	{ "response.refusal.delta", "delta", BLOCK_REFUSAL, false, false,
	    NULL },
	{ "response.refusal.done", "refusal", BLOCK_REFUSAL, true, false,
	    NULL },
	{ "response.function_call_arguments.delta", "delta", BLOCK_TOOL, false,
	    false, NULL },
	{ "response.function_call_arguments.done", "arguments", BLOCK_TOOL,
	    true, false, NULL },
	{ "response.custom_tool_call_input.delta", "delta", BLOCK_TOOL, false,
	    false, NULL },
	{ "response.custom_tool_call_input.done", "input", BLOCK_TOOL, true,
	    false, NULL },
	{ "response.reasoning_summary_text.delta", "delta", BLOCK_THINKING,
	    false, false, "summary_index" },
	{ "response.reasoning_text.delta", "delta", BLOCK_THINKING, false, true,
	    "content_index" },
};

static int
read_text(struct responses *o, size_t which, const struct jnode *root,
    struct error *err)
{
	struct str text = answer_str(root, texts[which].key);
	bool thinking = texts[which].kind == BLOCK_THINKING;
	int64_t output = 0, content = 0, piece = 0;
	struct responses_block *b;

	(void)answer_count(root, "output_index", &output);
	if (!thinking)
		(void)answer_count(root, "content_index", &content);
	else
		(void)answer_count(root, texts[which].piece, &piece);
	b = responses_find(o, output, content);
	/* A call that nobody has announced: its item will bring it. */
	if (text.n == 0 || (!b && texts[which].kind == BLOCK_TOOL))
		return 0;
	if (!b)
		b = part_block(o, texts[which].kind, output, content, err);
	if (!b)
		return -1;
	if (thinking)
		return think(o, b, texts[which].raw, piece, text, err);
	/* Behind a text its sources may follow. */
	if (texts[which].whole && b->fed)
		return b->kind == BLOCK_TEXT ? 0 : responses_close(o, b, err);
	return feed(o, b, text, err);
}

int
responses_text(struct responses *o, struct str name, const struct jnode *root,
    struct error *err)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (str_is(name, texts[i].name))
			return read_text(o, i, root, err);
	return 0;
}
