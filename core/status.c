/* SPDX-License-Identifier: MIT */
#include "core/status.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/vfs.h>

#include "core/check.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/jw.h"
#include "core/shm.h"
#include "core/state.h"
#include "core/visit.h"

#define LATE_MS INT64_C(10000)

const char *const status_words[] = {
	[STATUS_OK] = "ok",
	[STATUS_DEGRADED] = "degraded",
	[STATUS_FAILED] = "failed",
};

static const char *
filesystem_of(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 ? check_network_fs((long)fs.f_type) : NULL;
}

/* Why the database, or what is in it, needs somebody; "" if it does not. */
static const char *
trouble(struct state *s, const struct status *st)
{
	if (state_disk_full(s))
		return "the disk is full: calls have what their journals have "
		       "reserved, the database waits";
	if (shm_get(s->shm, SHM_FAULTS) > 0 ||
	    clock_mono_us() < shm_get(s->shm, SHM_RETRY_AT_US))
		return "the database fails, calls wait for it in journals; the "
		       "log says why";
	if (visit_is_marked(s, VISIT_RESTORING) ||
	    visit_is_marked(s, VISIT_SALVAGE))
		return "the database was damaged and has been rebuilt; `sluice "
		       "recover` finds what is left in the damaged one";
	if (st->backlog_ms > LATE_MS)
		return "journals wait to be ingested";
	return "";
}

void
status_of(struct state *s, struct status *st)
{
	struct error err = { .kind = ERROR_NONE };

	*st = (struct status){ .level = STATUS_FAILED };
	if (s == NULL)
		return;
	st->backlog_ms = state_backlog_ms(s);
	st->bad_records = shm_get(s->shm, SHM_BAD_RECORDS);
	st->unknown_calls = shm_get(s->shm, SHM_UNKNOWN_CALLS);
	st->rebuilds = shm_get(s->shm, SHM_REBUILDS);
	st->filesystem = filesystem_of(s->dirfd);
	if (state_health(s, &err) != 0) {
		snprintf(st->reason, sizeof(st->reason), "%s", err.msg);
		return;
	}
	snprintf(st->reason, sizeof(st->reason), "%s", trouble(s, st));
	st->level = st->reason[0] != '\0' ? STATUS_DEGRADED : STATUS_OK;
}

void
status_write(const struct status *st, struct jw *w)
{
	if (st->reason[0] != '\0')
		jw_kv_cstr(w, "reason", st->reason);
	jw_kv_i64(w, "backlog_ms", st->backlog_ms);
	jw_kv_i64(w, "bad_records", st->bad_records);
	jw_kv_i64(w, "unknown_calls", st->unknown_calls);
	jw_kv_i64(w, "rebuilds", st->rebuilds);
	if (st->filesystem != NULL)
		jw_kv_cstr(w, "filesystem", st->filesystem);
}
