# SPDX-License-Identifier: MIT
"""A peer of the mesh: its links, members and messages put together."""

import asyncio
import hashlib
import json
import os
import time

import websockets
from websockets.exceptions import ConnectionClosed, WebSocketException

from . import records as r
from .link import SUBPROTOCOL, Client, Link, Server
from .members import Members
from .spread import Spread

FILL_S, SHUFFLE_S, TICK_S = 1, 10, 0.01
DIAL_S = 8
MAX_DIALS = 8
PRESENCE_TOPIC, PRESENCE_MAX, PRESENCE_TEXT_MAX = "$node", 2048, 255


class Peer:
    """Callbacks: on_message(data, link), on_gap(origin, first, count),
    on_up(link), on_down(link, reason)."""

    def __init__(self, name, peers=(), psk=b"", static=False,
                 network="grapevine", max_message=1 << 20, fresh=False):
        self.name, self.psk, self.max_message = name, psk, max_message
        self.id, self.boot = os.urandom(16), int(time.time())
        self.started, self.fresh = self.boot, fresh
        self.net = hashlib.sha256(network.encode()).digest()[:8]
        self.addr, self.server = "", None
        self.links, self.settled = set(), set()
        self.dialling, self.tasks, self.clock = set(), set(), None
        self.stopped = False
        self.present = {}   # node id: what it told of itself
        self.spread = Spread(self)
        self.members = Members(self, static, list(peers))
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
        for link in list(self.links):
            link.bye(r.LEAVING, "", self.members.some(link, 8, 8))
        await asyncio.gather(*ends, *self.tasks)
        if self.server:
            self.server.close()
            await self.server.wait_closed()

    def spawn(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def run(self):
        fill, shuffle = 0.0, time.monotonic() + SHUFFLE_S
        while True:
            now = time.monotonic()
            if now >= fill:
                self.members.fill()
                self.spread.expire()
                fill = now + FILL_S
            if now >= shuffle:
                self.members.shuffle()
                shuffle = now + SHUFFLE_S
            self.spread.fetch_due()
            for link in self.links:
                self.spread.flush(link)
            await asyncio.sleep(TICK_S)

    def options(self):
        return {"compression": None, "ping_interval": None, "max_queue": None,
                "close_timeout": 2,
                "max_size": max(65536, self.max_message + 516)}

    def caps(self):
        return {r.CAP_MAX_MESSAGE: self.max_message.to_bytes(4, "big")}

    # ---- links come and go ----

    def dial_soon(self, addr):
        if len(self.dialling) < MAX_DIALS and addr not in self.dialling:
            self.dialling.add(addr)
            self.spawn(self.dial(addr))

    async def dial(self, addr, flags=0):
        """Until the link is over; returns it, or None if nobody answers."""
        self.dialling.add(addr)
        try:
            ws = await asyncio.wait_for(websockets.connect(
                addr, subprotocols=[SUBPROTOCOL], create_protocol=Client,
                **self.options()), DIAL_S)
        except (OSError, WebSocketException, asyncio.TimeoutError):
            self.dialling.discard(addr)
            return None
        link = Link(self, ws, addr)
        if ws.subprotocol != SUBPROTOCOL:
            self.dialling.discard(addr)
            await ws.close()
            return link
        flags |= r.ORPHAN if self.is_orphan() else 0
        flags |= r.FRESH if self.fresh else 0
        flags |= 0 if self.addr else r.LEAF
        await self.serve(link, link.dial(flags))
        return link

    async def accepted(self, ws):
        link = Link(self, ws)
        await self.serve(link, link.accept())

    async def serve(self, link, handshake):
        """A connection from its first record to its end."""
        writer = asyncio.ensure_future(link.write())
        watcher = None
        try:
            await handshake
            self.link_up(link)
            if self.stopped:
                link.bye(r.LEAVING)
            watcher = asyncio.ensure_future(link.watch())
            async for kind, body in link.inbound:
                self.on_record(link, kind, body)
        except r.Refused as refused:
            link.bye_reason = refused.reason
            if refused.mine:
                link.bye(refused.reason, "", self.members.some(link, 8, 8)
                         if refused.reason == r.FULL else ())
                await writer
        except r.Broken as broken:
            await link.ws.close(broken.code)
        except (ConnectionClosed, StopAsyncIteration, asyncio.TimeoutError):
            pass
        finally:
            link.lost(writer)
            if watcher:
                watcher.cancel()
            self.dialling.discard(link.dialled)
            self.settled.discard(link)
            self.link_down(link)
            self.members.ended(link)
            await link.ws.close()

    def link_up(self, link):
        link.up = True
        self.dialling.discard(link.dialled)
        self.links.add(link)
        self.members.passive.pop(link.id, None)
        self.spread.link_up(link)
        self.on_up(link)

    def link_down(self, link):
        if link in self.links:
            self.links.discard(link)
            self.spread.link_down(link)
            self.on_down(link, link.bye_reason)

    def settle(self, link):
        """Two links with one node: the loser gets BYE 3."""
        for old in list(self.settled):
            if old.id != link.id or old.closing:
                continue
            if old.boot < link.boot or old.silent() > 5:
                old.ws.transport.abort()
                continue
            same_side = bool(old.dialled) == bool(link.dialled)
            dialler = self.id if link.dialled else link.id
            if link.boot < old.boot or not same_side and \
                    dialler != min(self.id, link.id):
                raise r.Refused(r.DUPLICATE)
            old.bye(r.DUPLICATE)
        self.settled.add(link)

    def is_orphan(self):
        return not self.links

    # ---- records ----

    def on_record(self, link, kind, body):
        handler = {
            r.DATA: self.spread.on_data, r.GRAFT: self.spread.on_graft,
            r.PRUNE: self.spread.on_prune, r.GONE: self.spread.on_gone,
            r.WALK: self.members.on_walk, r.SHUFFLE: self.members.on_shuffle,
        }.get(kind)
        if link.closing and kind != r.DATA:
            return
        if link.bye_came:                   # one PEERS counts, no more
            if kind == r.PEERS and link.bye_reason <= r.EVICTED:
                self.members.learn(r.read_peers(body), link)
        elif handler:
            handler(link, body)
        elif kind in (r.IHAVE, r.SYNC):
            self.spread.on_announced(kind, link, body)
        elif kind == r.BYE:
            link.bye_reason, link.bye_came = r.read_bye(body)[0], True
            self.link_down(link)
        elif kind in (r.HELLO, r.WELCOME, r.AUTH, r.WELCOME2):
            raise r.Broken(1002, "too late")
        elif kind >= 0x80:
            raise r.Broken(4005, "unknown critical record")

    def deliver(self, data, link):
        if data.topic != PRESENCE_TOPIC:
            self.on_message(data, link)
        elif told := read_presence(data.payload):
            self.present[data.origin] = told

    def own_seq_seen(self, seq):
        """Somebody knows me with a seq above mine: begin a later boot."""
        boot = seq >> 32
        if seq > (self.boot << 32 | self.spread.counter) and \
                boot <= time.time() + 86400:
            self.boot, self.spread.counter = boot + 1, 0


def read_presence(payload):
    """The object of section 11, or None."""
    try:
        told = json.loads(payload[:PRESENCE_MAX + 1])
    except ValueError:
        return None
    if len(payload) > PRESENCE_MAX or not isinstance(told, dict):
        return None
    texts = [told.get(key, "") for key in ("name", "addr", "version")]
    if not all(isinstance(text, str) and
               len(text.encode()) <= PRESENCE_TEXT_MAX for text in texts):
        return None
    return told
