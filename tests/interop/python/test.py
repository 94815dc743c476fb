"""Interoperability tests of client.py against a broker at $BROKER_URL."""

import asyncio
import base64
import json
import os
import secrets
import socket
import sys
import traceback
from pathlib import Path

import websockets

from client import (FROM_BROKER, FROM_CLIENT, Client, Disconnected, Failure, Malformed, Reader, Rejected, body,
                    decode, encode, value, varint)

URL = os.environ["BROKER_URL"]
VECTORS = Path(__file__).parents[3] / "broker/protocol/vectors/frames.json"
SCENARIOS = []
OPEN = []


def scenario(function):
    SCENARIOS.append(function)
    return function


def unique(prefix="t"):
    """A topic or name that no other run uses, so that its sequence begins at 1."""
    return f"{prefix}-{secrets.token_hex(6)}"


async def client(name=None, **fields):
    made = await Client.connect(URL, name and unique(name), **fields)
    OPEN.append(made)
    return made


async def refused(code, action, field=None):
    """The action must be rejected with this code."""
    try:
        await action
    except Rejected as error:
        assert error.code == code, f"{error}, not {code}"
        assert field is None or error.field == field, f"field {error.field}, not {field}"
        return error
    raise AssertionError(f"was not rejected with {code}")


async def nothing(subscription, seconds=0.2):
    try:
        frame = await subscription.next(seconds)
    except asyncio.TimeoutError:
        return
    raise AssertionError(f"unexpected {frame}")


async def raw(*frames, url=URL):
    """A connection without a client around it; returns it behind `connected`."""
    ws = await websockets.connect(url, subprotocols=["broker.v1.bincode"], compression=None, ping_interval=None,
                                  proxy=None)
    OPEN.append(ws)
    await ws.send(encode("connect", version=1, client={}))
    assert decode(await ws.recv())[0]["type"] == "connected"
    return ws


async def ends(ws, code, *statuses):
    """The broker must end this connection with this code and one of these WebSocket statuses."""
    frames = []
    try:
        while True:
            frames += decode(await asyncio.wait_for(ws.recv(), 5))
    except websockets.ConnectionClosed:
        pass
    assert frames and frames[-1]["type"] == "disconnect", f"no disconnect: {frames}"
    assert frames[-1]["code"] == code, f"{frames[-1]}, not {code}"
    assert ws.close_code in statuses, f"status {ws.close_code}, not {statuses}"
    return frames[-1]


# ---- the codec

def vectors():
    """Each golden vector: name, side, the frame as client.py writes it, its bytes."""
    text = VECTORS.read_text()
    lines = [line.removesuffix(",") for line in text.splitlines() if line.startswith(' "json": ')]
    entries = json.loads(text)
    assert len(entries) == len(lines)
    for entry, line in zip(entries, lines):
        frame, line = entry["json"], line.removeprefix(' "json": ')
        carried = [name for name in ("json", "text", "base64") if name in frame]
        made = None
        if carried:
            carrier, = carried
            if carrier == "json":  # the digits as they stand there, not as a parser understands them
                content, payload = "json", line[line.rindex('"json":') + 7:-1].encode()
                frame.pop("json")
            elif carrier == "text":
                content, payload = "text", frame.pop("text").encode()
            else:
                content, payload = "bytes", base64.b64decode(frame.pop("base64"))
            made = {"key": frame.pop("key", None), "content": frame.pop("content", content), "payload": payload,
                    "headers": [{"name": n, "value": v} for n, v in frame.pop("headers", {}).items()]}
        if frame["type"] == "reply":
            frame["outcome"] = {"failure": frame.pop("error")} if "error" in frame else {"answer": made}
        elif made:
            frame["body"] = made
        for options in (part.get(name) for part in (frame, *frame.get("methods", [])) for name in ("options", "granted")):
            keep = options and options.get("keep")
            if keep == "latest" or isinstance(keep, int):
                options["keep"] = {"latest": 1 if keep == "latest" else keep}
        yield entry["name"], entry["from"], frame, bytes.fromhex(entry["bincode"])


def contains(whole, part):
    """Whether all that stands in `part` stands in `whole`, and whatever else does is absent, false or empty."""
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(contains(whole[name], part[name]) if name in part else whole[name] in (None, False, [], "none")
                   for name in whole) and not part.keys() - whole.keys()
    if isinstance(whole, list) and isinstance(part, list):
        return len(whole) == len(part) and all(map(contains, whole, part))
    return whole == part


