/* SPDX-License-Identifier: MIT */
#include "providers/answer.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <json-c/json_tokener.h>

#include "core/arena.h"
#include "core/error.h"
#include "core/event.h"
#include "core/sink.h"

#define RETRY_MAX_MS   (24 * 3600 * 1000.0)
#define MAX_WORD_BYTES 64

/* Words vendors use where an error inside a stream has no status. */
static const struct {
	const char *word;
	int status;
} error_words[] = {
	{ "rate_limit_exceeded", 429 },
	{ "rate_limit_error", 429 },
	{ "insufficient_quota", 429 },
	{ "tokens", 429 },
	{ "requests", 429 },
	{ "overloaded_error", 529 },
	{ "overloaded", 529 },
	{ "context_length_exceeded", 400 },
	{ "invalid_request_error", 400 },
	{ "authentication_error", 401 },
	{ "invalid_api_key", 401 },
	{ "billing_error", 402 },
	{ "permission_error", 403 },
	{ "not_found_error", 404 },
	{ "model_not_found", 404 },
	{ "request_too_large", 413 },
	{ "timeout_error", 504 },
	{ "RESOURCE_EXHAUSTED", 429 },
	{ "INVALID_ARGUMENT", 400 },
	{ "UNAVAILABLE", 503 },
	{ "DEADLINE_EXCEEDED", 504 },
};

static void
tree_put(void *v)
{
	json_object_put(v);
}

/*
 * No nesting is deeper than brackets are opened.  A tokener clears its whole
 * stack of levels, which for a token of a stream costs more than the parsing.
 */
static int
depth_bound(struct str text)
{
	int depth = 1;
	size_t i;

	for (i = 0; i < text.n && depth < JTREE_MAX_DEPTH; i++)
		depth += text.p[i] == '{' || text.p[i] == '[';
	return depth;
}

int
answer_next(
    struct arena *a, struct str *text, struct jnode *root, struct error *err)
{
	struct json_tokener *tok;
	struct json_object *v;
	enum json_tokener_error rc;
	struct str all = *text;

	*root = (struct jnode){ 0 };
	tok = json_tokener_new_ex(depth_bound(*text));
	if (!tok || text->n > INT_MAX) {
		json_tokener_free(tok);
		return error_set(err, ERROR_INTERNAL, "answer too large");
	}
	v = json_tokener_parse_ex(tok, text->p ? text->p : "", (int)text->n);
	rc = json_tokener_get_error(tok);
	*text = str_skip(*text, json_tokener_get_parse_end(tok));
	json_tokener_free(tok);
	if (rc != json_tokener_success)
		return error_set(err, ERROR_UP_BROKEN,
		    "the provider's answer is no JSON: %s",
		    json_tokener_error_desc(rc));
	arena_defer(a, tree_put, v);
	jtree_exact(v, all);
	root->v = v;
	return 0;
}

int
answer_json(
    struct arena *a, struct str text, struct jnode *root, struct error *err)
{
	return answer_next(a, &text, root, err);
}

struct str
answer_str(const struct jnode *at, const char *key)
{
	struct jnode n;

	return jtree_find(at, key, &n) ? jtree_value_str(&n) : STR_NONE;
}

bool
answer_count(const struct jnode *at, const char *key, int64_t *out)
{
	struct jnode n;

	if (!jtree_find(at, key, &n))
		return false;
	if (!json_object_is_type(n.v, json_type_int) &&
	    !json_object_is_type(n.v, json_type_double))
		return false;
	*out = json_object_get_int64(n.v);
	if (*out > ANSWER_COUNT_MAX)
		*out = ANSWER_COUNT_MAX;
	if (*out < -ANSWER_COUNT_MAX)
		*out = -ANSWER_COUNT_MAX;
	return true;
}

