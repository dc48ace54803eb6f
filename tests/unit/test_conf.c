/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/catalog.h"
#include "core/chat.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/provider.h"
#include "tests/unit/unit.h"

static const struct provider openai = { .name = "openai",
	.wire = WIRE_OPENAI_CHAT };
static const struct provider anthropic = { .name = "anthropic",
	.wire = WIRE_ANTHROPIC };
static const struct provider echo = { .name = "echo", .wire = WIRE_NONE };

static const struct provider responses = { .name = "responses",
	.wire = WIRE_OPENAI_RESPONSES };

static const struct provider *const apis[] = { &openai, &anthropic, &echo,
	&responses, NULL };

static const struct vendor vendors[] = {
	{ "openai", "openai,responses", "https://api.openai.com/v1",
	    "TEST_OPENAI_KEY", 0 },
	{ "anthropic", "anthropic", "https://api.anthropic.com",
	    "TEST_ANTHROPIC_KEY", 0 },
	{ "google", "openai", "https://google.example/v1",
	    "TEST_GEMINI_KEY,TEST_GOOGLE_KEY", QUIRK_NO_DEVELOPER },
	{ "echo", "echo", "", NULL, 0 },
	{ NULL, NULL, NULL, NULL, 0 },
};

static const struct registry registry = { .apis = apis, .vendors = vendors };

/* A folder of its own, and what the last load said. */
struct fixture {
	char dir[64];
	char path[128];
	struct buf complaints;
	struct error err;
};

static int
setup(void **state)
{
	static const char *const unset[] = { "TEST_OPENAI_KEY",
		"TEST_ANTHROPIC_KEY", "TEST_GEMINI_KEY", "TEST_GOOGLE_KEY",
		"TEST_SECRET", "SLUICE_CONFIG", "SLUICE_DATA_DIR" };
	struct fixture *f = calloc(1, sizeof(*f));
	size_t i;

	snprintf(f->dir, sizeof(f->dir), "/tmp/sluice-conf-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/sluice.json", f->dir);
	for (i = 0; i < COUNT(unset); i++)
		unsetenv(unset[i]);
	setenv("HOME", f->dir, 1);
	setenv("XDG_CONFIG_HOME", f->dir, 1);
	setenv("XDG_STATE_HOME", f->dir, 1);
	buf_init(&f->complaints, CONF_MAX_COMPLAINT_BYTES);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	char secret[128];

	snprintf(secret, sizeof(secret), "%s/secret", f->dir);
	unlink(secret);
	unlink(f->path);
	rmdir(f->dir);
	buf_release(&f->complaints);
	free(f);
	return 0;
}

