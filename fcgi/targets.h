/* SPDX-License-Identifier: MIT */
/* GET /sluice/v1/health: the breakers and speeds of all targets. */
#ifndef FCGI_TARGETS_H
#define FCGI_TARGETS_H

struct exchange;

/* targets_health(x): answer { "targets": [ … ] }, see health_json. */
void targets_health(struct exchange *x);

#endif
