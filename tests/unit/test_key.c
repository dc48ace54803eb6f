/* SPDX-License-Identifier: MIT */
#include "core/arena.h"
#include "core/chat.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/key.h"
#include "core/key_record.h"
#include "core/log.h"
#include "core/state.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

struct fixture {
	struct scratch scratch;
	struct state *state;
	struct keyring *keys;
	struct arena *arena;
	struct error err;
};

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	log_open("/dev/null", LOG_LEVEL_ERROR);
	scratch_make(&f.scratch);
	f.state = state_open(str_of(f.scratch.dir), DURABILITY_PROCESS, &f.err);
	if (f.state == NULL)
		return -1;
	f.keys = keyring_new(f.state);
	f.arena = arena_new(1 << 20);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	keyring_free(f->keys);
	state_close(f->state);
	arena_free(f->arena);
	scratch_drop(&f->scratch);
	return 0;
}

static struct key
create(struct fixture *f, const char *name, char text[KEY_TEXT_BYTES])
{
	struct key key = { .name = str_of(name) };
	char id[KEY_ID_BYTES];

	assert_int_equal(key_create(f->state, &key, id, text, &f->err), 0);
	key.id = str_dup(f->arena, key.id);
	return key;
}

/* The message of a refusal, "" for a key that is good. */
static const char *
check(struct fixture *f, const char *text, int64_t now_us)
{
	error_clear(&f->err);
	if (keyring_check(f->keys, f->arena, str_of(text), now_us, &f->err) !=
	    NULL)
		return "";
	assert_int_equal(f->err.kind, ERROR_AUTH);
	return f->err.msg;
}

static void
a_new_key_opens(void **state)
{
	struct fixture *f = *state;
	struct key key = { .name = STR("Anna's \"key\""),
		.account = STR("lab"),
		.owner = STR("anna"),
		.admin = true };
	char id[KEY_ID_BYTES], text[KEY_TEXT_BYTES];
	const struct key *got;

	assert_string_equal(check(f, "x", 1), "gateway key not known");
	error_clear(&f->err);
	assert_int_equal(key_create(f->state, &key, id, text, &f->err), 0);
	assert_ptr_equal(key.id.p, id);
	assert_int_equal(strlen(text), 59);
	assert_memory_equal(text, id, 18);
	assert_int_equal(
	    strspn(text + 19, "abcdefghijklmnopqrstuvwxyz0123456789"), 40);

	got = keyring_check(f->keys, f->arena, str_of(text), 1, &f->err);
	assert_non_null(got);
	assert_true(str_is(got->id, id));
	assert_true(str_eq(got->name, key.name));
	assert_true(str_is(got->account, "lab"));
	assert_true(str_is(got->owner, "anna"));
	assert_true(got->admin);
	assert_true(got->created_us > 0);
}

static void
a_wrong_key_does_not(void **state)
{
	struct fixture *f = *state;
	char text[KEY_TEXT_BYTES], other[KEY_TEXT_BYTES];
	size_t i;

	create(f, "a", text);
	assert_string_equal(check(f, text, 1), "");
	assert_string_equal(check(f, "", 1), "no gateway key given");
	for (i = 0; i < strlen(text); i++) {
		memcpy(other, text, sizeof(text));
		other[i] = other[i] == 'q' ? 'r' : 'q';
		assert_string_equal(
		    check(f, other, 1), "gateway key not known");
		memcpy(other, text, sizeof(text));
		other[i] = '\0';
		if (i > 0)
			assert_string_equal(
			    check(f, other, 1), "gateway key not known");
	}
}

static void
the_secret_is_nowhere_on_disk(void **state)
{
	struct fixture *f = *state;
	char text[KEY_TEXT_BYTES], path[300], name[256];
	static char bytes[1 << 21];
	static const char *const dirs[] = { ".", "env", "j" };
	size_t i, n;
	DIR *d;
	const struct dirent *e;

	create(f, "a", text);
	for (i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		d = fdopendir(openat(f->scratch.fd, dirs[i], O_RDONLY));
		assert_non_null(d);
		while ((e = readdir(d)) != NULL) {
			snprintf(name, sizeof(name), "%s", e->d_name);
			snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
			n = scratch_read(
			    &f->scratch, path, bytes, sizeof(bytes));
			assert_null(memmem(bytes, n, text + 19, 40));
		}
		closedir(d);
	}
}

