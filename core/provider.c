/* SPDX-License-Identifier: MIT */
#include "core/provider.h"

#include <strings.h>

#include "core/arena.h"
#include "core/conf.h"

void
header_add(
    struct arena *a, struct header **list, struct str name, struct str value)
{
	struct header *h = ARENA_NEW(a, struct header);

	h->name = name;
	h->value = value;
	while (*list != NULL)
		list = &(*list)->next;
	*list = h;
}

struct str
header_get(const struct header *list, const char *name)
{
	size_t n = strlen(name);

	for (; list != NULL; list = list->next)
		if (list->name.n == n &&
		    strncasecmp(list->name.p, name, n) == 0)
			return list->value;
	return STR_NONE;
}

struct chat *
ask_chat(struct ask *ask, struct error *err)
{
	struct chat *chat = ask->chat;

	if (chat != NULL)
		return chat;
	chat = ARENA_NEW(ask->arena, struct chat);
	chat->arena = ask->arena;
	chat->dialect = ask->wire;
	if (ask->decode(ask->arena, ask->body, chat, err) != 0)
		return NULL;
	chat->media = ask->media;
	ask->chat = chat;
	return chat;
}

bool
operation_is_free(enum operation op)
{
	return op == OPERATION_COUNT || op == OPERATION_STORED;
}

struct str
vendor_apis(const struct vendor *v, struct str *also)
{
	struct str first;

	*also = str_split(str_of(v->api), ',', &first);
	return first;
}

const struct provider *
registry_api(const struct registry *r, struct str name)
{
	const struct provider *const *p;

	for (p = r->apis; *p != NULL; p++)
		if (str_is(name, (*p)->name))
			return *p;
	return NULL;
}

const struct vendor *
registry_vendor(const struct registry *r, struct str name)
{
	const struct vendor *v;

	for (v = r->vendors; v->name != NULL; v++)
		if (str_is(name, v->name))
			return v;
	return NULL;
}

struct str
target_secret(const struct target *t)
{
	return t->credential.p != NULL ? t->key : t->provider->key;
}

struct str
target_credential(const struct target *t)
{
	if (t->credential.p != NULL)
		return t->credential;
	return t->provider->key.p != NULL ? STR("conf") : STR_NONE;
}

struct canned *
canned_json(struct arena *a, struct str bytes)
{
	struct canned *canned = ARENA_NEW(a, struct canned);

	canned->status = 200;
	canned->content_type = "application/json";
	canned->chunks = ARENA_NEW(a, struct canned_chunk);
	canned->chunks->bytes = bytes;
	return canned;
}
