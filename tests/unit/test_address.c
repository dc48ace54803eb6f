/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/address.h"
#include "tests/unit/unit.h"

static bool
is_public(const char *text)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return address_is_public((const struct sockaddr *)&v4);
	if (inet_pton(AF_INET6, text, &v6.sin6_addr) != 1)
		fail_msg("%s is no address", text);
	return address_is_public((const struct sockaddr *)&v6);
}

static void
what_is_not_everybodys_is_not_public(void **state)
{
	static const char *const no[] = { "0.0.0.0", "0.1.2.3", "10.0.0.1",
		"10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1",
		"127.255.255.254", "169.254.169.254", "172.16.0.1",
		"172.31.255.255", "192.0.0.1", "192.0.2.7", "192.168.0.1",
		"198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.9",
		"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1",
		"::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
		"100::1", "fc00::1", "fd12:3456::1", "fe80::1", "febf::1",
		"fec0::1", "ff02::1", "2001::1", "2001:db8::1",
		"2002:7f00:1::", "3fff:fff::1", "5f00::1" };
	static const char *const yes[] = { "1.1.1.1", "8.8.8.8",
		"9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1",
		"126.0.0.1", "128.0.0.1", "169.253.0.1", "172.15.0.1",
		"172.32.0.1", "192.0.1.1", "192.167.0.1", "198.17.0.1",
		"198.20.0.1", "223.255.255.255", "::ffff:8.8.8.8",
		"2001:4860:4860::8888", "2606:4700::1111", "2a00:1450::1",
		"3ffe::1" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(no); i++)
		if (is_public(no[i]))
			fail_msg("%s is not public", no[i]);
	for (i = 0; i < COUNT(yes); i++)
		if (!is_public(yes[i]))
			fail_msg("%s is public", yes[i]);
}

static void
another_family_is_not_public(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/x" };

	(void)state;
	assert_false(address_is_public((const struct sockaddr *)&un));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_everybodys_is_not_public),
		cmocka_unit_test(another_family_is_not_public),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
