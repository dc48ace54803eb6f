/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "core/arena.h"
#include "core/cache_env.h"
#include "core/cache_index.h"
#include "core/error.h"
#include "core/log.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define MB        (INT64_C(1) << 20)
#define SECOND_US INT64_C(1000000)
#define MAX_BYTES (16 * MB)

/* What libdb allocated for an environment in which somebody died is lost, as
 * cache_db_abandon says. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:zeroed";
}

static int64_t wall_now_us, steady_now_us;

static int64_t
wall_us(void)
{
	return wall_now_us;
}

static int64_t
steady_us(void)
{
	return steady_now_us;
}

struct fixture {
	struct scratch scratch;
	struct arena *arena;
	struct cache *cache;
};

static struct cache *
open_cache(struct fixture *f, int64_t max_bytes)
{
	struct error err = { .kind = ERROR_NONE };
	struct cache *c = cache_open(str_of(f->scratch.dir), max_bytes, &err);

	if (c == NULL)
		fail_msg("%s", err.msg);
	c->clock = (struct cache_clock){ wall_us, steady_us };
	return c;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	scratch_make(&f->scratch);
	wall_now_us = 1764000000 * SECOND_US;
	steady_now_us = 5000 * SECOND_US;
	f->arena = arena_new(256u << 20);
	f->cache = open_cache(f, MAX_BYTES);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	cache_close(f->cache);
	arena_free(f->arena);
	scratch_drop(&f->scratch);
	free(f);
	return 0;
}

/* --- entries that say what they are --- */

static void
key_of(int i, unsigned char key[CACHE_KEY])
{
	int j;

	for (j = 0; j < CACHE_KEY; j++)
		key[j] =
		    (unsigned char)(i >> (j % 4 * 8)) ^ (unsigned char)(j * 37);
}

static struct str
text_of(struct fixture *f, int i, size_t n)
{
	char *p = arena_alloc(f->arena, n + 1);
	size_t j;

	for (j = 0; j < n; j++)
		p[j] = (char)('a' + (j * 7 + (size_t)i) % 26);
	return (struct str){ p, n };
}

static struct cache_item
item_of(struct fixture *f, int i, size_t n, const char *account)
{
	return (struct cache_item){ .account = str_of(account),
		.route = STR("smart"),
		.stored_us = wall_now_us,
		.expires_us = wall_now_us + 300 * SECOND_US,
		.cost_pusd = i,
		.value = text_of(f, i, n) };
}

static int
put(struct fixture *f, int i, size_t n, const char *account)
{
	struct cache_item item = item_of(f, i, n, account);
	struct error err = { .kind = ERROR_NONE };
	unsigned char key[CACHE_KEY];
	int rc;

	key_of(i, key);
	rc = cache_put(f->cache, key, &item, &err);
	if (rc < 0)
		fail_msg("%s", err.msg);
	return rc;
}

static int
get(struct fixture *f, int i, struct cache_item *item)
{
	struct error err = { .kind = ERROR_NONE };
	unsigned char key[CACHE_KEY];
	struct cache_item unused;
	int rc;

	key_of(i, key);
	rc = cache_get(
	    f->cache, key, f->arena, item != NULL ? item : &unused, &err);
	if (rc < 0)
		fail_msg("%s", err.msg);
	return rc;
}

static bool
is_there(struct fixture *f, int i, size_t n)
{
	struct cache_item item;

	if (get(f, i, &item) == 0)
		return false;
	assert_true(str_eq(item.value, text_of(f, i, n)));
	assert_int_equal(item.cost_pusd, i);
	return true;
}

static struct cache_stats
stats(struct fixture *f)
{
	struct error err = { .kind = ERROR_NONE };
	struct cache_stats st;

	if (cache_stats(f->cache, f->arena, &st, &err) != 0)
		fail_msg("%s", err.msg);
	return st;
}

static int64_t
purge(struct fixture *f, struct cache_purge what)
{
	struct error err = { .kind = ERROR_NONE };
	int64_t n;

	if (cache_purge(f->cache, &what, &n, &err) != 0)
		fail_msg("%s", err.msg);
	return n;
}

/* --- what is kept --- */

