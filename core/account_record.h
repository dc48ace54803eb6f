/* SPDX-License-Identifier: MIT */
/* An account at rest; see account.h for the layout. */
#ifndef CORE_ACCOUNT_RECORD_H
#define CORE_ACCOUNT_RECORD_H

#include "core/account.h"
#include "core/snap.h"

extern const struct snap_kind account_kind;

/* account_record_write(a, account): its JSON in ${a}. */
struct str account_record_write(struct arena *a, const struct account *account);

/*
 * account_record_read(a, json, account):
 * Returns  0 with ${*account} in ${a}, or -1 if ${json} is none.
 */
int account_record_read(struct arena *a, struct str json,
    struct account *account) __attribute__((warn_unused_result));

/* account_place(a, account, provider): where a credential is sealed for. */
struct str account_place(
    struct arena *a, struct str account, struct str provider);

#endif
