/* SPDX-License-Identifier: MIT */
#include "fcgi/admin.h"

#include <stdio.h>

#include "core/buf.h"
#include "core/conf.h"
#include "core/gateway.h"
#include "core/jtext.h"
#include "core/key.h"
#include "core/live.h"
#include "core/trail.h"
#include "fcgi/dialect.h"
#include "fcgi/exchange.h"

#define MAX_ANSWER_BYTES ((size_t)64 << 20)
#define MAX_BODY_BYTES   ((size_t)1 << 20)
#define ROOT             "/sluice/v1/"

/* Who may. */
enum right {
	READ,     /* any key, what is its own */
	READ_ALL, /* admins */
	OWN,      /* any key changes what is its own */
	WRITE     /* admins; into the audit log */
};

/* A '*' is one part of the path, not empty. */
static const struct endpoint_row {
	const char *method, *path;
	enum right right;
	admin_fn *answer;
	const char *action; /* of WRITE */
} rows[] = {
	{ "GET", "me", READ, admin_me, NULL },
	{ "GET", "usage", READ, admin_usage, NULL },
	{ "GET", "requests", READ, admin_requests, NULL },
	{ "GET", "requests/*", READ, admin_request, NULL },
	{ "POST", "requests/*/feedback", OWN, admin_feedback, NULL },
	{ "GET", "keys", READ, admin_keys, NULL },
	{ "POST", "keys", WRITE, admin_key_create, "key.create" },
	{ "GET", "keys/*", READ, admin_key, NULL },
	{ "PATCH", "keys/*", WRITE, admin_key_edit, "key.edit" },
	{ "DELETE", "keys/*", WRITE, admin_key_revoke, "key.revoke" },
	{ "POST", "keys/*/rotate", WRITE, admin_key_rotate, "key.rotate" },
	{ "GET", "accounts", READ, admin_accounts, NULL },
	{ "POST", "accounts", WRITE, admin_account_create, "account.create" },
	{ "GET", "accounts/*", READ, admin_account, NULL },
	{ "PATCH", "accounts/*", WRITE, admin_account_edit, "account.edit" },
	{ "DELETE", "accounts/*", WRITE, admin_account_remove,
	    "account.remove" },
	{ "PUT", "accounts/*/credentials/*", WRITE, admin_credential_set,
	    "credential.set" },
	{ "DELETE", "accounts/*/credentials/*", WRITE, admin_credential_remove,
	    "credential.remove" },
	{ "GET", "budgets", READ, admin_budgets, NULL },
	{ "PUT", "budgets", WRITE, admin_budget_set, "budget.set" },
	{ "DELETE", "budgets", WRITE, admin_budget_remove, "budget.remove" },
	{ "GET", "models", READ, admin_models, NULL },
	{ "GET", "health", READ, admin_health, NULL },
	{ "GET", "audit", READ_ALL, admin_audit, NULL },
	{ "GET", "cache", READ_ALL, admin_cache, NULL },
	{ "DELETE", "cache", WRITE, admin_cache_purge, "cache.purge" },
	{ "GET", "experiments", READ, admin_experiments, NULL },
	{ "GET", "experiments/*", READ, admin_experiment, NULL },
	{ "DELETE", "experiments/*", WRITE, admin_experiment_forget,
	    "experiment.forget" },
	{ "GET", "experiments/*/verdicts", READ, admin_verdicts, NULL },
	{ "GET", "experiments/*/verdicts/*", READ, admin_verdict, NULL },
	{ "POST", "experiments/*/start", WRITE, admin_experiment_start,
	    "experiment.start" },
	{ "POST", "experiments/*/stop", WRITE, admin_experiment_stop,
	    "experiment.stop" },
	{ "POST", "experiments/*/promote", WRITE, admin_experiment_promote,
	    "experiment.promote" },
	{ "POST", "experiments/*/labels", WRITE, admin_experiment_label,
	    "experiment.label" },
};

