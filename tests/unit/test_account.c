/* SPDX-License-Identifier: MIT */
/* Accounts and what seals their credentials. */
#include <dirent.h>

#include "core/account.h"
#include "core/account_record.h"
#include "core/arena.h"
#include "core/backup.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/key.h"
#include "core/log.h"
#include "core/provider.h"
#include "core/recover.h"
#include "core/seal.h"
#include "core/state.h"
#include "core/visit.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define FIRST  "sk-first-canary-3f9a"
#define SECOND "sk-second-canary-77b1"
#define SHARED "sk-shared-canary-0c2d"

struct fixture {
	struct scratch scratch;
	struct state *state;
	struct accounts *accounts;
	struct arena *arena;
	struct error err;
};

static const struct conf_provider openai = { .name = { "openai", 6 },
	.key = { SHARED, sizeof(SHARED) - 1 } };
static const struct conf_provider local = { .name = { "local", 5 } };

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	unsetenv("SLUICE_MASTER_KEY");
	log_open("/dev/null", LOG_LEVEL_ERROR);
	scratch_make(&f.scratch);
	f.state = state_open(str_of(f.scratch.dir), DURABILITY_PROCESS, &f.err);
	if (f.state == NULL)
		return -1;
	f.accounts = accounts_new(f.state);
	f.arena = arena_new(16 << 20);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	accounts_free(f->accounts);
	state_close(f->state);
	arena_free(f->arena);
	scratch_drop(&f->scratch);
	unsetenv("SLUICE_MASTER_KEY");
	return 0;
}

/* The key that a call of ${account} gets, or the message of its refusal. */
static const char *
pick(struct fixture *f, const char *account, unsigned nth)
{
	struct target t = { .provider = &openai, .nth = nth };

	error_clear(&f->err);
	if (account_pick(f->accounts, f->arena, str_of(account), &t, &f->err) !=
	    0)
		return f->err.msg;
	return str_cstr(f->arena, target_secret(&t));
}

static int
set(struct fixture *f, const char *secret, bool add)
{
	error_clear(&f->err);
	return account_set(
	    f->state, STR("team"), STR("openai"), str_of(secret), add, &f->err);
}

static void
create(struct fixture *f, bool allow)
{
	assert_int_equal(
	    account_create(f->state, STR("team"), allow, &f->err), 0);
}

static void
its_own_credentials_come_first_and_in_order(void **state)
{
	struct fixture *f = *state;
	struct target t = { .provider = &openai };

	assert_string_equal(pick(f, "team", 0), SHARED);
	create(f, true);
	assert_string_equal(pick(f, "team", 0), SHARED);
	assert_int_equal(set(f, FIRST, false), 0);
	assert_int_equal(set(f, SECOND, true), 0);
	assert_string_equal(pick(f, "team", 0), FIRST);
	assert_string_equal(pick(f, "team", 1), SECOND);
	assert_string_equal(pick(f, "team", 2), SHARED);
	assert_non_null(strstr(pick(f, "team", 3), "no credential"));
	assert_string_equal(pick(f, "other", 0), SHARED);
	assert_int_equal(
	    account_pick(f->accounts, f->arena, STR("team"), &t, &f->err), 0);
	assert_int_equal(t.credentials, 3);
	assert_true(str_is(target_credential(&t), "team/1"));
	assert_int_equal(set(f, SECOND, false), 0);
	assert_string_equal(pick(f, "team", 0), SECOND);
	assert_int_equal(set(f, "", false), 0);
	assert_string_equal(pick(f, "team", 0), SHARED);
}

static void
shared_credentials_need_permission(void **state)
{
	struct fixture *f = *state;
	struct target t = { .provider = &local };

	create(f, false);
	assert_non_null(strstr(pick(f, "team", 0),
	    "account team has no credential of its own for openai"));
	assert_int_equal(f->err.kind, ERROR_FORBIDDEN);
	assert_int_equal(set(f, FIRST, false), 0);
	assert_string_equal(pick(f, "team", 0), FIRST);
	assert_non_null(strstr(pick(f, "team", 1), "may not use"));
	/* What needs no credential is nobody's. */
	error_clear(&f->err);
	assert_int_equal(
	    account_pick(f->accounts, f->arena, STR("team"), &t, &f->err), 0);
	assert_int_equal(
	    account_allow(f->state, STR("team"), true, &f->err), 0);
	assert_string_equal(pick(f, "team", 1), SHARED);
}