static void
what_was_put_is_got(void **state)
{
	static const size_t sizes[] = { 0, 1, 2000, 2023, 2024, 100000,
		CACHE_MAX_VALUE_BYTES };
	struct fixture *f = *state;
	struct cache_item item;
	int i;

	assert_int_equal(get(f, 0, NULL), 0);
	for (i = 0; i < (int)COUNT(sizes); i++)
		assert_int_equal(put(f, i, sizes[i], "acme"), 1);
	for (i = 0; i < (int)COUNT(sizes); i++)
		assert_true(is_there(f, i, sizes[i]));
	assert_int_equal(get(f, 2, &item), 1);
	assert_true(str_is(item.account, "acme"));
	assert_true(str_is(item.route, "smart"));
	assert_int_equal(item.stored_us, wall_now_us);
	assert_int_equal(item.expires_us, wall_now_us + 300 * SECOND_US);
	assert_int_equal(stats(f).hits, COUNT(sizes) + 1);
	assert_int_equal(stats(f).misses, 1);
}

static void
names_may_be_absent_and_costs_unknown(void **state)
{
	struct fixture *f = *state;
	struct cache_item item = item_of(f, 1, 10, NULL);
	struct error err = { .kind = ERROR_NONE };
	unsigned char key[CACHE_KEY];

	item.route = STR_NONE;
	item.cost_pusd = -1;
	key_of(1, key);
	assert_int_equal(cache_put(f->cache, key, &item, &err), 1);
	assert_int_equal(get(f, 1, &item), 1);
	assert_null(item.account.p);
	assert_null(item.route.p);
	assert_int_equal(item.cost_pusd, -1);
}

static void
a_second_value_takes_the_place_of_the_first(void **state)
{
	struct fixture *f = *state;
	struct cache_item item = item_of(f, 2, 5000, "b");
	struct error err = { .kind = ERROR_NONE };
	unsigned char key[CACHE_KEY];
	struct cache_stats st;

	assert_int_equal(put(f, 1, 50000, "a"), 1);
	key_of(1, key);
	assert_int_equal(cache_put(f->cache, key, &item, &err), 1);
	assert_int_equal(get(f, 1, &item), 1);
	assert_int_equal(item.value.n, 5000);
	st = stats(f);
	assert_int_equal(st.entries, 1);
	assert_int_equal(st.n_accounts, 1);
	assert_true(str_is(st.accounts[0].name, "b"));
	assert_int_equal(st.accounts[0].bytes, st.bytes);
}

static void
it_is_there_for_the_next_process(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, 1, 3000, "a"), 1);
	cache_close(f->cache);
	f->cache = open_cache(f, MAX_BYTES);
	assert_true(is_there(f, 1, 3000));
	assert_int_equal(stats(f).wipes, 0);
}

/* --- time --- */

static void
an_entry_lives_as_long_as_it_may(void **state)
{
	struct fixture *f = *state;
	struct cache_item item;

	assert_int_equal(put(f, 1, 100, "a"), 1);
	wall_now_us += 299 * SECOND_US;
	steady_now_us += 299 * SECOND_US;
	assert_int_equal(get(f, 1, &item), 1);
	assert_int_equal(item.stored_us, wall_now_us - 299 * SECOND_US);
	steady_now_us += SECOND_US;
	assert_int_equal(get(f, 1, NULL), 0);
	assert_int_equal(stats(f).entries, 0);
	assert_int_equal(stats(f).expired, 1);
}

static void
a_jump_of_the_wall_clock_changes_no_age(void **state)
{
	static const int64_t jumps_us[] = { -400 * 86400 * SECOND_US,
		400 * 86400 * SECOND_US, -3600 * SECOND_US };
	struct fixture *f = *state;
	struct cache_item item;
	size_t i;

	assert_int_equal(put(f, 1, 100, "a"), 1);
	for (i = 0; i < COUNT(jumps_us); i++) {
		wall_now_us += jumps_us[i];
		steady_now_us += SECOND_US;
		assert_int_equal(get(f, 1, &item), 1);
		assert_int_equal(
		    wall_now_us - item.stored_us, (int64_t)(i + 1) * SECOND_US);
	}
	steady_now_us += 300 * SECOND_US;
	assert_int_equal(get(f, 1, NULL), 0);
}

