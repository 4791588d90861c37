# SPDX-License-Identifier: MIT
"""One connection: docs/PROTOCOL.md, sections 3, 4, 7 and 10."""

import asyncio
import contextlib
import hashlib
import hmac
import os
import struct
from collections import deque

from websockets.exceptions import ConnectionClosed
from websockets.legacy.client import WebSocketClientProtocol
from websockets.legacy.server import WebSocketServerProtocol

from . import records as r
from .limits import Allowance, Rate
from .origins import NEVER, now
from .spread import Waiting

SUBPROTOCOL = "grapevine.peer.1"
VERSION = 1
HELLO_S, AUTH_S = 5, 5
STALLED_S, STUFFED_S = 10, 1
HANDSHAKE_RECORD, HANDSHAKE_PEERS, HANDSHAKE_ALL = 1024, 4608, 8192
BATCH = 65536
SOFT, HARD = 1 << 20, 8 << 20


class Heard:
    """Note when the last byte came."""
    heard = 0.0

    def data_received(self, data):
        self.heard = now()
        super().data_received(data)


class Client(Heard, WebSocketClientProtocol):
    pass


class Server(Heard, WebSocketServerProtocol):
    pass


def secrets(psk, hello, welcome):
    """K and T; `hello` and `welcome` are bodies, WELCOME's without proof."""
    return (hmac.digest(psk, b"grapevine peer 1", "sha256"),
            hashlib.sha256(hello + welcome).digest() + bytes(32))


def proof(psk, side, hello, welcome):
    key, transcript = secrets(psk, hello, welcome)
    return hmac.digest(key, side + transcript, "sha256")


