/* SPDX-License-Identifier: MIT */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/check.h"
#include "core/conf.h"
#include "core/dir.h"
#include "core/jw.h"
#include "tests/unit/unit.h"

#define KEY "sk-upstream-c0ffee"

/* An installation that is fine, until a test spoils it. */
struct fixture {
	char dir[64];
	struct arena *arena;
	struct conf conf;
	struct conf_provider provider;
	struct check check;
};

static char *
at(struct fixture *f, const char *path)
{
	return arena_printf(f->arena, "%s/%s", f->dir, path);
}

static void
write_file(struct fixture *f, const char *path, const char *text, mode_t mode)
{
	char *file = at(f, path), *dir = str_cstr(f->arena, str_of(file));
	FILE *to;

	*strrchr(dir, '/') = '\0';
	assert_int_equal(dir_make(dir), 0);
	to = fopen(file, "w");
	assert_non_null(to);
	assert_true(fputs(text, to) >= 0);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(chmod(file, mode), 0);
}

static void
set_data_dir(struct fixture *f, const char *path)
{
	f->conf.data_dir = str_of(at(f, path));
	assert_int_equal(dir_make(f->conf.data_dir.p), 0);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/sluice-check-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(chmod(f->dir, 0755), 0);
	unsetenv("DOCUMENT_ROOT");
	f->arena = arena_new((size_t)64 << 20);
	f->provider =
	    (struct conf_provider){ .name = STR("up"), .key = STR(KEY) };
	f->conf.providers = &f->provider;
	f->conf.path = str_of(at(f, "sluice.json"));
	write_file(f, "sluice.json", "{ \"key\": \"" KEY "\" }", 0640);
	set_data_dir(f, "data");
	*state = f;
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	arena_free(f->arena);
	free(f);
	return 0;
}

/* Look again. */
static const struct finding *
find(struct fixture *f)
{
	check_init(&f->check, f->arena, &f->conf, NULL);
	check_files(&f->check);
	return f->check.first;
}

static void
a_good_installation_has_no_findings(void **state)
{
	struct fixture *f = *state;

	assert_null(find(f));
	assert_false(f->check.faulty);
	f->conf.path = STR_NONE;
	assert_null(find(f));
}

static void
a_data_dir_inside_a_web_root_is_a_fault(void **state)
{
	static const struct {
		const char *dir, *root; /* NULL: fine */
	} cases[] = {
		{ "home/u/public_html/data", "home/u/public_html" },
		{ "home/u/public_html", "home/u/public_html" },
		{ "srv/www/a/b/c", "srv/www" },
		{ "site/htdocs/x", "site/htdocs" },
		{ "var/www/html/x", "var/www" },
		{ "home/u/public_html_data", NULL },
		{ "home/u/.local/state/sluice", NULL },
		{ "srv/wwwdata", NULL },
	};
	struct fixture *f = *state;
	const struct finding *found;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		set_data_dir(f, cases[i].dir);
		found = find(f);
		if (cases[i].root == NULL) {
			assert_null(found);
			continue;
		}
		assert_non_null(found);
		assert_true(found->fault && f->check.faulty);
		assert_string_equal(found->about, "data_dir");
		assert_string_equal(found->what,
		    arena_printf(f->arena, "%s is inside the web root %s",
			at(f, cases[i].dir), at(f, cases[i].root)));
	}
}

static void
the_home_of_debians_web_servers_is_no_web_root(void **state)
{
	struct fixture *f = *state;

	f->conf.data_dir = STR("/var/www/.local/state/sluice-test");
	assert_null(find(f));
	f->conf.data_dir = STR("/var/www/example.org/sluice-test");
	assert_non_null(find(f));
}

static void
document_root_and_htaccess_tell_a_web_root(void **state)
{
	struct fixture *f = *state;

	set_data_dir(f, "site/pages/data");
	assert_null(find(f));
	setenv("DOCUMENT_ROOT", at(f, "site/pages"), 1);
	assert_non_null(find(f));
	setenv("DOCUMENT_ROOT", at(f, "site/page"), 1);
	assert_null(find(f));
	write_file(f, "site/.htaccess", "Options +ExecCGI\n", 0644);
	assert_non_null(find(f));
}

static void
a_link_does_not_hide_a_web_root(void **state)
{
	struct fixture *f = *state;

	set_data_dir(f, "public_html/data");
	assert_int_equal(symlink(f->conf.data_dir.p, at(f, "state")), 0);
	f->conf.data_dir = str_of(at(f, "state"));
	assert_non_null(find(f));
}

static void
a_data_dir_with_its_own_denial_is_only_a_warning(void **state)
{
	struct fixture *f = *state;
	const struct finding *found;

	set_data_dir(f, "public_html/data");
	write_file(
	    f, "public_html/data/.htaccess", "Require all denied\n", 0644);
	found = find(f);
	assert_non_null(found);
	assert_false(found->fault || f->check.faulty);
}

static void
a_data_dir_open_to_everybody_is_a_fault(void **state)
{
	static const struct {
		mode_t above, dir;
		bool fault;
	} cases[] = {
		{ 0755, 0700, false },
		{ 0755, 0750, false },
		{ 0755, 0755, true },
		{ 0755, 0701, true },
		{ 0700, 0755, false },
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(chmod(f->dir, cases[i].above), 0);
		assert_int_equal(chmod(at(f, "data"), cases[i].dir), 0);
		assert_int_equal(find(f) != NULL, cases[i].fault);
		assert_int_equal(f->check.faulty, cases[i].fault);
	}
}

