"""A client of the broker: protocol version 1, codec bincode, over WebSocket.

Written from docs/protocol.md alone, as an example for other clients. The section numbers below are
those of that document. One asyncio task reads; everything else may be called from any other task.
"""

import asyncio
import itertools
import json
from collections import namedtuple

import websockets


# ---- 4.2 bincode: a kind is how a value is written, how it is read, and what stands for it when missing

class Malformed(Exception):
    """Bytes that are no frame."""


Kind = namedtuple("Kind", "put get missing")
REQUIRED = object()


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Malformed("truncated")
        self.at += count
        return bytes(self.data[self.at - count:self.at])

    def varint(self, most=2**64 - 1):
        first = self.take(1)[0]
        if first > 0xFD:
            raise Malformed("no varint")
        value = first if first <= 250 else int.from_bytes(self.take(2 << (first - 0xFB)), "little")
        if value > most:
            raise Malformed("number too large")
        return value


def varint(value):
    if value <= 250:
        return bytes([value])
    for first, size in ((0xFB, 2), (0xFC, 4), (0xFD, 8)):
        if value < 1 << (8 * size):
            return bytes([first]) + value.to_bytes(size, "little")
    raise ValueError(value)


def choice(reader, count):
    """One byte that is below `count`: flags and the mark before an option."""
    value = reader.take(1)[0]
    if value >= count:
        raise Malformed("no such choice")
    return value


def get_text(reader):
    try:
        return reader.take(reader.varint()).decode()
    except UnicodeDecodeError as error:
        raise Malformed("not UTF-8") from error


INT = Kind(varint, Reader.varint, REQUIRED)
INT32 = Kind(varint, lambda reader: reader.varint(2**32 - 1), REQUIRED)
BYTE = Kind(lambda value: bytes([value]), lambda reader: reader.take(1)[0], REQUIRED)
FLAG = Kind(lambda value: bytes([value]), lambda reader: bool(choice(reader, 2)), False)
BYTES = Kind(lambda value: varint(len(value)) + value, lambda reader: reader.take(reader.varint()), REQUIRED)
TEXT = Kind(lambda value: BYTES.put(value.encode()), get_text, REQUIRED)


def option(kind):
    return Kind(lambda value: b"\0" if value is None else b"\1" + kind.put(value),
                lambda reader: kind.get(reader) if choice(reader, 2) else None, None)


def several(kind, most=256):
    return Kind(lambda items: varint(len(items)) + b"".join(map(kind.put, items)),
                lambda reader: [kind.get(reader) for _ in range(reader.varint(most))], [])


def record(**kinds):
    def put(value):
        fields = ((value[name] if kind.missing is REQUIRED else value.get(name, kind.missing), kind)
                  for name, kind in kinds.items())
        return b"".join(kind.put(field) for field, kind in fields)

    return Kind(put, lambda reader: {name: kind.get(reader) for name, kind in kinds.items()}, REQUIRED)


def variant(*cases, missing=REQUIRED):
    """Cases are words, or pairs of a word and what it carries; a value is "word" or {"word": carried}."""
    cases = [case if isinstance(case, tuple) else (case, None) for case in cases]
    numbers = {word: number for number, (word, _) in enumerate(cases)}

    def put(value):
        if isinstance(value, str):
            return varint(numbers[value])
        (word, carried), = value.items()
        return varint(numbers[word]) + cases[numbers[word]][1].put(carried)

    def get(reader):
        word, kind = cases[reader.varint(len(cases) - 1)]
        return word if kind is None else {word: kind.get(reader)}

    return Kind(put, get, missing)


# ---- 8 shared parts, 10 error codes

CODES = """unrecognised closed malformed unexpected unsupported-version unsupported handshake-timeout idle-timeout
frame-too-large payload-too-large invalid-topic invalid-filter reserved-topic invalid-field invalid-id
unknown-subscription unknown-lane lane-options unknown-callback too-many-subscriptions too-many-topics
too-many-connections too-many-commands slow-consumer control-overrun no-such-client nobody-answers provider-gone
busy timed-out cancelled shutting-down internal too-many-frames taken-over answer-lost too-many-keys
not-allowed too-many-callbacks unknown-method""".split()
CODE = Kind(lambda name: varint(CODES.index(name)), lambda reader: dict(enumerate(CODES)).get(
    reader.varint(), "unrecognised"), REQUIRED)  # codes may be added: an unknown one is no error
