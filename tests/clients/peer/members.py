# SPDX-License-Identifier: MIT
"""Whom a peer knows, keeps and dials: docs/PROTOCOL.md, section 6."""

import random
import re

from . import records as r
from .origins import NEVER, now

VIEW, CAP, STATIC_CAP = (5, 8), 16, 64
PASSIVE, LOST, MAX_DIALS = 32, 16, 8
FILL_S, SHUFFLE_S, REWIRE_S = 1, 10, 120
SOON_S, FULL_SOON_S, ALARM_S = 0.1, 0.3, 60
HOPEFUL_S = 1
LEARNED_GAP_S, BOOTSTRAP_GAP_S = 10, 1
LEAVE_ALONE_S, SELF_S, SLOW_S, EVICTED_S = 60, 600, 60, 10
LINKED, KNOWN = 3, 4  # entries of a list of peers
WALK_TTL, WALK_LEARN, WALKS_A_SECOND = 5, 3, 10
NO_PEER = -1  # the end of a dial whose other side is no peer
ADDRESS = re.compile(
    r"(wss?)://(\[[0-9a-fA-F:]+\]|[^\s/@:\[\]]*):(\d+)(/\S*)?")


def about(seconds):
    return seconds * random.uniform(0.8, 1.2)


class Bootstrap:
    """An address of --peers: never forgotten."""

    def __init__(self):
        self.failures, self.id = 0, None