@scenario
async def golden_vectors():
    counts = {"client": 0, "broker": 0}
    for name, side, frame, data in vectors():
        counts[side] += 1
        if side == "client":
            assert encode(**frame).hex() == data.hex(), f"{name}: {encode(**frame).hex()}, not {data.hex()}"
        decoded, = decode(data, FROM_CLIENT if side == "client" else FROM_BROKER)
        assert contains(decoded, frame), f"{name}: {decoded}, not {frame}"
        for cut in range(1, len(data)):
            try:
                decode(data[:cut])
            except Malformed:
                continue
            raise AssertionError(f"{name}: {cut} bytes of {len(data)} are taken for a frame")
    assert counts["client"] > 50 and counts["broker"] > 50, counts


@scenario
async def evolution():
    ping = encode("ping", mark=5)
    assert decode(ping + varint(3) + b"\x80\1\2" + ping) == [{"type": "ping", "mark": 5}] * 2
    assert decode(b"\5\1\1\5\xaa\xbb") == [{"type": "ping", "mark": 5}]
    assert decode(bytes.fromhex("084215" + "fa" + "0377687900"))[0]["code"] == "unrecognised"


# ---- the broker

@scenario
async def hello_and_limits():
    named = await client("alice")
    assert named.name.startswith("alice-") and named.ws.subprotocol == "broker.v1.bincode"
    assert named.hello["resumed"] is False and named.hello["ping_interval"] > 0
    assert named.limits["frame_bytes_max"] > named.limits["payload_bytes_max"] > 0
    assert named.limits["subscriptions_max"] > 0 and named.limits["commands_open_max"] > 0
    nameless = await client()
    assert nameless.name and nameless.name != (await client()).name
    assert [lag["lane"] for lag in await named.ping()] == [0]
    goodbye = await named.close("that was all")
    assert (goodbye["code"], goodbye["reconnect"]) == ("closed", "never"), goodbye
    assert named.ws.close_code in (1000, 1001)


async def names_must_be_refused(*names):
    for name in names:
        try:
            await Client.connect(URL, name)
        except Disconnected as error:
            assert error.code == "invalid-field" and error.frame["reconnect"] == "never", error.frame
        else:
            raise AssertionError(f"{name!r} is a name")


@scenario
async def refused_names():
    await names_must_be_refused("$broker", "a b", "a.*", "x" * 65, "")


@scenario
async def refused_names_to_the_letter():
    await names_must_be_refused("a..b", ".a", "a.", "a\n", "a\u00a0b", "a\x7f")


@scenario
async def wildcards():
    top, one = unique(), await client()
    star = await one.subscribe(f"{top}.*.trades")
    rest = await one.subscribe(f"{top}.>", lane=1)
    exact = await one.subscribe(f"{top}.btc.trades", lane=2)
    topics = [f"{top}.btc.trades", f"{top}.btc", top, f"{top}.eth.trades", f"{top}.a.b.trades"]
    for topic in topics:
        await one.publish(topic, topic)

    async def told(subscription, count):
        frames = [await subscription.next(5) for _ in range(count)]
        assert all(frame["from"] == one.name and frame["topic"] == value(frame["body"]) for frame in frames)
        return [frame["topic"] for frame in frames]

    assert await told(rest, 4) == [topics[0], topics[1], topics[3], topics[4]]
    assert await told(star, 2) == [topics[0], topics[3]]
    assert await told(exact, 1) == [topics[0]]
    for subscription in (star, rest, exact):
        await nothing(subscription, 0.05)


@scenario
async def order_of_a_thousand():
    topic, reader, writer = unique(), await client(), await client()
    subscription = await reader.subscribe(topic)
    publishing = [asyncio.create_task(writer.publish(topic, {"n": n})) for n in range(1000)]
    epochs = set()
    for n in range(1000):
        frame = await subscription.next(10)
        assert (frame["type"], frame["seq"]) == ("message", n + 1), frame
        assert value(frame["body"]) == {"n": n}, frame
        epochs.add(frame["epoch"])
    await asyncio.gather(*publishing)
    assert len(epochs) == 1 and subscription.balanced()