BODY = record(key=option(TEXT), content=variant("bytes", "text", "json"),
              headers=several(record(name=TEXT, value=TEXT)), payload=BYTES)
OUTCOME = variant(("answer", BODY), ("failure", record(code=TEXT, message=TEXT)))
OPTIONS = record(keep=option(variant("all", ("latest", INT32), "merge")),
                 overflow=option(variant("disconnect", "drop-oldest", "resync")), bound_messages=option(INT32),
                 bound_bytes=option(INT), min_interval=option(INT), priority=option(BYTE), unreliable=option(FLAG))
POSITIONS = several(record(lane=BYTE, frames=INT))
REPLAY = variant("none", "last", ("newest", INT32), ("since", record(epoch=INT, seq=INT)), missing="none")
NAMES = several(TEXT, 65536)
LIMITS = record(**dict.fromkeys(("payload_bytes_max", "frame_bytes_max", "packet_bytes_max", "subscriptions_max",
                                 "commands_open_max"), INT))

# ---- 6, 7 frames: of both sides, of the client, of the broker

BOTH = {1: ("ping", record(mark=option(INT))),
        2: ("pong", record(mark=option(INT), lag=several(record(lane=BYTE, messages=INT, bytes=INT, age=INT))))}
FROM_CLIENT = BOTH | {
    16: ("connect", record(version=INT32, client=record(name=option(TEXT), sdk=option(TEXT)), credential=option(TEXT),
                           resume=option(record(session=TEXT, secret=TEXT, lanes=POSITIONS)),
                           receive_window=option(INT), packet_bytes_max=option(INT32), ping_interval=option(INT),
                           session_expiry=option(INT))),
    17: ("subscribe", record(id=INT, filter=TEXT, lane=option(BYTE), options=option(OPTIONS), replay=REPLAY,
                             group=option(TEXT), presence=FLAG)),
    18: ("update", record(id=INT, lane=BYTE, options=OPTIONS)),
    19: ("move", record(id=INT, subscription=INT, lane=BYTE, options=option(OPTIONS))),
    20: ("unsubscribe", record(id=INT, subscription=INT)),
    21: ("publish", record(id=option(INT), topic=TEXT, retain=FLAG, expires_in=option(INT), body=BODY)),
    22: ("send", record(id=option(INT), to=TEXT, method=option(TEXT), body=BODY, expires_in=option(INT))),
    23: ("serve", record(id=INT, filter=TEXT, lane=option(BYTE))),
    24: ("request", record(id=INT, topic=TEXT, timeout=option(INT), body=BODY)),
    25: ("cancel", record(id=INT)),
    26: ("reply", record(to=TEXT, outcome=OUTCOME)),
    27: ("offer", record(id=INT, interface=TEXT, methods=several(record(method=TEXT, lane=BYTE, options=option(OPTIONS))))),
    28: ("release", record(callback=TEXT)),
    29: ("attach", record(id=INT, topic=TEXT, callback=TEXT)),
    30: ("detach", record(id=INT, topic=TEXT, callback=TEXT)),
    31: ("consumed", record(lane=BYTE, frames=INT, bytes=INT)),
    32: ("authenticate", record(credential=TEXT)),
    33: ("disconnect", record(reason=TEXT, keep_session=FLAG)),
    34: ("hold", record(id=INT, callback=TEXT, presence=FLAG)),
}
FROM_BROKER = BOTH | {
    64: ("connected", record(session=TEXT, secret=TEXT, name=TEXT, resumed=FLAG, lanes=POSITIONS, limits=LIMITS,
                             ping_interval=INT, server=record(name=TEXT, version=TEXT), receive_window=option(INT))),
    65: ("accepted", record(id=INT, subscription=option(INT), lane=option(BYTE), callback=option(TEXT),
                            granted=option(OPTIONS))),
    66: ("rejected", record(id=INT, code=CODE, message=TEXT, field=option(TEXT))),
    67: ("caught_up", record(subscription=INT)),
    68: ("message", record(seq=INT, epoch=INT, time=INT, topic=TEXT, **{"from": option(TEXT)}, body=BODY)),
    69: ("gap", record(topic=option(TEXT), epoch=option(INT), first_seq=option(INT), last_seq=option(INT), count=INT,
                       reason=variant("conflated", "merged", "dropped", "expired", "not-kept"))),
    70: ("lane", record(lane=BYTE, subscription=option(INT))),
    71: ("request", record(token=TEXT, topic=TEXT, **{"from": option(TEXT)}, timeout=INT, body=BODY,
                           session=option(TEXT))),
    72: ("reply", record(id=INT, **{"from": option(TEXT)}, outcome=OUTCOME)),
    73: ("cancelled", record(token=TEXT)),
    74: ("released", record(callback=TEXT, reason=variant("released", "closed", "timed-out", "kicked"))),
    75: ("attached", record(callback=TEXT, topic=TEXT)),
    76: ("detached", record(callback=TEXT, topic=TEXT)),
    77: ("presence", record(subscription=INT, joined=NAMES, left=NAMES)),
    78: ("disconnect", record(code=CODE, reason=TEXT, reconnect=variant("now", ("later", INT), "never"))),
    79: ("moved", record(subscription=INT, lane=BYTE)),
    80: ("owner", record(callback=TEXT, state=variant("away", "back"), hold=option(INT))),
}
TYPES = {name: (number, kind) for number, (name, kind) in FROM_CLIENT.items()}