static void
write_file(struct fixture *f, const char *name, const char *text, mode_t mode)
{
	char path[128];
	FILE *to;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	unlink(path);
	to = fopen(path, "w");
	assert_non_null(to);
	assert_int_equal(fputs(text, to) >= 0, 1);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static struct conf *
load(struct fixture *f, const char *json)
{
	write_file(f, "sluice.json", json, 0600);
	buf_reset(&f->complaints);
	error_clear(&f->err);
	return conf_load(str_of(f->path), &registry, &f->complaints, &f->err);
}

/* As load, but it must succeed; the complaints are shown if it does not. */
static struct conf *
load_ok(struct fixture *f, const char *json)
{
	struct conf *conf = load(f, json);

	assert_string_equal(f->complaints.p, "");
	assert_non_null(conf);
	assert_int_equal(f->err.kind, ERROR_NONE);
	return conf;
}

static void
assert_str(struct str s, const char *want)
{
	char got[256];

	assert_non_null(s.p);
	snprintf(got, sizeof(got), "%.*s", STR_ARG(s));
	assert_string_equal(got, want);
}

static void
each_mistake_has_its_complaint(void **state)
{
	static const struct {
		const char *json, *complaint;
	} cases[] = {
		{ "{\"server\":{\"worker\":1}}",
		    "server.worker: unknown key, did you mean \"workers\"?" },
		{ "{\"sever\":{}}",
		    "sever: unknown key, did you mean \"server\"?" },
		{ "{\"store\":{\"x\":1}}",
		    "store.x: unknown key, known: durability, on_failure" },
		{ "{\"telemetry\":{\"otlp_headers\":\"token\"}}",
		    "telemetry.otlp_headers: must be name=value,name=value" },
		{ "{\"telemetry\":{\"otlp_endpoint\":\"localhost:4318\"}}",
		    "telemetry.otlp_endpoint: must begin with https:// or "
		    "http://" },
		{ "{\"providers\":{\"openai\":{\"baseurl\":\"\"}}}",
		    "providers.openai.baseurl: unknown key, did you mean "
		    "\"base_url\"?" },
		{ "{\"models\":{\"openai/x\":{\"contxt\":1}}}",
		    "models.openai/x.contxt: unknown key, did you mean "
		    "\"context\"?" },
		{ "{\"server\":[]}", "server: must be an object" },
		{ "{\"providers\":{\"openai\":1}}",
		    "providers.openai: must be an object" },
		{ "{\"server\":{\"workers\":\"4\"}}",
		    "server.workers: must be a number" },
		{ "{\"server\":{\"workers\":1.5}}",
		    "server.workers: must be an integer" },
		{ "{\"server\":{\"workers\":0}}",
		    "server.workers: must be between 1 and 256" },
		{ "{\"server\":{\"idle_timeout_s\":1e300}}",
		    "server.idle_timeout_s: must be between 0.001 and 86400" },
		{ "{\"server\":{\"drain_s\":-1}}",
		    "server.drain_s: must be between 0 and 86400" },
		{ "{\"server\":{\"cors_origins\":\"*\"}}",
		    "server.cors_origins: must be a list of strings" },
		{ "{\"server\":{\"cors_origins\":[\"a\",7]}}",
		    "server.cors_origins[1]: must be a string" },
		{ "{\"log\":{\"level\":\"loud\"}}",
		    "log.level: unknown value \"loud\", known: debug, info, "
		    "warn, error" },
		{ "{\"auth\":{\"required\":1}}",
		    "auth.required: must be true or false" },
		{ "{\"auth\":{\"admin_key\":\"\"}}",
		    "auth.admin_key: must not be empty" },
		{ "{\"auth\":{\"admin_key\":7}}",
		    "auth.admin_key: must be a string" },
		{ "{\"auth\":{\"admin_key\":\"env:TEST_SECRET\"}}",
		    "auth.admin_key: environment variable TEST_SECRET is not "
		    "set" },
		{ "{\"aliases\":{\"a\":{\"b\":1}}}",
		    "aliases.a: must be a string" },
		{ "{\"providers\":{\"foo\":{\"api\":\"opnai\"}}}",
		    "providers.foo.api: unknown api \"opnai\", known: openai, "
		    "anthropic, echo, responses" },
		{ "{\"providers\":{\"opnai\":{}}}",
		    "providers.opnai: unknown vendor without \"api\" and "
		    "\"base_url\"; did you mean \"openai\"?" },
		{ "{\"providers\":{\"anthropic\":{\"api\":\"openai\"}}}",
		    "providers.anthropic: base_url is missing" },
		{ "{\"providers\":{\"a/b\":{\"api\":\"openai\"}}}",
		    "providers.a/b: a name must not contain \"/\"" },
		{ "{\"providers\":{\"openai\":{\"base_url\":\"ftp://x\"}}}",
		    "providers.openai.base_url: must begin with https:// or "
		    "http://" },
		{ "{\"providers\":{\"openai\":{\"on_cancel\":\"x\"}}}",
		    "providers.openai.on_cancel: unknown value \"x\", known: "
		    "cancel, drain" },
		{ "{\"models\":{\"gpt-5\":{}}}",
		    "models.gpt-5: must be called \"provider/id\"" },
		{ "{\"models\":{\"opnai/x\":{}}}",
		    "models.opnai/x: unknown provider \"opnai\"; did you mean "
		    "\"openai\"?" },
		{ "{\"models\":{\"openai/x\":{\"price\":{\"input\":\"1\","
		  "\"output\":2.5}}}}",
		    "models.openai/x.price.output: must be a decimal string, "
		    "such as \"2.5\"" },
		{ "{\"models\":{\"openai/x\":{\"price\":{\"input\":\"1\","
		  "\"output\":\"2\",\"tiers\":[{\"above\":9,\"input\":3}]"
		  "}}}}",
		    "models.openai/x.price.tiers[0].input: must be a decimal "
		    "string, such as \"3\"" },
		{ "{\"models\":{\"openai/x\":{\"price\":{\"input\":\"1\"}}}}",
		    "models.openai/x: price: input and output are required" },
		{ "{\"models\":{\"openai/x\":{\"effort\":[\"huge\"]}}}",
		    "models.openai/x.effort: must be a list of none, minimal, "
		    "low, medium, high, xhigh, max" },
		{ "{\"models\":{\"openai/x\":{\"budget\":[1]}}}",
		    "models.openai/x.budget: must be a list of two integers" },
		{ "{\"providers\":{\"locals\":{\"api\":\"echo\"}},"
		  "\"models\":{\"local/x\":{}}}",
		    "models.local/x: unknown provider \"local\"; did you mean "
		    "\"locals\"?" },
		{ "{\"models\":{\"openai/x\":{\"price\":\"1\"}}}",
		    "models.openai/x.price: must be an object, or a list of "
		    "them" },
		{ "{\"store\":{\"durability\":\"paper\"}}",
		    "store.durability: unknown value \"paper\", known: "
		    "process, power" },
		{ "[]", "must be a JSON object" },
	};
	struct fixture *f = *state;
	char want[512];
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		assert_null(load(f, cases[i].json));
		snprintf(want, sizeof(want), "%s\n", cases[i].complaint);
		assert_string_equal(f->complaints.p, want);
		assert_string_equal(f->err.msg, cases[i].complaint);
		assert_int_equal(f->err.kind, ERROR_CONF);
	}
}

