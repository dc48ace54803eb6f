// SPDX-License-Identifier: MIT
// The ledger as its operator sees it: the rows of `sluice ledger export`.

import { setTimeout as sleep } from 'node:timers/promises';

// Dollars of a row as picodollars.
export const pusd = (usd) => {
  const [whole, places = ''] = usd.split('.');
  return BigInt(whole + places.padEnd(12, '0'));
};

export class Ledger {
  #cli;

  // cli(args): run an operator verb, give its standard output.
  constructor(cli) { this.#cli = cli; }

  async rows() {
    const out = await this.#cli(['ledger', 'export', '--format', 'jsonl']);
    return out.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }

  // The row of one call once `ready` says so; by default when it is closed.
  async waitForRow(id, ready = (row) => row.ended_at !== null,
    deadlineMs = 3000) {
    const end = performance.now() + deadlineMs;
    for (;;) {
      const row = (await this.rows()).find((r) => r.id === id);
      if (row && ready(row))
        return row;
      if (performance.now() > end)
        throw new Error(`ledger row ${id}: ${JSON.stringify(row)}`);
      await sleep(20);
    }
  }

  // The newest row that fits; for calls whose id the client never saw.
  async waitForLast(match, deadlineMs = 3000) {
    const end = performance.now() + deadlineMs;
    for (;;) {
      const row = (await this.rows()).findLast(
        (r) => r.ended_at !== null && match(r));
      if (row)
        return row;
      if (performance.now() > end)
        throw new Error('no such ledger row');
      await sleep(20);
    }
  }
}