def encode(type, **fields):
    number, kind = TYPES[type]
    frame = bytes([number]) + kind.put(fields)
    return varint(len(frame)) + frame


def decode(packet, table=FROM_BROKER):
    """The frames of a packet. Bytes behind a frame's known fields and types from 128 up are skipped (11)."""
    packet, frames = Reader(packet), []
    while packet.at < len(packet.data):
        frame = Reader(packet.take(packet.varint()))
        number = frame.take(1)[0]
        if number in table:
            name, kind = table[number]
            frames.append({"type": name, **kind.get(frame)})
        elif number < 128:
            raise Malformed(f"unknown type {number}")
    return frames


def body(payload, key=None, headers=None):
    """bytes are sent as such, a str as text, and everything else as JSON."""
    content = "bytes" if isinstance(payload, bytes) else "text" if isinstance(payload, str) else "json"
    data = payload if content == "bytes" else (payload if content == "text" else json.dumps(payload)).encode()
    return {"key": key, "content": content, "payload": data,
            "headers": [{"name": name, "value": value} for name, value in (headers or {}).items()]}


def value(body):
    """What body() was made of. Nobody has checked the content: what isn't what it says stays bytes."""
    try:
        return {"bytes": bytes, "text": bytes.decode, "json": json.loads}[body["content"]](body["payload"])
    except ValueError:
        return body["payload"]


def matches(filter, topic):
    """Section 1: `*` is one token, `>` one or more at the end, neither the first of a topic of the broker."""
    wanted, tokens = filter.split("."), topic.split(".")
    if topic.startswith("$") and wanted[0] in ("*", ">"):
        return False
    if wanted[-1] == ">":
        return len(tokens) >= len(wanted) and all(w in ("*", t) for w, t in zip(wanted[:-1], tokens))
    return len(wanted) == len(tokens) and all(w in ("*", t) for w, t in zip(wanted, tokens))


# ---- 5 the conversation

class Rejected(Exception):
    """The broker refused a command: `code` says why, `field` where."""

    def __init__(self, code, message, field=None):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.field = code, message, field


class Failure(Exception):
    """A provider's own refusal of a request. A handler may raise it, and request() raises it."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class Disconnected(Exception):
    """The connection ended; `frame` is the broker's disconnect, or None if it was lost."""

    def __init__(self, frame=None):
        super().__init__(frame and f"{frame['code']}: {frame['reason']}" or "connection lost")
        self.frame, self.code = frame, frame and frame["code"]