static void
all_complaints_come_at_once(void **state)
{
	struct fixture *f = *state;

	assert_null(load(f,
	    "{\"server\":{\"worker\":1,\"max_calls\":0},\"nope\":1,"
	    "\"auth\":{\"admin_key\":\"env:TEST_SECRET\"},"
	    "\"providers\":{\"foo\":{\"api\":\"opnai\"},\"bar\":{}}}"));
	assert_non_null(strstr(f->complaints.p, "\nserver.worker: "));
	assert_non_null(strstr(f->complaints.p, "server.max_calls: "));
	assert_non_null(strstr(f->complaints.p, "nope: unknown key"));
	assert_non_null(strstr(f->complaints.p, "auth.admin_key: "));
	assert_non_null(strstr(f->complaints.p, "providers.foo.api: "));
	assert_non_null(strstr(f->complaints.p, "providers.bar: "));
}

static void
broken_json_is_located_by_line(void **state)
{
	static const struct {
		const char *json, *where;
	} cases[] = {
		{ "{\n  // a comment\n  \"log\": oops }\n",
		    "line 3, column 10: " },
		{ "{ /* one\n two */ \"log\": {},\n \"log\": {} }",
		    "line 3, " },
		{ "{ \"log\": {}, }", "line 1, " },
		{ "{ /* never closed", "line 1, " },
		{ "", "" },
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		assert_null(load(f, cases[i].json));
		assert_memory_equal(
		    f->complaints.p, cases[i].where, strlen(cases[i].where));
		assert_int_equal(f->err.kind, ERROR_CONF);
	}
}

static void
comments_are_seen_only_outside_strings(void **state)
{
	struct fixture *f = *state;
	struct conf *conf = load_ok(f,
	    "\xEF\xBB\xBF// first // line\r\n{ /* a * b ** / */"
	    "\"aliases\":{\"a\":\"x//y\",/**/\"b\":\"x/*y\\\"/*z\"}/***/}"
	    " // no newline at the end");

	assert_str(conf->aliases->model, "x//y");
	assert_str(conf->aliases->next->model, "x/*y\"/*z");
	assert_null(conf->aliases->next->next);
	conf_free(conf);
}

static void
an_empty_object_gives_the_defaults(void **state)
{
	struct fixture *f = *state;
	struct conf *conf = load_ok(f, "{}");

	assert_str(conf->path, f->path);
	assert_int_equal(conf->workers, 4);
	assert_int_equal(conf->max_calls, 1000);
	assert_int_equal(conf->max_body_bytes, 32 << 20);
	assert_int_equal(conf->request_timeout_ms, 600000);
	assert_int_equal(conf->connect_timeout_ms, 5000);
	assert_int_equal(conf->first_content_timeout_ms, 120000);
	assert_int_equal(conf->idle_timeout_ms, 120000);
	assert_int_equal(conf->keepalive_ms, 15000);
	assert_int_equal(conf->drain_ms, 30000);
	assert_null(conf->cors_origins);
	assert_str(conf->log_file, "stderr");
	assert_int_equal(conf->log_level, LOG_LEVEL_INFO);
	assert_true(conf->auth_required);
	assert_null(conf->admin_key.p);
	assert_null(conf->aliases);
	assert_non_null(conf->catalog);
	assert_int_equal(conf->durability, DURABILITY_PROCESS);
	assert_int_equal(conf->retention_days, 400);
	assert_false(conf->serve_without_store);
	assert_str(conf->providers->name, "echo");
	assert_null(conf->providers->next);
	conf_free(conf);
}