static void
keys_in_a_file_that_everybody_may_read_are_a_fault(void **state)
{
	struct fixture *f = *state;
	const struct finding *found;

	assert_int_equal(chmod(at(f, "sluice.json"), 0644), 0);
	found = find(f);
	assert_non_null(found);
	assert_true(found->fault);
	assert_string_equal(found->about, "configuration");
	assert_non_null(strstr(found->fix, "chmod o-r "));
	assert_null(strstr(found->what, KEY));
	assert_int_equal(chmod(f->dir, 0750), 0);
	assert_null(find(f));
}

static void
a_readable_file_without_keys_is_fine(void **state)
{
	struct fixture *f = *state;

	write_file(f, "sluice.json", "{ \"key\": \"env:UP_KEY\" }", 0644);
	assert_null(find(f));
	f->conf.admin_key = STR("hunter2");
	assert_null(find(f));
	write_file(f, "sluice.json", "{ \"admin_key\": \"hunter2\" }", 0644);
	assert_non_null(find(f));
}

static void
a_configuration_in_a_web_root_has_to_be_guarded(void **state)
{
	struct fixture *f = *state;

	write_file(f, "public_html/sluice.json", KEY, 0600);
	f->conf.path = str_of(at(f, "public_html/sluice.json"));
	assert_non_null(find(f));
	assert_true(f->check.faulty);
	write_file(f, "public_html/.htaccess",
	    "<Files \"sluice.json\">\nRequire all denied\n</Files>\n", 0644);
	assert_null(find(f));
}

static void
network_file_systems_are_known_by_their_type(void **state)
{
	static const struct {
		long type;
		const char *name;
	} cases[] = {
		{ 0x6969, "NFS" }, { (long)(int32_t)0xff534d42, "CIFS" },
		{ 0xff534d42, "CIFS" }, { 0x01021997, "9P" },
		{ 0xef53, NULL },     /* ext4 */
		{ 0x01021994, NULL }, /* tmpfs */
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		if (cases[i].name == NULL)
			assert_null(check_network_fs(cases[i].type));
		else
			assert_string_equal(
			    check_network_fs(cases[i].type), cases[i].name);
	}
}

static void
each_server_has_its_own_advice(void **state)
{
	static const struct {
		const char *server;
		enum check_problem problem;
		const char *advice;
	} cases[] = {
		{ "Apache/2.4.67 (Debian)", CHECK_AUTHORIZATION,
		    "CGIPassAuth On" },
		{ "Apache", CHECK_BODY, "FcgidMaxRequestLen" },
		{ "nginx/1.22.1", CHECK_BODY, "client_max_body_size" },
		{ "lighttpd/1.4.69", CHECK_BUFFERING, "stream-response-body" },
		{ "Caddy", CHECK_BUFFERING, "flush_interval -1" },
		{ "litespeed", CHECK_AUTHORIZATION, "HTTP_AUTHORIZATION" },
		{ "cloudflare", CHECK_BODY, "max_body_mb" },
		{ NULL, CHECK_AUTHORIZATION, "x-api-key" },
	};
	const char *advice;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		advice =
		    check_server_fix(str_of(cases[i].server), cases[i].problem);
		if (strstr(advice, cases[i].advice) == NULL)
			fail_msg("%s: %s", cases[i].server, advice);
	}
}

static void
findings_are_text_and_json(void **state)
{
	struct fixture *f = *state;
	struct buf *out = buf_new(f->arena, 4096);
	struct jw w;

	check_init(&f->check, f->arena, &f->conf, NULL);
	check_warn(&f->check, "here", "do this", "odd \x1b[2J\n%d", 7);
	assert_false(f->check.faulty);
	check_fault(&f->check, "there", "do that", "bad");
	assert_true(f->check.faulty);
	check_text(&f->check, out);
	assert_string_equal(out->p,
	    "warning        here: odd  [2J 7\n  try          do this\n"
	    "WRONG          there: bad\n  try          do that\n");
	buf_reset(out);
	jw_init(&w, out);
	check_json(&f->check, &w);
	assert_string_equal(out->p,
	    "[{\"severity\":\"warning\",\"about\":\"here\","
	    "\"problem\":\"odd  [2J 7\",\"fix\":\"do this\"},"
	    "{\"severity\":\"error\",\"about\":\"there\","
	    "\"problem\":\"bad\",\"fix\":\"do that\"}]");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_good_installation_has_no_findings),
		CASE(a_data_dir_inside_a_web_root_is_a_fault),
		CASE(the_home_of_debians_web_servers_is_no_web_root),
		CASE(document_root_and_htaccess_tell_a_web_root),
		CASE(a_link_does_not_hide_a_web_root),
		CASE(a_data_dir_with_its_own_denial_is_only_a_warning),
		CASE(a_data_dir_open_to_everybody_is_a_fault),
		CASE(keys_in_a_file_that_everybody_may_read_are_a_fault),
		CASE(a_readable_file_without_keys_is_fine),
		CASE(a_configuration_in_a_web_root_has_to_be_guarded),
		CASE(network_file_systems_are_known_by_their_type),
		CASE(each_server_has_its_own_advice),
		CASE(findings_are_text_and_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
