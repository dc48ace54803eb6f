// SPDX-License-Identifier: MIT
// A provider on 127.0.0.1 that does what the test says: a script is an async
// function per model name.  It gets the Call: what was asked, byte for byte,
// and the means to answer, cut, hang or dawdle.

import http from 'node:http';
import { once } from 'node:events';
import * as wire from './wire.mjs';

const now = () => performance.now();

// How each format says a canonical answer (wire.mjs).
const FORMATS = {
  openai: { whole: wire.openaiWhole, stream: (answer, model, body) =>
    wire.openaiStream(answer, model, body.stream_options?.include_usage) },
  responses: { whole: wire.responsesWhole, stream: wire.responsesStream },
  anthropic: { whole: wire.anthropicWhole, stream: wire.anthropicStream },
  gemini: { whole: wire.geminiWhole, stream: wire.geminiStream },
};
const formatOf = (url) => url.includes('/messages') ? 'anthropic'
  : url.includes('enerateContent') ? 'gemini'
  : url.includes('/responses') ? 'responses' : 'openai';

class Call {
  #res;

  constructor(req, res, raw) {
    this.at = now();
    this.method = req.method;
    this.path = req.url;
    this.headers = req.headers;
    this.raw = raw;                       // request body, as it came
    this.body = JSON.parse(raw.length ? raw : '{}');
    this.format = formatOf(req.url);
    // Gemini has both in its address, a stored response its id
    this.model = this.body.model ?? decodeURIComponent(
      req.url.match(/(?:models|responses)\/([^:/?]+)/)?.[1] ?? '');
    this.streamed = this.body.stream ?? req.url.includes(':streamGenerate');
    this.port = req.socket.remotePort;    // whose connection it is
    this.bytes = 0;                       // of the answer, handed to the socket
    this.goneAt = null;                   // other side closed before the end
    this.#res = res;
    this.isOver = false;
    this.gone = new Promise((resolve) => {
      res.on('close', () => {
        this.isOver = true;
        if (!res.writableFinished)
          resolve(this.goneAt = now());
      });
    });
  }

  head(status, headers) {
    this.#res.writeHead(status, headers);
    this.#res.flushHeaders();
  }

  // Write one piece; waits while the other side does not read.
  async write(bytes) {
    this.bytes += Buffer.byteLength(bytes);
    if (!this.#res.write(bytes) && !this.goneAt)
      await Promise.race([once(this.#res, 'drain'), this.gone]);
    return now();
  }

  end(bytes) { this.#res.end(bytes); }
  cut() { this.#res.destroy(); }

  // A whole answer: any object, or bytes as they are.
  whole(body, status = 200, headers = {}) {
    const bytes = typeof body === 'string' || Buffer.isBuffer(body)
      ? body : JSON.stringify(body);
    this.#res.writeHead(status, { 'content-type': 'application/json',
      'content-length': Buffer.byteLength(bytes), ...headers });
    this.end(bytes);
  }

  sse(headers = {}) {
    this.head(200, { 'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache', ...headers });
  }

  async stream(frames, { headers, gapMs = 0 } = {}) {
    this.sse(headers);
    for (const f of frames) {
      await this.write(f);
      if (gapMs)
        await new Promise((r) => setTimeout(r, gapMs));
    }
    this.end();
  }

  // The frames of a canonical answer (wire.mjs) in this provider's format.
  frames(answer) {
    return FORMATS[this.format].stream(answer, this.model, this.body);
  }

  // Answer as a provider would: streamed if that was asked for.
  async answer(answer, opts = {}) {
    if (this.streamed)
      return this.stream(this.frames(answer), opts);
    return this.whole(FORMATS[this.format].whole(answer, this.model),
      200, opts.headers);
  }
}

class Upstream {
  #scripts = new Map();
  #server = http.createServer((req, res) => this.#serve(req, res));
  #waiting = [];
  calls = [];

  async start() {
    this.#server.keepAliveTimeout = 60_000;
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `http://127.0.0.1:${this.#server.address().port}`;
    return this;
  }

  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  // on('gpt-5', async (call) => call.answer({ text: 'Hi' }))
  on(model, script) { this.#scripts.set(model, script); }

  // As providers of a configuration: { name: api }.
  providers(apis) {
    return Object.fromEntries(Object.entries(apis).map(([name, api]) => [name,
      { api, key: 'k', base_url: api.startsWith('openai') ? `${this.url}/v1`
        : this.url }]));
  }

  // The calls for one model, in order; the next one when it comes.
  callsFor(model) { return this.calls.filter((c) => c.model === model); }
  next(model) {
    return new Promise((resolve) => this.#waiting.push({ model, resolve }));
  }

  async #serve(req, res) {
    const parts = [];
    res.on('error', () => {});
    for await (const part of req)
      parts.push(part);
    const call = new Call(req, res, Buffer.concat(parts));
    this.calls.push(call);
    const { model } = call;
    const due = this.#waiting.filter((w) => w.model === model);
    this.#waiting = this.#waiting.filter((w) => w.model !== model);
    due.forEach((w) => w.resolve(call));
    const script = this.#scripts.get(model);
    if (!script) // what it was asked to make it shall; it keeps nothing
      return call.whole(wire.openaiError(`no script for ${model}`),
        call.method === 'POST' ? 500 : 404);
    try {
      await script(call);
    } catch (e) {
      console.error(`script for ${model}:`, e);
      call.cut();
    }
  }
}

export const startUpstream = () => new Upstream().start();
