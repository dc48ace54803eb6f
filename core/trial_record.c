/* SPDX-License-Identifier: MIT */
#include "core/trial_record.h"

#include <stddef.h>
#include <stdio.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/jtree.h"
#include "core/jw.h"

#define MAX_RECORD_BYTES 8192

const char *const trial_drop_words[TRIAL_DROPS] = {
	[TRIAL_LOST] = "lost",
	[TRIAL_FAILED] = "failed",
	[TRIAL_NONSENSE] = "nonsense",
	[TRIAL_REFUSED] = "refused",
	[TRIAL_EXPIRED] = "expired",
	[TRIAL_DAMAGED] = "damaged",
	[TRIAL_OUTDATED] = "outdated",
	[TRIAL_UNPAID] = "unpaid",
};

static const char *const stage_words[TRIAL_STAGES] = {
	[TRIAL_SHADOW] = "shadow",
	[TRIAL_JUDGE] = "judge",
};

/* The numbers of a record, by name. */
struct field {
	const char *name;
	size_t at;
};

#define TRIAL(name, member)                                                    \
	{                                                                      \
		name, offsetof(struct trial_record, member)                    \
	}
static const struct field trial_fields[] = {
	TRIAL("served", arms[0]),
	TRIAL("shadow", arms[1]),
	TRIAL("served_pusd", cost_pusd[0]),
	TRIAL("shadow_pusd", cost_pusd[1]),
	TRIAL("served_ms", latency_ms[0]),
	TRIAL("shadow_ms", latency_ms[1]),
	TRIAL("tries", tries),
	TRIAL("waits", waits),
	TRIAL("born_us", born_us),
	TRIAL("due_us", due_us),
	TRIAL("reserved_pusd", reserved_pusd),
	TRIAL("pid", pid),
	TRIAL("started", started),
	{ NULL, 0 },
};

#define EXPERIMENT(name, member)                                               \
	{                                                                      \
		name, offsetof(struct experiment_record, member)               \
	}
static const struct field experiment_fields[] = {
	EXPERIMENT("spent_pusd", spent_pusd),
	EXPERIMENT("begun", begun),
	EXPERIMENT("judged", judged),
	EXPERIMENT("lost", dropped[TRIAL_LOST]),
	EXPERIMENT("failed", dropped[TRIAL_FAILED]),
	EXPERIMENT("nonsense", dropped[TRIAL_NONSENSE]),
	EXPERIMENT("refused", dropped[TRIAL_REFUSED]),
	EXPERIMENT("expired", dropped[TRIAL_EXPIRED]),
	EXPERIMENT("damaged", dropped[TRIAL_DAMAGED]),
	EXPERIMENT("outdated", dropped[TRIAL_OUTDATED]),
	EXPERIMENT("unpaid", dropped[TRIAL_UNPAID]),
	{ NULL, 0 },
};

static void
write_numbers(struct jw *w, const void *base, const struct field *f)
{
	for (; f->name != NULL; f++)
		jw_kv_i64(
		    w, f->name, *(const int64_t *)((uintptr_t)base + f->at));
}

static int
read_numbers(const struct jnode *root, void *base, const struct field *f)
{
	struct error err = { .kind = ERROR_NONE };

	for (; f->name != NULL; f++)
		if (jtree_i64(root, f->name, JTREE_REQUIRED,
			(int64_t *)((uintptr_t)base + f->at), &err) != 0)
			return -1;
	return 0;
}

static struct str
word(const struct jnode *root, const char *name)
{
	struct jnode at;

	(void)jtree_find(root, name, &at);
	return jtree_value_str(&at);
}

struct str
trial_record_write(struct arena *a, const struct trial_record *r)
{
	struct buf *out = buf_new(a, MAX_RECORD_BYTES);
	struct jw w;

	jw_init(&w, out);
	jw_object(&w);
	jw_kv_cstr(&w, "call", r->call);
	jw_kv_str(&w, "experiment", r->experiment);
	jw_kv_str(&w, "version", r->version);
	jw_kv_str(&w, "task", r->task);
	jw_kv_str(&w, "account", r->account);
	jw_kv_cstr(&w, "stage", stage_words[r->stage]);
	write_numbers(&w, r, trial_fields);
	jw_end(&w);
	return buf_str(out);
}

int
trial_record_read(struct arena *a, struct str json, struct trial_record *r)
{
	struct error err = { .kind = ERROR_NONE };
	struct jnode root;
	struct str call, stage;

	*r = (struct trial_record){ .stage = TRIAL_SHADOW };
	if (jtree_read(a, json, &root, &err) != 0 ||
	    read_numbers(&root, r, trial_fields) != 0)
		return -1;
	call = word(&root, "call");
	r->experiment = word(&root, "experiment");
	r->version = word(&root, "version");
	r->task = word(&root, "task");
	r->account = word(&root, "account");
	stage = word(&root, "stage");
	while (r->stage < TRIAL_STAGES && !str_is(stage, stage_words[r->stage]))
		r->stage++;
	if (call.n == 0 || call.n >= sizeof(r->call) || r->experiment.n == 0 ||
	    r->version.n == 0 || r->stage == TRIAL_STAGES)
		return -1;
	(void)snprintf(r->call, sizeof(r->call), "%.*s", STR_ARG(call));
	return 0;
}

struct str
experiment_record_write(struct arena *a, const struct experiment_record *r)
{
	struct buf *out = buf_new(a, MAX_RECORD_BYTES);
	struct jw w;

	jw_init(&w, out);
	jw_object(&w);
	jw_kv_str(&w, "name", r->name);
	jw_kv_bool(&w, "stopped", r->stopped);
	jw_kv_str(&w, "promoted", r->promoted);
	write_numbers(&w, r, experiment_fields);
	jw_end(&w);
	return buf_str(out);
}

int
experiment_record_read(
    struct arena *a, struct str json, struct experiment_record *r)
{
	struct error err = { .kind = ERROR_NONE };
	struct jnode root;

	*r = (struct experiment_record){ .begun = 0 };
	if (jtree_read(a, json, &root, &err) != 0 ||
	    read_numbers(&root, r, experiment_fields) != 0 ||
	    jtree_bool(&root, "stopped", JTREE_REQUIRED, &r->stopped, &err) !=
		0)
		return -1;
	r->name = word(&root, "name");
	r->promoted = word(&root, "promoted");
	return 0;
}

struct str
trial_key(
    struct arena *a, struct str experiment, struct str version, struct str rest)
{
	return str_of(arena_printf(a, "%.*s\x1f%.*s\x1f%.*s",
	    STR_ARG(experiment), STR_ARG(version), STR_ARG(rest)));
}
