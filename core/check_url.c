/* SPDX-License-Identifier: MIT */
#include "core/check.h"

#include "core/arena.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/key.h"
#include "core/probe.h"

#define KEY_LIFE_US INT64_C(600000000)
#define SHOWN_BYTES 120

#define PATH "/v1/chat/completions"
#define BODY                                                                   \
	"{\"model\":\"echo/echo\",\"messages\":"                               \
	"[{\"role\":\"user\",\"content\":\"check\"}]}"
/* A stream of ten events or more that lasts most of a second. */
#define STREAM_BODY                                                            \
	"{\"model\":\"echo/words-8+slow-100ms\",\"stream\":true,"              \
	"\"messages\":[{\"role\":\"user\",\"content\":\"check\"}]}"
#define STREAM_ARRIVALS 5 /* at least; one at a time, it would be eight */

struct visit {
	struct check *c;
	struct arena *arena;
	struct str base;       /* without a final slash */
	struct str key;        /* absent until there is one */
	struct str server;     /* who answers there */
	char id[KEY_ID_BYTES]; /* of the key we made; "" if we did not */
};

/*
 * Send ${rq} for ${path} with ${header} and the key.
 *
 * Returns  the answer; status 0 if none came.
 */
static struct probe_answer
ask(struct visit *v, const char *path, const char *header,
    struct probe_request rq)
{
	struct probe_answer answer;

	rq.url = arena_printf(v->arena, "%.*s%s", STR_ARG(v->base), path);
	if (header != NULL)
		rq.header =
		    arena_printf(v->arena, "%s%.*s", header, STR_ARG(v->key));
	if (probe_send(v->arena, &rq, &answer) == 0 && answer.server.n > 0)
		v->server = answer.server;
	return answer;
}

static struct probe_answer
get(struct visit *v, const char *path, const char *header)
{
	return ask(v, path, header, (struct probe_request){ 0 });
}

/* What an answer was, for people: JSON is worth quoting, pages are not. */
static const char *
told(struct visit *v, const struct probe_answer *answer)
{
	struct str body = str_trim(answer->body);

	if (answer->status == 0)
		return answer->why;
	if (!str_starts(body, "{"))
		return arena_printf(v->arena, "status %d from %.*s",
		    answer->status,
		    STR_ARG(v->server.n > 0 ? v->server : STR("there")));
	if (body.n > SHOWN_BYTES)
		body.n = SHOWN_BYTES;
	return arena_printf(
	    v->arena, "status %d: %.*s", answer->status, STR_ARG(body));
}

static bool
has(const struct probe_answer *answer, const char *text)
{
	return str_find(answer->body, str_of(text)) >= 0;
}

static bool
check_reach(struct visit *v)
{
	struct probe_answer got = get(v, "/healthz", NULL);
	bool ours = has(&got, "\"status\":") && has(&got, "\"version\":");

	if (got.status == 200 && ours)
		return true;
	if (got.status >= 300 && got.status < 400)
		check_fault(v->c, "url", "use that address",
		    "/healthz is redirected to %.*s", STR_ARG(got.location));
	else if (got.status == 503 && got.body.n > 0 && got.body.p[0] == '{')
		check_fault(v->c, "url",
		    "run `sluice check` as the user, and with the environment, "
		    "of the web server",
		    "sluice is there but not well: %s", told(v, &got));
	else if (got.status == 0)
		check_fault(v->c, "url", "is the web server running?",
		    "no answer: %s", got.why);
	else
		check_fault(v->c, "url",
		    "mount /v1, /p, /sluice, /healthz and /metrics as the "
		    "examples do",
		    "/healthz is not answered by sluice: %s", told(v, &got));
	return false;
}

/* Nothing private may be fetched where a careless install puts it. */
static bool
check_private(struct visit *v)
{
	const struct conf *conf = v->c->conf;
	struct str rest, name = STR_NONE;
	struct probe_answer got = get(v, "/sluice.json", NULL);

	if (got.status == 200 &&
	    (has(&got, "\"providers\"") || has(&got, "\"data_dir\"") ||
		has(&got, "\"auth\"")))
		check_fault(v->c, "configuration",
		    "move it to ~/.config/sluice/ and replace all keys in it",
		    "everybody can fetch %.*s/sluice.json", STR_ARG(v->base));
	for (rest = conf->data_dir; rest.p != NULL;)
		rest = str_split(rest, '/', &name);
	got = get(v, arena_printf(v->arena, "/%.*s/hdr", STR_ARG(name)), NULL);
	if (got.status == 200 && str_starts(got.body, "sluicehd"))
		check_fault(v->c, "data_dir",
		    "move it to a folder that is not served and name that in "
		    "data_dir",
		    "everybody can fetch %.*s/%.*s/", STR_ARG(v->base),
		    STR_ARG(name));
	return true;
}