/* Does ${path} fit the pattern?  The parts go to ${stars}. */
static bool
path_fits(const char *pattern, struct str path, struct str *stars)
{
	struct str want, part, rest = str_of(pattern);
	unsigned n = 0;

	while (rest.p != NULL && path.p != NULL) {
		rest = str_split(rest, '/', &want);
		path = str_split(path, '/', &part);
		if (str_is(want, "*") && part.n > 0 && n < ADMIN_STARS)
			stars[n++] = part;
		else if (!str_eq(want, part))
			return false;
	}
	return rest.p == NULL && path.p == NULL;
}

static bool
method_fits(const char *method, struct str asked)
{
	return str_is(asked, method) ||
	    (str_is(asked, "HEAD") && strcmp(method, "GET") == 0);
}

static const struct endpoint_row *
find_row(struct admin *ad, struct buf *allow)
{
	struct str path = str_skip(ad->x->in.path, strlen(ROOT));
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!path_fits(rows[i].path, path, ad->stars))
			continue;
		if (method_fits(rows[i].method, ad->x->in.method))
			return &rows[i];
		buf_addf(
		    allow, "%s%s", allow->n > 0 ? ", " : "", rows[i].method);
		if (strcmp(rows[i].method, "GET") == 0)
			buf_addz(allow, ", HEAD");
	}
	if (allow->n > 0)
		buf_addz(allow, ", OPTIONS");
	return NULL;
}

/* "https://host:port", but for the case of letters. */
static bool
is_own_origin(struct str origin, struct str host)
{
	long at = str_find(origin, STR("://"));
	struct str theirs =
	    str_skip(origin, at > 0 ? (size_t)at + 3 : origin.n);

	return host.n > 0 && theirs.n == host.n &&
	    strncasecmp(theirs.p, host.p, host.n) == 0;
}

static bool
origin_allowed(const struct exchange *x)
{
	struct str origin = http_header(&x->in, "origin");
	const struct name *n;

	if (origin.p == NULL ||
	    is_own_origin(origin, http_header(&x->in, "host")))
		return true;
	for (n = x->snap->conf->cors_origins; n != NULL; n = n->next)
		if (str_eq(n->s, origin) || str_is(n->s, "*"))
			return true;
	return false;
}

static bool
is_json(struct str type)
{
	size_t n = strlen("application/json");

	return type.n >= n && strncasecmp(type.p, "application/json", n) == 0 &&
	    (type.n == n || type.p[n] == ';' || type.p[n] == ' ');
}

static int
read_body(struct admin *ad)
{
	const struct exchange *x = ad->x;

	if (x->read_err->kind != ERROR_NONE) {
		ad->err = *x->read_err;
		return -1;
	}
	if (x->in.body.n > MAX_BODY_BYTES)
		return error_set(&ad->err, ERROR_TOO_LARGE,
		    "the body is larger than %zu bytes", MAX_BODY_BYTES);
	if (!is_json(http_param(&x->in, "CONTENT_TYPE"))) {
		error_set(&ad->err, ERROR_BAD_REQUEST,
		    "the content type must be application/json");
		ad->err.status = 415;
		snprintf(ad->err.code, sizeof(ad->err.code),
		    "unsupported_media_type");
		return -1;
	}
	return jtree_read(x->arena,
	    str_trim(x->in.body).n > 0 ? x->in.body : STR("{}"), &ad->body,
	    &ad->err);
}

static int
may_write(struct admin *ad, const struct endpoint_row *row)
{
	if (row->right == WRITE && (ad->key == NULL || !ad->key->admin))
		return error_set(&ad->err, ERROR_FORBIDDEN,
		    "that takes the key of an admin");
	if (!origin_allowed(ad->x))
		return error_set(&ad->err, ERROR_FORBIDDEN,
		    "a page of another origin may not do that; "
		    "server.cors_origins has those that may");
	return strcmp(row->method, "DELETE") != 0 ? read_body(ad) : 0;
}

