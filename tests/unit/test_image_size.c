/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "core/image_size.h"
#include "tests/unit/unit.h"

static void
each_format_says_its_size(void **state)
{
	static const struct {
		const char *name;
		int64_t w, h;
		const char *base64;
	} cases[] = {
		{ "PNG", 640, 480,
		    "iVBORw0KGgoAAAANSUhEUgAAAoAAAAHgCAIAAAAAAAA=" },
		{ "JPEG, baseline", 1920, 1080,
		    "/9j/4AAQSkZJRgABAQAAAQABAAD/"
		    "wAARCAQ4B4ADASIAASIAASIAAAAA" },
		{ "JPEG, in the alphabet of URLs", 1920, 1080,
		    "_9j_4AAQSkZJRgABAQAAAQABAAD_"
		    "wAARCAQ4B4ADASIAASIAASIAAAAA" },
		{ "JPEG, progressive, behind Exif", 4000, 3000,
		    "/9j/4QEuRXhpZgAA/8ARERERERERERERERERERERERERERERERERERER"
		    "ERERERERERERERERERERERERERERERERERERERERERERERERERERERER"
		    "ERERERERERERERERERERERERERERERERERERERERERERERERERERERER"
		    "ERERERERERERERERERERERERERERERERERERERERERERERERERERERER"
		    "ERERERERERERERERERERERERERERERERERERERERERERERERERERERER"
		    "ERERERERERERERERERERERERERERERERERERERERERERERERERERERER"
		    "ERERERERERERERERERERERERERERERERERERERERERERERERERERERER"
		    "ERERERERERERERER/8QAEwAAAAAAAAAAAAAAAAAAAAAA/8IAEQgLuA+g"
		    "AwEiAAEiAAEiAAAAAA==" },
		{ "GIF", 320, 200, "R0lGODlhQAHIAAAAAAAAAA==" },
		{ "WebP, lossy", 800, 600,
		    "UklGRhYAAABXRUJQVlA4IAoAAAAQAACdASogQ1gCAAAA" },
		{ "WebP, lossless", 1024, 768,
		    "UklGRhEAAABXRUJQVlA4TAUAAAAv/8O/AAAAAA==" },
		{ "WebP, extended", 3000, 2000,
		    "UklGRhYAAABXRUJQVlA4WAoAAAAAAAAAtwsAzwcAAAAA" },
	};
	int64_t w, h;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (!image_size(str_of(cases[i].base64), &w, &h))
			print_error("%s\n", cases[i].name);
		assert_int_equal(w, cases[i].w);
		assert_int_equal(h, cases[i].h);
	}
}

static void
what_is_cut_or_no_image_has_none(void **state)
{
	static const char *const bad[] = { "", "iVBORw0KGgo", "/9j/",
		"/9j/4AAQ", "UklGR", "UklGRhYAAABXRUJQVlA5", "R0lGOD",
		"bm9uZSBhdCBhbGw=", "/9j/4AAA/+AAAP/gAAA=",
		"iVBORw0KGgoAAAANSUhEUgAAAAAAAAAHAAA=" };
	int64_t w, h;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(image_size(str_of(bad[i]), &w, &h));
	assert_false(image_size(STR_NONE, &w, &h));
}

/* Whatever follows a good start: an answer, and no byte beyond the end. */
static void
random_bytes_are_read_within_bounds(void **state)
{
	static const char *const starts[] = { "iVBORw0KGgo", "/9j/", "R0lGOD",
		"UklGR" };
	char *text;
	uint64_t seed = 7;
	int64_t w, h;
	size_t n, i, round;

	(void)state;
	for (round = 0; round < 4000; round++) {
		seed = seed * UINT64_C(6364136223846793005) + 1;
		n = 12 + (seed >> 33) % 400;
		text = malloc(n);
		assert_non_null(text);
		for (i = 0; i < n; i++) {
			seed = seed * UINT64_C(6364136223846793005) + 1;
			text[i] = seed >> 63 ? '/' : (char)(seed >> 56);
		}
		memcpy(text, starts[round % 4], strlen(starts[round % 4]));
		(void)image_size((struct str){ text, n }, &w, &h);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_format_says_its_size),
		cmocka_unit_test(what_is_cut_or_no_image_has_none),
		cmocka_unit_test(random_bytes_are_read_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