class Members:
    """`chance` is random.random, or what a check puts in its place."""

    def __init__(self, node, static, bootstrap, view):
        self.node, self.static = node, static
        self.a_min, self.a_max = view or VIEW
        self.cap = STATIC_CAP if static else CAP
        self.bootstrap = {addr: Bootstrap() for addr in bootstrap}
        self.passive, self.lost = {}, {}   # node id: address
        self.not_before, self.shut_out, self.myself = {}, {}, {}  # until
        self.evicted_at = self.isolated_at = self.lost_at = NEVER
        self.refusals = 0   # BYE 1 since the last link came UP
        self.asked = set()  # links whose SHUFFLE reply is due
        self.walks = {}     # link: times at which a WALK was sent
        self.fill_at, self.shuffle_at = now(), now() + about(SHUFFLE_S)
        self.rewire_at = now() + random.random() * self.rewire_period()
        self.chance = random.random

    # ---- the clock ----

    def run(self):
        if now() >= self.fill_at:
            self.fill_at = now() + about(FILL_S)
            self.fill()
        if now() >= self.shuffle_at and not self.static:
            self.shuffle_at = now() + about(SHUFFLE_S)
            self.shuffle()
        if now() >= self.rewire_at and not self.static:
            self.rewire_at = now() + about(self.rewire_period())
            self.rewire()

    def fill_within(self, seconds):
        self.fill_at = min(self.fill_at, now() + seconds)

    def rewire_period(self):
        return REWIRE_S * max(4, len(self.passive)) / PASSIVE

    # ---- addresses ----

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
        for node_id, told in entries:
            addr = self.address(told, link, node_id == link.id)
            if addr:
                self.learn_one(node_id, addr)

    def learn_one(self, node_id, addr):
        linked = {other.id for other in self.node.links}
        if self.static or node_id in linked or node_id == self.node.id or \
                addr in self.bootstrap or self.node.addr == addr or \
                self.myself.get(addr, NEVER) > now():
            return
        self.passive = {i: a for i, a in self.passive.items()
                        if a != addr and i != node_id}
        if len(self.passive) >= PASSIVE:
            self.passive.pop(random.choice(list(self.passive)))
        self.passive[node_id] = addr

    def lose(self, node_id, addr):
        """An address that failed; never told to others."""
        self.forget(addr)
        if len(self.lost) >= LOST:
            self.lost.pop(random.choice(list(self.lost)))
        self.lost[node_id] = addr

    def forget(self, addr):
        for table in self.passive, self.lost:
            for node_id in [i for i, a in table.items() if a == addr]:
                del table[node_id]

    def some(self, link):
        """What is told to `link`: linked ones and passive ones."""
        if self.static:
            return []
        near = [(o.id, o.addr) for o in self.node.links
                if o.addr and o.id != link.id]
        far = [entry for entry in self.passive.items() if entry[0] != link.id]
        return (random.sample(near, min(LINKED, len(near)))
                + random.sample(far, min(KNOWN, len(far))))

    # ---- who may stay ----

    def lively(self):
        """A silent link stays until it is dead; nobody counts on it."""
        return [link for link in self.node.links if link.is_lively()]

    def counted(self):
        hopeful = [at for at in self.node.dials.values()
                   if now() - at < HOPEFUL_S]
        return len(self.lively()) + len(hopeful)

    def make_room(self, link):
        links = self.node.links
        if len(links) < self.cap and \
                (self.static or len(self.lively()) < self.a_max):
            return
        if self.static or not link.flags & (r.HIGH | r.REWIRE) or \
                now() - self.evicted_at < 1:
            raise r.Refused(r.FULL)
        self.evicted_at = now()
        self.evict()
        if len(links) >= self.cap:
            raise r.Refused(r.FULL)

    def evict(self, spared=None):
        """The least useful one: silent, or in few trees."""
        others = [link for link in self.node.links if link is not spared]
        random.shuffle(others)
        link = min(others, key=lambda o: (o.is_lively(), self.trees(o)))
        link.bye(r.EVICTED, "", self.some(link))

    def trees(self, link):
        return sum(origin.parent is link
                   or origin.parent is not None and link not in origin.mute
                   for origin in self.node.spread.origins.values())

    def link_up(self, link, flags):
        """`flags` are those of my HELLO, if I dialled."""
        self.refusals = 0
        self.forget(link.addr)
        for table in self.passive, self.lost:
            table.pop(link.id, None)
        for addr, known in self.bootstrap.items():
            if addr in (link.dialled, link.addr):
                known.failures, known.id = 0, link.id
        if flags & r.REWIRE and len(self.node.links) > self.a_min:
            self.evict(link)

    # ---- looking for links ----

    def fill(self):
        links, dials = self.node.links, self.node.dials
        want = len(self.bootstrap) if self.static else self.a_min
        if not self.static:
            self.leave_isolation()
        urgent = r.HIGH if not self.lively() and self.refusals >= 2 else 0
        able = [] if self.static else list(self.passive.values())
        random.shuffle(able)
        for addr in able + list(self.bootstrap):
            if (self.static or self.counted() < want) and self.may_dial(addr):
                self.dial(addr, urgent)
        if self.static:
            return
        alarmed = now() - self.lost_at < ALARM_S and self.counted() < want
        if not dials and (not links or alarmed):
            able = [a for a in self.lost.values() if self.may_dial(a)]
            if able:
                self.dial(random.choice(able), urgent)
        if len(self.lively()) > self.a_max:
            self.evict()

    def leave_isolation(self):
        """Most of my links fell silent: look elsewhere before they die."""
        if len(self.lively()) * 4 >= len(self.node.links) or \
                now() - self.isolated_at < self.node.ping_s + 1:
            return
        able = [a for a in self.passive.values() if self.may_dial(a)]
        random.shuffle(able)
        self.isolated_at = now()
        for addr in able[:3]:
            self.dial(addr, r.HIGH)

    def may_dial(self, addr):
        linked = {link.id for link in self.node.links}
        known = self.bootstrap.get(addr)
        return (addr not in self.node.dials
                and len(self.node.dials) < MAX_DIALS
                and addr not in {link.addr for link in self.node.links}
                and self.not_before.get(addr, NEVER) <= now()
                and not (known and known.id in linked))

    def dial(self, addr, flags=0):
        gap = BOOTSTRAP_GAP_S if addr in self.bootstrap else LEARNED_GAP_S
        self.not_before[addr] = now() + gap
        self.node.dial_soon(addr, flags)

    def rewire(self):
        """Keep the graph random, and heal what was cut for long."""
        able = [addr for addr in self.bootstrap if self.may_dial(addr)]
        works = [a for a in able if not self.bootstrap[a].failures]
        failed = [a for a in able if self.bootstrap[a].failures] + \
            [a for a in self.lost.values() if self.may_dial(a)]
        passive = [a for a in self.passive.values() if self.may_dial(a)]
        if failed and (not self.passive or self.chance() < 1 / 4):
            self.dial(random.choice(failed), r.REWIRE)
        elif works and self.chance() < 1 / 16:
            self.dial(random.choice(works))
        elif passive and len(self.node.links) >= self.a_min:
            self.dial(random.choice(passive), r.REWIRE)

    # ---- how it ended ----

    def ended(self, addr, node_id, reason, was_up):
        """A link or a dial; `reason` None: lost, timeout."""
        if was_up:
            self.lost_at = now()
            self.fill_within(random.uniform(0, SOON_S))
        if not addr:
            return
        self.refusals += reason == r.FULL
        if addr in self.bootstrap:
            wait = self.bootstrap_wait(self.bootstrap[addr], node_id, reason,
                                       was_up)
            self.not_before[addr] = now() + wait
        else:
            self.learned_ended(addr, node_id, reason, was_up)

    def learned_ended(self, addr, node_id, reason, was_up):
        if reason == r.DUPLICATE:
            return
        if was_up and reason in (r.LEAVING, r.FULL, r.EVICTED):
            if node_id:
                self.learn_one(node_id, addr)
        elif reason in (None, r.LEAVING, r.EVICTED, r.SLOW):
            self.lose(node_id, addr)
        elif reason != r.FULL:  # then it stays where it is
            self.forget(addr)
        if reason == r.FULL:
            self.fill_within(about(FULL_SOON_S))
        elif reason == r.SELF:
            self.myself[addr] = now() + SELF_S
        elif reason not in (None, r.LEAVING):
            self.not_before[addr] = now() + (
                EVICTED_S if reason == r.EVICTED else LEAVE_ALONE_S)

    def bootstrap_wait(self, known, node_id, reason, was_up):
        known.id = node_id or known.id
        if reason == r.SELF:
            return SELF_S
        if reason == r.DUPLICATE:
            return 0
        if reason == r.SLOW and not was_up:
            return about(10)
        if reason == r.FULL and not self.static:
            return about(10 if self.node.links else 1)
        if reason in (None, r.LEAVING, r.EVICTED):
            known.failures = 0 if was_up else known.failures + 1
            return random.uniform(0, min(60, 2 ** known.failures))
        return random.uniform(60, 66)

    def shut_out_slow(self, link):
        self.shut_out[link.id] = now() + SLOW_S

    def is_shut_out(self, node_id):
        return self.shut_out.get(node_id, NEVER) > now()

    def link_down(self, link):
        self.asked.discard(link)
        self.walks.pop(link, None)

    # ---- WALK and SHUFFLE ----

    def start_walk(self, newcomer):
        if not self.static:
            self.pass_on(WALK_TTL, newcomer.id, newcomer.addr, newcomer)

    def on_walk(self, link, body):
        ttl, node_id, told = r.read_walk(body)
        addr = self.address(told, link, node_id == link.id)
        if self.static or not addr or node_id == self.node.id:
            return
        ttl = min(ttl, WALK_TTL)
        if ttl == WALK_LEARN:
            self.learn_one(node_id, addr)
        if ttl > 0 and self.pass_on(ttl - 1, node_id, addr, link):
            return
        links, dials = self.node.links, self.node.dials
        if any(other.id == node_id for other in links):
            return
        if len(links) + len(dials) < self.a_max and self.may_dial(addr):
            self.dial(addr)
        else:
            self.learn_one(node_id, addr)

    def pass_on(self, ttl, node_id, addr, source):
        since = now() - 1
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
        self.walks[link].append(now())
        link.send(r.WALK, r.walk_body(ttl, node_id, addr))
        return True

    def shuffle(self):
        if self.node.links:
            link = random.choice(list(self.node.links))
            self.asked.add(link)
            self.send_sample(link, 0)

    def send_sample(self, link, reply):
        me = [(self.node.id, self.node.addr)] if self.node.addr else []
        link.send(r.SHUFFLE, r.shuffle_body(reply, me + self.some(link)))

    def on_shuffle(self, link, body):
        reply, entries = r.read_shuffle(body)
        if self.static or reply and link not in self.asked:
            return
        self.learn(entries, link)
        if reply:
            self.asked.discard(link)
        else:
            self.send_sample(link, 1)