static void
absurd_lifetimes_are_not_stored(void **state)
{
	static const struct {
		int64_t stored_us, ttl_us;
		int want;
	} cases[] = {
		{ 0, 0, 0 },
		{ 0, -1, 0 },
		{ 0, CACHE_MAX_TTL_US + 1, 0 },
		{ 0, CACHE_MAX_TTL_US, 1 },
		{ -10 * SECOND_US, 10 * SECOND_US, 0 },
		{ -10 * SECOND_US, 11 * SECOND_US, 1 },
		{ 10 * SECOND_US, 10 * SECOND_US, 1 },
	};
	struct fixture *f = *state;
	struct cache_item item = item_of(f, 1, 10, "a");
	struct error err = { .kind = ERROR_NONE };
	unsigned char key[CACHE_KEY];
	size_t i;

	key_of(1, key);
	for (i = 0; i < COUNT(cases); i++) {
		item.stored_us = wall_now_us + cases[i].stored_us;
		item.expires_us = item.stored_us + cases[i].ttl_us;
		assert_int_equal(
		    cache_put(f->cache, key, &item, &err), cases[i].want);
	}
	item.stored_us = INT64_MIN;
	item.expires_us = INT64_MAX;
	assert_int_equal(cache_put(f->cache, key, &item, &err), 0);
}

/* --- room --- */

static void
what_the_ceiling_can_never_hold_is_not_stored(void **state)
{
	static const int64_t ceilings[] = { INT64_MIN, 0, 1000, MB, 3 * MB };
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < COUNT(ceilings); i++) {
		cache_close(f->cache);
		f->cache = open_cache(f, ceilings[i]);
		assert_int_equal(put(f, 1, 3 * MB, "a"), 0);
		assert_int_equal(get(f, 1, NULL), 0);
	}
	cache_limit(f->cache, MAX_BYTES, 0);
	assert_int_equal(put(f, 1, CACHE_MAX_VALUE_BYTES + 1, "a"), 0);
	assert_int_equal(put(f, 1, CACHE_MAX_VALUE_BYTES, "a"), 1);
}

static void
names_of_any_length_do_no_harm(void **state)
{
	struct fixture *f = *state;
	char name[CACHE_MAX_NAME + 2];

	memset(name, 'x', sizeof(name));
	name[CACHE_MAX_NAME + 1] = '\0';
	assert_int_equal(put(f, 1, 10, name), 0);
	name[CACHE_MAX_NAME] = '\0';
	assert_int_equal(put(f, 1, 10, name), 1);
	assert_true(str_is(stats(f).accounts[0].name, name));
}

static void
the_least_recently_used_go_first(void **state)
{
	struct fixture *f = *state;
	int i, n = 0;

	while (stats(f).evictions == 0)
		assert_int_equal(put(f, n++, 500000, "a"), 1);
	assert_int_equal(get(f, 0, NULL), 0);
	for (i = 1; i < n; i++)
		assert_true(is_there(f, i, 500000));
	assert_true(is_there(f, 1, 500000));
	assert_int_equal(put(f, n, 500000, "a"), 1);
	assert_int_equal(get(f, 2, NULL), 0);
	assert_true(is_there(f, 1, 500000));
}

static int64_t
on_disk(struct fixture *f)
{
	char path[PATH_MAX];
	int64_t sum = 0;
	struct stat st;
	const struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/env.%lld", f->cache->dir,
	    (long long)f->cache->ctl->id);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		if (fstatat(dirfd(d), e->d_name, &st, 0) == 0 &&
		    S_ISREG(st.st_mode))
			sum += st.st_size;
	closedir(d);
	assert_int_equal(fstatat(f->cache->dirfd, "hdr", &st, 0), 0);
	return sum + st.st_size;
}

/* Small ones after large ones after small ones: the hardest for files that
 * only grow. */
