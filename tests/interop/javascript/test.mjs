// Interoperability tests of client.mjs against a broker at $BROKER_URL.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { body, Client, Disconnected, Failure, matches, value } from './client.mjs';

const URL = process.env.BROKER_URL;
const scenarios = [];
const open = [];
const scenario = (name, run) => scenarios.push({ name, run });

/** A topic or name that no other run uses, so that its sequence begins at 1. */
const unique = (prefix = 't') => `${prefix}-${randomBytes(6).toString('hex')}`;

function within(milliseconds, promise, what = 'it') {
  const stop = new AbortController();
  const late = sleep(milliseconds, undefined, { signal: stop.signal })
    .then(() => { throw new Error(`${what} took over ${milliseconds} ms`); });
  late.catch(() => {});
  return Promise.race([promise, late]).finally(() => stop.abort());
}

async function client(name, fields) {
  const made = await within(5000, Client.connect(URL, name && unique(name), fields), 'connecting');
  open.push(made.ws);
  return made;
}

async function refused(code, promise, field) {
  const error = await within(10_000, promise, `a refusal with ${code}`).then(
    () => assert.fail(`was not refused with ${code}`), (error) => error);
  assert.equal(error.code, code, error.message);
  if (field) assert.equal(error.field, field);
  return error;
}

async function nothing(subscription, milliseconds = 100) {
  const frame = await subscription.next(milliseconds);
  assert.equal(frame, undefined, `unexpected ${JSON.stringify(frame)}`);
}

async function take(subscription, count) {
  const frames = [];
  while (frames.length < count) {
    const frame = await subscription.next();
    assert.ok(frame, `only ${frames.length} of ${count} frames came`);
    frames.push(frame);
  }
  return frames;
}

const range = (first, last) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** A connection without a client around it; sends the lines and returns all that came until it was closed. */
async function raw(lines, { protocols = 'broker.v1.json', milliseconds = 5000, enough = Infinity } = {}) {
  const ws = new WebSocket(URL, protocols, { perMessageDeflate: false });
  open.push(ws);
  const frames = [];
  const status = await within(milliseconds, new Promise((resolve, reject) => {
    ws.on('error', reject);
    ws.on('close', resolve);
    ws.on('open', () => lines.forEach((line) => ws.send(line)));
    ws.on('message', (packet) => {
      frames.push(...packet.toString().split('\n').filter((line) => line.trim()).map((line) => JSON.parse(line)));
      if (frames.length >= enough) resolve(undefined);
    });
  }), 'the end of the connection');
  return { frames, status };
}

const CONNECT = '{"type":"connect","version":1}';

scenario('wildcards of the client', () => {
  for (const [filter, topic, wanted] of [
    ['market.*.trades', 'market.btc.trades', true], ['market.>', 'market.btc', true], ['market.>', 'market', false],
    ['market.>', 'market.btc.trades', true], ['*', 'a', true], ['*', 'a.b', false], ['>', 'a.b', true],
    ['>', '$x', false], ['*.b', '$x.b', false], ['$to.*', '$to.bob', true], ['a.b', 'a.b', true], ['a.b', 'a.c', false],
  ]) assert.equal(matches(filter, topic), wanted, `${filter} and ${topic}`);
});

scenario('bodies', () => {
  for (const payload of ['', 'grüße\n"\\', '\x01'.repeat(5000), { a: [1, null] }, null, 0, false, Buffer.from([0, 255])]) {
    assert.deepEqual(value(JSON.parse(JSON.stringify(body(payload)))), payload);
  }
  assert.equal(value({ base64: 'AQE=', content: 'text' }), '\x01\x01');
  assert.deepEqual(value({ base64: 'ew==', content: 'json' }), Buffer.from('{'));
});

scenario('hello and limits', async () => {
  const named = await client('alice');
  assert.ok(named.name.startsWith('alice-'));
  assert.equal(named.ws.protocol, 'broker.v1.json');
  const { limits, hello } = named;
  assert.ok(limits.frame_bytes_max > limits.payload_bytes_max && limits.payload_bytes_max > 0);
  assert.ok(limits.packet_bytes_max > 0 && limits.subscriptions_max > 0 && limits.commands_open_max > 0);
  assert.ok(hello.ping_interval > 0 && hello.server.name && hello.session && !hello.resumed);
  const [one, two] = [await client(), await client()];
  assert.ok(one.name && one.name !== two.name);
  assert.deepEqual((await named.ping()).map(({ lane }) => lane), [0]);
  const goodbye = await within(5000, named.close('that was all'));
  assert.deepEqual([goodbye.code, goodbye.reconnect], ['closed', 'never']);
  assert.ok([1000, 1001].includes(await named.closed));
});

