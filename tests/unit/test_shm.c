/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <sys/wait.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/shm.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static struct shm *
attach(struct scratch *s)
{
	struct error err = { .kind = ERROR_NONE };
	struct shm *m = shm_attach(s->fd, &err);

	assert_string_equal(err.msg, "");
	assert_non_null(m);
	return m;
}

static ino_t
inode(struct scratch *s)
{
	struct stat st;

	assert_int_equal(fstatat(s->fd, "hdr", &st, 0), 0);
	return st.st_ino;
}

static void
all_see_the_same_numbers(void **state)
{
	struct shm *a = attach(*state), *b = attach(*state);

	shm_add(a, SHM_KEYS_GEN, 3);
	assert_int_equal(shm_get(b, SHM_KEYS_GEN), 3);
	atomic_store(shm_slot(b, SHM_KEYS_GEN), 7);
	assert_int_equal(shm_get(a, SHM_KEYS_GEN), 7);
	shm_detach(a);
	shm_detach(b);
	a = attach(*state);
	assert_int_equal(shm_get(a, SHM_KEYS_GEN), 7);
	shm_detach(a);
}

/* Every byte of the front matter counts; so do a copy and a wrong size. */
static void
a_header_that_is_not_ours_is_replaced(void **state)
{
	struct scratch *s = *state;
	static char hdr[1 << 21];
	size_t n, at;
	struct shm *m = attach(s);
	ino_t old;

	shm_add(m, SHM_KEYS_GEN, 1);
	for (at = 0; at < 8 + 4 + 4 + 36; at += 3) {
		n = scratch_read(s, "hdr", hdr, sizeof(hdr));
		hdr[at] ^= 1;
		scratch_write(s, "hdr", hdr, n);
		old = inode(s);
		shm_detach(m);
		m = attach(s);
		assert_int_not_equal(inode(s), old);
		assert_int_equal(shm_get(m, SHM_KEYS_GEN), 0);
		shm_add(m, SHM_KEYS_GEN, 1);
	}
	shm_detach(m);
	n = scratch_read(s, "hdr", hdr, sizeof(hdr));
	scratch_write(s, "copy", hdr, n); /* beside it: another inode */
	assert_int_equal(renameat(s->fd, "copy", s->fd, "hdr"), 0);
	old = inode(s);
	shm_detach(attach(s));
	assert_int_not_equal(inode(s), old);
	scratch_write(s, "hdr", hdr, 100);
	shm_detach(attach(s));
	assert_int_equal(
	    scratch_read(s, "hdr", hdr, sizeof(hdr)), 393216 + SHM_ROOM_BYTES);
}

static void
the_lease_is_for_one(void **state)
{
	struct error err = { .kind = ERROR_NONE };
	struct shm *a = attach(*state), *b = attach(*state);
	int64_t begun_us;

	assert_int_equal(shm_lock(a, 0, &err), 1);
	assert_int_equal(shm_get(b, SHM_OWNER_PID), getpid());
	assert_true(shm_get(b, SHM_OWNER_START) > 0);
	assert_int_equal(shm_lock(b, 0, &err), 0);
	begun_us = clock_mono_us();
	assert_int_equal(shm_lock(b, 20, &err), 0);
	assert_in_range(clock_mono_us() - begun_us, 20000, 2000000);
	shm_unlock(a);
	assert_int_equal(shm_get(b, SHM_OWNER_PID), 0);
	assert_int_equal(shm_lock(b, 20, &err), 1);
	shm_unlock(b);
	assert_int_equal(err.kind, ERROR_NONE);
	shm_detach(a);
	shm_detach(b);
}

/* Somebody deletes the header while a process holds the lease in it. */
static void
the_lease_is_for_one_across_headers(void **state)
{
	struct scratch *s = *state;
	struct error err = { .kind = ERROR_NONE };
	struct shm *a = attach(s), *b;

	unlinkat(s->fd, "hdr", 0);
	b = attach(s);
	assert_int_equal(shm_lock(a, 0, &err), 1);
	assert_int_equal(shm_lock(b, 0, &err), 0);
	assert_int_equal(shm_lock(b, 5, &err), 0);
	shm_unlock(a);
	assert_int_equal(shm_lock(b, 0, &err), 1);
	assert_int_equal(shm_lock(a, 0, &err), 0);
	shm_unlock(b);
	shm_detach(a);
	shm_detach(b);
}

static void
a_dead_owner_hands_the_lease_on(void **state)
{
	struct error err = { .kind = ERROR_NONE };
	struct shm *m = attach(*state);
	int ready[2], status;
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	atomic_store(shm_slot(m, SHM_OLDEST_US), 0);
	pid = fork();
	if (pid == 0) {
		struct shm *own =
		    shm_attach(((struct scratch *)*state)->fd, &err);

		if (own == NULL || shm_lock(own, 0, &err) != 1 ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(shm_lock(m, 0, &err), 0);
	kill(pid, SIGKILL);
	assert_int_equal(shm_lock(m, 5000, &err), 1);
	assert_int_equal(shm_get(m, SHM_OWNER_DEATHS), 1);
	assert_true(shm_get(m, SHM_OLDEST_US) > 0);
	shm_unlock(m);
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(shm_lock(m, 0, &err), 1);
	shm_unlock(m);
	shm_detach(m);
	close(ready[0]);
	close(ready[1]);
}

static void
a_directory_that_is_gone_is_an_error(void **state)
{
	struct scratch *s = *state;
	struct error err = { .kind = ERROR_NONE };

	rmdir(s->dir);
	assert_null(shm_attach(s->fd, &err));
	assert_int_equal(err.kind, ERROR_STORE);
	assert_string_equal(err.msg, "lock: No such file or directory");
	shm_detach(NULL);
}

#define TEST(f)                                                                \
	cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_see_the_same_numbers),
		TEST(a_header_that_is_not_ours_is_replaced),
		TEST(the_lease_is_for_one),
		TEST(the_lease_is_for_one_across_headers),
		TEST(a_dead_owner_hands_the_lease_on),
		TEST(a_directory_that_is_gone_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
