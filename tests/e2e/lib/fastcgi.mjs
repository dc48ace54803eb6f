// SPDX-License-Identifier: MIT
// A web server's side of FastCGI, record by record, for what no real web
// server would send: FastCGI 1.0, section 3.

import { once } from 'node:events';
import net from 'node:net';

export const TYPE = { begin: 1, abort: 2, end: 3, params: 4, stdin: 5,
  stdout: 6, getValues: 9 };

export function record(type, content = '', { id = 1, version = 1 } = {}) {
  const bytes = Buffer.from(content);
  const head = Buffer.from([version, type, id >> 8, id & 255,
    bytes.length >> 8, bytes.length & 255, 0, 0]);
  return Buffer.concat([head, bytes]);
}

export const begin = (keep = false, role = 1) => record(TYPE.begin,
  Buffer.from([0, role, keep ? 1 : 0, 0, 0, 0, 0, 0]));

const size = (n) => (n < 128 ? Buffer.from([n])
  : Buffer.from([n >> 24 | 128, n >> 16 & 255, n >> 8 & 255, n & 255]));

// pairs: [[name, value]], because a name may come twice.
export const encode = (pairs) => Buffer.concat(pairs.flatMap(
  ([name, value]) => {
    const [n, v] = [Buffer.from(name), Buffer.from(String(value))];
    return [size(n.length), size(v.length), n, v];
  }));

// A stream of as many records as it takes, and its end.
export function stream(type, content) {
  const bytes = Buffer.from(content);
  const records = [];
  for (let i = 0; i < bytes.length; i += 65_000)
    records.push(record(type, bytes.subarray(i, i + 65_000)));
  return Buffer.concat([...records, record(type)]);
}

export const request = (pairs, body = '', keep = false) => Buffer.concat([
  begin(keep), stream(TYPE.params, encode(pairs)),
  stream(TYPE.stdin, body)]);

// One connection: write bytes, await whole answers.
export class Connection {
  #bytes = Buffer.alloc(0);
  #waiting = [];
  closed = false;

  static async open(path) {
    const c = new Connection();
    c.socket = net.connect(path);
    await once(c.socket, 'connect');
    c.socket.on('error', () => {});
    c.socket.on('data', (d) => {
      c.#bytes = Buffer.concat([c.#bytes, d]);
      c.#wake();
    });
    c.socket.on('close', () => {
      c.closed = true;
      c.#wake();
    });
    return c;
  }

  #wake() {
    this.#waiting.splice(0).forEach((r) => r());
  }

  write(bytes) { this.socket.write(bytes); }
  close() { this.socket.destroy(); }

  // The next answer, or null when the connection ended without one.
  async answer() {
    const out = [];
    for (;;) {
      while (this.#bytes.length >= 8) {
        const n = this.#bytes.readUInt16BE(4) + this.#bytes[6];
        if (this.#bytes.length < 8 + n)
          break;
        const type = this.#bytes[1];
        out.push(...type === TYPE.stdout
          ? [this.#bytes.subarray(8, 8 + this.#bytes.readUInt16BE(4))] : []);
        this.#bytes = this.#bytes.subarray(8 + n);
        if (type === TYPE.end)
          return parse(Buffer.concat(out).toString('latin1'));
      }
      if (this.closed)
        return null;
      await new Promise((r) => this.#waiting.push(r));
    }
  }
}

// A CGI response: { status, headers: [[name, value]], text, json }.
export function parse(text) {
  const end = text.indexOf('\r\n\r\n');
  const headers = text.slice(0, end).split('\r\n').map((line) => {
    const at = line.indexOf(': ');
    return [line.slice(0, at).toLowerCase(), line.slice(at + 2)];
  });
  const answer = { headers, text: text.slice(end + 4),
    status: Number(headers.find(([n]) => n === 'status')?.[1].slice(0, 3)) };
  try {
    answer.json = JSON.parse(answer.text);
  } catch { /* no JSON */ }
  return answer;
}
