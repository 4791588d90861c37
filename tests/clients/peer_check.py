#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""peer_check.py GRAPEVINE PLUGIN_DIR [NAME..] - a peer that was written from
docs/PROTOCOL.md alone, among real nodes.  Exit code 0: all is well."""

import asyncio
import hashlib
import os
import pathlib
import re
import tempfile
import time

import websockets
from websockets.exceptions import ConnectionClosed

from peer import harness, link as peer_link, records as r
from peer.harness import Told, linked, node, once, stop, until
from peer.link import SUBPROTOCOL

LAPS = 100


def numbers(count, name=""):
    return [f"{name}{i}" for i in range(count)]


# ---- the examples of the document ----

def examples():
    """The hex blocks of docs/PROTOCOL.md, by name."""
    page = pathlib.Path(__file__).parents[2] / "docs" / "PROTOCOL.md"
    blocks = re.findall(r"^```hex (\w+)\n(.*?)^```", page.read_text(),
                        re.MULTILINE | re.DOTALL)
    return {name: bytes.fromhex(re.sub("#.*", "", text))
            for name, text in blocks}


async def reads_and_writes_the_examples():
    given = examples()
    body = {name: next(r.read_records(given[name], 1 << 20))[1]
            for name in ("HELLO", "WELCOME", "AUTH", "DATA")}
    hello, welcome = r.read_hello(body["HELLO"]), r.read_welcome(
        body["WELCOME"])
    data = r.read_data(body["DATA"])
    assert (hello.flags, hello.addr, hello.name) == \
        (r.ORPHAN, "ws://:8080", "left")
    assert hello.net == hashlib.sha256(b"grapevine").digest()[:8]
    assert (welcome.flags, welcome.seen) == (r.WITH_KEY, "127.0.0.1")
    assert (data.topic, data.hops, data.payload) == ("a.b", 1, b"hello")
    assert r.hello_body(hello) == body["HELLO"]
    assert r.welcome_body(welcome) == body["WELCOME"]
    assert r.data_body(data) == body["DATA"]
    parts = body["HELLO"], r.welcome_transcript(body["WELCOME"])
    key, transcript = peer_link.secrets(b"0123456789abcdef", *parts)
    assert (key, transcript) == (given["K"], given["T"])
    proofs = [peer_link.proof(b"0123456789abcdef", side, *parts)
              for side in (b"L", b"D")]
    assert proofs == [welcome.proof, body["AUTH"]]


# ---- joining ----

async def dials_a_node_and_talks_both_ways():
    one = await node("one")
    peer = await linked(one)
    client = await one.client("a.b")
    for text in numbers(100):
        await client.send(text)
        peer.say("b.a", text)
    await once([peer, one], "a.b", numbers(100))
    await once([one], "b.a", numbers(100))
    assert one.has("peer_up", name="py", dir="in", addr=peer.addr)
    await stop(peer)
    await until(lambda: one.has("peer_down", why="leaving"), "no BYE 0")
    await stop(one)


async def is_dialled_by_a_node():
    peer = await Told("py").start()
    one = await node("one", "--peers", peer.addr)
    await peer.links_up(1)
    client = await one.client("a")
    await client.send("there")
    await once([peer], "a", ["there"])
    peer.say("b", "back")
    await once([one], "b", ["back"])
    await stop(one)
    await until(lambda: peer.ends == [r.LEAVING], "no BYE 0")
    await stop(peer)


async def authenticates_both_ways():
    with tempfile.NamedTemporaryFile() as key:
        key.write(b"sixteen bytes or more")
        key.flush()
        peer = await Told("py", psk=b"sixteen bytes or more").start()
        one = await node("one", "--psk-file", key.name, "--peers", peer.addr)
        await peer.links_up(1)
        other = await linked(one, psk=b"sixteen bytes or more")
        other.say("a", "with a key")
        await once([one, peer], "a", ["with a key"])
        await stop(other, peer, one)


async def refuses_and_is_refused_without_the_key():
    with tempfile.NamedTemporaryFile() as key:
        key.write(b"sixteen bytes or more")
        key.flush()
        wrong = await Told("wrong", psk=b"another key, as long").start()
        none = await Told("none").start()
        one = await node("one", "--psk-file", key.name, "--mesh", "static",
                         "--peers", f"{wrong.addr},{none.addr}")
        for peer in wrong, none:
            link = await peer.dial(one.url)
            assert link.bye_reason == r.KEY, link.bye_reason
            await until(lambda: any(e["event"] == "auth_failed" and
                                    (e["dir"], e["name"]) ==
                                    ("out", peer.name)
                                    for e in one.events),
                        f"{peer.name} was let in")
            assert not peer.links
        await stop(wrong, none, one)


async def gives_and_takes_the_reasons_of_bye():
    """Who is refused has no address and no clock: nobody dials it, it dials
    nobody again, and `one` knows nobody to exchange `first` for."""
    one = await node("one", "--view", "1..1", "--mesh", "auto")
    first = await linked(one)
    full, other, clone = [
        await Told(name, **more).start(listen=False, clock=False)
        for name, more in (("full", {}), ("other", {"network": "another"}),
                           ("clone", {}))]
    link = await full.dial(one.url)
    assert link.bye_reason == r.FULL and link.id == one.id
    assert full.members.passive.get(first.id) == first.addr, "no PEERS"
    assert (await other.dial(one.url)).bye_reason == r.NETWORK
    clone.id = one.id
    link = await clone.dial(one.url)
    assert link.bye_reason == r.SELF and link.id == one.id
    # A second link of the same side: the first one, just heard, goes.
    await (await next(iter(first.links)).ws.ping(b"heard"))
    task = asyncio.ensure_future(first.dial(one.url))
    await until(lambda: r.DUPLICATE in first.ends,
                lambda: f"no BYE 3: {first.ends} {task}")
    await first.links_up(1)
    await stop(first, full, other, clone, one)
    await task


async def keeps_one_of_two_links():
    """Both dial: the one that the smaller id dialled stays."""
    for _ in range(4):
        peer = await Told("py", static=True).start()
        one = await node("one", "--mesh", "static", "--peers", peer.addr)
        await peer.links_up(1)
        task = asyncio.ensure_future(peer.dial(one.url))
        if peer.id < one.id:
            await until(lambda: peer.ends == [r.DUPLICATE],
                        lambda: f"no BYE 3: {peer.ends} {task}")
        else:
            assert (await task).bye_reason == r.DUPLICATE
        await peer.links_up(1)
        link = next(iter(peer.links))
        assert bool(link.dialled) == (peer.id < one.id)
        peer.say("a", "over one link")
        await once([one], "a", ["over one link"])
        await stop(peer, one)
        await task


def data_record(flags=0, topic="a", seq=1 << 32, payload=b"x"):
    return r.record(r.DATA, r.data_body(r.Data(
        flags, 1, topic, bytes(16), seq, b"", payload)))


async def closes_what_breaks_the_protocol():
    one = await node("one")
    for raw, code in (
            (r.record(r.IHAVE), 1002), (r.record(r.IHAVE, bytes(28)), 1002),
            (data_record(flags=8), 1002), (data_record(r.FLOOD), 1002),
            (data_record(seq=0), 1002), (data_record(topic="a..b"), 1002),
            (data_record(topic=""), 1002), (data_record(topic="$"), 1002),
            (data_record(payload=bytes((1 << 20) + 1)), 1009),
            (r.record(r.PEERS, b"\x11" + bytes(17 * 17)), 1002),
            (r.record(r.AUTH, bytes(32)), 1002),
            (bytes([r.DATA]) + b"\xff\xff\xff", 1002),
            (r.record(r.DATA, bytes((1 << 20) + 513)), 1009),
            (r.record(r.WALK, bytes((1 << 20) + 513)), 1009),
            (r.record(0x80), 4005)):
        peer = await linked(one)
        link = next(iter(peer.links))
        link.queue(r.record(0x7f, b"skipped") + raw)
        await until(lambda: not peer.links, "still open")
        await link.ws.wait_closed()
        assert link.ws.close_code == code, (raw[:8], link.ws.close_code)
        await stop(peer)
    await stop(one)


def hello(peer, **more):
    return r.hello_body(r.Hello(
        1, 1, r.LEAF, peer.id, peer.boot, peer.net, os.urandom(16), "", "raw",
        peer.caps())._replace(**more))


async def answers_to(url, *messages, subprotocols=(SUBPROTOCOL,)):
    """All that a listener says to these, and the code it closes with."""
    async with websockets.connect(
            url, subprotocols=subprotocols, compression=None,
            open_timeout=harness.STEP_S) as ws:
        said = b""
        try:
            for message in messages:
                await ws.send(message)
            while True:
                said += await ws.recv()
        except ConnectionClosed:
            return [kind for kind, _ in r.read_records(said, 1 << 20)] \
                if said else [], ws.close_code


async def answers_the_first_record():
    one = await node("one")
    peer = Told("raw")
    good = r.record(r.HELLO, hello(peer))
    bye = r.record(r.BYE, r.bye_body(r.LEAVING, ""))
    lost, end = 1006, [r.WELCOME, r.WELCOME2]
    for messages, said, code in (
            ([r.record(r.DATA, bytes(9))], [], lost), ([b""], [], lost),
            (["text"], [], 1003), ([b"\x01"], [], 1002),
            ([r.record(0x80)], [], lost), ([bye], [], lost),
            ([r.record(r.HELLO, hello(peer)[:40])], [], 1002),
            ([r.record(r.HELLO, bytes(2000))], [], 1009),
            ([r.record(r.HELLO, b"\2\xff what a later one may say")],
             [r.BYE], 4003),
            ([r.record(r.HELLO, hello(peer, net=bytes(8)))], [r.BYE], 1008),
            ([r.record(r.HELLO, hello(peer, caps={1: b"\0\0\1"}))], [], 1002),
            ([r.record(r.HELLO, hello(peer, ver_max=9, flags=0xffff,
                                      caps={99: b"?"})) + bye], end, 1001),
            ([[good[:9], good[9:], bye]], end, 1001),
            ([good + bye + b"\xff"], end, 1001)):
        found = await answers_to(one.url + "/any/path", *messages)
        assert (found[0][:2], found[1]) == (said, code), (messages, found)
    found = await answers_to(one.url, good + bye, subprotocols=(
        "else", SUBPROTOCOL))
    assert found[1] == 1001, found
    await stop(one)


async def begins_a_later_boot_when_it_is_known():
    """The same id and boot, and no memory: WELCOME2 tells."""
    one = await node("one")
    first = await linked(one, static=True)
    for text in numbers(5):
        first.say("a", text)
    await once([one], "a", numbers(5))
    await first.crash()
    again = await linked(one, static=True, node_id=first.id, boot=first.boot)
    assert again.boot == first.boot + 1
    again.say("a", "again")
    await once([one], "a", ["again"])
    assert not one.has("gap")
    await stop(again, one)


async def bears_what_is_only_odd():
    """Skipped, dropped or ignored; the link stays."""
    one = await node("one")
    peer = await linked(one, static=True)
    link = next(iter(peer.links))
    boot, other = peer.boot << 32, bytes(15) + b"\x01"
    far = int(time.time()) + 86400 * 2 << 32
    for raw in (
            r.list_records(r.IHAVE, [(other, 0, 1, 0), (other, boot, 0, 0),
                                     (other, boot - 1, 2, 0),
                                     (other, far, 1, 0)])[0],
            r.list_records(r.SYNC, [(other, 0, 0), (other, boot - 1, 2),
                                    (other, far, 9)])[0],
            r.list_records(r.GRAFT, [(other, boot - 1, 9, 0xff)])[0],
            r.record(r.GRAFT, other + bytes(10) + b"\xff"),
            r.record(r.PEERS, r.peers_body([(other, "ws://nobody:1")])),
            r.record(r.WALK, r.walk_body(9, other, "not an address")),
            data_record(r.TEXT, payload=b"\xff"), data_record(seq=far),
            data_record(r.REPLY, seq=7), r.record(0x7f)):
        link.queue(raw)
    peer.say("b", "still here")
    await once([one], "b", ["still here"])
    assert not one.payloads("a") and not one.has("gap") and peer.links
    await stop(peer, one)


# ---- messages ----

async def bridges_two_static_nodes():
    peer = await Told("bridge").start()
    left, right = [await node(name, "--mesh", "static", "--peers", peer.addr)
                   for name in ("left", "right")]
    await peer.links_up(2)
    ends = [await left.client("to.right"), await right.client("to.left")]
    for text in numbers(300):
        for end in ends:
            await end.send(text)
        peer.say("to.both", text)
    await once([peer], "to.right", numbers(300))
    await once([peer], "to.left", numbers(300))
    for topic in "to.right", "to.left", "to.both":
        await once([left, right], topic, numbers(300))
        assert left.payloads(topic) == numbers(300), "out of order"
    count = peer.spread.count
    assert count["relayed"] + count["repaired"] >= 600, count
    assert not left.has("gap") and not right.has("gap") and not peer.gaps
    await stop(peer, left, right)


async def comes_late_and_gets_the_history():
    one = await node("one", "--mesh", "static")
    client = await one.client("a")
    for text in numbers(300):
        await client.send(text)
    await once([one], "a", numbers(300))
    peer = await linked(one)
    await once([peer], "a", numbers(300))
    assert peer.spread.count["grafts"] > 0
    await client.send("pushed")
    await once([peer], "a", ["pushed"])
    assert not peer.last.flags & r.REPAIR, "the tree did not grow"
    two = await node("two", "--mesh", "static", "--peers", peer.addr)
    await once([two], "a", numbers(300) + ["pushed"])
    assert peer.spread.count["repaired"] >= 301
    await stop(peer, one, two)


async def says_gone_and_the_node_tells_a_gap():
    one = await node("one")
    peer = Told("py", [one.url])
    for text in numbers(3):
        peer.say("a", text)
    # SYNC has been queued when on_up comes; then the history is emptied.
    peer.on_up = lambda link: peer.spread.history.clear()
    await peer.start()
    await until(lambda: one.has("gap"), "no gap")
    gap = one.has("gap")
    assert (gap["origin"], gap["first"], gap["count"]) == \
        (peer.id.hex(), peer.boot << 32 | 1, 3), gap
    assert peer.spread.count["gone_sent"] > 0
    peer.say("a", "later")
    await once([one], "a", ["later"])
    assert one.payloads("a") == ["later"]
    await stop(peer, one)


async def misses_who_lived_and_ended_behind_a_cut():
    """Only their neighbour's word is left, and each passes it on."""
    one = await node("one", "--mesh", "static")
    teller, other = [await linked(one, static=True) for _ in range(2)]
    author, last = bytes(range(16)), int(time.time()) + 60 << 32 | 3
    for link in teller.links:
        for raw in r.list_records(r.SYNC, [(author, last + 1, 0)]):
            link.queue(raw)
    await until(lambda: author in other.spread.origins, "not passed on")
    missing = other.spread.origins[author].missing
    assert sorted(missing) == [last - 2, last - 1, last], missing
    await until(lambda: one.has("gap", first=last - 2, count=3), "no gap")
    await until(lambda: (author, last - 2, 3) in other.gaps, "no gap")
    await stop(teller, other, one)


