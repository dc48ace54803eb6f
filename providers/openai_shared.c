/* SPDX-License-Identifier: MIT */
#include "providers/openai_shared.h"

#include "core/arena.h"
#include "core/catalog.h"
#include "core/conf.h"
#include "core/jw.h"

#include "providers/history.h"
#include "providers/takes.h"

#define MAX_MARKS      4   /* writes to the cache in one request */
#define MAX_USER_BYTES 128 /* Claude Code sends a JSON document as user */

static bool
is_openai(const struct target *t)
{
	return !(t->provider->quirks & QUIRK_NO_DEVELOPER);
}

static struct shared *
find(struct chat *chat, const char *name)
{
	struct shared *s = chat->shared;

	while (s != NULL && !str_is(s->name, name))
		s = s->next;
	return s;
}

/* Chat keeps metadata with what it stores only, and knows one lifetime. */
static bool
fits_chat(struct chat *chat, const struct shared *s)
{
	const struct shared *store = find(chat, "store");

	if (str_is(s->name, "metadata"))
		return store != NULL && str_is(store->raw, "true");
	if (str_is(s->name, "prompt_cache_options"))
		return str_find(s->raw, STR("\"12h\"")) < 0 &&
		    str_find(s->raw, STR("\"prewarm\"")) < 0 &&
		    str_find(s->raw, STR("comparison_response_id")) < 0;
	return true;
}

void
openai_shared(
    struct jw *w, struct chat *chat, const struct target *t, enum wire wire)
{
	struct shared *s;

	for (s = chat->shared; s != NULL; s = s->next) {
		if (!is_openai(t) || str_is(s->name, "verbosity") ||
		    (wire == WIRE_OPENAI_CHAT && !fits_chat(chat, s)))
			continue;
		jw_key_str(w, s->name);
		jw_raw(w, s->raw);
		s->carried = true;
	}
}

struct str
openai_verbosity(struct chat *chat, const struct target *t, enum wire wire)
{
	struct shared *s = find(chat, "verbosity");

	if (s == NULL || !is_openai(t) || !takes_any(t, wire, MODEL_REASONING))
		return STR_NONE;
	s->carried = true;
	return s->raw;
}

void
openai_user(struct jw *w, struct chat *chat)
{
	if (chat->user.n > MAX_USER_BYTES)
		history_lose_user(chat);
	else if (chat->user.n > 0)
		jw_kv_str(w, "user", chat->user);
}

struct str
openai_media_url(struct arena *a, const struct part *part)
{
	if (part->url.p)
		return part->url;
	return str_of(arena_printf(a, "data:%.*s;base64,%.*s",
	    STR_ARG(part->mime), STR_ARG(part->data)));
}

int
openai_audio(struct jw *w, const struct target *t, const struct part *part,
    enum wire wire, struct error *err)
{
	bool bare = wire == WIRE_OPENAI_CHAT &&
	    (t->provider->quirks & QUIRK_FLAT_MEDIA);
	bool wav = str_is(part->mime, "audio/wav") ||
	    str_is(part->mime, "audio/x-wav");

	if (!takes_any(t, wire, MODEL_AUDIO))
		return history_refuse(
		    part, err, "the model does not take audio");
	if (!wav && !str_is(part->mime, "audio/mpeg") &&
	    !str_is(part->mime, "audio/mp3"))
		return history_refuse(
		    part, err, "the provider takes audio as wav or mp3");
	jw_object(w);
	jw_kv_cstr(w, "type", "input_audio");
	jw_key(w, "input_audio");
	if (bare) {
		jw_str(w, part->data);
	} else {
		jw_object(w);
		jw_kv_str(w, "data", part->data);
		jw_kv_cstr(w, "format", wav ? "wav" : "mp3");
		jw_end(w);
	}
	jw_end(w);
	return 0;
}

static const char *
lifetime(const struct target *t, enum cache_mark mark)
{
	if (!is_openai(t))
		return NULL;
	return mark == CACHE_MARK_30M ? "30m"
	    : mark == CACHE_MARK_12H  ? "12h"
				      : NULL;
}

void
openai_mark(
    struct jw *w, const struct target *t, const struct part *part, unsigned *n)
{
	const char *ttl = lifetime(t, part->cache_mark);

	if (ttl == NULL || *n >= MAX_MARKS)
		return;
	++*n;
	jw_key(w, "prompt_cache_breakpoint");
	jw_object(w);
	jw_kv_cstr(w, "mode", "explicit");
	jw_kv_cstr(w, "ttl", ttl);
	jw_end(w);
}

bool
openai_has_mark(const struct target *t, const struct part *parts)
{
	while (parts != NULL && lifetime(t, parts->cache_mark) == NULL)
		parts = parts->next;
	return parts != NULL;
}