@scenario
async def one_publisher_across_topics():
    top, reader, writer = unique(), await client(), await client()
    subscription = await reader.subscribe(f"{top}.*")
    for n in range(500):
        await writer.publish(f"{top}.{n % 7}", {"n": n}, acknowledged=n % 100 == 99)
    got = [await subscription.next(10) for _ in range(500)]
    assert [value(frame["body"])["n"] for frame in got] == list(range(500))
    assert subscription.balanced() and all(book[:3] == [1, book[2], book[2]] for book in subscription.books.values())


@scenario
async def both_receive():
    topic, one, two = unique(), await client("one"), await client("two")
    mine, theirs = await one.subscribe(topic), await two.subscribe(topic)
    await one.publish(topic, b"\0\1\xff", key="k", headers={"trace": "7", "ä": "ö"})
    a, b = await mine.next(5), await theirs.next(5)
    assert a == b and a["from"] == one.name and a["seq"] == 1
    assert a["body"] == {"key": "k", "content": "bytes", "payload": b"\0\1\xff",
                         "headers": [{"name": "trace", "value": "7"}, {"name": "ä", "value": "ö"}]}


@scenario
async def one_copy_in_a_lane():
    top, one = unique(), await client()
    broad, narrow = await one.subscribe(f"{top}.>"), await one.subscribe(f"{top}.a")
    await one.publish(f"{top}.a", "x")
    assert await broad.next(5) == await narrow.next(5)  # the client hands the copy to both
    await nothing(broad), await nothing(narrow)


@scenario
async def unsubscribing():
    topic, one = unique(), await client()
    subscription = await one.subscribe(topic)
    await one.publish(topic, "before")
    await one.unsubscribe(subscription)
    await one.publish(topic, "after")
    assert value((await subscription.next(5))["body"]) == "before"
    try:
        await subscription.next(0.2)
        raise AssertionError("something after the end")
    except Disconnected:
        pass
    await refused("unknown-subscription", one.unsubscribe(subscription))


@scenario
async def send_by_name():
    one, two = await client("one"), await client("two")
    for n in (1, 2):
        await one.send(two.name, {"n": n})
        frame = await two.inbox.next(5)
        assert (frame["topic"], frame["from"], frame["seq"]) == (f"$to.{two.name}", one.name, n), frame
        assert value(frame["body"]) == {"n": n}
    await refused("no-such-client", one.send(unique("nobody"), ""))
    again = await Client.connect(URL, two.name)  # the one that connected last is reached by the name
    OPEN.append(again)
    await one.send(two.name, "who is it?")
    assert value((await again.inbox.next(5))["body"]) == "who is it?"
    await nothing(two.inbox)


@scenario
async def requests():
    top, asker, provider = unique(), await client("asker"), await client("provider")
    cancelled = asyncio.Event()
    await refused("nobody-answers", asker.request(f"{top}.add", [1, 2]))

    async def handler(frame):
        assert frame["from"] == asker.name
        if frame["topic"].endswith("add"):
            return sum(value(frame["body"]))
        if frame["topic"].endswith("refuse"):
            raise Failure("no-clock", "the clock is broken")
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    serving = await provider.serve(f"{top}.*", handler)
    assert value(await asker.request(f"{top}.add", [1, 2])) == 3
    try:
        await asker.request(f"{top}.refuse", "")
        raise AssertionError("not refused")
    except Failure as error:
        assert (error.code, error.message) == ("no-clock", "the clock is broken")

    await refused("timed-out", asker.request(f"{top}.sleep", "", timeout=200))
    await asyncio.wait_for(cancelled.wait(), 2)  # the provider is told
    cancelled.clear()

    id, answer, sending = asker._command("request", topic=f"{top}.sleep", body=body_of(""))
    await sending
    await asyncio.sleep(0.1)
    await asker._send("cancel", id=id)
    await refused("cancelled", answer)
    await asyncio.wait_for(cancelled.wait(), 2)
    cancelled.clear()

    id, answer, sending = asker._command("request", topic=f"{top}.sleep", body=body_of(""))
    await sending
    await refused_frame(asker, "invalid-id", id, lambda: asker._send(
        "request", id=id, topic=f"{top}.sleep", body=body_of("")))

    waiting = asyncio.create_task(asker.request(f"{top}.sleep", ""))
    await asyncio.sleep(0.2)
    provider.ws.transport.abort()  # gone without a word
    await refused("provider-gone", waiting)
    await refused("nobody-answers", asker.request(f"{top}.add", [1, 2]))
    assert serving > 0


