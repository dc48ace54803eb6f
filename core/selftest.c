/* SPDX-License-Identifier: MIT */
#include "core/selftest.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/grammar.h"
#include "core/jtext.h"
#include "core/jw.h"
#include "core/probe.h"
#include "core/selftest_rows.h"

#define MAX_BODY_BYTES ((size_t)1 << 20)
#define SHOWN_BYTES    160

static struct str
complete_body(
    struct selftest *t, const struct selftest_row *row, struct str body)
{
	struct buf *out = buf_new(t->arena, MAX_BODY_BYTES);
	struct buf *model = buf_new(t->arena, MAX_BODY_BYTES);
	struct jtext_edit edits[] = {
		{ "model", str_of(row->model) },
		{ "stream", STR("true") },
		{ "stream_options.include_usage", STR("true") },
	};
	size_t n = !row->stream ? 1 : row->dialect->asks_usage ? 3 : 2;

	jw_quote(model, t->model);
	if (row->model == NULL)
		edits[0].value = buf_str(model);
	if (jtext_apply(out, body, edits, n) != 0)
		return body;
	return buf_str(out);
}

static struct probe_answer
transmit(struct selftest *t, const struct selftest_row *row,
    struct probe_request rq, struct str rest)
{
	const struct selftest_dialect *d = row->dialect;
	struct probe_answer answer;

	rq.more = d->header;
	rq.url = arena_printf(
	    t->arena, "%.*s%s%.*s", STR_ARG(t->base), d->path, STR_ARG(rest));
	if (!row->no_key && t->key.n > 0)
		rq.header = arena_printf(
		    t->arena, "%s%.*s", d->credential, STR_ARG(t->key));
	if (probe_send(t->arena, &rq, &answer) != 0)
		answer.body = str_of(answer.why);
	return answer;
}

static struct probe_answer
ask(struct selftest *t, const struct selftest_row *row, struct str body)
{
	struct probe_request rq = { .body = body };

	if (body.p != NULL && !row->raw)
		rq.body = complete_body(t, row, body);
	return transmit(t, row, rq, STR_NONE);
}

/* What came instead, for people. */
static const char *
instead(struct selftest *t, const struct probe_answer *got)
{
	struct str body = str_trim(got->body);

	if (body.n > SHOWN_BYTES)
		body.n = SHOWN_BYTES;
	return arena_printf(
	    t->arena, "status %d: %.*s", got->status, STR_ARG(body));
}

static bool
is_met(const struct selftest_want *want, struct str value)
{
	char type = want->is[0];

	if (value.p == NULL)
		return false;
	if (type == '\0')
		return value.p[0] >= '0' && value.p[0] <= '9';
	if (strchr("[{\"", type) != NULL && want->is[1] == '\0')
		return value.p[0] == type && value.n > 2;
	return str_is(value, want->is);
}

static const char *
check_document(
    struct selftest *t, const struct selftest_row *row, struct str doc)
{
	struct error err = { 0 };
	size_t i;

	if (jtext_check(doc, &err) != 0)
		return arena_printf(t->arena, "no JSON: %s", err.msg);
	for (i = 0; i < SELFTEST_WANTS && row->wants[i].path != NULL; i++) {
		struct str value = selftest_get(doc, row->wants[i].path);

		if (!is_met(&row->wants[i], value))
			return arena_printf(t->arena, "%s is %.*s",
			    row->wants[i].path,
			    value.n > SHOWN_BYTES ? SHOWN_BYTES : (int)value.n,
			    value.p != NULL ? value.p : "missing");
	}
	return NULL;
}

static const char *
check_stream(
    struct selftest *t, const struct selftest_row *row, struct str stream)
{
	char why[400];

	if (grammar_check(row->dialect->wire, stream, why, sizeof(why)) != 0)
		return arena_printf(t->arena, "%s", why);
	if (str_find(stream, STR("\"error\":{")) >= 0)
		return "it ends with an error";
	return NULL;
}

static bool
is_missing(const struct selftest_row *row, int status)
{
	if (row->need == SELFTEST_IF_ABLE && row->no_key)
		return status == 200;
	if (row->need == SELFTEST_IF_ABLE && (row->status || !row->error))
		return status >= 400 && status < 500 && status != row->status;
	return row->need == SELFTEST_IF_THERE && !row->error &&
	    (status == 404 || status == 405 || status == 501);
}

/* NULL: all is well. */
static const char *
check_answer(struct selftest *t, const struct selftest_row *row,
    const struct probe_answer *got)
{
	bool ok = row->error ? got->status >= 400 && got->status < 500
			     : got->status == 200;

	if (row->status != 0)
		ok = got->status == row->status;
	if (!ok)
		return instead(t, got);
	if (row->stream)
		return check_stream(t, row, got->body);
	return check_document(t, row, got->body);
}

static const char *
try_row(struct selftest *t, const struct selftest_row *row, bool *absent)
{
	struct probe_answer got = ask(t, row, str_of(row->body));
	struct error err = { 0 };
	struct str next;

	*absent = is_missing(row, got.status);
	if (*absent)
		return instead(t, &got);
	if (row->then == NULL || got.status != 200)
		return check_answer(t, row, &got);
	if (jtext_check(got.body, &err) != 0)
		return arena_printf(t->arena, "no JSON: %s", err.msg);
	next = row->then(t->arena, got.body);
	if (next.p == NULL)
		return arena_printf(
		    t->arena, "nothing to go on: %s", instead(t, &got));
	if (row->method == NULL) {
		got = ask(t, row, next);
		return check_answer(t, row, &got);
	}
	got = transmit(
	    t, row, (struct probe_request){ .method = row->method }, next);
	*absent = is_missing(row, got.status);
	return check_answer(t, row, &got);
}

static struct str
cut_end(struct str s, const char *end)
{
	if (str_ends(s, end))
		s.n -= strlen(end);
	return s;
}

unsigned
selftest_run(struct selftest *t)
{
	struct selftest_result r;
	unsigned failures = 0;
	bool absent;
	size_t i;

	t->base = cut_end(cut_end(cut_end(t->base, "/"), "/v1"), "/");
	for (i = 0; selftest_rows[i].name != NULL; i++) {
		r.name = selftest_rows[i].name;
		r.why = try_row(t, &selftest_rows[i], &absent);
		r.verdict = r.why == NULL ? SELFTEST_HOLDS
		    : absent              ? SELFTEST_ABSENT
					  : SELFTEST_FAILS;
		failures += r.verdict == SELFTEST_FAILS;
		t->tell(t->arg, &r);
	}
	return failures;
}
