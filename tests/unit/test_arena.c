/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/arena.h"
#include "tests/unit/unit.h"

#define MIB ((size_t)1 << 20)

static bool
is_zero(const char *p, size_t n)
{
	while (n > 0 && *p == 0) {
		p++;
		n--;
	}
	return n == 0;
}

static void
memory_is_zeroed_aligned_and_disjoint(void **state)
{
	static const size_t sizes[] = { 1, 7, 16, 100, 1000, 5000, 20000,
		100000, 3 };
	struct arena *a = arena_new(64 * MIB);
	char *p[900];
	size_t i, n;

	(void)state;
	for (i = 0; i < 900; i++) {
		n = sizes[i % 9];
		p[i] = arena_alloc(a, n);
		assert_int_equal((uintptr_t)p[i] % _Alignof(max_align_t), 0);
		assert_true(is_zero(p[i], n));
		memset(p[i], (int)(i % 255) + 1, n);
	}
	for (i = 0; i < 900; i++) {
		n = sizes[i % 9];
		assert_int_equal((unsigned char)p[i][0], i % 255 + 1);
		assert_int_equal((unsigned char)p[i][n - 1], i % 255 + 1);
	}
	arena_free(a);
}

static void
objects_of_no_bytes_are_told_apart(void **state)
{
	struct arena *a = arena_new(MIB);

	(void)state;
	assert_ptr_not_equal(arena_alloc(a, 0), arena_alloc(a, 0));
	assert_int_equal(arena_used(a), 0);
	arena_free(a);
}

static void
memdup_and_printf_end_with_a_nul(void **state)
{
	struct arena *a = arena_new(MIB);
	char *s = arena_printf(a, "%s-%d", "x", 42);

	(void)state;
	assert_string_equal(s, "x-42");
	assert_string_equal(arena_memdup(a, "abcdef", 3), "abc");
	assert_string_equal(arena_memdup(a, NULL, 0), "");
	s = arena_printf(a, "%09000d", 7);
	assert_int_equal(strlen(s), 9000);
	arena_free(a);
}

/* Deferred calls write their letter here. */
static char trace[8];

static void
note(void *letter)
{
	strncat(trace, letter, 1);
}

static void
deferred_calls_run_once_and_last_first(void **state)
{
	struct arena *a = arena_new(MIB);
	char x[] = "x", y[] = "y", z[] = "z";

	(void)state;
	trace[0] = '\0';
	arena_defer(a, note, x);
	arena_defer(a, note, y);
	arena_reset(a);
	assert_string_equal(trace, "yx");
	arena_defer(a, note, z);
	arena_free(a);
	assert_string_equal(trace, "yxz");
	arena_free(NULL);
}

static void
a_reset_arena_is_empty_and_zeroed_again(void **state)
{
	struct arena *a = arena_new(MIB);
	char *first = NULL, *p;
	int round;

	(void)state;
	arena_reset(a);
	for (round = 0; round < 100; round++) {
		p = arena_alloc(a, 400);
		assert_true(is_zero(p, 400));
		memset(p, 'x', 400);
		if (round == 0)
			first = p;
		assert_ptr_equal(p, first);
		memset(arena_alloc(a, 500000), 'x', 500000);
		memset(arena_alloc(a, 4000), 'x', 4000);
		arena_reset(a);
		assert_int_equal(arena_used(a), 0);
	}
	arena_free(a);
}

static void
used_counts_what_was_asked_for(void **state)
{
	struct arena *a = arena_new(MIB);

	(void)state;
	arena_alloc(a, 10);
	arena_alloc(a, 100000);
	assert_int_equal(arena_used(a), 100010);
	arena_free(a);
}

/* What the child process of a fatal test did: its signal, its words. */
static int
run_fatal(size_t max, size_t first, size_t second, char *said, size_t size)
{
	int fds[2], status = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		dup2(fds[1], STDERR_FILENO);
		arena_alloc(arena_new(max), first);
		arena_alloc(arena_new(max), second);
		_exit(0);
	}
	close(fds[1]);
	n = read(fds[0], said, size - 1);
	said[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
beyond_the_ceiling_the_process_aborts_with_one_line(void **state)
{
	char said[256];

	(void)state;
	assert_int_equal(run_fatal(1000, 1000, 1000, said, sizeof(said)), 0);
	assert_string_equal(said, "");
	assert_int_equal(
	    run_fatal(1000, 1000, 1001, said, sizeof(said)), SIGABRT);
	assert_non_null(strstr(said, "ceiling 1000\n"));
	assert_ptr_equal(strchr(said, '\n') + 1, said + strlen(said));
	assert_int_equal(
	    run_fatal(1000, 0, SIZE_MAX, said, sizeof(said)), SIGABRT);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_aligned_and_disjoint),
		cmocka_unit_test(objects_of_no_bytes_are_told_apart),
		cmocka_unit_test(memdup_and_printf_end_with_a_nul),
		cmocka_unit_test(deferred_calls_run_once_and_last_first),
		cmocka_unit_test(a_reset_arena_is_empty_and_zeroed_again),
		cmocka_unit_test(used_counts_what_was_asked_for),
		cmocka_unit_test(
		    beyond_the_ceiling_the_process_aborts_with_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