static void
the_ceiling_holds_whatever_comes(void **state)
{
	static const struct {
		size_t max, n;
	} phases[] = { { 600, 12000 }, { 1000000, 40 }, { 600, 12000 },
		{ 20000, 2000 }, { 1, 12000 } };
	struct fixture *f = *state;
	unsigned seed = 1;
	struct cache_stats st;
	size_t i, j;
	int key = 0;

	for (i = 0; i < COUNT(phases); i++)
		for (j = 0; j < phases[i].n; j++) {
			seed = seed * 1664525u + 1013904223u;
			put(f, key++ * 7919, (seed >> 8) % phases[i].max + 1,
			    "a");
			arena_reset(f->arena);
			if (j % 500 != 0)
				continue;
			assert_true(on_disk(f) <= MAX_BYTES + MAX_BYTES / 20);
			assert_true(
			    stats(f).file_bytes <= MAX_BYTES + MAX_BYTES / 20);
		}
	st = stats(f);
	assert_int_equal(st.wipes, 0);
	assert_true(st.evictions > 10000);
	assert_true(st.file_bytes > MAX_BYTES / 10 * 9);
	print_message("%lld entries in %lld of %lld bytes\n",
	    (long long)st.entries, (long long)st.file_bytes,
	    (long long)st.max_bytes);
}

static void
a_lower_ceiling_holds_at_once(void **state)
{
	struct fixture *f = *state;
	int i;

	for (i = 0; i < 30; i++)
		put(f, i, 500000, "a");
	cache_limit(f->cache, 8 * MB, 0);
	assert_int_equal(put(f, 100, 1000, "a"), 1);
	assert_true(on_disk(f) <= 8 * MB + 8 * MB / 20);
	assert_true(is_there(f, 100, 1000));
}

static void
an_account_pays_with_its_own(void **state)
{
	struct fixture *f = *state;
	struct cache_stats st;
	int i;

	cache_limit(f->cache, MAX_BYTES, MB);
	assert_int_equal(put(f, 1000, 2000, "small"), 1);
	for (i = 0; i < 100; i++)
		assert_int_equal(put(f, i, 50000, "large"), 1);
	assert_int_equal(put(f, 100, 2 * MB, "large"), 0);
	assert_true(is_there(f, 1000, 2000));
	assert_true(is_there(f, 99, 50000));
	assert_int_equal(get(f, 0, NULL), 0);
	st = stats(f);
	assert_int_equal(st.n_accounts, 2);
	assert_true(str_is(st.accounts[0].name, "large"));
	assert_in_range(st.accounts[0].bytes, MB - 60000, MB);
	assert_int_equal(st.accounts[1].entries, 1);
}

/* --- purges and sums --- */

static void
a_purge_takes_what_it_names(void **state)
{
	static const char *const accounts[] = { "a", "b", NULL };
	struct fixture *f = *state;
	struct cache_item item;
	struct error err = { .kind = ERROR_NONE };
	unsigned char key[CACHE_KEY];
	int i;

	for (i = 0; i < 60; i++) {
		item = item_of(f, i, 100, accounts[i % 3]);
		item.route = i % 2 == 0 ? STR("even") : STR("odd");
		key_of(i, key);
		assert_int_equal(cache_put(f->cache, key, &item, &err), 1);
		steady_now_us += SECOND_US;
		wall_now_us += SECOND_US;
	}
	assert_int_equal(purge(f,
			     (struct cache_purge){
				 .account = STR("a"), .route = STR("even") }),
	    10);
	assert_int_equal(
	    purge(f, (struct cache_purge){ .account = STR("nobody") }), 0);
	assert_int_equal(
	    purge(f, (struct cache_purge){ .older_us = 50 * SECOND_US }), 9);
	assert_int_equal(
	    purge(f, (struct cache_purge){ .account = STR("b") }), 16);
	assert_int_equal(
	    purge(f, (struct cache_purge){ .route = STR("odd") }), 17);
	assert_int_equal(get(f, 2, NULL), 0);
	assert_int_equal(get(f, 50, NULL), 1);
	assert_int_equal(stats(f).n_accounts, 1);
	assert_int_equal(purge(f, (struct cache_purge){ .older_us = 0 }), 8);
	assert_int_equal(stats(f).entries, 0);
	assert_int_equal(stats(f).wipes, 0);
	assert_int_equal(get(f, 50, NULL), 0);
}