/* Who asks, and may they? */
static int
admit(struct admin *ad, const struct endpoint_row *row)
{
	struct exchange *x = ad->x;
	const struct conf *conf = x->snap->conf;

	ad->state = gateway_state(x->gw, conf, &ad->err);
	if (ad->state == NULL ||
	    gateway_who(x->gw, conf, x->arena, http_credential(&x->in),
		&ad->key, &ad->err) != 0)
		return -1;
	ad->all = ad->key == NULL || ad->key->admin;
	if (row->right == READ_ALL && (ad->key == NULL || !ad->key->admin))
		return error_set(&ad->err, ERROR_FORBIDDEN,
		    "that takes the key of an admin");
	return row->right == WRITE || row->right == OWN ? may_write(ad, row)
							: 0;
}

/* The body, but for what is secret in it. */
static struct str
change_of(const struct admin *ad)
{
	const struct jtext_edit secret = { "key", STR_NONE };
	struct str body = ad->x->in.body;
	struct buf *out;

	if (ad->body.v == NULL || str_trim(body).n == 0)
		return STR_NONE;
	out = buf_new(ad->x->arena, body.n + 16);
	return jtext_apply(out, str_trim(body), &secret, 1) == 0 ? buf_str(out)
								 : STR_NONE;
}

/* The log is opened first: what cannot be told must not be done. */
static int
write_logged(struct admin *ad, const struct endpoint_row *row)
{
	struct trail_entry entry = { .key = ad->key->id,
		.action = str_of(row->action),
		.remote = http_param(&ad->x->in, "REMOTE_ADDR") };
	int fd = trail_open(ad->state, &ad->err), rc;

	if (fd < 0)
		return -1;
	ad->target = ad->stars[0];
	rc = row->answer(ad);
	entry.target = ad->target;
	entry.change = change_of(ad);
	entry.status = rc != 0 ? ad->err.status
	    : ad->status != 0  ? ad->status
			       : 200;
	trail_write(fd, &entry);
	trail_close(fd);
	return rc;
}

void
admin_answer(struct exchange *x)
{
	struct admin ad = { .x = x };
	struct buf *allow = buf_new(x->arena, 256);
	struct buf *out = buf_new(x->arena, MAX_ANSWER_BYTES);
	const struct endpoint_row *row = find_row(&ad, allow);
	int rc;

	if (row == NULL) {
		exchange_nowhere(x, buf_str(allow));
		return;
	}
	header_add(x->arena, &x->fields, STR("x-content-type-options"),
	    STR("nosniff"));
	jw_init(&ad.w, out);
	rc = admit(&ad, row);
	if (rc == 0)
		rc = row->right == WRITE ? write_logged(&ad, row)
					 : row->answer(&ad);
	if (rc == 0 && buf_over(out))
		rc = error_set(&ad.err, ERROR_BAD_REQUEST,
		    "the answer would be larger than %zu bytes",
		    MAX_ANSWER_BYTES);
	if (rc != 0)
		exchange_fail(x, &ad.err);
	else if (ad.status == 204)
		exchange_answer(x, 204, NULL, STR(""));
	else
		exchange_answer(x, ad.status != 0 ? ad.status : 200,
		    "application/json", buf_str(out));
}

struct str
admin_owner(const struct admin *ad)
{
	return ad->all ? STR_NONE : ad->key->id;
}

int
admin_missing(struct admin *ad, const char *what, struct str name)
{
	return error_set(&ad->err, ERROR_NOT_FOUND, "%s %.*s not found", what,
	    name.n > 80 ? 80 : (int)name.n, name.p != NULL ? name.p : "");
}

static void
problem_body(struct buf *out, const struct error *err, const char *call_id)
{
	struct jw w;

	(void)call_id;
	jw_init(&w, out);
	jw_object(&w);
	jw_kv_cstr(&w, "type", "about:blank");
	jw_kv_cstr(&w, "title", http_reason(err->status));
	jw_kv_i64(&w, "status", err->status);
	jw_kv_cstr(&w, "detail", err->msg);
	jw_kv_cstr(&w, "code", error_code(err));
	jw_kv_cstr(&w, "param", err->param[0] != '\0' ? err->param : NULL);
	jw_end(&w);
}

const struct dialect dialect_problem = { .name = "admin",
	.fail_body = problem_body,
	.fail_type = "application/problem+json" };