class Subscription:
    """What arrives for one filter: message, gap and presence frames, in order, with the books of 5.5."""

    def __init__(self, number, lane, filter, granted=None, shared=False):
        self.number, self.lane, self.filter, self.granted, self.shared = number, lane, filter, granted, shared
        self.queue, self.ended = asyncio.Queue(), None
        self.present = set()
        self.books = {}  # (topic, epoch) -> first seq told, newest seq told, messages received, messages missing
        self.lane_missing = 0  # what gaps of the whole lane told

    def put(self, frame):
        if frame["type"] == "presence":
            self.present = (self.present | set(frame["joined"])) - set(frame["left"])
        elif frame["type"] == "gap" and frame["topic"] is None:
            self.lane_missing += frame["count"]
        elif not self.shared and frame["type"] in ("message", "gap"):
            place = (frame["topic"], frame["epoch"])
            first, last = (frame["first_seq"], frame["last_seq"]) if frame["type"] == "gap" else (frame["seq"],) * 2
            book = self.books.setdefault(place, [first, 0, 0, 0])
            book[1] = max(book[1], last)
            book[3 if frame["type"] == "gap" else 2] += frame.get("count", 1)
        self.queue.put_nowait(frame)

    def balanced(self):
        """Whether everything since the first word on each topic was received or told as missing.

        A gap of the whole lane may also stand for what came before the first word on some topic.
        """
        owed = sum(last - first + 1 - received - missing for first, last, received, missing in self.books.values())
        return 0 <= owed <= self.lane_missing

    async def next(self, timeout=None):
        """The next frame; raises Disconnected behind the last one."""
        if self.ended and self.queue.empty():
            raise self.ended
        frame = await asyncio.wait_for(self.queue.get(), timeout)
        if frame is None:
            raise self.ended
        return frame

    def end(self, reason):
        self.ended = reason
        self.queue.put_nowait(None)


class Callback(Subscription):
    """5.13: an object that this client offers. Its queue has calls, gaps, and what comes of being attached and held."""

    def __init__(self, token, methods, handlers):
        super().__init__(None, None, f"$to.{token}.*")
        self.token, self.methods, self.handlers = token, methods, handlers
        self.topics = set()  # to which it is attached

    def method(self, topic, lane):
        """The method that a topic calls, in a lane."""
        place, _, name = topic.rpartition(".")
        known = place in self.topics or place == f"$to.{self.token}"
        return next((one for one in self.methods if known and (one["method"], one["lane"]) == (name, lane)), None)

    def is_for(self, topic, lane):
        return any(one["lane"] == lane for one in self.methods) if topic is None else bool(self.method(topic, lane))

    def note(self, frame):
        if frame["type"] == "attached":
            self.topics.add(frame["topic"])
        elif frame["type"] == "detached":
            self.topics.discard(frame["topic"])
        self.put(frame)


