/* SPDX-License-Identifier: MIT */
#include <json-c/json.h>

#include "core/arena.h"
#include "core/chat.h"
#include "core/error.h"
#include "core/jtree.h"
#include "tests/unit/projection.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct reader {
	struct chat *chat;
	int calls, results; /* without ids they answer each other in order */
};

static struct str
text_of(const struct jnode *at, const char *key)
{
	struct jnode v;

	return jtree_find(at, key, &v) ? jtree_value_str(&v) : STR_NONE;
}

/* Members go by two spellings, and either is understood. */
static bool
find(const struct jnode *at, const char *camel, const char *snake,
    struct jnode *v)
{
	return jtree_find(at, camel, v) || jtree_find(at, snake, v);
}

static struct str
json_of(struct reader *r, const struct jnode *at, const char *key)
{
	struct jnode v;

	return jtree_find(at, key, &v) ? jtree_text(r->chat->arena, &v)
				       : STR_NONE;
}

static struct part *
add(struct reader *r, struct turn *t, enum part_kind kind,
    const struct jnode *at)
{
	struct part *p = chat_part(r->chat, &t->parts, kind);

	p->path = jtree_path(r->chat->arena, at);
	return p;
}

static enum part_kind
kind_of(struct str mime)
{
	return str_starts(mime, "image/") ? PART_IMAGE
	    : str_starts(mime, "audio/")  ? PART_AUDIO
					  : PART_DOCUMENT;
}

static void
read_media(struct part *p, const struct jnode *at)
{
	struct jnode v;

	if (find(at, "mimeType", "mime_type", &v))
		p->mime = jtree_value_str(&v);
	p->data = text_of(at, "data");
	if (find(at, "fileUri", "file_uri", &v))
		p->url = jtree_value_str(&v);
	p->kind = kind_of(p->mime);
}

static struct str
call_id(struct reader *r, const struct jnode *at, int number)
{
	struct str id = text_of(at, "id");

	return id.n > 0 ? id
			: str_of(arena_printf(r->chat->arena, "n%d", number));
}

static struct str
signature_of(const struct jnode *at)
{
	struct jnode v;

	return find(at, "thoughtSignature", "thought_signature", &v)
	    ? jtree_value_str(&v)
	    : STR_NONE;
}

static void
read_call(struct reader *r, struct turn *t, const struct jnode *at,
    struct str signature)
{
	struct part *p = add(r, t, PART_TOOL_CALL, at);

	p->id = call_id(r, at, ++r->calls);
	p->name = text_of(at, "name");
	p->text = json_of(r, at, "args");
	p->signature = signature;
	p->issuer = WIRE_GEMINI;
}

/* One member "output", "result" or "error" holds words; else an object. */
static void
read_words(struct reader *r, struct part *result, const struct jnode *response)
{
	static const char *const words[] = { "output", "result", "error" };
	struct part *p = chat_part(r->chat, &result->parts, PART_TEXT);
	size_t i;

	p->text = jtree_text(r->chat->arena, response);
	for (i = 0; i < COUNT(words); i++)
		if (json_object_object_length(response->v) == 1 &&
		    text_of(response, words[i]).p != NULL) {
			p->text = text_of(response, words[i]);
			result->is_error = str_is(str_of(words[i]), "error");
		}
}

static void
read_result(struct reader *r, struct turn *t, const struct jnode *at)
{
	struct part *p = add(r, t, PART_TOOL_RESULT, at);
	struct jnode v, item, data;
	size_t i;

	p->id = call_id(r, at, ++r->results);
	if (jtree_find(at, "response", &v))
		read_words(r, p, &v);
	(void)jtree_find(at, "parts", &v);
	for (i = 0; i < jtree_len(&v); i++) {
		item = jtree_item(&v, i);
		if (find(&item, "inlineData", "inline_data", &data) ||
		    find(&item, "fileData", "file_data", &data))
			read_media(
			    chat_part(r->chat, &p->parts, PART_IMAGE), &data);
	}
}

static void
read_text(struct reader *r, struct turn *t, const struct jnode *at)
{
	struct jnode v;
	bool thought =
	    jtree_find(at, "thought", &v) && json_object_get_boolean(v.v);
	struct str text = text_of(at, "text");
	struct str signature = signature_of(at);
	struct part *p;

	thought |= text.n == 0 && signature.n > 0;
	p = add(r, t, thought ? PART_THINKING : PART_TEXT, at);
	p->text = text;
	p->signature = thought ? signature : STR_NONE;
}

static void
read_part(struct reader *r, struct turn *t, const struct jnode *at)
{
	struct jnode v;

	if (find(at, "functionCall", "function_call", &v))
		read_call(r, t, &v, signature_of(at));
	else if (find(at, "functionResponse", "function_response", &v))
		read_result(r, t, &v);
	else if (find(at, "inlineData", "inline_data", &v) ||
	    find(at, "fileData", "file_data", &v))
		read_media(add(r, t, PART_IMAGE, at), &v);
	else
		read_text(r, t, at);
}

static void
read_content(struct reader *r, enum role role, const struct jnode *at)
{
	struct turn *t = chat_turn(r->chat, role);
	struct jnode parts, item;
	size_t i;

	if (role != ROLE_SYSTEM && str_is(text_of(at, "role"), "model"))
		t->role = ROLE_ASSISTANT;
	(void)jtree_find(at, "parts", &parts);
	if (json_object_is_type(parts.v, json_type_object))
		read_part(r, t, &parts);
	for (i = 0; i < jtree_len(&parts); i++) {
		item = jtree_item(&parts, i);
		read_part(r, t, &item);
	}
}