def body_of(text):
    return {"content": "text", "payload": text.encode()}


async def refused_frame(asker, code, id, again):
    """A second command with an id that still waits is refused; the answer goes to the future of the first."""
    answer = asker.waiting[id]
    await again()
    await refused(code, asyncio.wait_for(answer, 5))


@scenario
async def serving_ends():
    topic, asker, provider = unique(), await client(), await client()

    async def handler(frame):
        return "yes"

    serving = await provider.serve(topic, handler)
    assert value(await asker.request(topic, "?")) == "yes"
    await provider.unsubscribe(serving)
    await refused("nobody-answers", asker.request(topic, "?"))


@scenario
async def providers_take_turns():
    topic, asker = unique(), await client()
    for name in ("a", "b", "c"):
        async def handler(frame, name=name):
            return name

        await (await client()).serve(topic, handler)
    answers = [value(await asker.request(topic, "")) for _ in range(9)]
    assert sorted(set(answers)) == ["a", "b", "c"], answers


@scenario
async def queue_group():
    topic, members = unique(), [await client() for _ in range(3)]
    shares = [await member.subscribe(topic, group="workers") for member in members]
    outside = await members[0].subscribe(topic, lane=1)  # gets everything besides
    writer, count = await client(), 300
    await asyncio.gather(*(writer.publish(topic, {"n": n}) for n in range(count)))
    assert [(await outside.next(5))["seq"] for _ in range(count)] == list(range(1, count + 1))
    await asyncio.sleep(0.3)
    got = [[share.queue.get_nowait()["seq"] for _ in range(share.queue.qsize())] for share in shares]
    assert all(seqs == sorted(seqs) and seqs for seqs in got), [len(seqs) for seqs in got]
    assert sorted(sum(got, [])) == list(range(1, count + 1)), [len(seqs) for seqs in got]
    await nothing(outside, 0.05)


@scenario
async def presence():
    topic, watcher = unique(), await client("watcher")
    subscription = await watcher.subscribe(topic, presence=True)
    first = await subscription.next(5)
    assert (first["type"], first["joined"], first["left"]) == ("presence", [watcher.name], []), first
    bob, carol = await client("bob"), await client("carol")
    await bob.subscribe(topic)
    await bob.subscribe(topic, lane=1)  # counts once
    await carol.subscribe(topic)

    there = {watcher.name}

    async def until(*clients):
        while there != {one.name for one in (watcher, *clients)}:
            frame = await subscription.next(5)
            assert not there & set(frame["joined"]) and there >= set(frame["left"]), f"{frame} behind {there}"
            there.update(frame["joined"])
            there.difference_update(frame["left"])
        await nothing(subscription, 0.1)
        assert subscription.present == there

    await until(bob, carol)
    await bob.close()
    await until(carol)
    carol.ws.transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
    carol.ws.transport.abort()  # destroyed without a word
    await until()
    await refused("invalid-field", watcher.subscribe(topic, group="g", presence=True))


@scenario
async def errors():
    topic, one = unique(), await client()
    await refused("reserved-topic", one.publish("$x", ""), "topic")
    for wrong in (f"{topic}.*", f"{topic}.>", "", "a b", "a*", "x" * 256):
        await refused("invalid-topic", one.publish(wrong, ""), "topic")
    for wrong in ("", "x" * 256):
        await refused("invalid-filter", one.subscribe(wrong), "filter")
    await refused("invalid-topic", one.request(f"{topic}.*", ""), "topic")
    await refused("unknown-lane", one.subscribe(topic, lane=16))
    await refused("invalid-field", one.offer("i", []), "methods")
    await one.subscribe(topic, lane=3, options={"bound_messages": 10})
    await refused("lane-options", one.subscribe(topic, lane=3, options={"bound_messages": 11}))
    await refused("unknown-subscription", one._ask("move", subscription=77, lane=0))
    await refused("unknown-lane", one._ask("update", lane=9, options={}))
    await one.publish("$x", "", acknowledged=False)
    await one.ping()
    assert [frame["code"] for frame in one.refused] == ["reserved-topic"]
    await one.publish(topic, "still here")