static void
another_master_key_opens_and_overwrites_nothing(void **state)
{
	struct fixture *f = *state;
	static char before[1 << 16], after[1 << 16];
	size_t n;

	create(f, true);
	assert_int_equal(set(f, FIRST, false), 0);
	n = scratch_read(&f->scratch, "accounts.snap", before, sizeof(before));
	setenv("SLUICE_MASTER_KEY", "0123456789012345678901234567890x", 1);
	accounts_free(f->accounts);
	f->accounts = accounts_new(f->state);
	assert_non_null(strstr(pick(f, "team", 0),
	    "team/openai is sealed with another master key (id "));
	assert_int_equal(f->err.kind, ERROR_CONF);
	assert_int_equal(set(f, SECOND, true), -1);
	assert_non_null(strstr(f->err.msg, "another master key"));
	assert_int_equal(
	    scratch_read(&f->scratch, "accounts.snap", after, sizeof(after)),
	    n);
	assert_memory_equal(before, after, n);
	setenv("SLUICE_MASTER_KEY", "short", 1);
	assert_int_equal(set(f, SECOND, true), -1);
	assert_non_null(strstr(f->err.msg, "at least 32 characters"));
	unsetenv("SLUICE_MASTER_KEY");
	assert_string_equal(pick(f, "team", 0), FIRST);
}

/* A backup has the sealed credentials, and not what opens them. */
static void
what_is_restored_without_its_master_key_stays_sealed(void **state)
{
	struct fixture *f = *state;
	static char before[1 << 16], after[1 << 16], key[256];
	char dir[100];
	struct audit found;
	struct recovery r;
	size_t n, k;

	create(f, true);
	assert_int_equal(set(f, FIRST, false), 0);
	n = scratch_read(&f->scratch, "accounts.snap", before, sizeof(before));
	k = scratch_read(&f->scratch, "master.key", key, sizeof(key));
	snprintf(dir, sizeof(dir), "%s/backup", f->scratch.dir);
	assert_int_equal(backup_make(f->state, dir, &found, &f->err), 0);
	assert_int_equal(
	    scratch_count(&f->scratch, "backup", "master.key", NULL), 0);
	/* Another machine. */
	assert_int_equal(unlinkat(f->scratch.fd, "master.key", 0), 0);
	assert_int_equal(unlinkat(f->scratch.fd, "accounts.snap", 0), 0);
	assert_int_equal(recover(f->state, dir, &r, &f->err), 0);
	assert_true(r.from_backup);
	accounts_free(f->accounts);
	f->accounts = accounts_new(f->state);
	assert_non_null(strstr(pick(f, "team", 0), "another master key (id "));
	assert_non_null(strstr(f->err.msg, "none is there"));
	assert_int_equal(set(f, SECOND, true), -1);
	assert_int_equal(account_rekey(f->state, STR_NONE, &f->err), -1);
	assert_int_equal(
	    scratch_count(&f->scratch, ".", "master.key", NULL), 0);
	assert_int_equal(
	    scratch_read(&f->scratch, "accounts.snap", after, sizeof(after)),
	    n);
	assert_memory_equal(before, after, n);
	scratch_write(&f->scratch, "master.key", key, k);
	assert_string_equal(pick(f, "team", 0), FIRST);
}

