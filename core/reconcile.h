/* SPDX-License-Identifier: MIT */
/*
 * The ledger beside the provider's bill (bill.h): by day and model, and by
 * key where it is told which of the provider's keys is which credential.
 */
#ifndef CORE_RECONCILE_H
#define CORE_RECONCILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bill.h"
#include "core/str.h"

struct arena;
struct error;
struct jw;
struct state;

/* One side of a group; of a bill over cost the cost alone, else the rest. */
struct reconcile_side {
	bool there;
	int64_t cost_pusd;
	int64_t requests, input_tokens, output_tokens;
};

struct reconcile_group {
	struct str day, model, key; /* absent where not told apart */
	struct reconcile_side bill, ledger;
	/* attempts of the ledger's side without a known cost, ended with their
	 * process, estimated; and what is estimated in all */
	int64_t unpriced, unknown, estimated, estimated_pusd;
	int64_t drift;      /* bill minus ledger: pUSD, or tokens */
	const char *reason; /* the likely one; NULL where there is no drift */
};

struct reconciliation {
	struct reconcile_group *groups; /* by day, model, key */
	size_t n;
	struct reconcile_group total;
};

/*
 * reconcile(state, vendor, bill, keys, a, r, err):
 * Compare ${bill} with the attempts at provider ${vendor} in its days.
 *
 * Takes    ${keys}: "apikey_1=conf,apikey_2=team": the provider's key, as the
 *          bill has it, and the credential of the ledger; absent: keys are
 *          not told apart.
 * Returns  0 with ${*r} in ${a}, or -1: ERROR_BAD_REQUEST, ERROR_STORE.
 * Blocks   as ledger_read does.
 */
int reconcile(struct state *state, struct str vendor, const struct bill *bill,
    struct str keys, struct arena *a, struct reconciliation *r,
    struct error *err) __attribute__((warn_unused_result));

/* reconcile_write(bill, r, w): the result as one JSON object. */
void reconcile_write(
    const struct bill *bill, const struct reconciliation *r, struct jw *w);

#endif
