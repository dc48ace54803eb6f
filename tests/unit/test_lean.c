/* SPDX-License-Identifier: MIT */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/lean.h"
#include "core/mem.h"
#include "tests/unit/unit.h"

/* Pages of this process in memory: all, and those of files. */
static void
pages(long *all, long *of_files)
{
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*d %ld %ld", all, of_files), 2);
	fclose(f);
}

static void
code_that_is_not_used_goes_and_comes_back(void **state)
{
	unsigned char one[SHA256_DIGEST_LENGTH], two[SHA256_DIGEST_LENGTH];
	long all, before, after;

	(void)state;
	SHA256((const unsigned char *)"x", 1, one);
	pages(&all, &before);
	lean_code();
	pages(&all, &after);
	assert_true(after < before);
	SHA256((const unsigned char *)"x", 1, two);
	assert_memory_equal(one, two, sizeof(one));
}

static void
free_memory_goes(void **state)
{
	enum {
		N = 4096,
		BYTES = 4000
	};
	static void *blocks[N];
	long before, after, files;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip(); /* it keeps what is freed, to find who uses it */
#endif
	for (int i = 0; i < N; i++) {
		blocks[i] = mem_new(BYTES);
		memset(blocks[i], 1, BYTES);
	}
	pages(&before, &files);
	for (int i = 0; i < N - 1; i++) /* the last one holds the rest up */
		free(blocks[i]);
	lean_heap();
	pages(&after, &files);
	assert_true(before - after > N / 2);
	free(blocks[N - 1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_that_is_not_used_goes_and_comes_back),
		cmocka_unit_test(free_memory_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
