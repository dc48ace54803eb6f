/* SPDX-License-Identifier: MIT */
#include <fastcgi.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi/io.h"
#include "tests/unit/unit.h"

static int pair[2];

static int
setup(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair);
}

static int
teardown(void **state)
{
	(void)state;
	close(pair[0]);
	if (pair[1] >= 0)
		close(pair[1]);
	return 0;
}

static void
an_answer_is_records_with_their_end(void **state)
{
	static const unsigned char want[] = { 1, FCGI_STDOUT, 1, 2, 0, 5, 0, 0,
		'h', 'e', 'l', 'l', 'o', 1, FCGI_STDOUT, 1, 2, 0, 0, 0, 0, 1,
		FCGI_END_REQUEST, 1, 2, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	unsigned char got[128];
	struct io io;

	(void)state;
	io_init(&io, IO_FASTCGI, pair[0]);
	io.request_id = 0x102;
	io_write(&io, STR("hello"));
	io_write(&io, STR(""));
	io_end(&io);
	assert_int_equal(io_flush(&io), 0);
	assert_int_equal(read(pair[1], got, sizeof(got)), sizeof(want));
	assert_memory_equal(got, want, sizeof(want));
	io_release(&io);
}

/* Take what has come, and count the bytes inside records. */
static size_t
drain(unsigned char *buf, size_t *have, size_t cap)
{
	ssize_t n;
	size_t at = 0, content = 0, len;

	while ((n = read(pair[1], buf + *have, cap - *have)) > 0)
		*have += (size_t)n;
	while (at + 8 <= *have) {
		len = (size_t)buf[at + 4] << 8 | buf[at + 5];
		if (at + 8 + len > *have)
			break;
		content += len;
		at += 8 + len;
	}
	return content;
}

static void
a_slow_reader_leaves_bytes_pending_and_loses_none(void **state)
{
	size_t big = 3u << 20, have = 0, cap = big + (1 << 20);
	char *bytes = calloc(1, big);
	unsigned char *got = malloc(cap);
	struct io io;

	(void)state;
	io_init(&io, IO_FASTCGI, pair[0]);
	io_write(&io, (struct str){ bytes, big });
	assert_int_equal(io_flush(&io), 1);
	assert_true(io_pending(&io) > 0);
	while (io_flush(&io) == 1)
		drain(got, &have, cap);
	assert_int_equal(drain(got, &have, cap), big);
	io_release(&io);
	free(bytes);
	free(got);
}

static void
a_reader_that_left_is_noticed_once_and_for_all(void **state)
{
	struct io io;

	(void)state;
	io_init(&io, IO_FASTCGI, pair[0]);
	close(pair[1]);
	pair[1] = -1;
	assert_true(io_peer_left(&io));
	io_write(&io, STR("x"));
	assert_int_equal(io_flush(&io), -1);
	assert_true(io.gone);
	io_write(&io, STR("y"));
	assert_int_equal(io_flush(&io), -1);
	io_release(&io);
}

static void
an_abort_record_means_that_the_client_left(void **state)
{
	static const unsigned char stdin_record[8] = { 1, FCGI_STDIN, 0, 1 };
	static const unsigned char abort_record[8] = { 1, FCGI_ABORT_REQUEST };
	unsigned char got[8];
	struct io io;

	(void)state;
	io_init(&io, IO_FASTCGI, pair[0]);
	assert_false(io_peer_left(&io));
	assert_int_equal(write(pair[1], stdin_record, 8), 8);
	assert_false(io_peer_left(&io));
	assert_int_equal(read(pair[0], got, 8), 8);
	assert_int_equal(write(pair[1], abort_record, 8), 8);
	assert_true(io_peer_left(&io));
	io_release(&io);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    an_answer_is_records_with_their_end, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_slow_reader_leaves_bytes_pending_and_loses_none, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    a_reader_that_left_is_noticed_once_and_for_all, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    an_abort_record_means_that_the_client_left, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