scenario('refused names', async () => {
  for (const name of ['$broker', 'a b', 'a.*', 'x'.repeat(65), '']) {
    const error = await refused('invalid-field', Client.connect(URL, name));
    assert.equal(error.frame.reconnect, 'never');
  }
});

scenario('subprotocols', async () => {
  const { frames } = await raw([CONNECT], { protocols: [], enough: 1 });
  assert.equal(frames[0].type, 'connected');
  await assert.rejects(raw([CONNECT], { protocols: ['something.else'] }), /400/);
});

scenario('wildcards of the broker', async () => {
  const top = unique(), one = await client();
  const star = await one.subscribe(`${top}.*.trades`);
  const rest = await one.subscribe(`${top}.>`, { lane: 1 });
  const topics = [`${top}.btc.trades`, `${top}.btc`, top, `${top}.eth.trades`, `${top}.a.b.trades`];
  for (const topic of topics) await one.publish(topic, topic);
  assert.deepEqual((await take(rest, 4)).map(value), [topics[0], topics[1], topics[3], topics[4]]);
  assert.deepEqual((await take(star, 2)).map(({ topic }) => topic), [topics[0], topics[3]]);
  await nothing(star);
  await nothing(rest);
});

scenario('order of a thousand', async () => {
  const topic = unique(), reader = await client(), writer = await client();
  const subscription = await reader.subscribe(topic);
  const published = range(0, 999).map((n) => writer.publish(topic, { n }));
  const frames = await take(subscription, 1000);
  await within(10_000, Promise.all(published), 'the acknowledgements');
  assert.deepEqual(frames.map(({ seq }) => seq), range(1, 1000));
  assert.deepEqual(frames.map((frame) => value(frame).n), range(0, 999));
  assert.equal(new Set(frames.map(({ epoch }) => epoch)).size, 1);
  assert.ok(subscription.balanced());
});

scenario('one publisher across topics', async () => {
  const top = unique(), reader = await client(), writer = await client();
  const subscription = await reader.subscribe(`${top}.*`);
  for (const n of range(0, 499)) writer.publishUnacknowledged(`${top}.${n % 7}`, { n });
  assert.deepEqual((await take(subscription, 500)).map((frame) => value(frame).n), range(0, 499));
  for (const { first, last, received } of subscription.books.values()) assert.deepEqual([first, last], [1, received]);
});

scenario('both receive', async () => {
  const topic = unique(), one = await client('one'), two = await client('two');
  const mine = await one.subscribe(topic), theirs = await two.subscribe(topic);
  const more = { key: 'k', headers: { trace: '7', ä: 'ö' } };
  for (const payload of ['grüße', { price: 64250.1 }, null, Buffer.from([0, 1, 255])]) {
    await one.publish(topic, payload, more);
    const [a] = await take(mine, 1), [b] = await take(theirs, 1);
    assert.deepEqual(a, b);
    assert.deepEqual(value(a), payload);
    assert.deepEqual([a.from, a.key, a.headers], [one.name, 'k', more.headers]);
    assert.ok(Math.abs(a.time - Date.now()) < 60_000);
  }
});

scenario('embedded json stays as it is', async () => {
  const topic = unique(), document = '{"price":64250.10,"size":123456789012345678901234567890,"b":1,"a":"\\u00e4"}';
  const lines = [CONNECT, `{"type":"subscribe","id":1,"filter":"${topic}"}`,
    `{"type":"publish","topic":"${topic}","json": ${document} }`];
  const ws = new WebSocket(URL, 'broker.v1.json', { perMessageDeflate: false });
  open.push(ws);
  const line = await within(5000, new Promise((resolve, reject) => {
    ws.on('error', reject);
    ws.on('open', () => ws.send(lines.join('\n')));
    ws.on('message', (packet) => packet.toString().split('\n')
      .filter((line) => line.includes('"type":"message"')).forEach(resolve));
  }));
  assert.ok(line.includes(`"json":${document}`), line);
});

scenario('unsubscribing', async () => {
  const topic = unique(), one = await client();
  const subscription = await one.subscribe(topic);
  await one.publish(topic, 'before');
  await one.unsubscribe(subscription);
  await one.publish(topic, 'after');
  assert.equal(value(await subscription.next()), 'before');
  await assert.rejects(subscription.next(100), Disconnected);
  await refused('unknown-subscription', one.unsubscribe(subscription));
});