static void
values_are_read_in_their_units(void **state)
{
	struct fixture *f = *state;
	struct conf *conf = load_ok(f,
	    "{\"server\":{\"workers\":2,\"max_body_mb\":0.5,"
	    "\"request_timeout_s\":0.3,\"keepalive_s\":2,\"drain_s\":0,"
	    "\"cors_origins\":[\"https://a\",\"https://b\"]},"
	    "\"log\":{\"level\":\"warn\",\"file\":\"logs/x.log\"},"
	    "\"auth\":{\"required\":false,\"admin_key\":null},"
	    "\"store\":{\"durability\":\"power\",\"on_failure\":\"serve\"},"
	    "\"privacy\":{\"retention_days\":0}}");
	char log[128];

	assert_int_equal(conf->workers, 2);
	assert_int_equal(conf->max_body_bytes, 512 << 10);
	assert_int_equal(conf->request_timeout_ms, 300);
	assert_int_equal(conf->keepalive_ms, 2000);
	assert_int_equal(conf->drain_ms, 0);
	assert_str(conf->cors_origins->s, "https://a");
	assert_str(conf->cors_origins->next->s, "https://b");
	assert_int_equal(conf->log_level, LOG_LEVEL_WARN);
	snprintf(log, sizeof(log), "%s/logs/x.log", f->dir);
	assert_str(conf->log_file, log);
	assert_false(conf->auth_required);
	assert_null(conf->admin_key.p);
	assert_int_equal(conf->durability, DURABILITY_POWER);
	assert_int_equal(conf->retention_days, 0);
	assert_true(conf->serve_without_store);
	conf_free(conf);
}

static void
data_dir_is_found_when_it_is_not_given(void **state)
{
	struct fixture *f = *state;
	struct conf *conf;
	char want[128];

	setenv("SLUICE_DATA_DIR", "/srv/state", 1);
	conf = load_ok(f, "{}");
	assert_str(conf->data_dir, "/srv/state");
	conf_free(conf);
	conf = load_ok(f, "{\"data_dir\":\"/srv/other\"}");
	assert_str(conf->data_dir, "/srv/other");
	conf_free(conf);
	unsetenv("SLUICE_DATA_DIR");
	if (access("/var/lib/sluice", W_OK | X_OK) == 0)
		return;
	conf = load_ok(f, "{}");
	snprintf(want, sizeof(want), "%s/sluice", f->dir);
	assert_str(conf->data_dir, want);
	conf_free(conf);
}

static void
known_vendors_bring_what_is_not_said(void **state)
{
	struct fixture *f = *state;
	const struct conf_provider *p;
	struct conf *conf;

	setenv("TEST_GOOGLE_KEY", "g", 1);
	setenv("TEST_OPENAI_KEY", "o", 1);
	conf = load_ok(f,
	    "{\"providers\":{\"google\":{},"
	    "\"anthropic\":{\"base_url\":\"https://proxy/a//\",\"key\":\"k\","
	    "\"on_cancel\":\"drain\",\"free\":true},"
	    "\"work\":{\"api\":\"openai\"}}}");
	p = conf_provider_find(conf, STR("google"));
	assert_ptr_equal(p->api, &openai);
	assert_str(p->base_url, "https://google.example/v1");
	assert_str(p->key, "g");
	assert_int_equal(p->quirks, QUIRK_NO_DEVELOPER);
	assert_false(p->free || p->drain);

	p = conf_provider_find(conf, STR("anthropic"));
	assert_ptr_equal(p->api, &anthropic);
	assert_str(p->base_url, "https://proxy/a");
	assert_str(p->key, "k");
	assert_true(p->free && p->drain);

	/* Its vendor's URL, but not somebody else's key. */
	p = conf_provider_find(conf, STR("work"));
	assert_str(p->base_url, "https://api.openai.com/v1");
	assert_null(p->key.p);

	p = conf_provider_find(conf, STR("echo"));
	assert_ptr_equal(p->api, &echo);
	assert_true(p->free);
	assert_null(conf_provider_find(conf, STR("openai")));
	conf_free(conf);
}