static void
a_key_file_that_others_can_read_is_refused(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	create(f, true);
	assert_int_equal(set(f, FIRST, false), 0);
	assert_int_equal(fstatat(f->scratch.fd, "master.key", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(fchmodat(f->scratch.fd, "master.key", 0640, 0), 0);
	assert_non_null(strstr(pick(f, "team", 0), "chmod 600"));
}

static void
rekeying_seals_all_anew(void **state)
{
	struct fixture *f = *state;
	static char before[1 << 16], after[1 << 16];
	size_t n;

	create(f, true);
	assert_int_equal(set(f, FIRST, false), 0);
	assert_int_equal(set(f, SECOND, true), 0);
	assert_string_equal(pick(f, "team", 0), FIRST);
	n = scratch_read(&f->scratch, "accounts.snap", before, sizeof(before));
	assert_int_equal(account_rekey(f->state, STR_NONE, &f->err), 0);
	scratch_read(&f->scratch, "accounts.snap", after, sizeof(after));
	assert_memory_not_equal(before, after, n);
	assert_string_equal(pick(f, "team", 0), FIRST);
	assert_string_equal(pick(f, "team", 1), SECOND);
	/* From the file to the environment, and on, and back. */
	setenv("SLUICE_MASTER_KEY", "first-0123456789012345678901234567", 1);
	assert_int_equal(account_rekey(f->state, STR_NONE, &f->err), 0);
	assert_string_equal(pick(f, "team", 0), FIRST);
	setenv("SLUICE_MASTER_KEY", "second-012345678901234567890123456", 1);
	assert_int_equal(
	    account_rekey(
		f->state, STR("wrong-0123456789012345678901234567"), &f->err),
	    -1);
	error_clear(&f->err);
	assert_int_equal(
	    account_rekey(
		f->state, STR("first-0123456789012345678901234567"), &f->err),
	    0);
	assert_string_equal(pick(f, "team", 1), SECOND);
	unsetenv("SLUICE_MASTER_KEY");
	assert_int_equal(
	    account_rekey(
		f->state, STR("second-012345678901234567890123456"), &f->err),
	    0);
	assert_string_equal(pick(f, "team", 1), SECOND);
}

static void
a_rekey_that_was_cut_short_loses_nothing(void **state)
{
	struct fixture *f = *state;
	struct seal_key fresh;

	create(f, true);
	assert_int_equal(set(f, FIRST, false), 0);
	/* Killed before anything was sealed with it. */
	assert_int_equal(
	    seal_key_new(f->scratch.fd, "master.key.new", &fresh, &f->err), 0);
	assert_string_equal(pick(f, "team", 0), FIRST);
	assert_int_equal(account_rekey(f->state, STR_NONE, &f->err), 0);
	assert_string_equal(pick(f, "team", 0), FIRST);
	/* Killed after all was: the old file is still in its place. */
	assert_int_equal(renameat(f->scratch.fd, "master.key", f->scratch.fd,
			     "master.key.new"),
	    0);
	assert_int_equal(
	    seal_key_new(f->scratch.fd, "master.key", &fresh, &f->err), 0);
	assert_string_equal(pick(f, "team", 0), FIRST);
	assert_int_equal(account_rekey(f->state, STR_NONE, &f->err), 0);
	assert_string_equal(pick(f, "team", 0), FIRST);
	assert_int_equal(
	    scratch_count(&f->scratch, ".", "master.key.new", NULL), 0);
}

static void
damage_is_told_and_touches_nobody_else(void **state)
{
	struct fixture *f = *state;
	struct seal_keys keys;
	struct str sealed, plain;
	char *text;
	size_t i;

	assert_int_equal(
	    seal_key_new(f->scratch.fd, "master.key", &keys.keys[0], &f->err),
	    0);
	keys.n = 1;
	sealed = seal(f->arena, &keys.keys[0], STR("team/openai"), STR(FIRST));
	assert_int_equal(seal_open(f->arena, &keys, STR("team/openai"), sealed,
			     &plain, &f->err),
	    0);
	assert_true(str_is(plain, FIRST));
	/* What is sealed for one place does not open at another. */
	assert_int_equal(seal_open(f->arena, &keys, STR("team/other"), sealed,
			     &plain, &f->err),
	    -1);
	for (i = 0; i <= sealed.n; i++) {
		error_clear(&f->err);
		text = str_cstr(f->arena, sealed);
		if (i < sealed.n)
			text[i] = text[i] >= 'a' ? 'A' : 'z';
		assert_int_equal(
		    seal_open(f->arena, &keys, STR("team/openai"),
			(struct str){ text, i < sealed.n ? sealed.n : i / 2 },
			&plain, &f->err),
		    -1);
		assert_int_equal(f->err.kind, ERROR_CONF);
	}
	seal_wipe(&keys);
}

static void
two_seals_of_one_secret_differ(void **state)
{
	struct fixture *f = *state;
	struct seal_key key;

	assert_int_equal(seal_key_of(STR("0123456789012345678901234567890123"),
			     &key, &f->err),
	    0);
	assert_false(str_eq(seal(f->arena, &key, STR("a/b"), STR("x")),
	    seal(f->arena, &key, STR("a/b"), STR("x"))));
}

static void
accounts_that_make_no_sense_are_refused(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = { "", "a/b" };
	size_t i;

	for (i = 0; i < 2; i++) {
		error_clear(&f->err);
		assert_int_equal(
		    account_create(f->state, str_of(names[i]), true, &f->err),
		    -1);
		assert_int_equal(f->err.kind, ERROR_BAD_REQUEST);
	}
	create(f, true);
	error_clear(&f->err);
	assert_int_equal(
	    account_create(f->state, STR("team"), true, &f->err), -1);
	error_clear(&f->err);
	assert_int_equal(account_remove(f->state, STR("team"), &f->err), 0);
	assert_int_equal(account_remove(f->state, STR("team"), &f->err), -1);
	assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
	assert_int_equal(set(f, FIRST, false), -1);
	assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
}

/* Without its account a key may use what is shared. */
static void
an_account_of_its_own_goes_after_its_keys(void **state)
{
	struct fixture *f = *state;
	struct key key = { .name = STR("k"), .account = STR("team") };
	char id[KEY_ID_BYTES], text[KEY_TEXT_BYTES];

	create(f, false);
	assert_int_equal(key_create(f->state, &key, id, text, &f->err), 0);
	assert_int_equal(account_remove(f->state, STR("team"), &f->err), -1);
	assert_int_equal(f->err.kind, ERROR_BAD_REQUEST);
	error_clear(&f->err);
	assert_int_equal(key_revoke(f->state, str_of(id), &f->err), 0);
	assert_int_equal(account_remove(f->state, STR("team"), &f->err), 0);
}

/* Does any file below ${path} hold ${needle}? */
static bool
holds(int dirfd, const char *path, const char *needle)
{
	static char text[1 << 22];
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC), below;
	DIR *d = fdopendir(fd);
	const struct dirent *e;
	ssize_t n;
	bool found = false;

	while (!found && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		if (e->d_type == DT_DIR) {
			found = holds(fd, e->d_name, needle);
			continue;
		}
		below = openat(fd, e->d_name, O_RDONLY | O_CLOEXEC);
		n = read(below, text, sizeof(text));
		found = n > 0 &&
		    memmem(text, (size_t)n, needle, strlen(needle)) != NULL;
		close(below);
	}
	closedir(d);
	return found;
}

static void
no_file_holds_a_credential(void **state)
{
	struct fixture *f = *state;

	create(f, true);
	assert_int_equal(set(f, FIRST, false), 0);
	assert_int_equal(set(f, SECOND, true), 0);
	assert_int_equal(account_rekey(f->state, STR_NONE, &f->err), 0);
	assert_true(holds(f->scratch.fd, ".", "v1:"));
	assert_false(holds(f->scratch.fd, ".", FIRST));
	assert_false(holds(f->scratch.fd, ".", SECOND));
}

static void
records_that_are_none_are_passed_over(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = { "", "{", "{}", "[]",
		"{\"id\":\"a\"}", "{\"id\":5,\"credentials\":[]}" };
	struct account account;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(
		    account_record_read(f->arena, str_of(bad[i]), &account),
		    -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(its_own_credentials_come_first_and_in_order),
		TEST(shared_credentials_need_permission),
		TEST(another_master_key_opens_and_overwrites_nothing),
		TEST(what_is_restored_without_its_master_key_stays_sealed),
		TEST(a_key_file_that_others_can_read_is_refused),
		TEST(rekeying_seals_all_anew),
		TEST(a_rekey_that_was_cut_short_loses_nothing),
		TEST(damage_is_told_and_touches_nobody_else),
		TEST(two_seals_of_one_secret_differ),
		TEST(accounts_that_make_no_sense_are_refused),
		TEST(an_account_of_its_own_goes_after_its_keys),
		TEST(no_file_holds_a_credential),
		TEST(records_that_are_none_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