async def forwards_and_takes_messages_for_one_node():
    one = await node("one")
    left = await linked(one, static=True)
    right = await linked(one, static=True)
    left.spread.direct.send(right.id, "u", b"flooded", r.TEXT)
    await once([right], "u", ["flooded"])
    right.spread.publish("b", b"now the tree is known", r.TEXT)
    await once([left], "b", ["now the tree is known"])
    left.spread.direct.send(right.id, "u", b"along the tree", r.TEXT)
    await once([right], "u", ["flooded", "along the tree"])
    data = right.last
    assert data.flags == r.TEXT | r.UNICAST and data.hops == 2, data
    # A peer between two nodes sends one node's on to the other.
    two = await node("two", "--mesh", "static", "--peers", right.addr)
    await right.links_up(2)
    two.client_end = await two.client("c")
    await two.client_end.send("I am here")
    await once([left], "c", ["I am here"])
    left.spread.direct.send(two.id, "u", b"for two", r.TEXT)
    await once([two], "u", ["for two"])
    assert not one.payloads("u"), "not for this one"
    await stop(left, right, two, one)


# ---- a mesh ----

async def says(clients, first, last):
    for i in range(first, last):
        for name, client in clients.items():
            await client.send(f"{name}-{i}")


async def lives_in_a_mesh_whose_nodes_die():
    """Rounds of 10 messages of each; the next round begins when all have it
    everywhere.  Then the peer's parent is killed in the middle of one."""
    nodes = {}
    for i in range(6):
        peers = ",".join(n.url for n in list(nodes.values())[:2])
        nodes[f"n{i}"] = await node(
            f"n{i}", "--view", "2..4", *(("--peers", peers) if peers else ()))
    # Two, as the nodes: the only one that it knows may be the one that dies.
    peer = await Told("py", [nodes[n].url for n in ("n4", "n5")]).start()
    await until(lambda: peer.links, "no link")
    clients = {name: await n.client("m") for name, n in nodes.items()}
    killed = None
    for lap in range(LAPS):
        names = list(clients)
        for i in range(lap * 10, lap * 10 + 10):
            for name in names:
                if name in clients:
                    await clients[name].send(f"{name}-{i}")
            peer.say("m", f"py-{i}")
            if lap == LAPS // 2 and i % 10 == 5:
                killed = await kill_a_parent(peer, nodes, clients)
        of_nodes = {f"{name}-{i}" for name in clients
                    for i in range(lap * 10, lap * 10 + 10)}
        await once([peer, *nodes.values()], "m", of_nodes)
        await once(nodes.values(), "m",
                   {f"py-{i}" for i in range(lap * 10, lap * 10 + 10)})
    assert killed and peer.links
    assert not peer.gaps and peer.spread.count["late"] == 0
    await until(lambda: {told["name"] for told in peer.presence.told.values()}
                >= set(nodes), "no presence")
    await stop(peer, *nodes.values())


