/* SPDX-License-Identifier: MIT */
#include "core/cache_policy.h"

#include "core/call.h"
#include "core/conf.h"
#include "core/jtext.h"
#include "core/key.h"
#include "core/route.h"

enum cache_mode
cache_policy_mode(const struct call *c)
{
	enum cache_mode mode = c->control.cache.mode;

	if (c->ask.operation != OPERATION_CHAT &&
	    c->ask.operation != OPERATION_EMBED)
		return CACHE_OFF;
	if (mode == CACHE_UNSET && c->route != NULL)
		mode = c->route->cache;
	if (mode == CACHE_UNSET && c->key != NULL) {
		if (c->key->cache == KEY_CACHE_ON)
			mode = CACHE_ON;
		else if (c->key->cache == KEY_CACHE_OFF)
			mode = CACHE_OFF;
	}
	if (mode == CACHE_UNSET)
		mode = c->conf->cache.on ? CACHE_ON : CACHE_OFF;
	if (mode == CACHE_ON && c->control.cache.no_cache)
		mode = CACHE_REFRESH;
	if (mode == CACHE_ON && c->control.cache.only)
		mode = CACHE_ONLY;
	return mode;
}

/* Tools that run at the client's, so that their results are in the request.
 * Any other type may look at the world. */
static bool
is_local(struct str type)
{
	static const char *const prefixes[] = { "function", "custom",
		"namespace", "bash_", "text_editor_", "computer", "memory_",
		"local_shell", "shell", "apply_patch" };
	size_t i;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (str_starts(type, prefixes[i]))
			return true;
	return false;
}

static bool
lists_hosted_tool(struct arena *a, struct str list)
{
	struct str tool, type;
	size_t pos = 0;

	while (jtext_item(list, &pos, &tool)) {
		if (tool.p[0] != '{' || !jtext_get(tool, "type", &type))
			continue;
		type = jtext_string(a, type);
		if (type.p != NULL && !is_local(type))
			return true;
	}
	return false;
}

static bool
is_hosted(struct str name)
{
	static const char *const names[] = { "web_search_options",
		"mcp_servers", "container", "plugins", "search_parameters",
		"background" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (jtext_is_name(name, str_of(names[i])))
			return true;
	return false;
}

static bool
has_hosted_tool(struct arena *a, struct str body)
{
	struct str name, value;
	size_t pos = 0;

	while (jtext_member(body, &pos, &name, &value)) {
		if (is_hosted(name) && !str_is(value, "null") &&
		    !str_is(value, "false"))
			return true;
		if (jtext_is_name(name, STR("tools")) &&
		    lists_hosted_tool(a, value))
			return true;
	}
	return false;
}

/* What an answer would hold and events do not; by the name of the loss. */
static bool
asks_for_more(const struct chat *chat)
{
	static const char *const names[] = { "logprobs", "top_logprobs",
		"audio", "include", "messages.content.citations" };
	const struct name *n;
	size_t i;

	for (n = chat->losses; n != NULL; n = n->next)
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (str_is(n->s, names[i]))
				return true;
	return false;
}

/* Several answers in one: events tell of the first. */
static bool
asks_for_several(struct str body)
{
	struct str n;

	return jtext_get(body, "n", &n) && !str_is(n, "1") &&
	    !str_is(n, "null");
}

/* What it says, and what follows from it, is not in the request. */
static bool
has_conversation(struct str body)
{
	struct str v;

	return jtext_get(body, "conversation", &v) && !str_is(v, "null");
}

const char *
cache_policy_request(struct call *c)
{
	struct error ignored = { .kind = ERROR_NONE };
	bool hosted = has_hosted_tool(c->arena, c->ask.body);
	const struct chat *chat;

	if (c->control.cache.no_store || c->control.no_store)
		return "no-store";
	if (has_conversation(c->ask.body))
		return "a conversation that the provider keeps";
	if (hosted && c->control.cache.ttl_s == 0)
		return "hosted tools";
	/* Hosted tools are what no other provider has: that is no reason. */
	chat = ask_chat(&c->ask, &ignored);
	if (chat != NULL ? asks_for_more(chat)
			 : !hosted || asks_for_several(c->ask.body))
		return "asks for what is not kept";
	return NULL;
}