static void
sums_name_the_largest_accounts(void **state)
{
	struct fixture *f = *state;
	struct cache_stats st;
	char name[32];
	size_t j;
	int i;

	for (i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "account %d", i);
		assert_int_equal(put(f, i, (size_t)(i + 1) * 2100, name), 1);
	}
	st = stats(f);
	assert_int_equal(st.entries, 50);
	assert_int_equal(st.n_accounts, CACHE_TOP_ACCOUNTS);
	for (j = 0; j < st.n_accounts; j++) {
		snprintf(name, sizeof(name), "account %d", 49 - (int)j);
		assert_true(str_is(st.accounts[j].name, name));
	}
}

/* --- damage --- */

static void
with_pages(struct fixture *f, const char *file,
    void (*change)(char *page, size_t n, int number))
{
	char path[PATH_MAX], page[CACHE_PAGE_BYTES];
	int fd, i;

	snprintf(path, sizeof(path), "%s/env.%lld/%s", f->cache->dir,
	    (long long)f->cache->ctl->id, file);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	for (i = 0; pread(fd, page, sizeof(page),
			(off_t)i * (off_t)sizeof(page)) == sizeof(page);
	     i++) {
		change(page, sizeof(page), i);
		assert_int_equal(pwrite(fd, page, sizeof(page),
				     (off_t)i * (off_t)sizeof(page)),
		    sizeof(page));
	}
	close(fd);
}

/* More than the pool has room for: what is in there is not damaged. */
#define MANY 4000

static void
flip_payload(char *page, size_t n, int number)
{
	size_t i;

	for (i = 100; number % 2 == 1 && i < n - 100; i += 500)
		page[i] ^= 4;
}

static void
a_damaged_value_is_a_miss_and_removed(void **state)
{
	struct fixture *f = *state;
	struct cache_stats st;
	int i, found = 0;

	for (i = 0; i < MANY; i++)
		assert_int_equal(put(f, i, 1900, "a"), 1);
	with_pages(f, "blocks.db", flip_payload);
	for (i = 0; i < MANY; i++)
		found += is_there(f, i, 1900);
	st = stats(f);
	assert_int_equal(st.wipes, 0);
	assert_true(st.damaged > MANY / 4);
	assert_int_equal(found + st.damaged, MANY);
	assert_int_equal(st.entries, found);
	for (i = 0; i < MANY / 2; i++)
		assert_int_equal(put(f, i, 3000, "a"), 1);
	for (i = 0; i < MANY / 2; i++)
		assert_true(is_there(f, i, 3000));
}

static void
flip_all(char *page, size_t n, int number)
{
	size_t i;

	for (i = 0; number > 0 && i < n; i += 16)
		page[i] ^= 1;
}

static void
zero_all(char *page, size_t n, int number)
{
	if (number > 0)
		memset(page, 0, n);
}

static void
damage_of_any_file_never_gives_a_wrong_value(void **state)
{
	static const char *const files[] = { "slots.db", "blocks.db" };
	static void (*const changes[])(
	    char *, size_t, int) = { flip_all, zero_all };
	struct fixture *f = *state;
	size_t j;
	int i, round = 0;

	log_open("/dev/null", LOG_LEVEL_ERROR);
	for (j = 0; j < COUNT(files) * COUNT(changes); j++) {
		for (i = 0; i < MANY; i++)
			put(f, i, 700, "a");
		with_pages(f, files[j / 2], changes[j % 2]);
		for (i = 0; i < MANY; i++)
			round += is_there(f, i, 700);
		for (i = 0; i < MANY; i++)
			put(f, i, 700, "a");
		arena_reset(f->arena);
	}
	assert_true(round > 0);
	assert_int_equal(
	    purge(f, (struct cache_purge){ .older_us = 0 }) > 0, 1);
	assert_int_equal(put(f, 1, 700, "a"), 1);
	assert_true(is_there(f, 1, 700));
	log_open("stderr", LOG_LEVEL_INFO);
}

static void
zero_first(char *page, size_t n, int number)
{
	if (number == 0)
		memset(page, 0, n);
}

/* Of the queue: first and current record, length, padding, records a page. */
static void
zero_facts(char *page, size_t n, int number)
{
	if (number == 0 && n > 96)
		memset(page + 72, 0, 24);
}

static void
flip_facts(char *page, size_t n, int number)
{
	size_t i;

	for (i = 72; number == 0 && i < 96 && i < n; i++)
		page[i] ^= 0x55;
}

