/* SPDX-License-Identifier: MIT */
/*
 * A key at rest: one JSON object, in the table `keys` (under the key's id)
 * and as a line of keys.snap.
 *	{"id","hash","old_hash","old_until_us","name","account","owner",
 *	 "created_us","expires_us","revoked_us","rpm","tpm","parallel",
 *	 "admin","may_route","cache","models":[]}
 * hash is the SHA-256 of the whole key's text, in hex; old_hash that of the
 * text before the last rotation, good until old_until_us.  What came after
 * the first version (old_hash, old_until_us, rpm and all that follows but
 * admin) may be missing.
 */
#ifndef CORE_KEY_RECORD_H
#define CORE_KEY_RECORD_H

#include "core/key.h"
#include "core/snap.h"

struct buf;

#define KEY_HASH_BYTES 32

struct key_record {
	struct key key;
	unsigned char hash[KEY_HASH_BYTES];
	unsigned char old_hash[KEY_HASH_BYTES]; /* if old_until_us is not 0 */
};

extern const struct snap_kind key_kind;

/* key_record_write(r, out): append ${r} to ${out}. */
void key_record_write(const struct key_record *r, struct buf *out);

/*
 * key_record_read(a, json, r):
 * Returns  0 with ${*r} in ${a}, or -1 if ${json} is no key.
 */
int key_record_read(struct arena *a, struct str json, struct key_record *r)
    __attribute__((warn_unused_result));

/*
 * key_record_id(text, id):
 * Returns  true if ${text} has the form of a key's text; ${*id} is a view.
 */
bool key_record_id(struct str text, struct str *id);

/* key_record_hash(text, hash): what is kept of a key's text. */
void key_record_hash(struct str text, unsigned char hash[KEY_HASH_BYTES]);

#endif