class Link:
    def __init__(self, node, ws, dialled=None):
        self.node, self.ws, self.dialled = node, ws, dialled
        self.id, self.boot, self.addr, self.name = None, 0, "", ""
        self.flags, self.max_message = 0, float("inf")
        self.up = self.closing = False
        self.is_shown = not node.psk  # that the other side has the key
        self.orphan = self.fresh = False
        self.control, self.bulk, self.queued = deque(), deque(), 0
        self.wake = asyncio.Event()
        self.congested, self.over_since, self.taken_at = False, None, now()
        self.rtt, self.suspected_at = 0.0, NEVER
        self.dead_s = 3 * node.ping_s
        self.early, self.late = Waiting(), Waiting()  # ids to announce
        self.fetches = set()                          # not answered yet
        self.to_pass_on, self.passed_on_at = {}, NEVER  # SYNC of others
        self.to_sync, self.synced_at = [], NEVER  # what is left to tell
        self.sync_again = False  # from the beginning, behind that
        self.announced = Rate()
        self.allowance = Allowance()
        self.bye_reason, self.bye_came = None, False
        self.peers_came = False
        self.inbound = self.read()

    # ---- out ----

    def send(self, kind, body):
        self.queue(r.record(kind, body), kind in (r.DATA, r.BYE))

    def queue(self, raw, bulk=False):
        if self.closing:
            return
        (self.bulk if bulk else self.control).append(raw)
        self.taken_at = self.taken_at if self.queued else now()
        self.queued += len(raw)
        self.wake.set()
        self.feel_pressure()

    def is_over_soft(self):
        return self.queued > SOFT

    def feel_pressure(self):
        """Looked at whenever the queue changes, and each tick."""
        if self.queued > HARD or \
                self.queued and now() - self.taken_at > STALLED_S:
            self.bye(r.SLOW)
        if not self.is_over_soft():
            self.over_since = None
        elif self.over_since is None:
            self.over_since = now()
        if self.congested:
            self.congested = self.queued >= SOFT / 2
        elif self.over_since is not None:
            self.congested = now() - self.over_since >= STUFFED_S or \
                self.queued - SOFT > max((HARD - SOFT) / 4,
                                         self.node.max_message)

    def bye(self, reason, text="", peers=()):
        """Behind all that is queued, then the close."""
        if self.closing:
            return
        raw = r.record(r.BYE, r.bye_body(reason, text))
        if peers and self.is_shown:
            raw += r.record(r.PEERS, r.peers_body(peers))
        self.bye_reason = reason
        self.bulk.append(raw)
        self.queued += len(raw)
        self.closing, self.close_code = True, r.close_code(reason)
        self.wake.set()
        self.node.link_down(self)

    async def close(self, code):
        """It may be half closed already."""
        with contextlib.suppress(ConnectionClosed, OSError, RuntimeError):
            await self.ws.close(code)

    def lost(self, writer):
        """The connection is over; nothing more is written."""
        self.closing = True
        writer.cancel()

    def batch(self):
        message = b""
        while self.control or self.bulk:
            lane = self.control or self.bulk
            if message and len(message) + len(lane[0]) > BATCH:
                break
            message += lane.popleft()
        return message

    async def write(self):
        """Runs until the connection ends."""
        try:
            while True:
                while message := self.batch():
                    await self.ws.send(message)
                    self.queued -= len(message)
                    self.taken_at = now()
                    self.feel_pressure()
                if self.closing:
                    await self.close(self.close_code)
                    break
                self.wake.clear()
                await self.wake.wait()
        except ConnectionClosed:
            pass

    async def watch(self):
        """Ping at once and what is silent, give up what stays silent."""
        ping_s = self.node.ping_s
        with contextlib.suppress(ConnectionClosed):
            await self.ping()
            while self.silent() <= self.dead_s:
                if self.silent() < ping_s:
                    await asyncio.sleep(ping_s - self.silent())
                else:
                    await self.ping()
            self.ws.transport.abort()

    async def ping(self):
        sent = now()
        pong = await self.ws.ping(struct.pack(">Q", int(sent * 1e6)))
        pong.add_done_callback(lambda f: f.cancelled() or f.exception())
        done, _ = await asyncio.wait([pong], timeout=self.node.ping_s)
        if done and not pong.exception():
            sample = now() - sent
            self.rtt = (7 * self.rtt + sample) / 8 if self.rtt else sample

    def timeout(self):
        return min(max(0.05 + 3 * self.rtt, 0.15), 1.0)

    def silent(self):
        return now() - self.ws.heard

    def is_lively(self):
        return self.silent() < self.node.ping_s + 1

    def suspect(self):
        self.suspected_at = now()

    def is_suspect(self):
        """Until the next byte from it."""
        return self.suspected_at >= self.ws.heard

    # ---- in ----

    async def read(self):
        """(type, body), one by one, until the connection ends."""
        total = 0
        async for message in self.ws:
            if isinstance(message, str):
                raise r.Broken(1003, "text")
            for kind, body in r.read_records(message, self.node.max_message):
                if not self.up:
                    total += 4 + len(body)
                    self.check_handshake(kind, len(body), total)
                yield kind, body

    def check_handshake(self, kind, size, total):
        if self.id is None and not self.dialled and kind != r.HELLO:
            raise r.NoPeer("no HELLO")
        if not r.HELLO <= kind <= r.WELCOME2:
            raise r.Broken(4005 if kind >= 0x80 else 1002, "too early")
        peers = kind in (r.PEERS, r.WELCOME2)
        if size > (HANDSHAKE_PEERS if peers else HANDSHAKE_RECORD) or \
                total > HANDSHAKE_ALL:
            raise r.Broken(1009, "too long for a handshake")

    async def expect(self, kind, seconds):
        """The next record must be of that type; a BYE ends it."""
        got, body = await asyncio.wait_for(self.inbound.__anext__(), seconds)
        while got == r.PEERS and self.dialled:
            got, body = await asyncio.wait_for(self.inbound.__anext__(),
                                               seconds)
        if got == r.BYE:
            await self.refused(*r.read_bye(body))
        if got != kind:
            raise r.Broken(1002, f"record {got} instead of {kind}")
        return body

    async def refused(self, reason, text):
        """One PEERS may follow."""
        if reason == r.SELF and not self.is_shown:
            reason = r.KEY
        self.bye_reason, self.bye_came = reason, True
        async for kind, body in self.inbound:
            if kind == r.PEERS and reason <= r.EVICTED and self.is_shown:
                self.node.members.learn(r.read_peers(body), self)
                break
        raise r.Refused(reason, text, mine=False)

    def take_caps(self, caps):
        if r.CAP_MAX_MESSAGE in caps:
            self.max_message = int.from_bytes(
                caps[r.CAP_MAX_MESSAGE], "big") or float("inf")

    # ---- the handshake ----

    async def dial(self, flags):
        """The dialling side; returns when the link may go up."""
        node, psk = self.node, self.node.psk
        hello = r.hello_body(r.Hello(
            VERSION, VERSION, flags, node.id, node.boot, node.net,
            os.urandom(16), node.addr, node.name, node.caps()))
        self.send(r.HELLO, hello)
        body = await self.expect(r.WELCOME, HELLO_S)
        welcome = r.read_welcome(body)
        self.addr = self.dialled
        self.orphan = bool(welcome.flags & r.WELCOME_ORPHAN
                           or flags & r.ORPHAN)
        self.name = welcome.caps.get(r.CAP_NAME, b"").decode(
            "utf-8", "replace")
        self.take_caps(welcome.caps)
        if welcome.version != VERSION:
            raise r.Refused(r.VERSION)
        if bool(welcome.flags & r.WITH_KEY) != bool(psk):
            raise r.Refused(r.KEY, "one of us has no key")
        if psk:
            parts = hello, r.welcome_transcript(body)
            if not hmac.compare_digest(proof(psk, b"L", *parts),
                                       welcome.proof):
                raise r.Refused(r.KEY, "wrong key")
            self.is_shown = True
        self.id, self.boot = welcome.id, welcome.boot
        if welcome.id == node.id:
            raise r.Refused(r.SELF)
        if psk:
            node.settle(self)
            self.send(r.AUTH, proof(psk, b"D", *parts))
        elif welcome.flags & r.ACCEPT:
            node.settle(self)
        last, peers = r.read_welcome2(await self.expect(r.WELCOME2, AUTH_S))
        if len(node.links) >= node.members.cap:
            raise r.Refused(r.FULL)
        node.members.learn(peers, self)
        node.own_seq_seen(last)

    async def accept(self):
        """The listening side; returns when the link may go up."""
        node, psk = self.node, self.node.psk
        hello_raw = await self.expect(r.HELLO, HELLO_S)
        hello = r.read_hello(hello_raw, VERSION)
        if hello is None:
            raise r.Refused(r.VERSION)
        self.id, self.boot, self.name = hello.id, hello.boot, hello.name
        self.flags, self.fresh = hello.flags, bool(hello.flags & r.FRESH)
        self.addr = "" if hello.flags & r.LEAF else \
            node.members.address(hello.addr, self) or ""
        self.orphan = bool(hello.flags & r.ORPHAN) or node.is_orphan()
        self.take_caps(hello.caps)
        if hello.net != node.net:
            raise r.Refused(r.NETWORK)
        welcome = r.Welcome(
            VERSION, r.WELCOME_ORPHAN if node.is_orphan() else 0, node.id,
            node.boot, os.urandom(16), self.host(), None,
            {**node.caps(), r.CAP_NAME: node.name.encode()})
        if psk:
            welcome = welcome._replace(flags=welcome.flags | r.WITH_KEY)
            parts = hello_raw, r.welcome_body(welcome)
            self.welcome(welcome, 0, proof(psk, b"L", *parts))
        elif hello.id == node.id:
            self.welcome(welcome, 0)
        if hello.id == node.id:
            raise r.Refused(r.SELF)
        if psk:
            shown = await self.expect(r.AUTH, AUTH_S)
            if not hmac.compare_digest(proof(psk, b"D", *parts), shown[:32]):
                raise r.Refused(r.KEY, "wrong key")
            self.is_shown = True
        try:
            node.settle(self)
            node.members.make_room(self)
        except r.Refused as refused:
            if not psk and refused.reason != r.SLOW:
                self.welcome(welcome, 0)
            raise
        finally:
            if hello.flags & r.ORPHAN and self.addr:
                node.members.start_walk(self)
        if not psk:
            self.welcome(welcome, r.ACCEPT)
        self.send(r.WELCOME2, r.welcome2_body(
            node.spread.highest(self.id), node.members.some(self)))

    def welcome(self, welcome, flags, shown=bytes(32)):
        self.send(r.WELCOME, r.welcome_body(welcome._replace(
            flags=welcome.flags | flags, proof=shown)))

    def host(self):
        host = self.ws.remote_address[0]
        return f"[{host}]" if ":" in host else host

    def is_loopback(self):
        return self.ws.remote_address[0] in ("127.0.0.1", "::1")
