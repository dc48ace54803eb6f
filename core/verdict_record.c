/* SPDX-License-Identifier: MIT */
#include "core/verdict_record.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/evidence.h"
#include "core/experiment.h"
#include "core/jtext.h"
#include "core/jw.h"
#include "core/price.h"
#include "core/provider.h"
#include "core/trial_case.h"
#include "core/trial_record.h"

#define RECORD_BYTES 65536

/* Whose model it is: the first word of its name, without the provider's. */
static struct str
family(struct str answered)
{
	struct str model = answered;
	size_t i;

	for (i = 0; i < answered.n; i++)
		if (answered.p[i] == '/')
			model = str_skip(answered, i + 1);
	for (i = 0; i < model.n && model.p[i] != '-'; i++)
		continue;
	return (struct str){ model.p, i };
}

/* The arm of the judge's family, if one is and has won; else absent. */
static struct str
self_preference(
    const struct verdict *v, const struct verdict_words *w, struct str winner)
{
	struct str judge = family(w->judge);
	int kin[2];
	int i;

	for (i = 0; i < 2; i++)
		kin[i] =
		    judge.n > 0 && str_eq(judge, family(w->tc->answered[i]));
	if (v->result == VERDICT_TIE || kin[0] == kin[1] ||
	    !kin[v->result == VERDICT_SECOND])
		return STR_NONE;
	return winner;
}

static void
put_money(struct jw *w, const struct verdict *v)
{
	char text[MONEY_TEXT_BYTES];
	int i;

	jw_key(w, "cost_usd");
	jw_array(w);
	for (i = 0; i < 2; i++)
		jw_cstr(w,
		    v->sides[i].cost_pusd >= 0
			? money_text(v->sides[i].cost_pusd, text)
			: NULL);
	jw_end(w);
	jw_key(w, "latency_ms");
	jw_array(w);
	jw_i64(w, v->sides[0].latency_ms);
	jw_i64(w, v->sides[1].latency_ms);
	jw_end(w);
	jw_key(w, "scores");
	jw_array(w);
	jw_double(w, v->sides[0].score);
	jw_double(w, v->sides[1].score);
	jw_end(w);
}

struct str
verdict_record_write(
    struct arena *a, const struct verdict *v, const struct verdict_words *words)
{
	const struct experiment *e = words->experiment;
	const struct str arms[2] = { e->arms[v->sides[0].arm].name,
		e->arms[v->sides[1].arm].name };
	struct str winner = v->result == VERDICT_TIE
	    ? STR_NONE
	    : arms[v->result == VERDICT_SECOND];
	struct buf *out = buf_new(a, RECORD_BYTES);
	char at[CLOCK_TEXT_BYTES];
	struct jw w;

	jw_init(&w, out);
	jw_object(&w);
	jw_kv_cstr(&w, "call", v->call);
	jw_kv_str(&w, "experiment", e->name);
	jw_kv_cstr(&w, "version", e->version);
	jw_kv_str(&w, "task", words->trial->task);
	jw_kv_str(&w, "account", words->tc->account);
	jw_kv_cstr(&w, "judged_at", clock_text(v->judged_us, at));
	jw_kv_str(&w, "judge", words->judge);
	jw_kv_pair(&w, "arms", arms);
	jw_kv_pair(&w, "answered", words->tc->answered);
	put_money(&w, v);
	jw_kv_str(&w, "winner", winner);
	jw_kv_bool(&w, "inconsistent", v->inconsistent);
	jw_kv_str(&w, "self_preference", self_preference(v, words, winner));
	jw_kv_pair(&w, "reasons", words->reasons);
	money_json(&w, "judge_usd", words->judge_pusd);
	jw_kv_null(&w, "label");
	jw_end(&w);
	return buf_str(out);
}

int
verdict_record_label(
    struct arena *a, struct str json, struct str label, struct str *out)
{
	struct buf *quoted = buf_new(a, RECORD_BYTES);
	struct buf *text = buf_new(a, 2 * RECORD_BYTES);
	struct jtext_edit edit = { .path = "label" };
	struct str first, second;

	if (!jtext_get(json, "arms.0", &first) ||
	    !jtext_get(json, "arms.1", &second) ||
	    !(str_is(label, "tie") || jtext_is_name(first, label) ||
		jtext_is_name(second, label)))
		return -1;
	jw_quote(quoted, label);
	edit.value = buf_str(quoted);
	if (jtext_apply(text, json, &edit, 1) != 0)
		return -1;
	*out = buf_str(text);
	return 0;
}

struct header *
verdict_tags(struct arena *a, struct str experiment)
{
	struct header *tag = ARENA_NEW(a, struct header);

	tag->name = STR("experiment");
	tag->value = str_dup(a, experiment);
	return tag;
}
