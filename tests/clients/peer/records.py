# SPDX-License-Identifier: MIT
"""The records of docs/PROTOCOL.md, section 3: values to bytes and back."""

import re
import struct
from collections import namedtuple

(HELLO, WELCOME, AUTH, BYE, PEERS, WELCOME2, WALK, SHUFFLE) = range(1, 9)
(DATA, IHAVE, GRAFT, PRUNE, SYNC, GONE) = range(0x10, 0x16)

# flags of HELLO and WELCOME, DATA, GRAFT
ORPHAN, HIGH, REWIRE, FRESH, LEAF = 1, 2, 4, 8, 16
ACCEPT, WITH_KEY, WELCOME_ORPHAN = 1, 2, 4
TEXT, REPAIR, UNICAST, REPLY, FLOOD = 1, 2, 4, 16, 32
EAGER, NODATA = 1, 2

# reasons of BYE, and the close code of each
(LEAVING, FULL, EVICTED, DUPLICATE, SELF, NETWORK, VERSION, KEY, SLOW,
 ABUSE) = range(10)
CLOSE_CODES = (1001, 1000, 1000, 4001, 4001, 1008, 4003, 1008, 4002, 1008)

Hello = namedtuple("Hello", "ver_min ver_max flags id boot net nonce addr "
                   "name caps")
Welcome = namedtuple("Welcome", "version flags id boot nonce seen proof caps")
Data = namedtuple("Data", "flags hops topic origin seq dest payload")
Run = namedtuple("Run", "origin first count extra")