@scenario
async def lanes_that_keep_the_latest():
    topic, one = unique(), await client()
    kept = await one.subscribe(f"{topic}.*", lane=4, options={"keep": {"latest": 1}})
    assert kept.granted["overflow"] == "drop-oldest", kept.granted
    changed = await one._ask("update", lane=4, options={"bound_messages": 7})
    assert changed["granted"]["bound_messages"] == 7, changed
    # Far more than may be on its way unanswered: the marks are answered by the WebSocket library.
    for number in range(400):
        await one.publish(f"{topic}.a", str(number) + " " * 1000, acknowledged=number == 399)
    await one.ping()
    newest = 0
    while newest < 399:
        frame = await kept.next(10)
        if frame["type"] == "message":
            newest = int(bytes(frame["body"]["payload"]).split()[0])
        else:
            assert frame["reason"] == "conflated", frame
    assert kept.balanced() and kept.lane_missing == 0


@scenario
async def topics_and_filters_to_the_letter():
    one, kept = await client(), []
    for wrong in ("a..b", ".a", "a.", "a\tb", "a\u00a0b", "a\x7fb", "\u2028"):
        try:
            await refused("invalid-topic", one.publish(wrong, ""), "topic")
        except AssertionError:
            kept.append(f"topic {wrong!r}")
    for wrong in ("a.>.b", ">.a", "a*", ">a", "a..b", ".>", "a b", "a\tb"):
        try:
            await refused("invalid-filter", one.subscribe(wrong), "filter")
        except AssertionError:
            kept.append(f"filter {wrong!r}")
    assert not kept, f"not refused: {', '.join(kept)}"


@scenario
async def ids_of_publishes_grow():
    topic, ws = unique(), await raw()
    answers = []
    for id in (1, 2, 2, 1, 10, 9, 11):
        await ws.send(encode("publish", id=id, topic=topic, body=body_of("")))
        answers += decode(await asyncio.wait_for(ws.recv(), 5))
    assert [(a["id"], a.get("code")) for a in answers] == [
        (1, None), (2, None), (2, "invalid-id"), (1, "invalid-id"), (10, None), (9, "invalid-id"), (11, None)]


@scenario
async def payload_limits():
    topic, one = unique(), await client()
    subscription, most = await one.subscribe(topic), one.limits["payload_bytes_max"]
    await refused("payload-too-large", one.publish(topic, bytes(most + 1)))
    payload = os.urandom(most)
    await one.publish(topic, payload)
    try:
        frame = await subscription.next(5)
    except asyncio.TimeoutError:
        raise AssertionError(f"a payload of {most} bytes was accepted and doesn't arrive") from None
    assert frame["seq"] == 1 and frame["body"]["payload"] == payload


@scenario
async def frame_limit():
    one, large = await client(), await raw()
    await large.send(varint(one.limits["frame_bytes_max"] + 1) + b"\x15")
    await ends(large, "frame-too-large", 1009)


@scenario
async def broken_clients():
    ws = await raw()
    await ws.send(encode("connect", version=1, client={}))
    await ends(ws, "unexpected", 1002, 1008)
    for garbage in (b"garbage", b"\2\1", b"\2\1\2", b"\1\x7f", b"\4\1\1\xfe\0", encode("ping") + b"\5"):
        ws = await raw()
        await ws.send(garbage)
        assert (await ends(ws, "malformed", 1002))["reconnect"] == "never"
    ws = await raw()
    await ws.send("a text message in bincode")
    try:
        await asyncio.wait_for(ws.recv(), 5)
    except websockets.ConnectionClosed:
        pass
    assert ws.close_code in (None, 1002, 1003), ws.close_code
    ws = await raw()
    await ws.send(b"\3\x80\1\2" + encode("ping", mark=3) + b"\4\1\1\4\0")  # skipped, and a frame that grew
    assert [frame["mark"] for frame in decode(await ws.recv())] == [3, 4]


@scenario
async def pings_are_answered():
    quiet = await client(ping_interval=1000)
    assert quiet.hello["ping_interval"] >= 1000
    if quiet.hello["ping_interval"] <= 3000:
        await asyncio.sleep(3 * quiet.hello["ping_interval"] / 1000)
        await quiet.ping()