static void
revoked_and_expired_keys_say_so(void **state)
{
	struct fixture *f = *state;
	struct key key = { .name = STR("b"), .expires_us = 1000 }, a;
	char text[KEY_TEXT_BYTES], other[KEY_TEXT_BYTES], id[KEY_ID_BYTES];

	a = create(f, "a", text);
	assert_int_equal(key_create(f->state, &key, id, other, &f->err), 0);
	assert_string_equal(check(f, other, 999), "");
	assert_non_null(strstr(check(f, other, 1000), "has expired"));
	assert_string_equal(check(f, text, 1), "");
	assert_int_equal(key_revoke(f->state, a.id, &f->err), 0);
	assert_non_null(strstr(check(f, text, 1), "is revoked"));
	error_clear(&f->err);
	assert_int_equal(key_revoke(f->state, a.id, &f->err), 0);
	text[58] = text[58] == 'a' ? 'b' : 'a';
	assert_string_equal(check(f, text, 1), "gateway key not known");
}

static void
what_cannot_be_is_refused(void **state)
{
	struct fixture *f = *state;
	static char big[300];
	struct key cases[] = { { .name = STR_NONE }, { .name = STR("  ") },
		{ .name = { big, sizeof(big) } },
		{ .name = STR("a"), .owner = { big, sizeof(big) } } };
	char id[KEY_ID_BYTES], text[KEY_TEXT_BYTES];
	size_t i;

	memset(big, 'x', sizeof(big));
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		error_clear(&f->err);
		assert_int_equal(
		    key_create(f->state, &cases[i], id, text, &f->err), -1);
		assert_int_equal(f->err.kind, ERROR_BAD_REQUEST);
	}
	error_clear(&f->err);
	assert_int_equal(
	    key_revoke(f->state, STR("sk-sl-zzzzzzzzzzzz"), &f->err), -1);
	assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
}

static void
append_name(void *arg, const struct key *key)
{
	char *end = (char *)arg + strlen(arg);

	snprintf(end, 16, "%.*s%c", STR_ARG(key->name),
	    key->revoked_us != 0 ? '-' : '+');
}

static void
keys_are_listed_in_order_of_creation(void **state)
{
	struct fixture *f = *state;
	char text[KEY_TEXT_BYTES], names[64] = "", name[2] = "a";
	struct key key;

	for (; name[0] <= 'f'; name[0]++) {
		key = create(f, name, text);
		if (name[0] == 'c')
			assert_int_equal(
			    key_revoke(f->state, key.id, &f->err), 0);
	}
	assert_int_equal(key_each(f->state, append_name, names, &f->err), 0);
	assert_string_equal(names, "a+b+c-d+e+f+");
}

/* Another process, as far as it can be told: a handle of its own. */
static void
a_reader_elsewhere_notices_at_once(void **state)
{
	struct fixture *f = *state;
	struct state *other =
	    state_open(str_of(f->scratch.dir), DURABILITY_PROCESS, &f->err);
	struct keyring *theirs = keyring_new(other);
	char text[KEY_TEXT_BYTES];
	struct key key = create(f, "a", text);

	assert_non_null(
	    keyring_check(theirs, f->arena, str_of(text), 1, &f->err));
	assert_int_equal(key_revoke(f->state, key.id, &f->err), 0);
	assert_null(keyring_check(theirs, f->arena, str_of(text), 1, &f->err));
	keyring_free(theirs);
	state_close(other);
}

