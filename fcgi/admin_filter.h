/* SPDX-License-Identifier: MIT */
/* The filters that usage and requests share. */
#ifndef FCGI_ADMIN_FILTER_H
#define FCGI_ADMIN_FILTER_H

#include "core/rollup.h"
#include "fcgi/admin.h"

#define ADMIN_FILTERS (ROLLUP_DIMS - 1) /* all dimensions but days */

/* admin_filters(opts, only): parameters that go to ${only}, by dimension. */
void admin_filters(
    struct admin_opt opts[ADMIN_FILTERS], struct str only[ROLLUP_DIMS]);

/*
 * admin_own_filter(ad, only):
 * Let through only what the asking key may see, which knows its account.
 *
 * Returns  0, or -1: ERROR_NOT_FOUND, it asks for another key.
 */
int admin_own_filter(struct admin *ad, struct str only[ROLLUP_DIMS])
    __attribute__((warn_unused_result));

#endif
