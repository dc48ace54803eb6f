// SPDX-License-Identifier: MIT
// The admin API beside this page, and the key for it, which stays in this tab.

const BASE = new URL('../sluice/v1/', import.meta.url);
const KEY = 'sluice.key';

export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (k) => sessionStorage.setItem(KEY, k),
  forget: () => sessionStorage.removeItem(KEY),
};

// An answer that says no: its status, and the reason in words.
class Refused extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? problem?.title ??
      (status ? `the gateway answered ${status}` : 'the gateway does not answer'));
    this.status = status;
    this.code = problem?.code;
    this.param = problem?.param;
  }
}

async function ask(method, path, { query, body, signal } = {}) {
  const url = new URL(path, BASE);
  for (const [k, v] of Object.entries(query ?? {}))
    if (v !== undefined && v !== null)
      url.searchParams.set(k, v);
  const headers = { accept: 'application/json' };
  if (key.get())
    headers.authorization = `Bearer ${key.get()}`;
  if (body !== undefined)
    headers['content-type'] = 'application/json';
  const answer = await fetch(url, { method, headers, signal, cache: 'no-store',
    credentials: 'omit', body: body === undefined ? undefined
      : JSON.stringify(body) }).catch((e) => {
    throw e.name === 'AbortError' ? e : new Refused(0);
  });
  const text = await answer.text();
  let json = null;
  try {
    json = text ? JSON.parse(text) : null;
  } catch {
    throw new Refused(answer.status, { detail: 'the answer is no JSON: does ' +
      'the web server pass /sluice/ on?' });
  }
  if (!answer.ok)
    throw new Refused(answer.status, json);
  return json;
}

// path(…): parts of an address, each whole whatever is in it.
export const path = (...parts) => parts.map(encodeURIComponent).join('/');

export const get = (p, query, signal) => ask('GET', p, { query, signal });
export const post = (p, body = {}) => ask('POST', p, { body });
export const put = (p, body = {}) => ask('PUT', p, { body });
export const patch = (p, body = {}) => ask('PATCH', p, { body });
export const remove = (p, query) => ask('DELETE', p, { query });