static void
read_tools(struct reader *r, const struct jnode *at)
{
	struct jnode list, item;
	struct tool *tool;
	size_t i;

	(void)find(at, "functionDeclarations", "function_declarations", &list);
	for (i = 0; i < jtree_len(&list); i++) {
		item = jtree_item(&list, i);
		tool = chat_tool(r->chat);
		tool->name = text_of(&item, "name");
		tool->description = text_of(&item, "description");
		tool->schema = json_of(r, &item, "parametersJsonSchema");
		if (tool->schema.p == NULL)
			tool->schema = json_of(r, &item, "parameters");
	}
}

static void
read_choice(struct reader *r, const struct jnode *at)
{
	static const struct {
		const char *mode;
		enum tool_choice choice;
		bool strict;
	} modes[] = {
		{ "AUTO", TOOL_CHOICE_AUTO, false },
		{ "NONE", TOOL_CHOICE_NONE, false },
		{ "ANY", TOOL_CHOICE_REQUIRED, false },
		{ "VALIDATED", TOOL_CHOICE_AUTO, true },
	};
	struct jnode v, names, first;
	struct tool *tool = NULL;
	size_t i;

	if (!jtree_find(at, "functionCallingConfig", &v))
		return;
	for (i = 0; i < COUNT(modes); i++)
		if (str_is(text_of(&v, "mode"), modes[i].mode)) {
			r->chat->tool_choice = modes[i].choice;
			tool = modes[i].strict ? r->chat->tools : NULL;
		}
	for (; tool != NULL; tool = tool->next)
		tool->strict = true;
	(void)jtree_find(&v, "allowedFunctionNames", &names);
	if (jtree_len(&names) == 1) {
		first = jtree_item(&names, 0);
		r->chat->tool_choice = TOOL_CHOICE_NAMED;
		r->chat->tool_choice_name = jtree_value_str(&first);
	}
}

static void
read_format(struct reader *r, const struct jnode *at)
{
	if (!str_is(text_of(at, "responseMimeType"), "application/json"))
		return;
	r->chat->output = OUTPUT_JSON;
	r->chat->schema = json_of(r, at, "responseJsonSchema");
	if (r->chat->schema.p == NULL)
		r->chat->schema = json_of(r, at, "responseSchema");
	if (r->chat->schema.p != NULL)
		r->chat->output = OUTPUT_SCHEMA;
}

/* One object, or a list of them: the API takes both. */
static void
read_each(struct reader *r, const struct jnode *root, const char *key,
    void (*read)(struct reader *r, const struct jnode *at))
{
	struct jnode v, item;
	size_t i;

	if (!jtree_find(root, key, &v))
		return;
	if (!json_object_is_type(v.v, json_type_array)) {
		read(r, &v);
		return;
	}
	for (i = 0; i < jtree_len(&v); i++) {
		item = jtree_item(&v, i);
		read(r, &item);
	}
}

static void
read_thinking(struct reader *r, const struct jnode *at)
{
	static const struct {
		const char *level;
		enum effort effort;
	} levels[] = {
		{ "MINIMAL", EFFORT_MINIMAL },
		{ "LOW", EFFORT_LOW },
		{ "MEDIUM", EFFORT_MEDIUM },
		{ "HIGH", EFFORT_HIGH },
		{ "XHIGH", EFFORT_XHIGH },
	};
	struct jnode v;
	size_t i;

	for (i = 0; i < COUNT(levels); i++)
		if (str_is(text_of(at, "thinkingLevel"), levels[i].level))
			r->chat->effort = levels[i].effort;
	if (jtree_find(at, "thinkingBudget", &v))
		r->chat->thinking_budget = json_object_get_int64(v.v);
}

static void
read_config(struct reader *r, const struct jnode *at)
{
	struct chat *c = r->chat;
	const struct {
		const char *key;
		struct opt_double *to;
	} numbers[] = {
		{ "temperature", &c->temperature },
		{ "topP", &c->top_p },
		{ "topK", &c->top_k },
		{ "presencePenalty", &c->presence_penalty },
		{ "frequencyPenalty", &c->frequency_penalty },
		{ "seed", &c->seed },
	};
	struct jnode v, item;
	size_t i;

	for (i = 0; i < COUNT(numbers); i++)
		if (jtree_find(at, numbers[i].key, &v))
			*numbers[i].to = (struct opt_double){ true,
				json_object_get_double(v.v) };
	if (jtree_find(at, "maxOutputTokens", &v))
		c->max_tokens = json_object_get_int64(v.v);
	(void)jtree_find(at, "stopSequences", &v);
	for (i = 0; i < jtree_len(&v); i++) {
		item = jtree_item(&v, i);
		name_add(c->arena, &c->stop, jtree_value_str(&item));
	}
	read_format(r, at);
	read_each(r, at, "thinkingConfig", read_thinking);
}

static void
read_turn(struct reader *r, const struct jnode *at)
{
	read_content(r, ROLE_USER, at);
}

static void
read_system(struct reader *r, const struct jnode *at)
{
	read_content(r, ROLE_SYSTEM, at);
}

int
gemini_read(
    struct arena *a, struct str body, struct chat *chat, struct error *err)
{
	struct reader r = { .chat = chat };
	struct jnode *root = ARENA_NEW(a, struct jnode);

	if (jtree_read(a, body, root, err) != 0)
		return -1;
	chat->arena = a;
	chat->dialect = WIRE_GEMINI;
	read_each(&r, root, "systemInstruction", read_system);
	read_each(&r, root, "contents", read_turn);
	read_each(&r, root, "tools", read_tools);
	read_each(&r, root, "toolConfig", read_choice);
	read_each(&r, root, "generationConfig", read_config);
	return 0;
}
