/* SPDX-License-Identifier: MIT */
/*
 * Whole requests that the cache answers, from the CGI variables to the last
 * byte: what they leave in memory, which is nothing.  Where the time of one
 * goes (divide by HITS):
 *	valgrind --tool=callgrind --toggle-collect=cgi test_cache_hits
 */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "core/gateway.h"
#include "core/str.h"
#include "fcgi/cgi.h"
#include "providers/providers.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define HITS        20000
#define WARM        300 /* until what is made once is made */
#define NOISE_BYTES (64 << 10)

/* One entry serves them all. */
static const struct {
	const char *uri, *body;
} shapes[] = {
	{ "/v1/chat/completions",
	    "{\"model\":\"echo/echo\",\"max_tokens\":99,\"messages\":"
	    "[{\"role\":\"user\",\"content\":\"some words\"}]}" },
	{ "/v1/chat/completions",
	    "{\"model\":\"echo/echo\",\"max_tokens\":99,\"stream\":true,"
	    "\"messages\":[{\"role\":\"user\",\"content\":\"some words\"}]}" },
	{ "/v1/messages",
	    "{\"model\":\"echo/echo\",\"max_tokens\":99,\"messages\":"
	    "[{\"role\":\"user\",\"content\":\"some words\"}]}" },
};

struct fixture {
	struct scratch scratch;
	struct gateway *gw;
	int in[COUNT(shapes)]; /* files with the bodies */
	int out;               /* file with the last answer */
};

static int
open_file(const struct scratch *s, const char *name)
{
	int fd = openat(s->fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char text[256], path[128], name[16];
	size_t i;

	scratch_make(&f->scratch);
	snprintf(text, sizeof(text),
	    "{\"data_dir\":\"%s/data\",\"log\":{\"file\":\"/dev/null\"},"
	    "\"auth\":{\"required\":false},\"cache\":{\"default\":\"on\"}}",
	    f->scratch.dir);
	scratch_write(&f->scratch, "conf", text, strlen(text));
	snprintf(path, sizeof(path), "%s/conf", f->scratch.dir);
	f->gw = gateway_new(str_of(path), &providers);
	for (i = 0; i < COUNT(shapes); i++) {
		snprintf(name, sizeof(name), "in%zu", i);
		scratch_write(
		    &f->scratch, name, shapes[i].body, strlen(shapes[i].body));
		f->in[i] = open_file(&f->scratch, name);
	}
	f->out = open_file(&f->scratch, "out");
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	size_t i;

	gateway_free(f->gw);
	for (i = 0; i < COUNT(shapes); i++)
		close(f->in[i]);
	close(f->out);
	scratch_drop(&f->scratch);
	free(f);
	return 0;
}

/* Answer a request on standard input and output, as a CGI process does. */
static void
ask(struct fixture *f, size_t shape)
{
	char uri[64], method[] = "REQUEST_METHOD=POST";
	char *env[] = { method, uri, NULL };
	struct error err = { .kind = ERROR_NONE };

	snprintf(uri, sizeof(uri), "REQUEST_URI=%s", shapes[shape].uri);
	assert_int_equal(lseek(f->in[shape], 0, SEEK_SET), 0);
	assert_int_equal(dup2(f->in[shape], STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(ftruncate(f->out, 0), 0);
	assert_int_equal(lseek(f->out, 0, SEEK_SET), 0);
	assert_int_equal(cgi(f->gw, env, &err), 0);
}

static void
ask_often(struct fixture *f, int n)
{
	int i;

	for (i = 0; i < n; i++)
		ask(f, (size_t)i % COUNT(shapes));
}

static bool
answer_has(const struct fixture *f, const char *text)
{
	char bytes[4096];
	struct str all = { .p = bytes };

	all.n = scratch_read(&f->scratch, "out", bytes, sizeof(bytes));
	return str_find(all, str_of(text)) >= 0;
}

static void
many_hits_leave_the_heap_as_it_was(void **state)
{
	struct fixture *f = *state;
	int in = dup(STDIN_FILENO), out = dup(STDOUT_FILENO);
	size_t before, after;

	fflush(stdout);
	dup2(f->out, STDOUT_FILENO);
	ask(f, 0);
	assert_true(answer_has(f, "x-sluice-cache: miss"));
	ask_often(f, WARM);
	before = mallinfo2().uordblks;
	ask_often(f, HITS);
	after = mallinfo2().uordblks;
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	assert_true(answer_has(f, "x-sluice-cache: hit"));
	print_message(
	    "%d hits: %zd bytes more\n", HITS, (ssize_t)(after - before));
	assert_true(after <= before + NOISE_BYTES);
}

/* What glibc keeps at hand of freed pieces counts as used: do without. */
static void
without_a_thread_cache(char **argv)
{
	static const char name[] = "GLIBC_TUNABLES";

	if (getenv(name) != NULL)
		return;
	setenv(name, "glibc.malloc.tcache_count=0", 1);
	execv("/proc/self/exe", argv);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    many_hits_leave_the_heap_as_it_was, setup, teardown),
	};

	(void)argc;
	without_a_thread_cache(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
