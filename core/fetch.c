/* SPDX-License-Identifier: MIT */
#include "core/fetch.h"

#include <stdio.h>

#include <curl/curl.h>
#include <openssl/evp.h>

#include "core/arena.h"
#include "core/attempt.h"
#include "core/buf.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/loop.h"
#include "core/plan.h"
#include "core/provider.h"
#include "core/upstream.h"

#define MAX_MS INT64_C(30000) /* for all of them */

/* One image on its way. */
struct item {
	struct fetch *fetch;
	struct media *media;
	struct upstream_request rq;
	struct transfer *transfer; /* NULL: over */
	struct buf *body;
	struct item *next;
};

struct fetch {
	struct arena *arena;
	struct loop *loop;
	struct item *items;
	unsigned open;
	struct error err;
	void (*done)(void *arg, const struct error *err);
	void *arg;
	struct loop_timer end;
	bool over;
};

/* --- which --- */

static bool
wants_bytes(const struct plan *plan, struct str url)
{
	const struct plan *item;
	const struct provider *api;

	if (plan->kind == PLAN_TARGET) {
		api = plan->leaf->target.provider->api;
		return api->wants_bytes != NULL && api->wants_bytes(url);
	}
	for (item = plan->first; item != NULL; item = item->next)
		if (wants_bytes(item, url))
			return true;
	return false;
}

static int
add(struct ask *ask, const struct part *part, struct error *err)
{
	struct media **end = &ask->media;
	unsigned n = 0;

	for (; *end != NULL; end = &(*end)->next, n++)
		if (str_eq((*end)->url, part->url))
			return 0;
	if (n == FETCH_MAX_IMAGES)
		return error_param(err, str_cstr(ask->arena, part->path),
		    "too many images to fetch");
	*end = ARENA_NEW(ask->arena, struct media);
	(*end)->url = part->url;
	(*end)->path = part->path;
	return 0;
}

static int
add_parts(struct ask *ask, const struct plan *plan, const struct part *part,
    struct error *err)
{
	for (; part != NULL; part = part->next) {
		if (part->kind == PART_IMAGE && part->url.n > 0 &&
		    wants_bytes(plan, part->url) && add(ask, part, err) != 0)
			return -1;
		if (add_parts(ask, plan, part->parts, err) != 0)
			return -1;
	}
	return 0;
}

int
fetch_wanted(const struct conf *conf, struct ask *ask, const struct plan *plan,
    struct error *err)
{
	struct error ignored = { 0 };
	const struct turn *t;
	struct chat *chat;

	/* Any address will do to learn whether images matter at all. */
	if (!conf->fetch_images || !wants_bytes(plan, STR("https://x/")) ||
	    (ask->chat == NULL && ask->decode == NULL))
		return 0;
	chat = ask_chat(ask, &ignored);
	for (t = chat != NULL ? chat->turns : NULL; t != NULL; t = t->next)
		if (add_parts(ask, plan, t->parts, err) != 0)
			return -1;
	if (chat != NULL)
		chat->media = ask->media;
	return 0;
}