scenario('send by name', async () => {
  const one = await client('one'), two = await client('two');
  for (const n of [1, 2]) {
    await one.send(two.name, { n });
    const frame = await two.inbox.next();
    assert.deepEqual([frame.topic, frame.from, frame.seq, value(frame).n], [`$to.${two.name}`, one.name, n, n]);
  }
  await refused('no-such-client', one.send(unique('nobody'), ''));
});

scenario('requests', async () => {
  const top = unique(), asker = await client('asker'), provider = await client('provider');
  let told = 0;
  await refused('nobody-answers', asker.request(`${top}.add`, [1, 2]));
  const serving = await provider.serve(`${top}.*`, async (frame, signal) => {
    assert.equal(frame.from, asker.name);
    if (frame.topic.endsWith('add')) return value(frame).reduce((a, b) => a + b);
    if (frame.topic.endsWith('refuse')) throw new Failure('no-clock', 'the clock is broken');
    await new Promise((resolve) => signal.addEventListener('abort', () => { told += 1; resolve(); }));
    return null;
  });
  const reply = await asker.request(`${top}.add`, [1, 2]);
  assert.deepEqual([value(reply), reply.from], [3, provider.name]);

  const failure = await refused('no-clock', asker.request(`${top}.refuse`, ''));
  assert.ok(failure instanceof Failure && failure.message === 'the clock is broken');

  await refused('timed-out', asker.request(`${top}.wait`, '', { timeout: 200 }));
  await sleep(100);
  assert.equal(told, 1, 'the provider is told');

  const stop = new AbortController();
  const waiting = asker.request(`${top}.wait`, '', { signal: stop.signal });
  await sleep(100);
  stop.abort();
  await refused('cancelled', waiting);
  await sleep(100);
  assert.equal(told, 2, 'the provider is told again');

  await provider.unsubscribe(serving);
  await refused('nobody-answers', asker.request(`${top}.add`, [1, 2]));
});

scenario('a provider that vanishes', async () => {
  const topic = unique(), asker = await client(), provider = await client();
  await provider.serve(topic, () => new Promise(() => {}));
  const waiting = asker.request(topic, '');
  waiting.catch(() => {});
  await sleep(200);
  provider.ws.terminate();
  await refused('provider-gone', waiting);
});

scenario('queue group', async () => {
  const topic = unique(), members = [await client(), await client(), await client()], writer = await client();
  const shares = await Promise.all(members.map((member) => member.subscribe(topic, { group: 'workers' })));
  const outside = await members[0].subscribe(topic, { lane: 1 }); // gets everything besides
  await Promise.all(range(1, 300).map((n) => writer.publish(topic, { n })));
  assert.deepEqual((await take(outside, 300)).map(({ seq }) => seq), range(1, 300));
  await sleep(300);
  const got = shares.map(({ queue }) => queue.map(({ seq }) => seq));
  for (const seqs of got) {
    assert.ok(seqs.length > 0);
    assert.deepEqual(seqs, seqs.toSorted((a, b) => a - b));
  }
  assert.deepEqual(got.flat().sort((a, b) => a - b), range(1, 300));
  await nothing(outside, 50);
});

scenario('presence', async () => {
  const topic = unique(), watcher = await client('watcher');
  const subscription = await watcher.subscribe(topic, { presence: true });
  const there = new Set();
  const until = async (...names) => {
    const wanted = [watcher.name, ...names].sort();
    while ([...there].sort().join() !== wanted.join()) {
      const [{ type, joined = [], left = [] }] = await take(subscription, 1);
      assert.equal(type, 'presence');
      for (const name of joined) assert.ok(!there.has(name) && there.add(name), `${name} joined twice`);
      for (const name of left) assert.ok(there.delete(name), `${name} left twice`);
    }
    await nothing(subscription);
  };
  await until();
  const bob = await client('bob'), carol = await client('carol');
  await bob.subscribe(topic);
  await bob.subscribe(topic, { lane: 1 }); // counts once
  await carol.subscribe(topic);
  await until(bob.name, carol.name);
  await bob.close();
  await until(carol.name);
  carol.ws.terminate(); // destroyed without a word
  await until();
  await refused('invalid-field', watcher.subscribe(topic, { group: 'g', presence: true }));
});

