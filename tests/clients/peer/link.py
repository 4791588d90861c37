# SPDX-License-Identifier: MIT
"""One connection: docs/PROTOCOL.md, sections 3, 4, 7 and 10."""

import asyncio
import hashlib
import hmac
import os
import struct
import time
from collections import deque

from websockets.exceptions import ConnectionClosed
from websockets.legacy.client import WebSocketClientProtocol
from websockets.legacy.server import WebSocketServerProtocol

from . import records as r

SUBPROTOCOL = "grapevine.peer.1"
VERSION = 1
HELLO_S, AUTH_S = 5, 5
PING_S = 3
HANDSHAKE_RECORD, HANDSHAKE_PEERS, HANDSHAKE_ALL = 1024, 4608, 8192
BATCH = 65536
SOFT, HARD = 1 << 20, 8 << 20


class Heard:
    """Note when the last byte came."""
    heard = 0.0

    def data_received(self, data):
        self.heard = time.monotonic()
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
        self.orphan = self.fresh = False
        self.control, self.bulk, self.queued = deque(), deque(), 0
        self.wake = asyncio.Event()
        self.rtt = 0.0
        self.lazy = {}          # (origin, seq): when it is told
        self.unanswered = set()  # (origin, seq) that were asked for
        self.bye_reason, self.bye_came = None, False
        self.inbound = self.read()

    # ---- out ----

    def send(self, kind, body):
        self.queue(r.record(kind, body), kind in (r.DATA, r.BYE))

    def queue(self, raw, bulk=False):
        if self.closing:
            return
        (self.bulk if bulk else self.control).append(raw)
        self.queued += len(raw)
        self.wake.set()
        if self.queued > HARD:
            self.bye(r.SLOW)

    def congested(self):
        return self.queued > SOFT

    def bye(self, reason, text="", peers=()):
        """Behind all that is queued, then the close."""
        if self.closing:
            return
        self.queue(r.record(r.BYE, r.bye_body(reason, text))
                   + (r.record(r.PEERS, r.peers_body(peers)) if peers else b""),
                   True)
        self.closing, self.close_code = True, r.CLOSE_CODES[reason]
        self.bye_reason = reason
        self.node.link_down(self)

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
                if self.closing:
                    await self.ws.close(self.close_code)
                    break
                self.wake.clear()
                await self.wake.wait()
        except ConnectionClosed:
            pass

    async def watch(self):
        """Ping what is silent, give up what stays silent."""
        while True:
            silent = time.monotonic() - self.ws.heard
            if silent > 3 * PING_S:
                self.ws.transport.abort()
                return
            if silent < PING_S:
                await asyncio.sleep(PING_S - silent)
                continue
            sent = time.monotonic()
            pong = await self.ws.ping(struct.pack(">Q", int(sent * 1e6)))
            done, _ = await asyncio.wait([pong], timeout=PING_S)
            if done:
                sample = time.monotonic() - sent
                self.rtt = (7 * self.rtt + sample) / 8 if self.rtt else sample

    def timeout(self):
        return min(max(0.05 + 3 * self.rtt, 0.15), 1.0)

    def silent(self):
        return time.monotonic() - self.ws.heard

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
        if not r.HELLO <= kind <= r.WELCOME2:
            raise r.Broken(1002, "too early")
        peers = kind in (r.PEERS, r.WELCOME2)
        if size > (HANDSHAKE_PEERS if peers else HANDSHAKE_RECORD) or \
                total > HANDSHAKE_ALL:
            raise r.Broken(1009, "too long for a handshake")

    async def expect(self, kind, seconds):
        """The next record must be of that type; a BYE ends it."""
        got, body = await asyncio.wait_for(self.inbound.__anext__(), seconds)
        if got == r.BYE:
            await self.refused(*r.read_bye(body))
        if got != kind:
            raise r.Broken(1002, f"record {got} instead of {kind}")
        return body

    async def refused(self, reason, text):
        """One PEERS may follow."""
        self.bye_reason, self.bye_came = reason, True
        async for kind, body in self.inbound:
            if kind == r.PEERS and reason in (r.LEAVING, r.FULL, r.EVICTED):
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
        self.id, self.boot = welcome.id, welcome.boot
        self.addr = self.dialled
        self.orphan = bool(welcome.flags & r.WELCOME_ORPHAN
                           or flags & r.ORPHAN)
        self.name = welcome.caps.get(r.CAP_NAME, b"").decode("utf-8", "replace")
        self.take_caps(welcome.caps)
        if welcome.id == node.id:
            raise r.Refused(r.SELF)
        if welcome.version != VERSION:
            raise r.Refused(r.VERSION)
        if bool(welcome.flags & r.WITH_KEY) != bool(psk):
            if not welcome.flags & (r.WITH_KEY | r.ACCEPT):
                await self.expect(r.BYE, HELLO_S)
            raise r.Refused(r.KEY, "one of us has no key")
        if psk:
            parts = hello, r.welcome_transcript(body)
            if not hmac.compare_digest(proof(psk, b"L", *parts),
                                       welcome.proof):
                raise r.Refused(r.KEY, "wrong key")
            node.settle(self)
            self.send(r.AUTH, proof(psk, b"D", *parts))
        elif welcome.flags & r.ACCEPT:
            node.settle(self)
        last, peers = r.read_welcome2(await self.expect(r.WELCOME2, AUTH_S))
        node.members.learn(peers, self)
        node.own_seq_seen(last)

    async def accept(self):
        """The listening side; returns when the link may go up."""
        node, psk = self.node, self.node.psk
        hello_raw = await self.expect(r.HELLO, HELLO_S)
        hello = r.read_hello(hello_raw)
        self.id, self.boot, self.name = hello.id, hello.boot, hello.name
        self.flags, self.fresh = hello.flags, bool(hello.flags & r.FRESH)
        self.addr = "" if hello.flags & r.LEAF else \
            node.members.address(hello.addr, self) or ""
        self.orphan = bool(hello.flags & r.ORPHAN) or node.is_orphan()
        self.take_caps(hello.caps)
        if not hello.ver_min <= VERSION <= hello.ver_max:
            raise r.Refused(r.VERSION)
        if hello.net != node.net:
            raise r.Refused(r.NETWORK)
        welcome = r.Welcome(
            VERSION, r.WELCOME_ORPHAN if node.is_orphan() else 0, node.id,
            node.boot, os.urandom(16), self.host(), None,
            {**node.caps(), r.CAP_NAME: node.name.encode()})
        if hello.id == node.id:
            self.welcome(welcome, 0)
            raise r.Refused(r.SELF)
        if psk:
            welcome = welcome._replace(flags=welcome.flags | r.WITH_KEY)
            parts = hello_raw, r.welcome_body(welcome)
            self.welcome(welcome, 0, proof(psk, b"L", *parts))
            shown = await self.expect(r.AUTH, AUTH_S)
            if not hmac.compare_digest(proof(psk, b"D", *parts), shown[:32]):
                raise r.Refused(r.KEY, "wrong key")
        try:
            node.settle(self)
            node.members.make_room(self)
        except r.Refused:
            if not psk:
                self.welcome(welcome, 0)
            raise
        finally:
            if hello.flags & r.ORPHAN and self.addr:
                node.members.start_walk(self)
        if not psk:
            self.welcome(welcome, r.ACCEPT)
        self.send(r.WELCOME2, r.welcome2_body(
            node.spread.highest(self.id), node.members.some(self, 8, 8)))

    def welcome(self, welcome, flags, shown=bytes(32)):
        self.send(r.WELCOME, r.welcome_body(welcome._replace(
            flags=welcome.flags | flags, proof=shown)))

    def host(self):
        host = self.ws.remote_address[0]
        return f"[{host}]" if ":" in host else host

    def is_loopback(self):
        return self.ws.remote_address[0] in ("127.0.0.1", "::1")