static void
a_vendor_with_two_formats_has_both_unless_one_is_chosen(void **state)
{
	static const struct {
		const char *conf, *name;
		const struct provider *api, *also;
	} cases[] = {
		{ "\"openai\":{}", "openai", &openai, &responses },
		{ "\"openai\":{\"base_url\":\"https://api.openai.com/v1\"}",
		    "openai", &openai, &responses },
		{ "\"openai\":{\"api\":\"openai\"}", "openai", &openai, NULL },
		{ "\"openai\":{\"api\":\"responses\"}", "openai", &responses,
		    NULL },
		{ "\"work\":{\"api\":\"responses\"}", "work", &responses,
		    NULL },
		{ "\"google\":{\"base_url\":\"https://api.openai.com/v1\"}",
		    "google", &openai, NULL },
	};
	const struct conf_provider *p;
	struct conf *conf;
	char text[128];

	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(
		    text, sizeof(text), "{\"providers\":{%s}}", cases[i].conf);
		conf = load_ok(*state, text);
		p = conf_provider_find(conf, str_of(cases[i].name));
		assert_ptr_equal(p->api, cases[i].api);
		assert_ptr_equal(p->also, cases[i].also);
		assert_str(p->base_url, "https://api.openai.com/v1");
		conf_free(conf);
	}
}

static void
without_a_file_vendors_with_a_key_are_on(void **state)
{
	struct fixture *f = *state;
	struct conf *conf;

	setenv("TEST_GEMINI_KEY", "first", 1);
	setenv("TEST_GOOGLE_KEY", "second", 1);
	setenv("TEST_OPENAI_KEY", "", 1);
	conf = conf_load(STR_NONE, &registry, &f->complaints, &f->err);
	assert_non_null(conf);
	assert_null(conf->path.p);
	assert_str(conf->providers->name, "google");
	assert_str(conf->providers->key, "first");
	assert_str(conf->providers->next->name, "echo");
	assert_null(conf->providers->next->next);
	conf_free(conf);
}

static void
secrets_come_from_variables_and_files(void **state)
{
	struct fixture *f = *state;
	struct conf *conf;

	setenv("TEST_SECRET", "from env", 1);
	write_file(f, "secret", "  from file \r\nmore\n", 0600);
	conf = load_ok(f,
	    "{\"auth\":{\"admin_key\":\"env:TEST_SECRET\"},"
	    "\"server\":{\"cors_origins\":[\"env:TEST_SECRET\"]},"
	    "\"providers\":{\"openai\":{\"key\":\"file:secret\"}}}");
	assert_str(conf->admin_key, "from env");
	assert_str(conf->cors_origins->s, "from env");
	assert_str(conf->providers->key, "from file");
	conf_free(conf);
}

static void
a_secret_that_everybody_can_read_is_warned_about(void **state)
{
	static const struct {
		mode_t mode;
		bool warned;
	} cases[] = { { 0600, false }, { 0640, false }, { 0604, true } };
	struct fixture *f = *state;
	char log[128], text[1024];
	size_t i;
	FILE *from;

	snprintf(log, sizeof(log), "%s/log", f->dir);
	for (i = 0; i < COUNT(cases); i++) {
		write_file(f, "secret", "s", cases[i].mode);
		assert_int_equal(log_open(log, LOG_LEVEL_WARN), 0);
		conf_free(load_ok(f,
		    "{\"auth\":{\"admin_key\":"
		    "\"file:secret\"}}"));
		assert_int_equal(log_open("stderr", LOG_LEVEL_WARN), 0);
		from = fopen(log, "r");
		assert_non_null(from);
		text[fread(text, 1, sizeof(text) - 1, from)] = '\0';
		fclose(from);
		unlink(log);
		assert_int_equal(
		    strstr(text, "read by everybody") != NULL, cases[i].warned);
	}
}

static void
references_to_nothing_say_why(void **state)
{
	static const struct {
		const char *value, *why;
	} cases[] = {
		{ "env:TEST_SECRET",
		    "environment variable TEST_SECRET is "
		    "empty" },
		{ "file:none", "/none: No such file or directory" },
		{ "file:secret", "/secret is empty" },
		{ "file:/", "cannot read /: is a folder" },
	};
	struct fixture *f = *state;
	char json[128];
	size_t i;

	setenv("TEST_SECRET", "", 1);
	write_file(f, "secret", "\nsecond line\n", 0600);
	for (i = 0; i < COUNT(cases); i++) {
		snprintf(json, sizeof(json),
		    "{\"auth\":{\"admin_key\":\"%s\"}}", cases[i].value);
		assert_null(load(f, json));
		assert_memory_equal(f->complaints.p, "auth.admin_key: ", 16);
		assert_non_null(strstr(f->complaints.p, cases[i].why));
	}
}