async def kill_a_parent(peer, nodes, clients):
    """The node that brings the peer another one's messages."""
    ids = {n.id: name for name, n in nodes.items()}
    for origin in peer.spread.origins.values():
        name = origin.parent and ids.get(origin.parent.id)
        if name and origin.id in ids and ids[origin.id] != name:
            break
    else:
        raise AssertionError("no parent that is another's")
    del clients[name]
    await nodes.pop(name).kill()
    return name


CHECKS = (
    reads_and_writes_the_examples,
    lives_in_a_mesh_whose_nodes_die,
    dials_a_node_and_talks_both_ways,
    is_dialled_by_a_node,
    authenticates_both_ways,
    refuses_and_is_refused_without_the_key,
    gives_and_takes_the_reasons_of_bye,
    keeps_one_of_two_links,
    closes_what_breaks_the_protocol,
    answers_the_first_record,
    begins_a_later_boot_when_it_is_known,
    bears_what_is_only_odd,
    bridges_two_static_nodes,
    comes_late_and_gets_the_history,
    says_gone_and_the_node_tells_a_gap,
    misses_who_lived_and_ended_behind_a_cut,
    forwards_and_takes_messages_for_one_node,
)


if __name__ == "__main__":
    asyncio.run(harness.run_all(CHECKS))
