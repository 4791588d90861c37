# SPDX-License-Identifier: MIT
"""Whom a peer knows and dials: docs/PROTOCOL.md, section 6."""

import random
import re
import time

from . import records as r

A_MIN, A_MAX, CAP = 5, 8, 16
PASSIVE = 32
WALK_TTL, WALK_LEARN, WALKS_A_SECOND = 5, 3, 10
LEAVE_ALONE_S = {r.FULL: 0.3, r.EVICTED: 10, r.SELF: 600, r.DUPLICATE: 5,
                 r.NETWORK: 60, r.VERSION: 60, r.KEY: 60, r.SLOW: 60,
                 r.ABUSE: 60}
ADDRESS = re.compile(r"(wss?)://(\[[0-9a-fA-F:]+\]|[^\s/@:\[\]]*):(\d+)(/\S*)?")


class Members:
    def __init__(self, node, static, bootstrap):
        self.node, self.static, self.bootstrap = node, static, bootstrap
        self.passive = {}
        self.not_before = {}
        self.evicted_at = 0.0
        self.asked = set()  # links whose SHUFFLE reply is due
        self.walks = {}     # link: times at which a WALK was sent

    def address(self, addr, link, own=True):
        """What to dial, or None."""
        match = ADDRESS.fullmatch(addr)
        if not match or len(addr) > 255:
            return None
        if not match[2]:
            if not own:
                return None
            addr = f"{match[1]}://{link.host()}:{match[3]}{match[4] or ''}"
        host = ADDRESS.fullmatch(addr)[2]
        loopback = host.startswith("127.") or host in ("[::1]", "localhost")
        return None if loopback and not link.is_loopback() else addr

    def learn(self, entries, link):
        if self.static:
            return
        linked = {other.id for other in self.node.links}
        for node_id, told in entries:
            addr = self.address(told, link, node_id == link.id)
            if not addr or node_id in linked or node_id == self.node.id or \
                    addr in self.bootstrap:
                continue
            self.passive = {i: a for i, a in self.passive.items()
                            if a != addr}
            if len(self.passive) >= PASSIVE and node_id not in self.passive:
                self.passive.pop(random.choice(list(self.passive)))
            self.passive[node_id] = addr

    def some(self, link, linked, passive):
        """Entries for `link`: linked ones and passive ones."""
        near = [(o.id, o.addr) for o in self.node.links
                if o.addr and o is not link and o.id != link.id]
        far = [entry for entry in self.passive.items() if entry[0] != link.id]
        return (random.sample(near, min(linked, len(near)))
                + random.sample(far, min(passive, len(far))))

    def make_room(self, link):
        links, limit = self.node.links, 64 if self.static else A_MAX
        if len(links) < limit:
            return
        urgent = link.flags & (r.HIGH | r.REWIRE)
        if self.static or not urgent or len(links) >= CAP or \
                time.monotonic() - self.evicted_at < 1:
            raise r.Refused(r.FULL)
        self.evict(link)

    def evict(self, spared):
        others = [link for link in self.node.links if link is not spared]
        self.evicted_at = time.monotonic()
        link = random.choice(others)
        link.bye(r.EVICTED, "", self.some(link, 4, 4))

    # ---- dialling ----

    def fill(self):
        """Each second, and soon after a loss."""
        links, dials = self.node.links, self.node.dialling
        want = len(self.bootstrap) if self.static else A_MIN
        if len(links) + len(dials) >= want:
            return
        near = {link.addr for link in links} | dials
        learned = [] if self.static else list(self.passive.values())
        able = [addr for addr in learned + self.bootstrap
                if addr not in near and
                self.not_before.get(addr, 0) <= time.monotonic()]
        if able:
            self.dial(random.choice(able))

    def dial(self, addr):
        gap = 1 if addr in self.bootstrap else 10
        self.not_before[addr] = time.monotonic() + gap
        self.node.dial_soon(addr)

    def ended(self, link):
        """A link or dial is over: is its address tried again, and when?"""
        reason, addr = link.bye_reason, link.dialled or link.addr
        self.asked.discard(link)
        self.walks.pop(link, None)
        if not addr:
            return
        if reason in LEAVE_ALONE_S:
            self.not_before[addr] = time.monotonic() + LEAVE_ALONE_S[reason]
        if reason in (r.LEAVING, r.FULL, r.EVICTED):
            self.learn([(link.id, addr)], link)
        elif link.id in self.passive:
            del self.passive[link.id]

    # ---- WALK and SHUFFLE ----

    def start_walk(self, newcomer):
        self.pass_on(WALK_TTL, newcomer.id, newcomer.addr, newcomer)

    def on_walk(self, link, body):
        ttl, node_id, told = r.read_walk(body)
        addr = self.address(told, link, node_id == link.id)
        if self.static or not addr or node_id == self.node.id:
            return
        ttl = min(ttl, WALK_TTL)
        if ttl == WALK_LEARN:
            self.learn([(node_id, addr)], link)
        if ttl > 0 and self.pass_on(ttl - 1, node_id, addr, link):
            return
        links, dials = self.node.links, self.node.dialling
        if any(other.id == node_id for other in links) or addr in dials:
            return
        if len(links) + len(dials) < A_MAX:
            self.dial(addr)
        else:
            self.learn([(node_id, addr)], link)

    def pass_on(self, ttl, node_id, addr, source):
        since = time.monotonic() - 1
        able = []
        for link in self.node.links:
            sent = [at for at in self.walks.get(link, ()) if at > since]
            self.walks[link] = sent
            if link is not source and link.id != node_id and \
                    len(sent) < WALKS_A_SECOND:
                able.append(link)
        if not able:
            return False
        link = random.choice(able)
        self.walks[link].append(time.monotonic())
        link.send(r.WALK, r.walk_body(ttl, node_id, addr))
        return True

    def shuffle(self):
        """Each ten seconds."""
        if self.node.links and not self.static:
            link = random.choice(list(self.node.links))
            self.asked.add(link)
            self.send_sample(link, 0)

    def send_sample(self, link, reply):
        me = [(self.node.id, self.node.addr)] if self.node.addr else []
        link.send(r.SHUFFLE, r.shuffle_body(
            reply, me + self.some(link, 3, 4)))

    def on_shuffle(self, link, body):
        reply, entries = r.read_shuffle(body)
        if self.static or reply and link not in self.asked:
            return
        self.learn(entries, link)
        if reply:
            self.asked.discard(link)
        else:
            self.send_sample(link, 1)