scenario('errors', async () => {
  const topic = unique(), one = await client();
  await refused('reserved-topic', one.publish('$x', ''), 'topic');
  for (const wrong of [`${topic}.*`, `${topic}.>`, '', 'a b', 'x'.repeat(256)]) {
    await refused('invalid-topic', one.publish(wrong, ''), 'topic');
  }
  await refused('invalid-topic', one.request(`${topic}.>`, ''), 'topic');
  await refused('invalid-filter', one.subscribe(''), 'filter');
  await refused('unknown-lane', one.subscribe(topic, { lane: 16 }));
  await refused('invalid-field', one.subscribe(topic, { options: { unreliable: true } }));
  const kept = await one.subscribe(topic, { lane: 4, options: { keep: 'latest' } });
  assert.equal(kept.granted.overflow, 'drop-oldest');
  await one.subscribe(topic, { lane: 3, options: { bound_messages: 10 } });
  await refused('lane-options', one.subscribe(topic, { lane: 3, options: { bound_messages: 11 } }));
  one.publishUnacknowledged('$x', '');
  await one.ping();
  assert.deepEqual(one.refused.map(({ code }) => code), ['reserved-topic']);
  await one.publish(topic, 'still here');
});

scenario('payload above its limit', async () => {
  const topic = unique(), one = await client(), most = one.limits.payload_bytes_max;
  for (const payload of ['x'.repeat(most + 1), Buffer.alloc(most + 1)]) {
    await refused('payload-too-large', one.publish(topic, payload), 'payload');
  }
});

for (const [kind, payload] of [['text', (size) => 'x'.repeat(size)], ['bytes', (size) => randomBytes(size)],
  ['escapes', (size) => '\x01'.repeat(size)]]) {
  scenario(`payload at its limit, ${kind}`, async () => {
    const topic = unique(), one = await client(), sent = payload(one.limits.payload_bytes_max);
    const subscription = await one.subscribe(topic);
    await one.publish(topic, sent);
    const frame = await subscription.next();
    assert.ok(frame, 'it was accepted and doesn\'t arrive');
    assert.equal(frame.seq, 1);
    assert.ok(Buffer.from(value(frame)).equals(Buffer.from(sent)));
  });
}

scenario('broken clients', async () => {
  for (const [lines, code, ...statuses] of [
    [[CONNECT, CONNECT], 'unexpected', 1002, 1008],
    [['{"type":"ping"}'], 'unexpected', 1002, 1008],
    [['{"type":"connect","version":2}'], 'unsupported-version', 1002, 1008],
    [[CONNECT, 'garbage'], 'malformed', 1002],
    [[CONNECT, '[1]'], 'malformed', 1002],
    [[CONNECT, '{"type":"nonsense"}'], 'malformed', 1002],
    [[CONNECT, '{"type":"ping","mark":1,"mark":2}'], 'malformed', 1002],
    [[CONNECT, '{"type":"ping","mark":1.5}'], 'malformed', 1002],
    [[CONNECT, '{"type":"publish","topic":"a"}'], 'malformed', 1002],
    [[CONNECT, '{"type":"publish","topic":"a","text":"","json":1}'], 'malformed', 1002],
    [[CONNECT, `{"type":"ping",${' '.repeat(800_000)}`], 'frame-too-large', 1009],
  ]) {
    const what = lines.at(-1).slice(0, 60);
    const { frames, status } = await raw(lines);
    const last = frames.at(-1);
    assert.deepEqual([last?.type, last?.code, last?.reconnect], ['disconnect', code, 'never'], what);
    assert.ok(statuses.includes(status), `${what}: status ${status}`);
  }
});

scenario('lines and unknown things', async () => {
  const { frames } = await raw([`${CONNECT}\n\n{"mark":1,"type":"ping","later":[{}]}\r\n{"type":"x-later"}\n`,
    '{"type":"ping","mark":2}'], { enough: 3 });
  assert.deepEqual(frames.map(({ mark }) => mark), [undefined, 1, 2]);
});

scenario('signs of life', async () => {
  const quiet = await client(undefined, { ping_interval: 1000 });
  assert.ok(quiet.hello.ping_interval >= 1000);
  if (quiet.hello.ping_interval > 3000) return;
  await sleep(3 * quiet.hello.ping_interval);
  await quiet.ping();
});

