// A client of the broker: protocol version 1, codec json, over WebSocket.
//
// Written from docs/protocol.md alone, as an example for other clients. The section numbers below are
// those of that document.

import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';

// ---- 8.1 body: Buffers are sent as bytes, strings as text, and everything else as JSON

export function body(payload, { key, headers } = {}) {
  if (Buffer.isBuffer(payload)) return { key, headers, base64: payload.toString('base64') };
  if (typeof payload !== 'string') return { key, headers, json: payload };
  const bytes = Buffer.from(payload); // text whose escapes could make the frame too large goes as base64
  if (Buffer.byteLength(JSON.stringify(payload)) <= bytes.length * 4 / 3 + 4096) return { key, headers, text: payload };
  return { key, headers, content: 'text', base64: bytes.toString('base64') };
}

/** What body() was made of. Nobody has checked the content: what isn't what it says stays a Buffer. */
export function value(frame) {
  if ('json' in frame) return frame.json; // numbers above 2^53 lose digits here: JSON.parse does that
  if ('text' in frame) return frame.text;
  const bytes = Buffer.from(frame.base64, 'base64');
  if (frame.content === undefined) return bytes;
  try { // text may come in base64 where that is shorter
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return frame.content === 'json' ? JSON.parse(text) : text;
  } catch {
    return bytes;
  }
}

/** Section 1: `*` is one token, `>` one or more at the end, neither the first of a topic of the broker. */
export function matches(filter, topic) {
  const wanted = filter.split('.'), tokens = topic.split('.');
  if (topic.startsWith('$') && ['*', '>'].includes(wanted[0])) return false;
  const open = wanted.at(-1) === '>';
  if (open) wanted.pop();
  if (open ? tokens.length <= wanted.length : tokens.length !== wanted.length) return false;
  return wanted.every((token, i) => token === '*' || token === tokens[i]);
}

// ---- 5 the conversation

/** The broker refused a command: `code` says why, `field` where. */
export class Rejected extends Error {
  constructor({ code, message, field }) {
    super(`${code}: ${message}`);
    Object.assign(this, { name: 'Rejected', code, field });
  }
}

/** A provider's own refusal of a request. A handler may throw it, and request() rejects with it. */
export class Failure extends Error {
  constructor(code, message) {
    super(message);
    Object.assign(this, { name: 'Failure', code });
  }
}

/** The connection ended; `frame` is the broker's disconnect, or undefined if it was lost. */
export class Disconnected extends Error {
  constructor(frame) {
    super(frame ? `${frame.code}: ${frame.reason}` : 'connection lost');
    Object.assign(this, { name: 'Disconnected', code: frame?.code, frame });
  }
}

/** What arrives for one filter: message, gap and presence frames, in order, with the books of 5.5. */
export class Subscription {
  queue = [];
  present = new Set();
  books = new Map(); // topic and epoch -> { first, last, received, missing }
  laneMissing = 0; // what gaps of the whole lane told
  #wake = () => {};

  constructor({ number, lane, filter, granted, shared = false }) {
    Object.assign(this, { number, lane, filter, granted, shared });
  }

  put(frame) {
    if (frame.type === 'presence') {
      for (const name of frame.joined ?? []) this.present.add(name);
      for (const name of frame.left ?? []) this.present.delete(name);
    } else if (frame.type === 'gap' && frame.topic === undefined) {
      this.laneMissing += frame.count;
    } else if (!this.shared && ['message', 'gap'].includes(frame.type)) {
      const gap = frame.type === 'gap';
      const [first, last] = gap ? [frame.first_seq, frame.last_seq] : [frame.seq, frame.seq];
      const place = `${frame.epoch} ${frame.topic}`;
      if (!this.books.has(place)) this.books.set(place, { first, last, received: 0, missing: 0 });
      const book = this.books.get(place);
      book.last = Math.max(book.last, last);
      book[gap ? 'missing' : 'received'] += gap ? frame.count : 1;
    }
    this.queue.push(frame);
    this.#wake();
  }

  /**
   * Whether everything since the first word on each topic was received or told as missing. A gap of the
   * whole lane may also stand for what came before the first word on some topic.
   */
  balanced() {
    let owed = 0;
    for (const { first, last, received, missing } of this.books.values()) owed += last - first + 1 - received - missing;
    return owed >= 0 && owed <= this.laneMissing;
  }

