// SPDX-License-Identifier: MIT
// Keys have ids in the ledger and names for people.

import { get } from './api.js';

// keyNames(ctx): a function from id to what people call it; keys that are
// gone, or not ours to see, keep their id.
export async function keyNames({ signal }) {
  const { keys } = await get('keys', {}, signal);
  const names = new Map(keys.map((k) => [k.id, k.name]));
  return (id) => names.get(id) || id;
}