/* Keys cannot be re-ingested: the snapshot brings them back. */
static void
keys_survive_the_loss_of_the_database(void **state)
{
	struct fixture *f = *state;
	char text[KEY_TEXT_BYTES], more[KEY_TEXT_BYTES], junk[8192],
	    names[64] = "";

	create(f, "a", text);
	memset(junk, 'j', sizeof(junk));
	scratch_write(&f->scratch, "env/keys.db", junk, sizeof(junk));
	create(f, "b", more);
	assert_string_equal(check(f, text, 1), "");
	assert_string_equal(check(f, more, 1), "");
	error_clear(&f->err);
	assert_int_equal(key_each(f->state, append_name, names, &f->err), 0);
	assert_string_equal(names, "a+b+");
	keyring_free(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void
a_rotated_key_keeps_its_id_and_for_a_while_its_old_secret(void **state)
{
	struct fixture *f = *state;
	char old[KEY_TEXT_BYTES], text[KEY_TEXT_BYTES], last[KEY_TEXT_BYTES];
	struct key key = create(f, "k", old);
	int64_t now_us = clock_wall_us();

	assert_int_equal(
	    key_rotate(f->state, key.id, INT64_C(60000000), text, &f->err), 0);
	assert_memory_equal(old, text, key.id.n);
	assert_string_not_equal(old, text);
	assert_string_equal(check(f, text, now_us), "");
	assert_string_equal(check(f, old, now_us), "");
	assert_string_equal(
	    check(f, old, now_us + INT64_C(61000000)), "gateway key not known");
	assert_int_equal(key_rotate(f->state, key.id, 0, last, &f->err), 0);
	assert_string_equal(check(f, last, now_us), "");
	assert_string_equal(check(f, text, now_us), "gateway key not known");
	assert_string_equal(check(f, old, now_us), "gateway key not known");
	error_clear(&f->err);
	assert_int_equal(key_revoke(f->state, key.id, &f->err), 0);
	assert_int_equal(key_rotate(f->state, key.id, 0, last, &f->err), -1);
	assert_int_equal(f->err.kind, ERROR_BAD_REQUEST);
	error_clear(&f->err);
	assert_int_equal(
	    key_rotate(f->state, STR("sk-sl-zzzzzzzzzzzz"), 0, last, &f->err),
	    -1);
	assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
}

static void
what_a_key_is_limited_to_is_kept(void **state)
{
	struct fixture *f = *state;
	struct key key = { .name = STR("k"),
		.rpm = 3,
		.tpm = 4000,
		.parallel = 5,
		.may_route = true,
		.cache = KEY_CACHE_OFF };
	char id[KEY_ID_BYTES], text[KEY_TEXT_BYTES];
	const struct key *got;

	name_add(f->arena, &key.models, STR("openai/*"));
	name_add(f->arena, &key.models, STR("fast \"one\""));
	assert_int_equal(key_create(f->state, &key, id, text, &f->err), 0);
	got = keyring_check(f->keys, f->arena, str_of(text), 1, &f->err);
	assert_non_null(got);
	assert_int_equal(got->rpm, 3);
	assert_int_equal(got->tpm, 4000);
	assert_int_equal(got->parallel, 5);
	assert_true(got->may_route);
	assert_false(got->admin);
	assert_int_equal(got->cache, KEY_CACHE_OFF);
	assert_true(str_is(got->models->s, "openai/*"));
	assert_true(str_is(got->models->next->s, "fast \"one\""));
}

/* Renames, and refuses what is called "no". */
static int
rename_key(void *arg, struct key *key, struct error *err)
{
	if (str_is(key->name, "no"))
		return error_set(err, ERROR_FORBIDDEN, "no");
	key->name = str_of(arg);
	key->rpm = 7;
	return 0;
}

static void
an_edited_key_opens_as_before(void **state)
{
	struct fixture *f = *state;
	char text[KEY_TEXT_BYTES], other[KEY_TEXT_BYTES], name[] = "new";
	struct key key = create(f, "old", text), no = create(f, "no", other);
	const struct key *read;

	assert_int_equal(
	    key_edit(f->state, key.id, rename_key, name, &f->err), 0);
	read = keyring_check(
	    f->keys, f->arena, str_of(text), clock_wall_us(), &f->err);
	assert_non_null(read);
	assert_true(str_is(read->name, "new"));
	assert_int_equal(read->rpm, 7);
	assert_int_equal(
	    key_edit(f->state, STR("sk-sl-nobody"), rename_key, name, &f->err),
	    -1);
	assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
	error_clear(&f->err);
	assert_int_equal(
	    key_edit(f->state, no.id, rename_key, name, &f->err), -1);
	assert_int_equal(f->err.kind, ERROR_FORBIDDEN);
	error_clear(&f->err);
	name[0] = '\0';
	assert_int_equal(
	    key_edit(f->state, key.id, rename_key, name, &f->err), -1);
	assert_int_equal(f->err.kind, ERROR_BAD_REQUEST);
}

static void
a_key_allows_what_it_lists(void **state)
{
	struct fixture *f = *state;
	struct key key = { .id = STR("sk-sl-aaaaaaaaaaaa") };
	static const struct {
		const char *asked, *target;
		int rc;
	} cases[] = {
		{ "openai/gpt-5", "openai/gpt-5", 0 },
		{ "gpt-5", "openai/gpt-5", 0 },
		{ "fast", "groq/llama", 0 },
		{ "slow", "groq/llama", -1 },
		{ "openai", "openai", -1 },
		{ "openaix/gpt-5", "openaix/gpt-5", -1 },
		{ "", "", -1 },
	};
	size_t i;

	assert_int_equal(key_allows(NULL, STR("x"), STR("y/x"), &f->err), 0);
	assert_int_equal(key_allows(&key, STR("x"), STR("y/x"), &f->err), 0);
	name_add(f->arena, &key.models, STR("openai/*"));
	name_add(f->arena, &key.models, STR("fast"));
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		error_clear(&f->err);
		assert_int_equal(key_allows(&key, str_of(cases[i].asked),
				     str_of(cases[i].target), &f->err),
		    cases[i].rc);
	}
	assert_int_equal(f->err.kind, ERROR_FORBIDDEN);
	error_clear(&f->err);
	assert_int_equal(
	    key_allows(&key, STR("slow"), STR("a/b"), &f->err), -1);
	assert_string_equal(f->err.msg,
	    "gateway key sk-sl-aaaaaaaaaaaa may not use slow; it may use "
	    "openai/*, fast");
}

static void
a_record_of_the_first_version_is_still_a_key(void **state)
{
	struct fixture *f = *state;
	static const char first[] =
	    "{\"id\":\"sk-sl-aaaaaaaaaaaa\",\"hash\":\"000102030405060708090a0b"
	    "0c0d0e0f101112131415161718191a1b1c1d1e1f\",\"name\":\"ci\","
	    "\"account\":\"default\",\"owner\":null,\"created_us\":5,"
	    "\"expires_us\":0,\"revoked_us\":0,\"admin\":true}";
	struct key_record r;

	assert_int_equal(key_record_read(f->arena, str_of(first), &r), 0);
	assert_true(r.key.admin && !r.key.may_route && r.key.rpm == 0);
	assert_true(str_is(r.key.name, "ci"));
	assert_null(r.key.models);
	assert_int_equal(r.key.created_us, 5);
	assert_int_equal(r.hash[31], 0x1f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_key_opens),
		TEST(a_wrong_key_does_not),
		TEST(the_secret_is_nowhere_on_disk),
		TEST(revoked_and_expired_keys_say_so),
		TEST(what_cannot_be_is_refused),
		TEST(keys_are_listed_in_order_of_creation),
		TEST(a_reader_elsewhere_notices_at_once),
		TEST(keys_survive_the_loss_of_the_database),
		TEST(a_rotated_key_keeps_its_id_and_for_a_while_its_old_secret),
		TEST(what_a_key_is_limited_to_is_kept),
		TEST(an_edited_key_opens_as_before),
		TEST(a_key_allows_what_it_lists),
		TEST(a_record_of_the_first_version_is_still_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