  /** The next frame; undefined when none comes in time; throws Disconnected behind the last one. */
  async next(timeout = 5000) {
    const over = Date.now() + timeout;
    while (this.queue.length === 0) {
      if (this.ended) throw this.ended;
      const left = over - Date.now();
      if (left <= 0) return undefined;
      const stop = new AbortController();
      await Promise.race([new Promise((wake) => { this.#wake = wake; }),
        sleep(left, undefined, { signal: stop.signal }).catch(() => {})]);
      stop.abort();
    }
    return this.queue.shift();
  }

  end(reason) {
    this.ended = reason;
    this.#wake();
  }
}

/** 5.13: an object that this client offers. Its queue has calls, gaps, and what comes of being attached and held. */
export class Callback extends Subscription {
  topics = new Set(); // to which it is attached

  constructor({ token, methods, handlers }) {
    super({ filter: `$to.${token}.*` });
    Object.assign(this, { token, methods, handlers });
  }

  /** The method that a topic calls, in a lane. */
  method(topic, lane) {
    const places = [`$to.${this.token}`, ...this.topics];
    return this.methods.find((one) => (one.lane ?? 0) === lane && places.some((place) => topic === `${place}.${one.method}`));
  }

  isFor(topic, lane) {
    return topic === undefined ? this.methods.some((one) => (one.lane ?? 0) === lane) : !!this.method(topic, lane);
  }

  note(frame) {
    if (frame.type === 'attached') this.topics.add(frame.topic);
    if (frame.type === 'detached') this.topics.delete(frame.topic);
    this.put(frame);
  }
}

export class Client {
  callbacks = new Map(); // token -> Callback
  released = new Subscription({}); // the ends of what this client holds
  owners = new Subscription({}); // where the owners of that are, if it is asked for
  inbox = undefined; // 5.7: what others send to this client
  subscriptions = new Map();
  refused = []; // rejected frames of commands without id
  lane = 0; // 5.4: to which lane and subscription the data belong
  addressee = undefined;
  goodbye = undefined; // the broker's disconnect
  #servings = new Map();
  #asked = new Map(); // token -> AbortController of the handler
  #waiting = new Map(); // id of a command, or "ping" and its mark -> { start, resolve, reject }
  #lastId = 0;
  #ready;

  /** `fields` are further ones of the frame connect, as ping_interval. The session ends with the connection. */
  static async connect(url, name, fields = {}) {
    const client = new Client();
    client.ws = new WebSocket(url, 'broker.v1.json', { perMessageDeflate: false, maxPayload: 2 ** 26 });
    client.closed = new Promise((resolve) => client.ws.on('close', resolve));
    client.ws.on('message', (packet) => client.#receive(packet));
    client.ws.on('close', () => client.#end());
    const ready = new Promise((resolve, reject) => { client.#ready = { resolve, reject }; });
    client.ws.on('error', (error) => client.#ready.reject(error));
    client.ws.on('open', () => client.write({ type: 'connect', version: 1, session_expiry: 0,
      client: { name, sdk: 'interop-javascript/1' }, ...fields }));
    await ready;
    return client;
  }

  /** One frame in one packet. JSON.stringify leaves out what is undefined, which means absent. */
  write(frame) {
    if (this.ws.readyState === WebSocket.OPEN) this.ws.send(`${JSON.stringify(frame)}\n`);
  }

  /** Sends a command with an id. `start` is run at `accepted`, before what stands behind it is read. */
  command(frame, start = (answer) => answer) {
    const id = ++this.#lastId;
    const answer = this.#wait(id, start);
    this.write({ id, ...frame });
    return { id, answer };
  }

  #wait(id, start) {
    if (this.ended) return Promise.reject(this.ended);
    return new Promise((resolve, reject) => this.#waiting.set(id, { start, resolve, reject }));
  }

  // commands

  /** `how` are further fields: lane, options, group, presence. */
  subscribe(filter, how = {}) {
    return this.command({ type: 'subscribe', filter, ...how }, ({ subscription: number, lane, granted }) => {
      const made = new Subscription({ number, lane, filter, granted, shared: how.group !== undefined });
      this.subscriptions.set(number, made);
      return made;
    }).answer;
  }

  /** Calls `handler(frame, signal)` for each request; what it returns or the Failure it throws is the reply. */
  serve(filter, handler, lane = undefined) {
    return this.command({ type: 'serve', filter, lane }, ({ subscription }) => {
      this.#servings.set(subscription, { filter, handler });
      return subscription;
    }).answer;
  }

  /** Ends a Subscription or the number of a serving. */
  unsubscribe(subscription) {
    const number = subscription.number ?? subscription;
    return this.command({ type: 'unsubscribe', subscription: number }, () => {
      this.#servings.delete(number);
      this.subscriptions.get(number)?.end(new Disconnected());
      this.subscriptions.delete(number);
    }).answer;
  }

  publish(topic, payload, more) {
    return this.command({ type: 'publish', topic, ...body(payload, more) }).answer;
  }

  publishUnacknowledged(topic, payload, more) {
    this.write({ type: 'publish', topic, ...body(payload, more) });
  }

  send(to, payload, more) {
    return this.command({ type: 'send', to, ...body(payload, more) }).answer;
  }

  // 5.13

  /** `methods` as in the frame; `handlers` answer requests: { method: async (frame, signal) => ... }. */
  offer(name, methods, handlers = {}) {
    return this.command({ type: 'offer', interface: name, methods }, ({ callback: token }) => {
      const made = new Callback({ token, methods, handlers });
      this.callbacks.set(token, made);
      return made;
    }).answer;
  }

  call(to, method, payload, more) {
    return this.command({ type: 'send', to, method, ...body(payload, more) }).answer;
  }

  /** With `presence` the holder is told where the owner is, too. */
  hold(callback, presence) {
    return this.command({ type: 'hold', callback, presence }).answer;
  }

  /** Ends a callback of this client, or holds one no longer. Has no answer. */
  release(callback) {
    this.callbacks.delete(callback);
    this.write({ type: 'release', callback });
  }

  attach(topic, callback) {
    return this.command({ type: 'attach', topic, callback }).answer;
  }

  detach(topic, callback) {
    return this.command({ type: 'detach', topic, callback }).answer;
  }

  /** The routed reply; value() of it is the answer. Aborting the signal cancels the request. */
  async request(topic, payload, { timeout, signal } = {}) {
    const { id, answer } = this.command({ type: 'request', topic, timeout, ...body(payload) });
    const cancel = () => this.write({ type: 'cancel', id });
    signal?.addEventListener('abort', cancel);
    try {
      return await answer;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  /** The lag of each lane, as the broker sees it. */
  ping() {
    const mark = ++this.#lastId;
    const answer = this.#wait(`ping ${mark}`, (pong) => pong.lag ?? []);
    this.write({ type: 'ping', mark });
    return answer;
  }

  /** Leaves in good order; returns the broker's goodbye. */
  async close(reason = undefined) {
    this.write({ type: 'disconnect', reason });
    await this.closed;
    return this.goodbye;
  }

  // what arrives

  #receive(packet) {
    for (const line of packet.toString().split('\n')) {
      if (line.trim() !== '') this.#handle(JSON.parse(line));
    }
  }

  #handle(frame) {
    switch (frame.type) {
      case 'connected':
        Object.assign(this, { name: frame.name, limits: frame.limits, hello: frame });
        this.inbox = new Subscription({ lane: 0, filter: `$to.${frame.name}` });
        this.#ready.resolve();
        break;
      case 'lane': // holds for all data behind it
        this.lane = frame.lane;
        this.addressee = frame.subscription ?? undefined;
        break;
      case 'message':
      case 'gap':
        for (const subscription of [this.inbox, ...this.subscriptions.values()]) {
          if (this.#isFor(subscription, frame.topic)) subscription.put(frame);
        }
        for (const callback of this.callbacks.values()) {
          if (this.addressee === undefined && callback.isFor(frame.topic, this.lane)) callback.put(frame);
        }
        break;
      case 'attached':
      case 'detached':
      case 'released': {
        const own = this.callbacks.get(frame.callback);
        if (own) own.note(frame);
        else if (frame.type === 'released') this.released.put(frame);
        break;
      }
      case 'owner':
        this.owners.put(frame);
        break;
      case 'presence':
        this.subscriptions.get(frame.subscription)?.put(frame);
        break;
      case 'accepted':
      case 'reply':
        if (frame.error) this.#refuse(frame.id, new Failure(frame.error.code, frame.error.message));
        else this.#answer(frame.id, frame);
        break;
      case 'rejected':
        if (frame.id === 0) this.refused.push(frame);
        this.#refuse(frame.id, new Rejected(frame));
        break;
      case 'request':
        this.#provide(frame);
        break;
      case 'cancelled':
        this.#asked.get(frame.token)?.abort();
        break;
      case 'ping':
        this.write({ type: 'pong', mark: frame.mark });
        break;
      case 'pong':
        this.#answer(`ping ${frame.mark}`, frame);
        break;
      case 'disconnect':
        this.goodbye = frame;
        break;
      default: // frames of this list that aren't served, and those of later versions
    }
  }

  #isFor(subscription, topic) {
    if (subscription.lane !== this.lane) return false;
    if (this.addressee !== undefined) return subscription.number === this.addressee;
    return topic === undefined || (!subscription.shared && matches(subscription.filter, topic));
  }

  #take(id) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #answer(id, frame) {
    const waiting = this.#take(id);
    waiting?.resolve(waiting.start(frame));
  }

  #refuse(id, error) {
    this.#take(id)?.reject(error);
  }

  async #provide(frame) {
    const callback = [...this.callbacks.values()].find((one) => one.method(frame.topic, this.lane));
    const handler = callback && callback.handlers[callback.method(frame.topic, this.lane).method];
    const serving = handler ? { handler }
      : [...this.#servings.values()].find(({ filter }) => matches(filter, frame.topic));
    const asked = new AbortController();
    this.#asked.set(frame.token, asked);
    let outcome;
    try {
      if (!serving) throw new Failure('not-served', 'not served any more');
      outcome = body(await serving.handler(frame, asked.signal));
    } catch (error) {
      outcome = { error: { code: error instanceof Failure ? error.code : 'fault', message: error.message } };
    }
    this.#asked.delete(frame.token);
    if (!asked.signal.aborted) this.write({ type: 'reply', to: frame.token, ...outcome });
  }

  #end() {
    this.ended = new Disconnected(this.goodbye);
    this.#ready.reject(this.ended);
    for (const { reject } of this.#waiting.values()) reject(this.ended);
    this.#waiting.clear();
    const others = [...this.subscriptions.values(), ...this.callbacks.values()];
    for (const subscription of [this.inbox, this.released, this.owners, ...others]) {
      subscription?.end(this.ended);
    }
    for (const asked of this.#asked.values()) asked.abort();
  }
}