/* ${s} as a number times ${scale}, as ms; 0 when it is none. */
static int64_t
wait_ms(struct arena *a, struct str s, double scale)
{
	const char *text = str_cstr(a, s);
	double v;

	if (!isdigit((unsigned char)*text))
		return 0;
	v = strtod(text, NULL) * scale;
	return (int64_t)(v > RETRY_MAX_MS ? RETRY_MAX_MS : v);
}

/* An error object, whose parts vendors put in different places. */
struct trouble {
	struct str message, type, code, param;
	int status;       /* 0: it does not say */
	int64_t retry_ms; /* 0: it does not say */
};

static bool
is_status(int64_t v)
{
	return v >= 400 && v <= 599;
}

static void
read_status(const struct jnode *e, struct trouble *t)
{
	int64_t v = 0;

	if (answer_count(e, "status_code", &v) && is_status(v))
		t->status = (int)v;
	else if (answer_count(e, "code", &v) && is_status(v))
		t->status = (int)v;
	else if (str_i64(t->code, 400, 599, &v) == 0)
		t->status = (int)v;
	for (size_t i = 0; i < sizeof(error_words) / sizeof(*error_words); i++)
		if (!t->status &&
		    (str_is(t->code, error_words[i].word) ||
			str_is(t->type, error_words[i].word)))
			t->status = error_words[i].status;
}

/* Google's RetryInfo: {"retryDelay":"12.5s"} among the details. */
static int64_t
read_retry(struct arena *a, const struct jnode *details)
{
	struct jnode item;
	int64_t ms = 0;

	for (size_t i = 0; i < jtree_len(details) && ms == 0; i++) {
		item = jtree_item(details, i);
		ms = wait_ms(a, answer_str(&item, "retryDelay"), 1000);
	}
	return ms;
}

static void
read_object(struct arena *a, const struct jnode *e, struct trouble *t)
{
	struct jnode details;

	t->message = answer_str(e, "message");
	if (!t->message.p)
		t->message = answer_str(e, "detail");
	t->type = answer_str(e, "type");
	if (!t->type.p)
		t->type = answer_str(e, "status");
	t->code = answer_str(e, "code");
	t->param = answer_str(e, "param");
	if (jtree_find(e, "details", &details)) {
		t->retry_ms = read_retry(a, &details);
		if (!t->code.p)
			t->code = answer_str(&details, "error_code");
	}
	read_status(e, t);
}

/*
 * Find the error in ${root}: {"error":{...}}, the same in an array (Google),
 * {"error":"text","code":"word"} (xAI), or the members themselves (Mistral).
 * ${any}: the answer is an error whatever it looks like.
 */
static bool
read_trouble(
    struct arena *a, const struct jnode *root, bool any, struct trouble *t)
{
	struct jnode item = *root, e;

	if (json_object_is_type(root->v, json_type_array))
		item = jtree_item(root, 0);
	*t = (struct trouble){ 0 };
	if (jtree_find(&item, "error", &e)) {
		if (json_object_is_type(e.v, json_type_object)) {
			read_object(a, &e, t);
			return true;
		}
		read_object(a, &item, t);
		t->message = jtree_value_str(&e);
		return any || t->message.n > 0;
	}
	if (!any && !str_is(answer_str(&item, "object"), "error"))
		return false; /* nearly every frame */
	read_object(a, &item, t);
	return true;
}

static void
copy_word(char *to, size_t size, struct str s)
{
	(void)snprintf(to, size, "%.*s", STR_ARG(s));
}

/* Claude and Gemini have no code of their own for this; routing needs one. */
static bool
is_overflow(struct str message)
{
	return str_starts(message, "prompt is too long") ||
	    str_find(message,
		STR("exceeds the maximum number of tokens allowed")) >= 0;
}

static bool
is_number(struct str s)
{
	int64_t v;

	return str_i64(s, INT64_MIN, INT64_MAX, &v) == 0;
}