class Client:
    @classmethod
    async def connect(cls, url, name=None, **fields):
        """`fields` are further ones of the frame connect, as ping_interval."""
        client = cls()
        client.ws = await websockets.connect(url, subprotocols=["broker.v1.bincode"], compression=None, max_size=2**26,
                                             ping_interval=None, proxy=None)
        client.ids, client.marks = itertools.count(1), itertools.count(1)
        client.waiting = {}  # id or ("ping", mark) -> the future of its answer
        client.starting = {}  # id of a subscribe or serve -> what to do as soon as it is accepted
        client.subscriptions, client.servings, client.handlers = {}, {}, {}
        client.callbacks = {}  # token -> Callback
        client.released = Subscription(None, None, "")  # the ends of what this client holds
        client.owners = Subscription(None, None, "")  # where the owners of that are, if it is asked for
        client.lane = client.addressee = None
        client.refused = []  # rejected frames of commands without id
        client.goodbye = client.ended = None
        fields = {"session_expiry": 0} | fields  # 5.11: the session ends with the connection
        await client._send("connect", version=1, client={"name": name, "sdk": "interop-python/1"}, **fields)
        try:
            hello, *rest = decode(await client.ws.recv())
        except websockets.ConnectionClosed:
            raise Disconnected() from None
        if hello["type"] == "disconnect":
            raise Disconnected(hello)
        client.name, client.limits, client.hello = hello["name"], hello["limits"], hello
        client.inbox = Subscription(None, 0, "$to." + client.name)  # 5.7: what others send to this client
        client.lane = 0
        for frame in rest:
            client._handle(frame)
        client.reader = asyncio.create_task(client._read())
        return client

    async def _send(self, type, **fields):
        try:
            await self.ws.send(encode(type, **fields))
        except websockets.ConnectionClosed:
            raise self.ended or Disconnected(self.goodbye) from None

    def _command(self, type, **fields):
        """Sends a command with an id; returns the id and the future of the answer."""
        if self.ended:
            raise self.ended
        id = next(self.ids)
        self.waiting[id] = answer = asyncio.get_running_loop().create_future()
        return id, answer, self._send(type, id=id, **fields)

    async def _ask(self, type, start=None, **fields):
        id, answer, sending = self._command(type, **fields)
        if start:
            self.starting[id] = start
        try:
            await sending
            return await answer
        finally:
            self.waiting.pop(id, None)

    # commands

    async def subscribe(self, filter, lane=None, options=None, group=None, presence=False):
        def start(frame):  # at `accepted`, and not later: the messages stand right behind it
            made = Subscription(frame["subscription"], frame["lane"], filter, frame["granted"], group is not None)
            self.subscriptions[made.number] = made
            return made

        return await self._ask("subscribe", start, filter=filter, lane=lane, options=options, group=group,
                               presence=presence)

    async def serve(self, filter, handler, lane=None):
        """Calls `await handler(frame)` for each request; what it returns or the Failure it raises is the reply."""
        def start(frame):
            self.servings[frame["subscription"]] = (filter, frame["lane"], handler)
            return frame["subscription"]

        return await self._ask("serve", start, filter=filter, lane=lane)

    async def unsubscribe(self, subscription):
        """Ends a Subscription or the number of a serving."""
        number = getattr(subscription, "number", subscription)

        def start(frame):  # `accepted` stands behind the last message
            self.servings.pop(number, None)
            if number in self.subscriptions:
                self.subscriptions.pop(number).end(Disconnected())

        await self._ask("unsubscribe", start, subscription=number)

    async def publish(self, topic, payload, key=None, headers=None, acknowledged=True):
        made = body(payload, key, headers)
        if acknowledged:
            await self._ask("publish", topic=topic, body=made)
        else:
            await self._send("publish", topic=topic, body=made)

    async def send(self, to, payload, key=None, headers=None):
        await self._ask("send", to=to, body=body(payload, key, headers))

    # 5.13

    async def offer(self, interface, methods, handlers=None):
        """Each method is as in the frame; `handlers` answer requests: {method: async (frame) -> ...}."""
        methods = [{"lane": 0, "options": None} | method for method in methods]

        def start(frame):
            self.callbacks[frame["callback"]] = made = Callback(frame["callback"], methods, handlers or {})
            return made

        return await self._ask("offer", start, interface=interface, methods=methods)

    async def call(self, to, method, payload, key=None, acknowledged=True):
        ask = self._ask if acknowledged else self._send
        await ask("send", to=to, method=method, body=body(payload, key))

    async def hold(self, callback, presence=False):
        return (await self._ask("hold", callback=callback, presence=presence))["callback"]

    async def release(self, callback):
        """Ends a callback of this client, or holds one no longer. Has no answer."""
        self.callbacks.pop(callback, None)
        await self._send("release", callback=callback)

    async def attach(self, topic, callback):
        return (await self._ask("attach", topic=topic, callback=callback))["callback"]

    async def detach(self, topic, callback):
        return (await self._ask("detach", topic=topic, callback=callback))["callback"]

    async def request(self, topic, payload, timeout=None):
        """The body of the answer; Rejected if there is none. Cancelling the task cancels the request."""
        id, answer, sending = self._command("request", topic=topic, timeout=timeout, body=body(payload))
        try:
            await sending
            return await answer
        except asyncio.CancelledError:
            await self._send("cancel", id=id)
            raise
        finally:
            self.waiting.pop(id, None)

    async def ping(self):
        """The lag of each lane, as the broker sees it."""
        mark = next(self.marks)
        self.waiting["ping", mark] = answer = asyncio.get_running_loop().create_future()
        await self._send("ping", mark=mark)
        return await answer

    async def close(self, reason=""):
        """Leaves in good order; returns the broker's goodbye."""
        await self._send("disconnect", reason=reason)
        await self.reader
        return self.goodbye

    # what arrives

    async def _read(self):
        try:
            async for packet in self.ws:
                for frame in decode(packet):
                    self._handle(frame)
        except websockets.ConnectionClosed:
            pass
        finally:
            self.ended = Disconnected(self.goodbye)
            for answer in self.waiting.values():
                if not answer.done():
                    answer.set_exception(self.ended)
            for subscription in (self.inbox, self.released, *self.subscriptions.values(), *self.callbacks.values()):
                subscription.end(self.ended)
            for task in self.handlers.values():
                task.cancel()
            await self.ws.close()

    def _handle(self, frame):
        match frame["type"]:
            case "lane":  # holds for all data behind it
                self.lane, self.addressee = frame["lane"], frame["subscription"]
            case "message" | "gap":
                for subscription in (self.inbox, *self.subscriptions.values()):
                    if self._is_for(subscription, frame["topic"]):
                        subscription.put(frame)
                for callback in self.callbacks.values():
                    if self.addressee is None and callback.is_for(frame["topic"], self.lane):
                        callback.put(frame)
            case "attached" | "detached" | "released":
                if own := self.callbacks.get(frame["callback"]):
                    own.note(frame)
                elif frame["type"] == "released":
                    self.released.put(frame)
            case "owner":
                self.owners.put(frame)
            case "presence":
                if frame["subscription"] in self.subscriptions:
                    self.subscriptions[frame["subscription"]].put(frame)
            case "accepted":
                start = self.starting.pop(frame["id"], None)
                self._answer(frame["id"], start(frame) if start else frame)
            case "rejected":
                self.starting.pop(frame["id"], None)
                if frame["id"] == 0:
                    self.refused.append(frame)
                self._answer(frame["id"], Rejected(frame["code"], frame["message"], frame["field"]))
            case "reply":
                (kind, what), = frame["outcome"].items()
                self._answer(frame["id"], what if kind == "answer" else Failure(**what))
            case "request":
                self.handlers[frame["token"]] = asyncio.create_task(self._provide(frame, self.lane))
            case "cancelled":
                if handler := self.handlers.pop(frame["token"], None):
                    handler.cancel()
            case "ping":
                asyncio.create_task(self._send("pong", mark=frame["mark"]))
            case "pong":
                self._answer(("ping", frame["mark"]), frame["lag"])
            case "disconnect":
                self.goodbye = frame

    def _is_for(self, subscription, topic):
        if subscription.lane != self.lane:
            return False
        if self.addressee is not None:
            return subscription.number == self.addressee
        return topic is None or not subscription.shared and matches(subscription.filter, topic)

    def _answer(self, id, result):
        answer = self.waiting.pop(id, None)
        if answer and not answer.done():
            answer.set_exception(result) if isinstance(result, Exception) else answer.set_result(result)

    def _handlers(self, topic, lane):
        for callback in self.callbacks.values():
            if method := callback.method(topic, lane):
                yield callback.handlers.get(method["method"])
        yield from (handler for filter, _, handler in self.servings.values() if matches(filter, topic))

    async def _provide(self, frame, lane):
        try:
            for handler in list(self._handlers(frame["topic"], lane)):
                if handler:
                    outcome = {"answer": body(await handler(frame))}
                    break
            else:
                outcome = {"failure": {"code": "not-served", "message": "not served any more"}}
        except Failure as failure:
            outcome = {"failure": {"code": failure.code, "message": failure.message}}
        finally:
            self.handlers.pop(frame["token"], None)
        await self._send("reply", to=frame["token"], outcome=outcome)