static void
the_first_page_of_a_file_may_be_damaged(void **state)
{
	static const char *const files[] = { "slots.db", "blocks.db" };
	static void (*const changes[])(
	    char *, size_t, int) = { zero_first, zero_facts, flip_facts };
	struct fixture *f = *state;
	size_t i;

	log_open("/dev/null", LOG_LEVEL_ERROR);
	for (i = 0; i < COUNT(files) * COUNT(changes); i++) {
		assert_int_equal(put(f, 1, 700, "a"), 1);
		with_pages(f, files[i / 3], changes[i % 3]);
		cache_close(f->cache);
		f->cache = open_cache(f, MAX_BYTES);
		is_there(f, 1, 700);
		put(f, 2, 700, "a");
		assert_int_equal(put(f, 1, 700, "a"), 1);
		assert_true(is_there(f, 1, 700));
	}
	log_open("stderr", LOG_LEVEL_INFO);
}

static void
a_broken_chain_ends_the_environment(void **state)
{
	struct fixture *f = *state;
	struct error err = { .kind = ERROR_NONE };
	const uint32_t number = 1;
	const struct cache_head bad = { 7, 7 };

	log_open("/dev/null", LOG_LEVEL_ERROR);
	assert_int_equal(put(f, 1, 10000, "a"), 1);
	assert_int_equal(cache_enter(f->cache, SECOND_US, &err), 1);
	assert_int_equal(cache_db_put(f->cache->db, CACHE_BLOCKS, number, &bad,
			     sizeof(bad), &err),
	    0);
	cache_leave(f->cache);
	assert_int_equal(get(f, 1, NULL), 0);
	assert_int_equal(stats(f).entries, 0);
	assert_int_equal(stats(f).wipes, 1);
	assert_int_equal(put(f, 1, 10000, "a"), 1);
	assert_true(is_there(f, 1, 10000));
	log_open("stderr", LOG_LEVEL_INFO);
}

static void
a_file_that_is_gone_is_made_again(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];

	log_open("/dev/null", LOG_LEVEL_ERROR);
	assert_int_equal(put(f, 1, 100, "a"), 1);
	snprintf(path, sizeof(path), "%s/env.%lld/slots.db", f->cache->dir,
	    (long long)f->cache->ctl->id);
	cache_close(f->cache);
	assert_int_equal(unlink(path), 0);
	f->cache = open_cache(f, MAX_BYTES);
	f->cache->ctl->retry_at_us = 0;
	put(f, 1, 100, "a");
	f->cache->ctl->retry_at_us = 0;
	assert_int_equal(put(f, 1, 100, "a"), 1);
	assert_true(is_there(f, 1, 100));
	log_open("stderr", LOG_LEVEL_INFO);
}

/* --- death --- */

static void
die_inside(struct fixture *f, int times)
{
	struct error err = { .kind = ERROR_NONE };
	pid_t pid;
	int i;

	for (i = 0; i < times; i++) {
		pid = fork();
		if (pid == 0) {
			f->cache = open_cache(f, MAX_BYTES);
			if (cache_enter(f->cache, SECOND_US, &err) == 1)
				kill(getpid(), SIGKILL);
			_exit(1);
		}
		assert_int_equal(waitpid(pid, &pid, 0) > 0, 1);
		assert_true(WIFSIGNALED(pid));
	}
}

static int
open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static void
who_dies_inside_takes_all_with_him(void **state)
{
	struct fixture *f = *state;
	int i, files = 0;

	log_open("/dev/null", LOG_LEVEL_ERROR);
	for (i = 0; i < 20; i++) {
		assert_int_equal(put(f, 1, 100, "a"), 1);
		die_inside(f, 1);
		assert_int_equal(get(f, 1, NULL), 0);
		if (i == 0)
			files = open_files();
	}
	assert_int_equal(open_files(), files);
	assert_int_equal(scratch_count(&f->scratch, "cache", "", NULL), 3);
	assert_int_equal(stats(f).wipes, 20);
	assert_int_equal(put(f, 1, 100, "a"), 1);
	assert_true(is_there(f, 1, 100));
	log_open("stderr", LOG_LEVEL_INFO);
}

