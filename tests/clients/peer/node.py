# SPDX-License-Identifier: MIT
"""A peer of the mesh: its links, members and messages put together."""

import asyncio
import hashlib
import os
import random
import time

import websockets
from websockets.exceptions import ConnectionClosed, WebSocketException

from . import presence, records as r
from .link import SUBPROTOCOL, Client, Link, Server
from .members import NO_PEER, Members
from .origins import now
from .spread import Spread
from .twins import Twins

TICK_S = 0.01
DIAL_S = 8
MAX_WAITING = 64


class Peer:
    """Callbacks: on_message(data, link), on_gap(origin, first, count),
    on_up(link), on_down(link, reason)."""

    def __init__(self, name, peers=(), psk=b"", static=False,
                 network="grapevine", max_message=1 << 20, fresh=False,
                 ping_s=3, view=None, node_id=None, boot=None, tells=False):
        self.name, self.psk, self.max_message = name, psk, max_message
        self.id, self.id_is_kept = node_id or os.urandom(16), bool(node_id)
        self.boot = boot or int(time.time())
        self.started, self.fresh, self.ping_s = self.boot, fresh, ping_s
        self.net = hashlib.sha256(network.encode()).digest()[:8]
        self.addr, self.server = "", None
        self.links, self.settled = set(), set()
        self.dials, self.waiting = {}, []  # address: since; not up yet
        self.tasks, self.clock, self.stopped = set(), None, False
        self.spread = Spread(self)
        self.members = Members(self, static, list(peers), view)
        self.presence = presence.Presence(self, tells)
        self.twins = Twins(self)
        self.on_message = self.on_gap = self.on_up = self.on_down = \
            lambda *_: None

    # ---- life ----

    async def start(self, listen=True, clock=True):
        if listen:
            self.server = await websockets.serve(
                self.accepted, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL],
                create_protocol=Server, **self.options())
            port = self.server.sockets[0].getsockname()[1]
            self.addr = f"ws://127.0.0.1:{port}"
        if clock:
            self.clock = asyncio.ensure_future(self.run())
        return self

    async def stop(self):
        """BYE 0 and PEERS behind what is queued."""
        self.stopped = True
        if self.clock:
            self.clock.cancel()
        ends = [link.ws.wait_closed() for link in self.links]
        self.leave()
        await asyncio.gather(*ends, *self.tasks)
        if self.server:
            self.server.close()
            await self.server.wait_closed()

    def leave(self):
        for link in list(self.links):
            link.bye(r.LEAVING, "", self.members.some(link))

    def spawn(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def run(self):
        while True:
            self.members.run()
            self.presence.run()
            self.spread.history.expire()
            self.spread.free_idle()
            self.spread.fetching.run()
            for link in list(self.links):
                self.spread.flush(link)
                self.spread.pass_on(link)
                self.spread.sync_part(link)
                link.feel_pressure()
            await asyncio.sleep(TICK_S)

    def options(self):
        return {"compression": None, "ping_interval": None, "max_queue": None,
                "close_timeout": 2,
                "max_size": max(65536, self.max_message + 516)}

    def caps(self):
        return {r.CAP_MAX_MESSAGE: self.max_message.to_bytes(4, "big")}

    def is_orphan(self):
        return not self.links

    def take_new_id(self):
        """Another has mine: leave, and join anew as somebody else."""
        self.leave()
        self.spread.bury(self.id)
        self.spread.history.forget(self.id)
        self.id, self.boot = os.urandom(16), int(time.time())
        self.spread.counter, self.spread.own_ends = 0, {}
        self.members.fill_within(0)

    # ---- links come and go ----

    def dial_soon(self, addr, flags=0):
        self.dials[addr] = now()
        self.spawn(self.dial(addr, flags))

    async def dial(self, addr, flags=0):
        """Until the link is over; returns it, or None if nobody answers."""
        self.dials.setdefault(addr, now())
        try:
            ws = await asyncio.wait_for(websockets.connect(
                addr, subprotocols=[SUBPROTOCOL], create_protocol=Client,
                **self.options()), DIAL_S)
        except (OSError, WebSocketException, asyncio.TimeoutError) as failed:
            self.dials.pop(addr, None)
            answered = isinstance(failed, WebSocketException)
            self.members.ended(addr, None, NO_PEER if answered else None,
                               False)
            return None
        link = Link(self, ws, addr)
        if ws.subprotocol != SUBPROTOCOL:
            self.dials.pop(addr, None)
            self.members.ended(addr, None, NO_PEER, False)
            await ws.close()
            return link
        flags |= r.ORPHAN if self.is_orphan() else 0
        flags |= r.FRESH if self.fresh else 0
        flags |= 0 if self.addr else r.LEAF
        await self.serve(link, link.dial(flags), flags)
        return link

    async def accepted(self, ws):
        if len(self.waiting) >= MAX_WAITING:
            random.choice(self.waiting).transport.abort()
        link = Link(self, ws)
        await self.serve(link, self.counted(ws, link.accept()))

    async def counted(self, ws, handshake):
        self.waiting.append(ws)
        try:
            await handshake
        finally:
            self.waiting.remove(ws)

    async def serve(self, link, handshake, flags=0):
        """A connection from its first record to its end."""
        writer = asyncio.ensure_future(link.write())
        watcher = None
        try:
            await handshake
            self.link_up(link, flags)
            watcher = asyncio.ensure_future(link.watch())
            async for kind, body in link.inbound:
                self.on_record(link, kind, body)
        except r.Refused as refused:
            link.bye_reason = refused.reason
            if refused.mine:
                link.bye(refused.reason, "", self.members.some(link)
                         if refused.reason == r.FULL else ())
                await writer
        except r.NoPeer:
            link.ws.transport.abort()
        except r.Broken as broken:
            await link.close(broken.code)
        except (ConnectionClosed, StopAsyncIteration, asyncio.TimeoutError):
            pass
        finally:
            link.lost(writer)
            if watcher:
                watcher.cancel()
            self.dials.pop(link.dialled, None)
            self.settled.discard(link)
            self.link_down(link)
            self.members.ended(link.dialled or link.addr, link.id,
                               link.bye_reason, link.up)
            await link.close(r.close_code(link.bye_reason or 0))

    def link_up(self, link, flags=0):
        link.up = True
        self.dials.pop(link.dialled, None)
        self.links.add(link)
        self.spread.link_up(link)
        self.members.link_up(link, flags)
        self.presence.link_up()
        self.on_up(link)
        if self.stopped:
            link.bye(r.LEAVING)

    def link_down(self, link):
        """It counts no more; what was on its way still comes."""
        if link in self.links:
            self.links.discard(link)
            self.members.link_down(link)
            self.spread.link_down(link)
            self.twins.link_ended(link)
            if link.bye_came and link.bye_reason == r.LEAVING:
                self.presence.left(link.id)
            if link.bye_reason == r.SLOW:
                self.members.shut_out_slow(link)
            self.on_down(link, link.bye_reason)

    def settle(self, link):
        """Two links with one node: the loser gets BYE 3."""
        if self.members.is_shut_out(link.id):
            raise r.Refused(r.SLOW)
        for old in list(self.settled):
            if old.id != link.id or old.closing:
                continue
            if old.boot < link.boot or old.silent() > 5:
                old.ws.transport.abort()
                self.link_down(old)
                continue
            same_side = bool(old.dialled) == bool(link.dialled)
            dialler = self.id if link.dialled else link.id
            if link.boot < old.boot or not same_side and \
                    dialler != min(self.id, link.id):
                raise r.Refused(r.DUPLICATE)
            old.bye(r.DUPLICATE)
        self.settled.add(link)

    # ---- records ----

    def on_record(self, link, kind, body):
        spread, members = self.spread, self.members
        handler = {
            r.DATA: spread.on_data, r.IHAVE: spread.on_ihave,
            r.GRAFT: spread.fetching.on_graft, r.PRUNE: spread.on_prune,
            r.SYNC: spread.on_sync, r.GONE: spread.fetching.on_gone,
            r.WALK: members.on_walk, r.SHUFFLE: members.on_shuffle,
            r.PEERS: self.on_peers, r.BYE: self.on_bye,
        }.get(kind)
        if link.closing and kind != r.DATA:
            return
        if link.bye_came and kind != r.PEERS:
            return
        if handler is None and kind >= 0x80:
            raise r.Broken(4005, "unknown critical record")
        if handler is None and kind <= r.SHUFFLE:
            raise r.Broken(1002, "too late")
        if handler and link.allowance.takes(kind, body):
            handler(link, body)
        else:
            spread.count["skipped" if not handler else "over"] += 1

    def on_bye(self, link, body):
        link.bye_reason, link.bye_came = r.read_bye(body)[0], True
        self.link_down(link)
        self.spawn(link.close(r.close_code(link.bye_reason)))

    def on_peers(self, link, body):
        """Counts once behind a BYE of the reasons 0 to 2."""
        peers = r.read_peers(body)
        if link.bye_came and not link.peers_came and \
                link.bye_reason <= r.EVICTED:
            link.peers_came = True
            self.members.learn(peers, link)

    def deliver(self, data, link):
        if data.topic == presence.TOPIC:
            self.presence.on_message(data)
        else:
            self.on_message(data, link)

    def saw_my_id(self):
        self.twins.sign()

    def own_seq_seen(self, seq, link=None):
        mine = self.boot << 32 | self.spread.counter
        self.twins.own_seq_seen(seq)
        if mine >> 32 < self.boot and mine & 0xffffffff:
            self.spread.own_ends[mine >> 32] = mine
        self.spread.own_end_seen(seq, link)
