/* SPDX-License-Identifier: MIT */
/*
 * Conditions of `when`: { FACT: VALUE | { OP: VALUE, … }, … }, all of which
 * must hold, with "and": […], "or": […], "not": {…} at any depth.
 *	model, task, user, session, key, account	text
 *	tags.NAME, header.NAME			text: { "tags": { "team": … } }
 *	input_tokens				an estimate
 *	tools, images, json_schema, stream	true or false
 *	time					UTC, "HH:MM"
 * Operators: eq, ne, in, prefix; gt and lt for numbers and time.  A label
 * that the request lacks equals nothing.
 */
#ifndef CORE_ROUTE_TEST_H
#define CORE_ROUTE_TEST_H

#include <stdbool.h>

struct jnode;
struct planner;
struct route_reader;
struct route_test;

/* route_test_parse(r, at): NULL after a complaint. */
const struct route_test *route_test_parse(
    struct route_reader *r, const struct jnode *at);

/* route_test_holds(p, test): does it hold for this call? */
bool route_test_holds(struct planner *p, const struct route_test *test);

#endif
