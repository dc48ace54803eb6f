// SPDX-License-Identifier: MIT
// The admin API, asked as an admin or by another key.

import assert from 'node:assert/strict';

export const ADMIN = 'the-key-of-the-admin';

export const administer = (sluice) => {
  // One exchange; a body makes it JSON.
  const api = (method, path, { key = ADMIN, ...more } = {}) => sluice.request(
    { method, path: `/sluice/v1/${path}`, key, ...more });
  return {
    api,
    async get(path, key) {
      const r = await api('GET', path, { key });
      assert.equal(r.status, 200, `${path}: ${r.text}`);
      return r.json;
    },
    post: (path, body = {}, key = ADMIN) => api('POST', path, { key, body }),
    // ${r} must be a refusal of this kind: RFC 9457.
    problem(r, status, param) {
      assert.equal(r.status, status, r.text);
      assert.equal(r.headers['content-type'], 'application/problem+json');
      assert.equal(r.json.status, status);
      for (const name of ['type', 'title', 'detail', 'code', 'param'])
        assert.ok(name in r.json, name);
      if (param !== undefined)
        assert.equal(r.json.param, param, r.text);
    },
  };
};
