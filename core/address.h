/* SPDX-License-Identifier: MIT */
/*
 * Which addresses belong to everybody: what a client may make the gateway
 * connect to.  Everything that could be this machine, its network, or a
 * service of its host (169.254.169.254) is not public.
 */
#ifndef CORE_ADDRESS_H
#define CORE_ADDRESS_H

#include <stdbool.h>

struct sockaddr;

/*
 * address_is_public(sa):
 * Returns  true for a global unicast address; false for any other, and for
 *          what is neither IPv4 nor IPv6.
 * Source   IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890).
 */
bool address_is_public(const struct sockaddr *sa);

#endif
