// SPDX-License-Identifier: MIT
// A call while responders die: what its client saw of it.

import { finished } from './ask.mjs';

const LIMIT_MS = 20_000;                // who waits longer hangs

// The record of call n is in `seen` from its beginning: { n, id, status,
// finished, hung, ms }.
export async function oneCall(sluice, seen, n, { path, key, model, stream }) {
  const call = { n, id: null, status: 'cut', finished: false, hung: false };
  const begun = performance.now();
  seen.push(call);
  try {
    const got = await sluice.request({ path, key, body: { model, stream,
      max_tokens: 100, messages: [{ role: 'user', content: `call ${n}!` }] },
    signal: AbortSignal.timeout(LIMIT_MS),
    onData: (_, { headers }) => { call.id = headers['x-request-id']; } });
    call.status = got.status;
    call.finished = finished(got, stream);
  } catch (e) {
    call.hung = e.name === 'AbortError' || e.name === 'TimeoutError';
  }
  call.ms = performance.now() - begun;
}