@scenario
async def balance_under_a_stall():
    top, writer, reader = unique(), await client(), await client()
    lane = await reader.subscribe(f"{top}.*", lane=1, options={"overflow": "drop-oldest", "bound_messages": 16})
    assert lane.granted["overflow"] == "drop-oldest" and lane.granted["bound_messages"] == 16, lane.granted
    await writer.publish(f"{top}.a", {"n": -1})
    await lane.next(5)

    reader.ws.transport.pause_reading()  # the kernel's buffers fill, then the broker's, then the lane
    count, text = 600, "x" * 65_000
    for n in range(count):
        await writer.publish(f"{top}.{'ab'[n % 2]}", {"n": n, "text": text})
    reader.ws.transport.resume_reading()
    await writer.publish(f"{top}.a", {"n": count})

    next_seq, received, missing, newest = {f"{top}.a": 2, f"{top}.b": 1}, 0, 0, -1
    while newest < count:
        frame = await lane.next(10)
        topic = frame["topic"]
        if frame["type"] == "gap":
            assert frame["reason"] == "dropped" and topic is not None, frame
            assert frame["first_seq"] == next_seq[topic], f"{frame} where {next_seq[topic]} is due"
            assert frame["last_seq"] - frame["first_seq"] + 1 == frame["count"], frame
            next_seq[topic], missing = frame["last_seq"] + 1, missing + frame["count"]
        else:
            assert frame["seq"] == next_seq[topic], f"{frame['seq']} where {next_seq[topic]} is due"
            next_seq[topic], received = frame["seq"] + 1, received + 1
            assert (n := value(frame["body"])["n"]) > newest, "out of order"
            newest = n
    assert missing > 0, "the stall was too short to drop anything"
    assert received + missing == count + 1, (received, missing)
    assert lane.balanced() and lane.lane_missing == 0
    await nothing(lane, 0.1)
    lags = await reader.ping()
    assert [(lag["lane"], lag["messages"]) for lag in lags] == [(0, 0), (1, 0)], lags


@scenario
async def balance_across_subscribing():
    """Gaps end at the answer of a subscribe or unsubscribe: each subscription's books begin with it."""
    topic, writer, reader = unique(), await client(), await client()
    first = await reader.subscribe(topic, lane=1, options={"overflow": "drop-oldest", "bound_messages": 8})
    reader.ws.transport.pause_reading()
    for _ in range(400):
        await writer.publish(topic, "x" * 65_000)
    subscribing = asyncio.create_task(reader.subscribe(topic, lane=1))
    await asyncio.sleep(0.3)
    for _ in range(100):
        await writer.publish(topic, "x" * 65_000)
    reader.ws.transport.resume_reading()
    second = await asyncio.wait_for(subscribing, 5)
    await writer.publish(topic, "the end")
    for subscription, begin in ((first, 1), (second, 401)):
        while (frame := await subscription.next(5)).get("seq") != 501:
            assert frame.get("first_seq", frame.get("seq")) >= begin, frame
        (told, newest, received, missing), = subscription.books.values()
        assert (told, newest, received + missing) == (begin, 501, 502 - begin), subscription.books
        assert subscription.balanced()


@scenario
async def callbacks():
    owner, service, topic = await client("owner"), await client("service"), unique()

    async def done(frame):
        return [value(frame["body"]), frame["session"]]

    options = {"keep": {"latest": 1}}
    callback = await owner.offer("watcher", [{"method": "done"}, {"method": "tick", "lane": 1, "options": options}],
                                 {"done": done})
    assert len(callback.token) == 32 and int(callback.token, 16), callback.token

    async def watch(frame):  # the token goes to a service, which holds the callback and calls it
        token = await service.hold(value(frame["body"])["watcher"])
        await service.call(token, "tick", {"n": 1}, key="k")
        await service.call(token, "done", "two", acknowledged=False)
        return value(await service.request(f"$to.{token}.done", "three"))

    await service.serve(topic, watch)
    answer = await asyncio.wait_for(owner.request(topic, {"watcher": callback.token}), 5)
    assert value(answer) == ["three", service.hello["session"]], value(answer)
    calls = sorted([await callback.next(5), await callback.next(5)], key=lambda call: call["topic"])
    assert [(call["topic"], value(call["body"]), call["seq"], call["from"]) for call in calls] == [
        (f"$to.{callback.token}.done", "two", 1, service.name),
        (f"$to.{callback.token}.tick", {"n": 1}, 1, service.name)], calls

    attaching = asyncio.create_task(service.attach(topic, callback.token))
    await asyncio.sleep(0)  # attached it gets what is published right behind, or later
    await service.publish(f"{topic}.done", "all")
    assert await attaching == callback.token
    told = [(await callback.next(5))["type"] for _ in range(3)]  # in each of two lanes
    assert sorted(told) == ["attached", "attached", "message"], told
    await service.detach(topic, callback.token)
    await service.publish(f"{topic}.done", "none")
    assert [(await callback.next(5))["type"] for _ in range(2)] == ["detached", "detached"]

    await refused("unknown-method", service.call(callback.token, "tock", ""))
    await refused("unknown-callback", service.call("f" * 32, "tick", ""))
    await refused("unknown-callback", service.hold("nobody"))
    await refused("invalid-field", owner.offer("twice", [{"method": "a"}, {"method": "a"}]), "methods")
    await refused("lane-options", owner.offer("other", [{"method": "a", "lane": 1, "options": {"priority": 3}}]))
    await nothing(callback)
    await owner.release(callback.token)
    end = await service.released.next(5)
    assert (end["callback"], end["reason"]) == (callback.token, "released"), end
    await refused("unknown-callback", service.call(callback.token, "tick", ""))