/* Each death is in the first visit of a new environment. */
static void
what_keeps_killing_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct cache_item item = item_of(f, 1, 100, "a");
	struct error err = { .kind = ERROR_NONE };
	unsigned char key[CACHE_KEY];

	log_open("/dev/null", LOG_LEVEL_ERROR);
	die_inside(f, 9);
	key_of(1, key);
	assert_int_equal(cache_put(f->cache, key, &item, &err), -1);
	assert_int_equal(err.kind, ERROR_STORE);
	f->cache->ctl->retry_at_us = 0;
	assert_int_equal(put(f, 1, 100, "a"), 1);
	die_inside(f, 1);
	assert_int_equal(put(f, 1, 100, "a"), 1);
	log_open("stderr", LOG_LEVEL_INFO);
}

/* --- company --- */

static void
who_is_stopped_inside_is_not_waited_for(void **state)
{
	struct fixture *f = *state;
	struct error err = { .kind = ERROR_NONE };
	int told[2];
	pid_t pid;
	char c;

	assert_int_equal(put(f, 1, 100, "a"), 1);
	assert_int_equal(pipe(told), 0);
	pid = fork();
	if (pid == 0) {
		f->cache = open_cache(f, MAX_BYTES);
		if (cache_enter(f->cache, SECOND_US, &err) != 1 ||
		    write(told[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(told[0], &c, 1), 1);
	assert_int_equal(get(f, 1, NULL), 0);
	assert_int_equal(put(f, 2, 100, "a"), 0);
	assert_int_equal(f->cache->ctl->counts[CACHE_BUSY], 2);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(told[0]);
	close(told[1]);
}

struct worker {
	struct fixture *f;
	int first;
	int wrong;
};

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct fixture own = { .cache = w->f->cache };
	struct error err = { .kind = ERROR_NONE };
	struct cache_item item, got;
	unsigned char key[CACHE_KEY];
	int i;

	own.arena = arena_new(64u << 20);
	for (i = 0; i < 2000; i++) {
		key_of(w->first + i % 50, key);
		item = item_of(&own, w->first + i % 50, 1500, "a");
		if (i % 4 == 0)
			w->wrong += cache_put(own.cache, key, &item, &err) < 0;
		else if (cache_get(own.cache, key, own.arena, &got, &err) == 1)
			w->wrong += !str_eq(got.value, item.value);
		arena_reset(own.arena);
	}
	arena_free(own.arena);
	return NULL;
}

static void
threads_share_it(void **state)
{
	struct fixture *f = *state;
	struct worker workers[8];
	pthread_t ids[8];
	int i;

	for (i = 0; i < 8; i++) {
		workers[i] = (struct worker){ .f = f, .first = i * 25 };
		assert_int_equal(
		    pthread_create(&ids[i], NULL, work, &workers[i]), 0);
	}
	for (i = 0; i < 8; i++) {
		pthread_join(ids[i], NULL);
		assert_int_equal(workers[i].wrong, 0);
	}
	assert_int_equal(stats(f).damaged, 0);
	assert_int_equal(stats(f).wipes, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_was_put_is_got),
		CASE(names_may_be_absent_and_costs_unknown),
		CASE(a_second_value_takes_the_place_of_the_first),
		CASE(it_is_there_for_the_next_process),
		CASE(an_entry_lives_as_long_as_it_may),
		CASE(a_jump_of_the_wall_clock_changes_no_age),
		CASE(absurd_lifetimes_are_not_stored),
		CASE(what_the_ceiling_can_never_hold_is_not_stored),
		CASE(names_of_any_length_do_no_harm),
		CASE(the_least_recently_used_go_first),
		CASE(the_ceiling_holds_whatever_comes),
		CASE(a_lower_ceiling_holds_at_once),
		CASE(an_account_pays_with_its_own),
		CASE(a_purge_takes_what_it_names),
		CASE(sums_name_the_largest_accounts),
		CASE(a_damaged_value_is_a_miss_and_removed),
		CASE(damage_of_any_file_never_gives_a_wrong_value),
		CASE(the_first_page_of_a_file_may_be_damaged),
		CASE(a_broken_chain_ends_the_environment),
		CASE(a_file_that_is_gone_is_made_again),
		CASE(who_dies_inside_takes_all_with_him),
		CASE(what_keeps_killing_is_left_alone),
		CASE(who_is_stopped_inside_is_not_waited_for),
		CASE(threads_share_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