static int
fail_with(const struct trouble *t, struct error *err)
{
	enum error_kind kind =
	    t->status ? error_kind_of_status(t->status) : ERROR_UP_BROKEN;

	if (err->kind != ERROR_NONE)
		return -1;
	if (t->message.n > 0)
		(void)error_set(err, kind, "%.*s", STR_ARG(t->message));
	else
		(void)error_set(
		    err, kind, "the provider answered %d", t->status);
	if (kind == ERROR_UP_REFUSED)
		err->status = t->status;
	err->retry_after_ms = t->retry_ms;
	copy_word(err->param, sizeof(err->param), t->param);
	if (is_overflow(t->message))
		copy_word(err->code, sizeof(err->code),
		    STR("context_length_exceeded"));
	else if (!is_number(t->code))
		copy_word(err->code, sizeof(err->code), t->code);
	return -1;
}

int
answer_check(struct arena *a, const struct frame *f, const struct jnode *root,
    enum wire wire, struct error *err)
{
	struct trouble t;

	if (!read_trouble(a, root, str_is(f->event, "error"), &t))
		return 0;
	(void)fail_with(&t, err);
	err->raw = str_dup(a, f->raw);
	err->raw_wire = wire;
	return -1;
}

/* It may end up in a header. */
static bool
is_word(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '_')
			return false;
	return s.n > 0 && s.n <= MAX_WORD_BYTES;
}

int
answer_lost(struct sink *out, struct str what, struct error *err)
{
	return sink_put(out,
	    &(struct event){ .kind = EVENT_LOST,
		.name = is_word(what) ? what : STR("unknown") },
	    err);
}

int
answer_cut(struct error *err)
{
	return error_set(err, ERROR_UP_BROKEN,
	    "the provider's answer ended before it was complete");
}

/* Google answers 400 to a bad key. */
static bool
is_bad_key(const struct refusal *r)
{
	return r->status == 400 &&
	    str_find(r->body, STR("API_KEY_INVALID")) >= 0;
}

void
answer_refused(struct arena *a, const struct refusal *r, struct error *err)
{
	struct error ignored = { 0 };
	struct jnode root;
	struct trouble t = { 0 };
	bool is_json = answer_json(a, r->body, &root, &ignored) == 0;
	int64_t ms;

	if (is_json)
		(void)read_trouble(a, &root, true, &t);
	t.status = is_bad_key(r) ? 401 : r->status;
	(void)fail_with(&t, err);
	ms = answer_retry_ms(a, r->headers);
	if (ms > 0)
		err->retry_after_ms = ms;
	/* Pages of proxies, and words about our credential, stay here. */
	if (!is_json || err->kind == ERROR_UP_CREDENTIALS)
		return;
	err->raw = r->body;
	err->raw_wire = r->wire;
	err->raw_status = r->status;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" as seconds; -1 for anything else. */
static int64_t
http_date(struct arena *a, struct str s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = { 0 };
	char month[4];
	const char *at;

	if (sscanf(str_cstr(a, s), "%*3s, %2d %3s %4d %2d:%2d:%2d GMT",
		&tm.tm_mday, month, &tm.tm_year, &tm.tm_hour, &tm.tm_min,
		&tm.tm_sec) != 6)
		return -1;
	at = strstr(months, month);
	if (!at || (at - months) % 3 != 0)
		return -1;
	tm.tm_mon = (int)(at - months) / 3;
	tm.tm_year -= 1900;
	return timegm(&tm);
}

int64_t
answer_retry_ms(struct arena *a, const struct header *headers)
{
	struct str after = str_trim(header_get(headers, "retry-after"));
	int64_t ms, now, then;

	ms = wait_ms(a, str_trim(header_get(headers, "retry-after-ms")), 1);
	if (ms == 0)
		ms = wait_ms(a, after, 1000);
	if (ms > 0 || after.n == 0)
		return ms;
	then = http_date(a, after);
	now = http_date(a, header_get(headers, "date"));
	if (now < 0 || then <= now)
		return 0;
	return then - now > 86400 ? (int64_t)RETRY_MAX_MS : (then - now) * 1000;
}