@scenario
async def the_ends_of_those_who_are_held():
    owner, holder = await client("owner"), await client("holder")
    callbacks = [await owner.offer("watcher", [{"method": "a"}]) for _ in range(20)]
    for callback in callbacks:
        await holder.hold(callback.token)
    await holder.hold(owner.hello["session"])
    kept = callbacks.pop()
    await holder.release(kept.token)
    unheld = await kept.next(5)
    assert (unheld["type"], unheld["reason"]) == ("released", "released"), unheld
    owner.ws.transport.abort()  # lost, without a session to come back to
    ends = [await holder.released.next(5) for _ in range(20)]
    assert {end["callback"] for end in ends} == {one.token for one in callbacks} | {owner.hello["session"]}, ends
    assert all(end["reason"] == "timed-out" for end in ends), ends


class Counting:
    """A connection that counts the data frames and bytes of lane 0, for coming back (5.11) and credit (5.5)."""

    DATA = ("message", "gap", "presence", "request", "caught_up", "moved", "released", "attached", "detached", "owner")

    def __init__(self, frames=0):
        self.frames, self.bytes, self.got = frames, 0, []

    async def connect(self, **fields):
        self.ws = await websockets.connect(URL, subprotocols=["broker.v1.bincode"], compression=None, proxy=None)
        OPEN.append(self.ws)
        await self.send("connect", version=1, client={}, **fields)
        await self.read(1)
        self.hello = self.got.pop(0)
        return self

    async def send(self, type, **fields):
        await self.ws.send(encode(type, **fields))

    async def read(self, count, seconds=5):
        """Reads until there are so many frames."""
        while len(self.got) < count:
            packet = await asyncio.wait_for(self.ws.recv(), seconds)
            self.got += decode(packet)
            at = 0
            while at < len(packet):
                frame = Reader(packet[at:])
                size = frame.varint()
                whole, (read,) = frame.at + size, decode(packet[at:at + frame.at + size])
                at += whole
                if read["type"] in self.DATA or read["type"] == "accepted" and read["subscription"] is not None:
                    self.frames, self.bytes = self.frames + 1, self.bytes + whole

    def seqs(self):
        return [frame["seq"] for frame in self.got if frame["type"] == "message"]


@scenario
async def coming_back():
    topic, writer, first = unique(), await client(), await Counting().connect()
    await first.send("subscribe", id=1, filter=topic)
    await first.send("publish", id=1, topic=topic, body=body("one"))
    await first.read(3)
    first.ws.transport.abort()
    for text in ("two", "three"):
        await writer.publish(topic, text)
    resume = {"session": first.hello["session"], "secret": first.hello["secret"],
              "lanes": [{"lane": 0, "frames": first.frames}]}
    again = await Counting(first.frames).connect(resume=resume)
    assert again.hello["resumed"] and again.hello["lanes"] == [{"lane": 0, "frames": 2}], again.hello
    await again.send("publish", id=1, topic=topic, body=body("one"))
    await again.read(3)
    await writer.publish(topic, "four")
    await again.read(4)
    assert first.seqs() == [1] and again.seqs() == [2, 3, 4], again.got
    assert [frame["id"] for frame in again.got if frame["type"] == "accepted"] == [1], again.got
    wrong = await Counting().connect(resume=resume | {"secret": "0" * 32})
    assert not wrong.hello["resumed"] and wrong.hello["session"] != first.hello["session"]


