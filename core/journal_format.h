/* SPDX-License-Identifier: MIT */
/* The record of journal.h, for journal.c and journal_read.c. */
#ifndef CORE_JOURNAL_FORMAT_H
#define CORE_JOURNAL_FORMAT_H

#include "core/str.h"

#define JOURNAL_MAGIC STR("\xf5SLJ")
#define JOURNAL_HEAD  12u /* magic, length, CRC */

#endif