bool
fetch_is_allowed(const struct conf *conf, struct str url)
{
	struct arena *a = arena_new((size_t)64 << 20);
	const struct name *n;
	char *host = NULL;
	CURLU *u = curl_url();
	bool found = false;

	if (u != NULL &&
	    curl_url_set(u, CURLUPART_URL, str_cstr(a, url), 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		for (n = conf->fetch_hosts; n != NULL; n = n->next)
			found |= str_is(n->s, host);
	curl_free(host);
	curl_url_cleanup(u);
	arena_free(a);
	return found;
}

/* --- the way of one --- */

static void
fire_done(void *arg)
{
	struct fetch *f = arg;

	f->done(f->arg, &f->err);
}

static void
stop_all(struct fetch *f)
{
	struct item *i;

	f->over = true;
	for (i = f->items; i != NULL; i = i->next) {
		if (i->transfer != NULL)
			transfer_cancel(i->transfer);
		i->transfer = NULL;
	}
}

static void
finish(struct fetch *f)
{
	if (f->over)
		return;
	stop_all(f);
	f->end = (struct loop_timer){ .fn = fire_done, .arg = f };
	loop_timer_set(f->loop, &f->end, loop_now_us(f->loop));
}

static void
fail(struct item *i, const char *why)
{
	struct fetch *f = i->fetch;

	error_param(&f->err, str_cstr(f->arena, i->media->path),
	    arena_printf(f->arena, "the image cannot be fetched: %s", why));
	snprintf(f->err.code, sizeof(f->err.code), "invalid_image_url");
	finish(f);
}

static struct str
image_type(struct str content_type)
{
	static const char *const types[] = { "image/png", "image/jpeg",
		"image/gif", "image/webp" };
	struct str type;
	size_t n;

	(void)str_split(content_type, ';', &type);
	type = media_type(str_trim(type));
	for (n = 0; n < sizeof(types) / sizeof(types[0]); n++)
		if (str_is(type, types[n]))
			return str_of(types[n]);
	return STR_NONE;
}

static void
on_head(void *arg, int status, const struct header *headers)
{
	struct item *i = arg;

	i->media->mime = image_type(header_get(headers, "content-type"));
	if (status >= 300 && status < 400)
		fail(i, "it is redirected");
	else if (status != 200)
		fail(i, arena_printf(i->fetch->arena, "status %d", status));
	else if (i->media->mime.p == NULL)
		fail(i, "it is no png, jpeg, gif or webp");
}

static void
on_data(void *arg, struct str bytes)
{
	struct item *i = arg;

	buf_adds(i->body, bytes);
	if (buf_over(i->body))
		fail(i, "it is larger than 10 MB");
}

static void
on_end(void *arg, enum transfer_end end, const char *why)
{
	struct item *i = arg;
	struct fetch *f = i->fetch;
	struct str bytes = buf_str(i->body);
	unsigned char *text;

	i->transfer = NULL;
	if (f->over)
		return;
	if (end != TRANSFER_DONE || bytes.n == 0) {
		fail(i, end != TRANSFER_DONE ? why : "it is empty");
		return;
	}
	text = arena_alloc(f->arena, bytes.n / 3 * 4 + 5);
	i->media->data.n = (size_t)EVP_EncodeBlock(
	    text, (const unsigned char *)bytes.p, (int)bytes.n);
	i->media->data.p = (const char *)text;
	buf_release(i->body);
	if (--f->open == 0)
		finish(f);
}

static void
start(struct fetch *f, struct media *m, const struct conf *conf,
    const struct attempt_engine *engine)
{
	static const struct transfer_events events = { on_head, on_data,
		on_end };
	struct upstream_limits limits = engine->limits;
	struct item *i = ARENA_NEW(f->arena, struct item);
	struct error err = { 0 };

	if (limits.total_ms > MAX_MS)
		limits.total_ms = MAX_MS;
	i->fetch = f;
	i->media = m;
	i->body = buf_new(f->arena, FETCH_MAX_BYTES);
	i->rq.url = str_cstr(f->arena, m->url);
	i->rq.fetch =
	    fetch_is_allowed(conf, m->url) ? FETCH_ANYWHERE : FETCH_PUBLIC;
	i->next = f->items;
	f->items = i;
	f->open++;
	i->transfer = transfer_start(
	    engine->upstream, f->arena, &i->rq, &limits, &events, i, &err);
	if (i->transfer == NULL)
		fail(i, err.msg);
}

struct fetch *
fetch_start(struct arena *a, struct ask *ask, const struct conf *conf,
    const struct attempt_engine *engine,
    void (*done)(void *arg, const struct error *err), void *arg)
{
	struct fetch *f = ARENA_NEW(a, struct fetch);
	struct media *m;

	f->arena = a;
	f->loop = engine->loop;
	f->done = done;
	f->arg = arg;
	for (m = ask->media; m != NULL && !f->over; m = m->next)
		start(f, m, conf, engine);
	return f;
}

void
fetch_cancel(struct fetch *f)
{
	if (f == NULL)
		return;
	stop_all(f);
	if (f->end.place != 0)
		loop_timer_stop(f->loop, &f->end);
}
