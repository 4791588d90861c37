#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""mesh_check.py GRAPEVINE PLUGIN_DIR [NAME..] - the second peer and real nodes
in one mesh, with faults: what docs/PROTOCOL.md says of views, suspects, boots,
limits and slowness, seen from outside.  Exit code 0: all is well."""

import asyncio
import os
import signal
import tempfile
import time

from peer import harness, records as r
from peer.fetching import SUSPECT_S
from peer.harness import Told, linked, node, once, stop, until
from peer.twins import SIGNS

STUFFED_BYTES = 30_000_000  # more than the kernel takes for one connection


def numbers(first, last, name=""):
    return [f"{name}{i}" for i in range(first, last)]


def link_to(peer, node_id):
    return next((link for link in peer.links if link.id == node_id), None)


async def say(client, texts):
    for text in texts:
        await client.send(text)


class Author:
    """An origin whose records a check makes itself."""

    def __init__(self, boot=0):
        self.id = bytes([0]) + os.urandom(15)
        self.boot = boot or int(time.time()) - 1000

    def seq(self, counter, later=0):
        return self.boot + later << 32 | counter

    def data(self, counter, later=0, flags=r.TEXT):
        return r.record(r.DATA, r.data_body(r.Data(
            flags, 1, "a", self.id, self.seq(counter, later), b"",
            f"{later}-{counter}".encode())))

    def run(self, kind, counter, count, later=0):
        return r.list_records(kind, [
            (self.id, self.seq(counter, later), count, 0)])[0]


# ---- views ----

async def is_let_in_where_it_needs_it():
    """LOW is refused where the view is full, REWIRE and HIGH are not."""
    one = await node("one", "--view", "1..2")
    first, second = await linked(one), await linked(one)
    low, urgent = await Told("low").start(), await Told("urgent").start()
    assert (await low.dial(one.url)).bye_reason == r.FULL
    urgent.spawn(urgent.dial(one.url, r.REWIRE))
    await until(lambda: link_to(urgent, one.id), "not let in")
    await until(lambda: r.EVICTED in first.ends + second.ends, "no BYE 2")
    gone = first if r.EVICTED in first.ends else second
    await until(lambda: gone.members.passive or gone.links, "no PEERS")
    await one.state(lambda mesh: mesh["evicted"] >= 1, "evicted")
    assert one.mesh["byes_sent_full"] >= 1
    await stop(first, second, low, urgent, one)


async def exchanges_a_link_by_rewire():
    nodes = [await node(f"n{i}", "--mesh", "static") for i in range(3)]
    peer = await Told("py", [n.url for n in nodes[:2]], view=(2, 4)).start()
    await peer.links_up(2)
    peer.members.learn_one(nodes[2].id, nodes[2].url)
    peer.members.chance = lambda: 1.0
    peer.members.rewire()
    await until(lambda: r.EVICTED in peer.ends and len(peer.links) == 2
                and nodes[2].id in {link.id for link in peer.links},
                "no exchange")
    assert nodes[2].has("peer_up", name="py")
    await until(lambda: any(n.has("peer_down", why="evicted")
                            for n in nodes[:2]), "no BYE 2")
    await stop(peer, *nodes)


async def heals_a_cut_from_the_lost_list():
    left = await node("left")
    right = await node("right")
    peer = await linked(left, view=(1, 2))
    peer.members.lose(right.id, right.url)
    ends = [await each.client("m") for each in (left, right)]
    await say(ends[1], numbers(0, 5, "before"))
    peer.members.rewire()       # nothing is passive: one of the lost
    await once([left, peer], "m", numbers(0, 5, "before"))
    await say(ends[0], numbers(0, 5, "after"))
    await once([right], "m", numbers(0, 5, "after"))
    await stop(peer, left, right)


async def walks_and_shuffles_with_nodes():
    one = await node("one", "--view", "1..1")
    only = await linked(one, view=(3, 4))
    new = await Told("new", [one.url], view=(1, 4)).start()
    # `one` is full: its BYE 1 names `only`, and its WALK names `new`.
    await until(lambda: link_to(new, only.id), "the walk found nobody")
    two = await node("two", "--mesh", "auto", "--view", "1..4", "--peers",
                     only.addr)
    await until(lambda: link_to(only, two.id), "two is not linked")
    link = link_to(only, two.id)
    only.members.asked.add(link)
    only.members.send_sample(link, 0)
    await until(lambda: link not in only.members.asked, "no reply")
    await two.state(lambda mesh: mesh["learned"] > 0, "learned nobody")
    await stop(new, only, one, two)


# ---- a parent falls silent ----

async def does_not_wait_for_a_node_that_stopped():
    """The source has two neighbours, the peer is linked with both.  Its
    parent stops: all comes over the other one, long before it is dead."""
    sides = [await node(f"side{i}", "--mesh", "static") for i in range(2)]
    source = await node("source", "--mesh", "static", "--peers",
                        ",".join(side.url for side in sides))
    peer = await Told("py", [s.url for s in sides], static=True,
                      ping_s=harness.STEP_S).start()  # dead: never, here
    await peer.links_up(2)
    await until(lambda: all(s.has("peer_up", name="source") for s in sides),
                "not linked")
    client = await source.client("m")
    await say(client, numbers(0, 20))
    await once([peer, *sides], "m", numbers(0, 20))
    parent = peer.spread.origins[source.id].parent
    stopped = next(s for s in sides if s.id == parent.id)
    other = next(s for s in sides if s.id != parent.id)
    stopped.signal(signal.SIGSTOP)
    await until(lambda: parent.silent() > SUSPECT_S, "not silent")
    await say(client, numbers(20, 40))
    await once([peer, other], "m", numbers(20, 40))
    assert parent in peer.links, "it was waited for until it was dead"
    assert peer.spread.count["suspects"] > 0, peer.spread.count
    assert peer.spread.origins[source.id].parent.id == other.id
    peer.ping_s = 1  # as if it had been asked so often
    await until(lambda: parent not in peer.members.lively(), "counted on")
    stopped.signal(signal.SIGCONT)
    await say(client, numbers(40, 60))
    await once([peer, *sides], "m", numbers(0, 60))
    assert not peer.gaps and not any(s.has("gap") for s in sides)
    await stop(peer, source, *sides)


async def is_not_waited_for_when_it_stops():
    """The same, and the peer is the parent that stops."""
    source = await node("source", "--mesh", "static")
    peer = await linked(source, static=True)
    child = await node("child", "--mesh", "static", "--peers", peer.addr)
    await peer.links_up(2)
    client = await source.client("m")
    await say(client, numbers(0, 20))
    await once([peer, child], "m", numbers(0, 20))
    side = await node("side", "--mesh", "static", "--peers",
                      f"{source.url},{child.url}")
    await until(lambda: child.has("peer_up", name="side") and
                source.has("peer_up", name="side"), "not linked")
    peer.freeze()
    await say(client, numbers(20, 40))
    await once([side, child], "m", numbers(20, 40))
    assert not child.has("peer_down"), "it was waited for until it was dead"
    peer.thaw()
    await say(client, numbers(40, 60))
    await once([peer, side, child], "m", numbers(0, 60))
    assert not peer.gaps and not child.has("gap")
    await stop(peer, child, side, source)


# ---- boots, rumours, what SYNC tells ----

async def takes_the_end_of_the_boot_before():
    """From the peer, and the peer takes it from the node."""
    one, author = await node("one"), Author()
    left = await linked(one, static=True)
    right = await linked(one, static=True)
    link = next(iter(left.links))
    for raw in (author.data(1), author.data(2), author.data(1, later=1),
                author.data(3), author.data(2), author.data(5),
                author.data(1, later=-1), author.data(2, later=1)):
        link.queue(raw, bulk=True)
    wanted = ["0-1", "0-2", "1-1", "0-3", "0-5", "1-2"]
    await once([one, right], "a", wanted)
    # What 5 skipped is a hole of the boot before, until it comes.
    origin = right.spread.origins[author.id]
    assert set(origin.missing) == {author.seq(4)}, origin.missing
    link.queue(author.data(4), bulk=True)
    await once([one, right], "a", wanted + ["0-4"])
    assert len(one.payloads("a")) == len(wanted) + 1
    await one.state(lambda mesh: mesh["old"] >= 2, "two are old")
    assert one.mesh["missing"] == 0
    # A larger boot ends it for the peer, that keeps no ends of boots.
    link.queue(author.data(1, later=2) + author.data(6), bulk=True)
    link.queue(author.data(3, later=1), bulk=True)
    wanted += ["0-4", "2-1", "1-3"]
    await once([right], "a", wanted)
    await once([one], "a", wanted + ["0-6"])
    assert not one.has("gap")
    await stop(left, right, one)


async def restarts_with_its_id_under_load():
    """kill -9 in the middle, the same id again: what others have of its
    first life is the same everywhere, all of its second life comes."""
    with tempfile.TemporaryDirectory() as state:
        one = await node("one", "--mesh", "static")
        peer = await linked(one, static=True)
        two = await node("two", "--mesh", "static", "--peers",
                         f"{one.url},{peer.addr}")
        life = ["--mesh", "static", "--state", state, "--peers",
                f"{one.url},{peer.addr}"]
        first = await node("twice", *life)
        await peer.links_up(3)
        client = await first.client("m")
        await say(client, numbers(0, 50, "first"))
        await until(lambda: peer.payloads("m"), "nothing came")
        await first.kill()
        second = await node("twice", *life)
        assert second.id == first.id
        await until(lambda: peer.spread.links and second.id in
                    {link.id for link in peer.links}, "not linked again")
        await say(await second.client("m"), numbers(0, 50, "second"))
        await once([peer, one, two], "m", numbers(0, 50, "second"))
        everybody = [set(each.payloads("m")) for each in (peer, one, two)]
        await once([peer, one, two], "m", set.union(*everybody))
        assert not peer.gaps and not one.has("gap") and not two.has("gap")
        await stop(peer, two, second, one)


async def forgets_rumours_and_takes_what_comes_true():
    """Ids far ahead, announced by one link and GONE there: no gap."""
    one, author = await node("one"), Author()
    liar = await linked(one, static=True)
    other = await linked(one, static=True)
    link = next(iter(liar.links))
    link.queue(author.data(1), bulk=True)
    await once([one, other], "a", ["0-1"])
    for counter in range(1000, 1100, 2):
        link.queue(author.run(r.IHAVE, counter, 1))
    await one.state(lambda mesh: mesh["rumours"] >= 50
                            and mesh["missing"] == 0, "not forgotten")
    assert not one.has("gap"), one.has("gap")
    link.queue(author.data(2), bulk=True)
    await once([one, other], "a", ["0-1", "0-2"])
    # Near ahead it is a promise, and told as a gap at once.
    link.queue(author.run(r.IHAVE, 3, 2))
    await until(lambda: one.has("gap", count=2), "no gap")
    link.queue(author.data(3), bulk=True)
    await one.state(lambda mesh: mesh["late"] == 1, "not late")
    await stop(liar, other, one)


async def passes_on_how_far_others_heard():
    one, author = await node("one"), Author()
    teller = await linked(one, static=True)
    other = await linked(one, static=True)
    link = next(iter(teller.links))
    link.queue(author.data(1), bulk=True)
    await once([one, other], "a", ["0-1"])
    link.queue(author.run(r.SYNC, 6, 0))    # its highest is 5
    origin = other.spread.origins[author.id]
    await until(lambda: set(origin.missing) ==
                {author.seq(c) for c in range(2, 6)}, "not passed on")
    late = await linked(one, static=True)
    await once([late], "a", ["0-1"])
    for counter in range(2, 6):
        link.queue(author.data(counter), bulk=True)
    await once([one, other, late], "a", [f"0-{c}" for c in range(1, 6)])
    # And of a boot that nobody else heard of.
    link.queue(author.run(r.SYNC, 4, 0, later=1))
    await until(lambda: set(origin.missing) ==
                {author.seq(c, later=1) for c in range(1, 4)}, "a silent loss")
    link.queue(author.data(4, later=1), bulk=True)
    await once([one, other, late], "a", ["1-4"])
    await one.state(lambda mesh: mesh["missing"] == 1, "no holes")
    await stop(teller, other, late, one)


async def tells_of_whom_it_forgot():
    """Of the boot before, too; and it hears what it had not heard."""
    one, two, author = await node("one"), await node("two"), Author()
    early = await linked(one, static=True)
    teller, peer = await linked(two, static=True), \
        await linked(two, static=True)
    source = next(iter(early.links))
    source.queue(author.data(1), bulk=True)
    await once([one], "a", ["0-1"])
    for raw in (author.data(1), author.data(2), author.data(1, later=1)):
        next(iter(teller.links)).queue(raw, bulk=True)
    await once([peer], "a", ["0-1", "0-2", "1-1"])
    await stop(teller, two)
    await until(lambda: not peer.links, "still a link")
    peer.spread.history.forget(author.id)
    peer.spread.origins[author.id].active_at = float("-inf")
    peer.spread.free_idle()
    assert author.id not in peer.spread.origins
    peer.dial_soon(one.url)
    await one.state(lambda mesh: mesh["missing"] == 2, "it tells nothing")
    assert author.id not in peer.spread.origins, "old is news"
    for raw in (author.data(2), author.data(1, later=1)):
        source.queue(raw, bulk=True)
    await once([one], "a", ["0-1", "0-2", "1-1"])
    source.queue(author.run(r.SYNC, 3, 0, later=1))
    await until(lambda: author.id in peer.spread.origins and
                set(peer.spread.origins[author.id].missing) ==
                {author.seq(2, later=1)}, "it hears nothing")
    await stop(peer, early, one)


async def speak_as(twin, link, later, signs):
    """Until `signs()` tells of all.  One by one: announcements are merged."""
    for counter in range(SIGNS):
        link.queue(twin.data(counter + 1, later), bulk=True)
        await until(lambda: signs() > counter, "it kept its id")


async def takes_a_new_id_when_another_has_it():
    """Both ways: a node, and the peer.  The node has published before, so that
    its neighbour only announces to it what another says."""
    one = await node("one", "--mesh", "static")
    two = await node("two", "--mesh", "static", "--peers", one.url)
    peer = await linked(two, static=True)
    client = await one.client("m")
    await say(client, ["before"])
    await once([peer, two], "m", ["before"])
    old = one.id
    twin = Author(int(time.time()) + 50)
    twin.id = old
    await speak_as(twin, next(iter(peer.links)), 0, lambda: sum(
        line["event"] == "spoofed" for line in one.events))
    await until(lambda: one.has("id_changed"), "it kept its id")
    assert one.has("id_changed")["old"] == old.hex()
    await say(client, numbers(0, 10))
    await once([two, peer], "m", numbers(0, 10))
    twin.id, old = peer.id, peer.id
    other = await linked(one, static=True)
    await speak_as(twin, next(iter(other.links)), 1,
                   lambda: peer.spread.count["spoofed"])
    await until(lambda: peer.id != old and peer.links, "it kept its id")
    for text in numbers(10, 20):
        peer.say("m", text)
    await once([one, two, other], "m", numbers(0, 20))
    await stop(peer, other, two, one)


# ---- limits ----

async def ends_who_asks_too_much():
    one, author = await node("one"), Author()
    for raw, count in ((r.record(r.WALK, r.walk_body(0, author.id, "")), 10),
                       (r.record(r.SHUFFLE, r.shuffle_body(0, [])), 2)):
        peer = await linked(one, static=True)
        link = next(iter(peer.links))
        # Twice: a second may end in between.
        for _ in range(2 * 10 * count + 1):
            link.queue(raw)
        await until(lambda: peer.ends == [r.ABUSE], "no BYE 9")
        await stop(peer)
    for kind, count in (r.GRAFT, 1000), (r.IHAVE, 5000):
        peer = await linked(one, static=True)
        link = next(iter(peer.links))
        for raw in 2 * r.list_records(kind, [
                (author.id, author.seq(1 + 2 * i), 1, 0)
                for i in range(10 * count + 1)]):
            link.queue(raw)
        await until(lambda: peer.ends == [r.ABUSE], "no BYE 9")
        await stop(peer)
    await stop(one)


async def ends_who_takes_nothing():
    """A peer that pings but does not read is congested: announcements take
    the place of messages.  After 10 s BYE 8, and 60 s without it."""
    one = await node("one")
    peer = await linked(one, static=True, ping_s=5)
    other = await linked(one, static=True)
    client, frozen = await one.client("m"), peer.id
    peer.freeze()
    for lap in range(STUFFED_BYTES // 50000 // 50):
        texts = [f"{lap}-{i}" + "x" * 50000 for i in range(50)]
        await say(client, texts)
        await once([other], "m", texts)
    await one.state(lambda mesh: mesh["congested"] > 0, "not congested")
    await until(lambda: one.has("peer_down", why="too slow"), "still linked")
    peer.thaw()
    await until(lambda: not peer.links, "still linked")
    again = await Told("again", node_id=frozen).start()
    link = await again.dial(one.url)
    assert link.bye_reason == r.SLOW and link.id is None, link.bye_reason
    await stop(peer, other, again, one)


async def neither_sends_nor_announces_what_is_too_large():
    one = await node("one")
    small = await linked(one, static=True, max_message=100)
    other = await linked(one, static=True)
    client = await one.client("m")
    await say(client, ["x" * 101, "little"])
    other.say("m", "y" * 101)
    other.say("m", "small")
    await once([small], "m", ["little", "small"])
    await once([other, one], "m", ["x" * 101, "little"])
    late = await linked(one, static=True, max_message=100)
    await once([late], "m", ["little", "small"])
    for peer in small, late:
        assert not any(m.known for origin in peer.spread.origins.values()
                       for m in origin.missing.values()), "it was announced"
    await stop(small, other, late, one)


# ---- all of it ----

async def lives_among_peers_and_nodes_with_faults():
    """Four nodes and four peers that find each other.  One of each is killed,
    one of each stops for a while; who lives gets all of the living."""
    nodes, peers = [], []
    for i in range(4):
        known = ",".join([n.url for n in nodes[:1]] + [p.addr for p in peers])
        nodes.append(await node(
            f"n{i}", "--view", "2..4", "--ping", "1",
            *(("--peers", known) if known else ())))
        peers.append(await Told(f"p{i}", [nodes[0].url, nodes[i].url],
                                view=(2, 4), ping_s=1, tells=True).start())
    await until(lambda: all(peer.links for peer in peers), "not joined")
    clients = [await n.client("m") for n in nodes]
    everybody, sent = [*nodes, *peers], []

    async def round_of(first, nodes_of_it, peers_of_it):
        for i in range(first, first + 20):
            for n in nodes_of_it:
                sent.append(f"n{n}-{i}")
                await clients[n].send(sent[-1])
            for p in peers_of_it:
                sent.append(f"p{p}-{i}")
                peers[p].say("m", sent[-1])
                peers[p].inbox.put("m", sent[-1])
    await round_of(0, range(4), range(4))
    await once(everybody, "m", sent)
    nodes[1].signal(signal.SIGSTOP)
    peers[1].freeze()
    await nodes[3].kill()
    await peers[3].crash()
    await round_of(40, (0, 2), (0, 2))
    await once([nodes[0], nodes[2], peers[0], peers[2]], "m", sent)
    await until(lambda: not any(
        link.id == nodes[1].id for peer in (peers[0], peers[2])
        for link in peer.members.lively()), "it is counted on")
    nodes[1].signal(signal.SIGCONT)
    peers[1].thaw()
    await round_of(60, (0, 1, 2), (0, 1, 2))
    living = [*nodes[:3], *peers[:3]]
    await once(living, "m", sent)
    assert not any(peer.gaps for peer in peers[:3])
    assert not any(n.has("gap") for n in nodes[:3])
    await stop(*living)


async def is_on_the_list_of_members():
    one = await node("one")
    peer = await linked(one, tells=True)
    await one.state(lambda mesh: mesh["members"] == 1, "not on the list")
    await until(lambda: one.id in peer.presence.told, "told nothing")
    await stop(peer)
    await one.state(lambda mesh: mesh["members"] == 0, "still on the list")
    await stop(one)


CHECKS = (
    is_let_in_where_it_needs_it,
    exchanges_a_link_by_rewire,
    heals_a_cut_from_the_lost_list,
    walks_and_shuffles_with_nodes,
    does_not_wait_for_a_node_that_stopped,
    is_not_waited_for_when_it_stops,
    takes_the_end_of_the_boot_before,
    restarts_with_its_id_under_load,
    forgets_rumours_and_takes_what_comes_true,
    passes_on_how_far_others_heard,
    tells_of_whom_it_forgot,
    takes_a_new_id_when_another_has_it,
    ends_who_asks_too_much,
    ends_who_takes_nothing,
    neither_sends_nor_announces_what_is_too_large,
    lives_among_peers_and_nodes_with_faults,
    is_on_the_list_of_members,
)

if __name__ == "__main__":
    asyncio.run(harness.run_all(CHECKS))