CAP_MAX_MESSAGE, CAP_NAME = 1, 2
TOPIC = re.compile(rb"\$?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
MAX_PEERS = 16
MAX_LIST = 65536
RUN = {IHAVE: struct.Struct(">16sQHB"), GRAFT: struct.Struct(">16sQHB"),
       GONE: struct.Struct(">16sQHB"), SYNC: struct.Struct(">16sQI"),
       PRUNE: struct.Struct(">16s")}


class Broken(Exception):
    """The other side broke the protocol: close with `code`."""

    def __init__(self, code, why):
        super().__init__(why)
        self.code = code


class NoPeer(Exception):
    """What came first is no HELLO: not even a close."""


class Refused(Exception):
    """A handshake ends with this BYE, theirs or mine."""

    def __init__(self, reason, text="", mine=True):
        super().__init__(f"BYE {reason} {text}")
        self.reason, self.mine = reason, mine


def close_code(reason):
    return CLOSE_CODES[reason] if reason < len(CLOSE_CODES) else 1000


class Reader:
    def __init__(self, body):
        self.body, self.at = body, 0

    def take(self, size):
        if self.at + size > len(self.body):
            raise Broken(1002, "short record")
        self.at += size
        return self.body[self.at - size:self.at]

    def unpack(self, layout):
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    def str8(self):
        return self.take(self.take(1)[0]).decode("utf-8", "replace")

    def rest(self):
        return self.take(len(self.body) - self.at)

    def caps(self):
        caps = {}
        while self.at < len(self.body):
            tag, size = self.unpack(">BB")
            caps[tag] = self.take(size)
        if len(caps.get(CAP_MAX_MESSAGE, bytes(4))) != 4:
            raise Broken(1002, "length of max_message")
        return caps


def str8(text):
    raw = text.encode()
    return bytes([len(raw)]) + raw


def caps_bytes(caps):
    return b"".join(bytes([tag, len(raw)]) + raw for tag, raw in caps.items())


def record(kind, body=b""):
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def hello_body(h):
    return (struct.pack(">BBH16sI8s16s", h.ver_min, h.ver_max, h.flags, h.id,
                        h.boot, h.net, h.nonce)
            + str8(h.addr) + str8(h.name) + caps_bytes(h.caps))


def read_hello(body, version=None):
    """None: it speaks no such version, nothing else is read."""
    r = Reader(body)
    if version and len(body) > 1 and not body[0] <= version <= body[1]:
        return None
    return Hello(*r.unpack(">BBH16sI8s16s"), r.str8(), r.str8(), r.caps())


def welcome_body(w):
    """With proof None: what the transcript has of it."""
    return (struct.pack(">BH16sI16s", w.version, w.flags, w.id, w.boot,
                        w.nonce)
            + str8(w.seen) + (w.proof or b"") + caps_bytes(w.caps))


def read_welcome(body):
    r = Reader(body)
    return Welcome(*r.unpack(">BH16sI16s"), r.str8(), r.take(32), r.caps())


def welcome_transcript(body):
    """The body without its 32 bytes of proof, as it came."""
    r = Reader(body)
    r.unpack(">BH16sI16s")
    r.str8()
    return body[:r.at] + body[r.at + 32:]


def bye_body(reason, text):
    return bytes([reason]) + str8(text)


def read_bye(body):
    r = Reader(body)
    return r.take(1)[0], r.str8()


def peers_body(peers):
    return bytes([len(peers)]) + b"".join(i + str8(a) for i, a in peers)


def read_peers(body):
    r = body if isinstance(body, Reader) else Reader(body)
    count = r.take(1)[0]
    if count > MAX_PEERS:
        raise Broken(1002, "too many peers")
    return [(r.take(16), r.str8()) for _ in range(count)]


def welcome2_body(last_seq, peers):
    return struct.pack(">Q", last_seq) + peers_body(peers)


def read_welcome2(body):
    r = Reader(body)
    return r.unpack(">Q")[0], read_peers(r)


def walk_body(ttl, node_id, addr):
    return bytes([ttl]) + node_id + str8(addr)


def read_walk(body):
    r = Reader(body)
    return r.take(1)[0], r.take(16), r.str8()


def shuffle_body(reply, peers):
    return bytes([reply]) + peers_body(peers)


def read_shuffle(body):
    r = Reader(body)
    return r.take(1)[0], read_peers(r)


def data_body(d):
    return (bytes([d.flags, d.hops]) + str8(d.topic) + d.origin
            + struct.pack(">Q", d.seq) + d.dest + d.payload)


def read_data(body):
    r = Reader(body)
    flags, hops = r.unpack(">BB")
    if flags & ~(TEXT | REPAIR | UNICAST | REPLY | FLOOD) or \
            flags & FLOOD and not flags & UNICAST:
        raise Broken(1002, "flags of DATA")
    topic, origin, (seq,) = r.str8(), r.take(16), r.unpack(">Q")
    if not TOPIC.fullmatch(topic.encode()) or not seq:
        raise Broken(1002, "topic or seq of DATA")
    dest = r.take(16) if flags & UNICAST else b""
    return Data(flags, hops, topic, origin, seq, dest, r.rest())


def list_records(kind, runs):
    """As many records as it takes; of PRUNE the runs are origins only."""
    layout = RUN[kind]
    width = len(layout.unpack(bytes(layout.size)))
    bodies = [layout.pack(*run[:width]) for run in runs]
    each = MAX_LIST // layout.size
    return [record(kind, b"".join(bodies[i:i + each]))
            for i in range(0, len(bodies), each)]


def read_list(kind, body):
    layout = RUN[kind]
    if not body or len(body) % layout.size:
        raise Broken(1002, "length of a list")
    for entry in layout.iter_unpack(body):
        yield Run(*(entry + (0, 1, 0)[len(entry) - 1:]))


def ids(run):
    return range(run.first, min(run.first + run.count, 1 << 64))


def is_of_one_boot(run):
    return (run.first + max(run.count, 1) - 1) >> 32 == run.first >> 32


def read_records(message, max_message):
    """(type, body) one after the other; raises where the message breaks."""
    if not message:
        raise Broken(1002, "a message without records")
    at = 0
    while at < len(message):
        if at + 4 > len(message):
            raise Broken(1002, "short header")
        kind, size = message[at], int.from_bytes(message[at + 1:at + 4], "big")
        limit = max_message + 512
        if size > (limit if kind == DATA else max(limit, MAX_LIST)):
            raise Broken(1009, "record too long")
        if at + 4 + size > len(message):
            raise Broken(1002, "cut record")
        yield kind, message[at + 4:at + 4 + size]
        at += 4 + size