static void
complaints_never_quote_a_secret(void **state)
{
	struct fixture *f = *state;

	setenv("TEST_SECRET", "hunter2", 1);
	assert_null(load(f,
	    "{\"auth\":{\"admin_key\":[\"env:TEST_SECRET\"]},"
	    "\"providers\":{\"openai\":{\"key\":{\"x\":\"hunter2\"}}}}"));
	assert_null(strstr(f->complaints.p, "hunter2"));
}

static void
an_unreadable_file_is_a_complaint(void **state)
{
	struct fixture *f = *state;

	assert_null(conf_load(STR("/nonexistent/sluice.json"), &registry,
	    &f->complaints, &f->err));
	assert_string_equal(f->complaints.p,
	    "cannot read /nonexistent/sluice.json: No such file or "
	    "directory\n");
}

static void
models_of_the_file_come_before_the_catalogue(void **state)
{
	struct fixture *f = *state;
	struct conf *conf = load_ok(f,
	    "{\"providers\":{\"local\":{\"api\":\"openai\","
	    "\"base_url\":\"http://localhost\"}},"
	    "\"models\":{\"local/a/b\":{\"context\":8192,\"can\":[\"tools\"],"
	    "\"price\":{\"input\":\"0.5\",\"output\":\"1\"}}}}");
	const struct model *m;

	m = catalog_find(conf->catalog, conf->arena, STR("local"), STR("a/b"));
	assert_non_null(m);
	assert_int_equal(m->context, 8192);
	assert_true(m->can & MODEL_TOOLS);
	assert_true(m->price.n > 0);
	conf_free(conf);
}

static void
a_changed_file_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct conf *conf = load_ok(f, "{}");
	struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	char other[160];

	assert_false(conf_changed(conf));
	assert_int_equal(utimensat(AT_FDCWD, f->path, times, 0), 0);
	assert_true(conf_changed(conf));
	conf_free(conf);

	/* Replaced by another file with the same time. */
	conf = load_ok(f, "{}");
	snprintf(other, sizeof(other), "%s.new", f->path);
	assert_int_equal(rename(f->path, other), 0);
	assert_false(conf_changed(conf));
	write_file(f, "sluice.json", "{}", 0600);
	times[0].tv_sec = times[1].tv_sec = conf->mtime_ns / 1000000000;
	times[0].tv_nsec = times[1].tv_nsec = conf->mtime_ns % 1000000000;
	assert_int_equal(utimensat(AT_FDCWD, f->path, times, 0), 0);
	assert_true(conf_changed(conf));
	unlink(other);
	conf_free(conf);
}

static void
a_file_where_there_was_none_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct conf *conf;

	conf = conf_load(STR_NONE, &registry, &f->complaints, &f->err);
	assert_non_null(conf);
	if (!conf_changed(conf)) {
		write_file(f, "sluice.json", "{}", 0600);
		setenv("SLUICE_CONFIG", f->path, 1);
		assert_true(conf_changed(conf));
	}
	conf_free(conf);
}