@scenario
async def where_an_owner_is():
    owner = await Counting().connect(session_expiry=30_000)
    await owner.send("offer", id=1, interface="watcher", methods=[{"method": "a", "lane": 0, "options": None}])
    await owner.read(1)
    token, session = owner.got[0]["callback"], owner.hello["session"]
    watcher, late, other = await client(), await client(), await client()
    for held in (token, session):
        await watcher.hold(held, presence=True)
    await other.hold(token)
    await nothing(watcher.owners)  # until the first change
    owner.ws.transport.abort()
    told = [await watcher.owners.next(5) for _ in range(2)]
    assert {one["callback"] for one in told} == {token, session}, told
    assert all(one["state"] == "away" for one in told), told
    await late.hold(token, presence=True)  # who asks while it is away is told so
    assert (await late.owners.next(5))["state"] == "away"
    lanes = [{"lane": 0, "frames": owner.frames}]
    resume = {"session": session, "secret": owner.hello["secret"], "lanes": lanes}
    again = await Counting(owner.frames).connect(resume=resume, session_expiry=30_000)
    assert again.hello["resumed"], again.hello
    for told in (await watcher.owners.next(5), await watcher.owners.next(5), await late.owners.next(5)):
        assert told["state"] == "back", told
    await watcher.hold(token)  # changes nothing
    await again.send("disconnect", reason="", keep_session=False)
    ends = [await watcher.released.next(5) for _ in range(2)]  # it ends at once, so it isn't away
    assert {one["callback"] for one in ends} == {token, session}, ends
    assert all(one["reason"] == "closed" for one in ends), ends
    for holder in (watcher, late, other):
        await nothing(holder.owners)


@scenario
async def credit():
    topic, writer, reader = unique(), await client(), await Counting().connect(receive_window=8192)
    assert reader.hello["receive_window"] == 8192, reader.hello
    await reader.send("subscribe", id=1, filter=topic)
    await reader.read(1)
    for _ in range(30):
        await writer.publish(topic, "x" * 1000)
    while len(reader.seqs()) < 30:
        try:
            await reader.read(len(reader.got) + 1, 0.3)
        except asyncio.TimeoutError:
            told = reader.bytes
            assert reader.bytes - getattr(reader, "told", 0) <= 8192, "more is out than was granted"
            reader.told = told
            await reader.send("consumed", lane=0, frames=reader.frames, bytes=told)
    assert reader.seqs() == list(range(1, 31))
    await reader.send("consumed", lane=0, frames=reader.frames, bytes=reader.bytes + 1)
    await ends(reader.ws, "invalid-field", 1002)


@scenario
async def slow_consumer():
    topic, writer, reader = unique(), await client(), await client()
    subscription = await reader.subscribe(topic, options={"bound_messages": 8})
    reader.ws.transport.pause_reading()
    for _ in range(600):
        await writer.publish(topic, "x" * 65_000)
    reader.ws.transport.resume_reading()
    seqs = []
    try:
        while True:
            seqs.append((await subscription.next(10))["seq"])
    except Disconnected as error:
        assert error.code == "slow-consumer" and error.frame["reconnect"] != "never", error.frame
    assert seqs == list(range(1, len(seqs) + 1)) and len(seqs) < 600


async def main():
    passed = failed = 0
    only = sys.argv[1:]
    for function in SCENARIOS:
        name = function.__name__.replace("_", " ")
        if only and function.__name__ not in only:
            continue
        try:
            await asyncio.wait_for(function(), 60)
            passed += 1
            print(f"ok      {name}", flush=True)
        except Exception as error:
            failed += 1
            where = traceback.extract_tb(error.__traceback__)
            line = next((entry.lineno for entry in reversed(where) if entry.filename == __file__), "?")
            print(f"FAILED  {name}: line {line}: {type(error).__name__}: {str(error)[:400]}", flush=True)
        finally:
            for one in OPEN:
                getattr(one, "ws", one).transport.abort()
            OPEN.clear()
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
