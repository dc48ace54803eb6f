/* SPDX-License-Identifier: MIT */
/*
 * CRC-32C (Castagnoli), as in iSCSI and ext4.
 * Source: RFC 3720 §B.4; the check value of "123456789" is e3069283.
 */
#ifndef CORE_CRC32C_H
#define CORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * crc32c(crc, p, n):
 * Returns  the checksum of ${n} bytes at ${p} after bytes with checksum
 *          ${crc}; start with 0.
 */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);

#endif