static void
the_file_is_searched_in_order(void **state)
{
	struct fixture *f = *state;
	struct arena *a = arena_new(64u << 10);
	char dir[96], path[128];

	snprintf(dir, sizeof(dir), "%s/sluice", f->dir);
	snprintf(path, sizeof(path), "%s/sluice.json", dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	write_file(f, "sluice/sluice.json", "{}", 0600);
	assert_str(conf_find(a), path);
	/* One that was asked for counts even where it is missing. */
	setenv("SLUICE_CONFIG", "/nonexistent", 1);
	assert_str(conf_find(a), "/nonexistent");
	unlink(path);
	rmdir(dir);
	arena_free(a);
}

static void
check_key(void *arg, const char *key, const char *type, const char *fallback,
    const char *meaning)
{
	int *n = arg;

	assert_non_null(key);
	assert_true(type[0] != '\0');
	assert_non_null(fallback);
	assert_true(meaning[0] != '\0');
	assert_null(strchr(meaning, '|'));
	++*n;
}

static void
every_key_has_a_type_and_a_meaning(void **state)
{
	int n = 0;

	(void)state;
	conf_keys(check_key, &n);
	assert_true(n > 25);
}

/* ${arg} points to where README's table has the next row. */
static void
compare_row(void *arg, const char *key, const char *type, const char *fallback,
    const char *meaning)
{
	char **readme = arg, row[512];

	snprintf(row, sizeof(row), "| `%s` | %s | %s | %s |\n", key, type,
	    fallback, meaning);
	if (strncmp(*readme, row, strlen(row)) != 0)
		fail_msg("README.md lacks, here: %s", row);
	*readme += strlen(row);
}

static void
the_table_in_the_readme_is_the_schema(void **state)
{
	static char text[1 << 20];
	char *at;
	FILE *from = fopen("README.md", "r");

	(void)state;
	if (from != NULL) {
		text[fread(text, 1, sizeof(text) - 1, from)] = '\0';
		fclose(from);
	}
	at = strstr(text, "| `data_dir` | ");
	if (at == NULL) {
		print_message("README.md has no table of keys: skipped\n");
		skip();
	}
	conf_keys(compare_row, &at);
	assert_true(at[0] != '|');
}

static void
the_example_loads_without_complaint(void **state)
{
	struct fixture *f = *state;
	struct conf *conf;

	setenv("SLUICE_ADMIN_KEY", "admin", 1);
	setenv("ANTHROPIC_API_KEY", "a", 1);
	conf = conf_load(
	    STR("conf/sluice.json"), &registry, &f->complaints, &f->err);
	assert_string_equal(f->complaints.p, "");
	assert_non_null(conf);
	assert_str(conf->admin_key, "admin");
	conf_free(conf);
}

static void
a_thousand_mistakes_do_no_harm(void **state)
{
	static char json[32000];
	struct fixture *f = *state;
	size_t n = 0;
	int i;

	for (i = 0; i < 1000; i++)
		n += (size_t)snprintf(json + n, sizeof(json) - n, "%s\"k%d\":1",
		    i > 0 ? "," : "{\"server\":{", i);
	snprintf(json + n, sizeof(json) - n, "}}");
	assert_null(load(f, json));
	assert_memory_equal(f->complaints.p, "server.k0: ", 11);
}

/* Every damaged example loads or complains; sanitizers watch. */
static void
damage_to_the_example_is_survived(void **state)
{
	static char text[1 << 16];
	struct fixture *f = *state;
	FILE *from = fopen("conf/sluice.json", "r");
	struct conf *conf;
	size_t n;
	int i;

	assert_non_null(from);
	n = fread(text, 1, sizeof(text) - 1, from);
	fclose(from);
	srand(7);
	for (i = 0; i < 300; i++) {
		size_t at = (size_t)rand() % n;
		char old = text[at];

		text[at] = "\"{}[]:,/*\\ 0x\n\xFF"[rand() % 16];
		conf = load(f, text);
		assert_true((conf != NULL) != (f->complaints.n > 0));
		conf_free(conf);
		text[at] = old;
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(each_mistake_has_its_complaint),
		CASE(all_complaints_come_at_once),
		CASE(broken_json_is_located_by_line),
		CASE(comments_are_seen_only_outside_strings),
		CASE(an_empty_object_gives_the_defaults),
		CASE(values_are_read_in_their_units),
		CASE(data_dir_is_found_when_it_is_not_given),
		CASE(known_vendors_bring_what_is_not_said),
		CASE(a_vendor_with_two_formats_has_both_unless_one_is_chosen),
		CASE(without_a_file_vendors_with_a_key_are_on),
		CASE(secrets_come_from_variables_and_files),
		CASE(a_secret_that_everybody_can_read_is_warned_about),
		CASE(references_to_nothing_say_why),
		CASE(complaints_never_quote_a_secret),
		CASE(an_unreadable_file_is_a_complaint),
		CASE(models_of_the_file_come_before_the_catalogue),
		CASE(a_changed_file_is_noticed),
		CASE(a_file_where_there_was_none_is_noticed),
		CASE(the_file_is_searched_in_order),
		CASE(every_key_has_a_type_and_a_meaning),
		CASE(the_table_in_the_readme_is_the_schema),
		CASE(the_example_loads_without_complaint),
		CASE(a_thousand_mistakes_do_no_harm),
		CASE(damage_to_the_example_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