scenario('balance under a stall', async () => {
  const top = unique(), writer = await client(), reader = await client();
  const lane = await reader.subscribe(`${top}.*`, { lane: 1, options: { overflow: 'drop-oldest', bound_messages: 16 } });
  assert.deepEqual([lane.granted.overflow, lane.granted.bound_messages], ['drop-oldest', 16]);
  await writer.publish(`${top}.a`, { n: -1 });
  await take(lane, 1);

  reader.ws.pause(); // the kernel's buffers fill, then the broker's, then the lane
  const count = 600, text = 'x'.repeat(65_000);
  for (let n = 0; n < count; n += 1) await writer.publish(`${top}.${'ab'[n % 2]}`, { n, text });
  reader.ws.resume();
  await writer.publish(`${top}.a`, { n: count });

  const due = { [`${top}.a`]: 2, [`${top}.b`]: 1 };
  let received = 0, missing = 0, newest = -1;
  while (newest < count) {
    const [frame] = await take(lane, 1);
    if (frame.type === 'gap') {
      assert.equal(frame.reason, 'dropped');
      assert.equal(frame.first_seq, due[frame.topic], 'a gap begins with the first one missed');
      assert.equal(frame.last_seq - frame.first_seq + 1, frame.count);
      due[frame.topic] = frame.last_seq + 1;
      missing += frame.count;
    } else {
      assert.equal(frame.seq, due[frame.topic], 'a message stands behind the one before it or its gap');
      due[frame.topic] += 1;
      received += 1;
      assert.ok(value(frame).n > newest, 'in order');
      newest = value(frame).n;
    }
  }
  assert.ok(missing > 0, 'the stall was too short to drop anything');
  assert.equal(received + missing, count + 1);
  assert.ok(lane.balanced());
  await nothing(lane);
  assert.ok((await reader.ping()).every(({ messages }) => messages === 0));
});

scenario('balance of a lane with many topics', async () => {
  const top = unique(), writer = await client(), reader = await client();
  const lane = await reader.subscribe(`${top}.>`, { lane: 1, options: { overflow: 'drop-oldest', bound_messages: 50 } });
  reader.ws.pause();
  const text = 'x'.repeat(65_000), count = 1200;
  for (let n = 0; n < count; n += 1) await writer.publish(`${top}.${n}`, n < 400 ? text : '');
  reader.ws.resume();
  await writer.publish(`${top}.last`, '');
  let received = 0, missing = 0;
  for (let topic; topic !== `${top}.last`;) {
    const [frame] = await take(lane, 1);
    if (frame.type === 'gap') missing += frame.count;
    else received += 1;
    ({ topic } = frame);
  }
  assert.ok(missing > 0, 'the stall was too short to drop anything');
  assert.equal(received + missing, count + 1);
  assert.ok(lane.balanced());
});

scenario('callbacks', async () => {
  const owner = await client('owner'), service = await client('service'), topic = unique();
  const options = { keep: 'latest' };
  const callback = await owner.offer('watcher', [{ method: 'done' }, { method: 'tick', lane: 1, options }],
    { done: (frame) => [value(frame), frame.session] });
  assert.match(callback.token, /^[0-9a-f]{32}$/);

  // the token goes to a service, which holds the callback and calls it
  await service.serve(topic, async (frame) => {
    const { callback: token } = await service.hold(value(frame).watcher);
    await service.call(token, 'tick', { n: 1 }, { key: 'k' });
    service.write({ type: 'send', to: token, method: 'done', ...body('two') });
    return value(await service.request(`$to.${token}.done`, 'three'));
  });
  const answer = await within(5000, owner.request(topic, { watcher: callback.token }));
  assert.deepEqual(value(answer), ['three', service.hello.session]);
  const calls = (await take(callback, 2)).sort((one, other) => one.topic.localeCompare(other.topic));
  assert.deepEqual(calls.map((call) => [call.topic, value(call), call.seq]),
    [[`$to.${callback.token}.done`, 'two', 1], [`$to.${callback.token}.tick`, { n: 1 }, 1]]);
  assert.equal(calls[0].from, service.name);

  // attached it gets what is published
  const attaching = service.attach(topic, callback.token);
  await service.publish(`${topic}.done`, 'all');
  assert.equal((await attaching).callback, callback.token);
  const told = await take(callback, 3); // in each of two lanes
  assert.deepEqual(told.map(({ type }) => type).sort(), ['attached', 'attached', 'message']);
  await service.detach(topic, callback.token);
  await service.publish(`${topic}.done`, 'none');
  assert.deepEqual((await take(callback, 2)).map(({ type }) => type), ['detached', 'detached']);

  // mistakes, and the end
  await refused('unknown-method', service.call(callback.token, 'tock', ''));
  await refused('unknown-callback', service.call('f'.repeat(32), 'tick', ''));
  await refused('unknown-callback', service.hold('nobody'));
  await refused('invalid-field', owner.offer('twice', [{ method: 'a' }, { method: 'a' }]), 'methods');
  await refused('lane-options', owner.offer('other', [{ method: 'a', lane: 1, options: { priority: 3 } }]));
  await nothing(callback);
  owner.release(callback.token);
  const [end] = await take(service.released, 1);
  assert.deepEqual([end.callback, end.reason], [callback.token, 'released']);
  await refused('unknown-callback', service.call(callback.token, 'tick', ''));
});

