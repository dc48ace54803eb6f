/* SPDX-License-Identifier: MIT */
/*
 * A key at rest: one JSON object, in the table `keys` (under the key's id)
 * and as a line of keys.snap.
 *	{"id","hash","name","account","owner","created_us","expires_us",
 *	 "revoked_us","admin","may_route"}
 * hash is the SHA-256 of the whole key's text, in hex.
 */
#ifndef CORE_KEY_RECORD_H
#define CORE_KEY_RECORD_H

#include "core/key.h"

struct buf;

#define KEY_HASH_BYTES     32
#define KEY_SNAP           "keys.snap"
#define KEY_SNAP_MAX_BYTES ((size_t)64 << 20)

struct key_record {
	struct key key;
	unsigned char hash[KEY_HASH_BYTES];
};

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

/*
 * key_record_snapshot(dirfd, a, text, err):
 * Read keys.snap of data_dir.
 *
 * Returns  1 with ${*text} in ${a}, 0 if there is none, -1: ERROR_STORE.
 */
int key_record_snapshot(int dirfd, struct arena *a, struct str *text,
    struct error *err) __attribute__((warn_unused_result));

#endif
