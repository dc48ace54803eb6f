/* SPDX-License-Identifier: MIT */
#include "fcgi/models.h"

#include "core/buf.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/jw.h"
#include "core/live.h"
#include "core/provider.h"
#include "core/resolve.h"
#include "fcgi/exchange.h"

#define MAX_LIST_BYTES (8u << 20)

/* The list being written, and the ends of it for Anthropic's paging. */
struct list {
	struct jw jw;
	struct arena *arena;
	struct str first, last;
};

/* The catalogue has no dates of birth: both SDKs want some date. */
static void
write_model(struct jw *jw, struct str name, struct str owner)
{
	jw_object(jw);
	jw_kv_str(jw, "id", name);
	jw_kv_cstr(jw, "type", "model");
	jw_kv_cstr(jw, "object", "model");
	jw_kv_i64(jw, "created", 0);
	jw_kv_cstr(jw, "created_at", "1970-01-01T00:00:00Z");
	jw_kv_str(jw, "owned_by", owner);
	jw_kv_str(jw, "display_name", name);
	jw_end(jw);
}

static void
add_model(void *arg, struct str name, struct str provider)
{
	struct list *list = arg;

	write_model(&list->jw, name, provider);
	list->last = str_dup(list->arena, name);
	if (list->first.p == NULL)
		list->first = list->last;
}

void
models_list(struct exchange *x)
{
	struct buf *out = buf_new(x->arena, MAX_LIST_BYTES);
	struct list list = { .arena = x->arena };

	jw_init(&list.jw, out);
	jw_object(&list.jw);
	jw_kv_cstr(&list.jw, "object", "list");
	jw_key(&list.jw, "data");
	jw_array(&list.jw);
	resolve_each(x->snap->conf, add_model, &list);
	jw_end(&list.jw);
	jw_kv_bool(&list.jw, "has_more", false);
	jw_kv_str(&list.jw, "first_id", list.first);
	jw_kv_str(&list.jw, "last_id", list.last);
	jw_end(&list.jw);
	exchange_answer(x, 200, "application/json", buf_str(out));
}

void
models_show(struct exchange *x)
{
	struct str name = str_skip(x->in.path, strlen("/v1/models/"));
	struct buf *out = buf_new(x->arena, MAX_LIST_BYTES);
	struct error err = { 0 };
	const struct conf *conf = x->snap->conf;
	struct str owner = STR("sluice");
	struct target target;
	struct jw jw;

	if (conf_route_find(conf, resolve_alias(conf, name)) == NULL) {
		if (resolve(conf, x->arena, name, &target, &err) != 0) {
			exchange_fail(x, &err);
			return;
		}
		owner = target.provider->name;
	}
	jw_init(&jw, out);
	write_model(&jw, name, owner);
	exchange_answer(x, 200, "application/json", buf_str(out));
}