scenario('the ends of those who are held', async () => {
  const owner = await client('owner'), holder = await client('holder');
  const callbacks = await Promise.all(range(1, 20).map(() => owner.offer('watcher', [{ method: 'a' }])));
  for (const { token } of callbacks) await holder.hold(token);
  await holder.hold(owner.hello.session);
  const kept = callbacks.pop();
  holder.release(kept.token);
  const [unheld] = await take(kept, 1);
  assert.deepEqual([unheld.type, unheld.reason], ['released', 'released']);
  await owner.close();
  const ends = await take(holder.released, 20);
  assert.deepEqual(ends.map(({ callback }) => callback).sort(),
    [...callbacks.map(({ token }) => token), owner.hello.session].sort());
  assert.ok(ends.every(({ reason }) => reason === 'closed'));
});

scenario('where an owner is', async () => {
  const owner = await client('owner', { session_expiry: 30_000 });
  const { session, secret } = owner.hello;
  const { token } = await owner.offer('watcher', [{ method: 'a' }]);
  const [watcher, late, other] = [await client(), await client(), await client()];
  for (const held of [token, session]) await watcher.hold(held, true);
  await other.hold(token);
  await nothing(watcher.owners); // until the first change
  const told = async (holder, count, state) => {
    const frames = await take(holder.owners, count);
    assert.ok(frames.every((frame) => frame.type === 'owner' && frame.state === state), JSON.stringify(frames));
    return frames.map(({ callback }) => callback).sort();
  };
  owner.ws.terminate();
  assert.deepEqual(await told(watcher, 2, 'away'), [token, session].sort());
  await late.hold(token, true); // who asks while it is away is told so
  assert.deepEqual(await told(late, 1, 'away'), [token]);
  const resume = { session, secret, lanes: [{ lane: 0, frames: 0 }] };
  const again = await client('owner', { session_expiry: 30_000, resume });
  assert.ok(again.hello.resumed);
  assert.deepEqual(await told(watcher, 2, 'back'), [token, session].sort());
  assert.deepEqual(await told(late, 1, 'back'), [token]);
  await watcher.hold(token); // changes nothing
  await again.close(); // it ends at once, so it isn't away
  const ends = await take(watcher.released, 2);
  assert.deepEqual(ends.map(({ callback }) => callback).sort(), [token, session].sort());
  assert.ok(ends.every(({ reason }) => reason === 'closed'));
  for (const holder of [watcher, late, other]) await nothing(holder.owners);
});

scenario('slow consumer', async () => {
  const topic = unique(), writer = await client(), reader = await client();
  const subscription = await reader.subscribe(topic, { options: { bound_messages: 8 } });
  reader.ws.pause();
  const text = 'x'.repeat(65_000);
  for (let n = 0; n < 600; n += 1) await writer.publish(topic, text);
  reader.ws.resume();
  const error = await within(10_000, reader.closed.then(() => reader.ended), 'the end');
  assert.equal(error.code, 'slow-consumer');
  assert.notEqual(error.frame.reconnect, 'never');
  const seqs = subscription.queue.map(({ seq }) => seq);
  assert.deepEqual(seqs, range(1, seqs.length));
});

let passed = 0, failed = 0;
for (const { name, run } of scenarios) {
  if (process.argv[2] && !name.includes(process.argv[2])) continue;
  try {
    await within(60_000, Promise.resolve(run()), 'the scenario');
    passed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    const line = /test\.mjs:(\d+)/.exec(error.stack?.split('\n').filter((l) => !/within|refused|take/.test(l)).join('\n'));
    console.log(`FAILED  ${name}: line ${line?.[1] ?? '?'}: ${error.message.slice(0, 400).replaceAll('\n', ' ')}`);
  }
  open.splice(0).forEach((ws) => ws.terminate());
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