/* A key of our own, for as long as this takes. */
static int
make_key(struct visit *v, struct error *err)
{
	struct key key = {
		.name = STR("sluice check --url"),
		.account = STR("default"),
		.expires_us = clock_wall_us() + KEY_LIFE_US,
	};
	char *text = arena_alloc(v->arena, KEY_TEXT_BYTES);

	if (v->c->state == NULL)
		return error_set(err, ERROR_STORE, "it does not work");
	if (key_create(v->c->state, &key, v->id, text, err) != 0)
		return -1;
	v->key = str_of(text);
	return 0;
}

/* x-api-key always arrives, so this is about the key. */
static bool
check_key(struct visit *v)
{
	struct probe_answer got;
	struct error err = { 0 };

	if (v->key.n == 0 && make_key(v, &err) != 0) {
		check_fault(v->c, "data_dir", "or put a key into $SLUICE_KEY",
		    "no key can be made: %s", err.msg);
		return false;
	}
	got = get(v, "/v1/models", "x-api-key: ");
	if (got.status == 200)
		return true;
	if (got.status == 401)
		check_fault(v->c, "url",
		    "give the web server and this command the same "
		    "SLUICE_CONFIG, or put a key of there into $SLUICE_KEY",
		    "sluice there does not know the keys in %.*s",
		    STR_ARG(v->c->conf->data_dir));
	else
		check_fault(v->c, "url", "see the log of sluice",
		    "/v1/models: %s", told(v, &got));
	return false;
}

static bool
check_authorization(struct visit *v)
{
	struct probe_answer got;

	got = get(v, "/v1/models", "Authorization: Bearer ");
	if (got.status != 200)
		check_fault(v->c, "authorization",
		    check_server_fix(v->server, CHECK_AUTHORIZATION),
		    "the header Authorization does not arrive: %s",
		    told(v, &got));
	return true;
}

static bool
check_stream(struct visit *v)
{
	struct probe_answer got;

	got = ask(v, PATH,
	    "x-api-key: ", (struct probe_request){ .body = STR(STREAM_BODY) });
	if (got.status != 200 || !has(&got, "data: [DONE]"))
		check_fault(v->c, "stream", "see the log of sluice",
		    "a stream of echo went wrong: %s", told(v, &got));
	else if (got.arrivals < STREAM_ARRIVALS)
		check_fault(v->c, "stream",
		    check_server_fix(v->server, CHECK_BUFFERING),
		    "events are held back: ten of them came in %u pieces",
		    got.arrivals);
	return true;
}

/* Spaces behind a request make it as large as allowed, and nothing else. */
static bool
check_body(struct visit *v)
{
	struct probe_request rq = { .body = STR(BODY) };
	int64_t most = v->c->conf->max_body_bytes;
	struct probe_answer got;

	rq.filler = most - (int64_t)rq.body.n;
	if (rq.filler < 0)
		rq.filler = 0;
	got = ask(v, PATH, "x-api-key: ", rq);
	if (got.status != 200)
		check_fault(v->c, "body",
		    check_server_fix(v->server, CHECK_BODY),
		    "a body of %lld bytes, which server.max_body_mb allows, "
		    "does not arrive: %s",
		    (long long)most, told(v, &got));
	return true;
}

static bool (*const checks[])(struct visit *v) = {
	check_reach,
	check_private,
	check_key,
	check_authorization,
	check_stream,
	check_body,
};

void
check_url(struct check *c, struct str base, struct str key)
{
	struct visit v = { .c = c, .arena = c->arena, .key = key };
	struct error err = { 0 };
	size_t i = 0;

	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	c->url = v.base = base;
	while (i < sizeof(checks) / sizeof(checks[0]) && checks[i](&v))
		i++;
	if (v.id[0] != '\0' && key_revoke(c->state, str_of(v.id), &err) != 0)
		check_warn(c, "data_dir", "it ends by itself in ten minutes",
		    "the key of this check is not revoked: %s", err.msg);
}
