// A publish/subscribe server as one writes it with `ws` in an afternoon: what a client publishes to
// a topic is sent to every client that has subscribed to it, in a loop.
//
//   node broadcaster.js PORT
//
// A text message `{"subscribe": TOPIC}` subscribes, and is answered with `{"subscribed": TOPIC}`. A
// binary message is published: one byte with the length of the topic, the topic, the payload.
// Subscribers get the payload alone, the same buffer for all of them.
'use strict';

const { WebSocket, WebSocketServer } = require('ws');

const subscribers = new Map();

function subscribe(client, topic) {
    if (!subscribers.has(topic)) subscribers.set(topic, new Set());
    subscribers.get(topic).add(client);
    client.on('close', () => subscribers.get(topic).delete(client));
    client.send(JSON.stringify({ subscribed: topic }));
}

function publish(packet) {
    const end = 1 + packet[0];
    const payload = packet.subarray(end);
    for (const client of subscribers.get(packet.latin1Slice(1, end)) ?? []) {
        if (client.readyState === WebSocket.OPEN) client.send(payload);
    }
}

const server = new WebSocketServer({
    host: '127.0.0.1',
    port: Number(process.argv[2]),
    perMessageDeflate: false,
    backlog: 4096,
});
server.on('connection', (client) => {
    client.on('error', () => client.terminate());
    client.on('message', (data, isBinary) => {
        if (isBinary) publish(data);
        else subscribe(client, JSON.parse(data).subscribe);
    });
});
