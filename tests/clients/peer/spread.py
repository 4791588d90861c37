# SPDX-License-Identifier: MIT
"""Trees, windows, history and repair: docs/PROTOCOL.md, sections 5, 8, 9.

Sets of links stand for its masks, single ids for its runs."""

import random
import time
from collections import OrderedDict, deque

from . import records as r

MAX_HOPS = 64
WINDOW = 65536
DAY_S = 86400
HISTORY_S, HISTORY_BYTES = 60, 8 << 20
ANNOUNCED_S, HOLE_S = 60, 30
IN_FLIGHT = 64
MODEL_S = 60


def now():
    return time.monotonic()


def runs(ids):
    """Sorted seqs as (first, count)."""
    found = []
    for seq in sorted(ids):
        if found and seq == found[-1][0] + found[-1][1]:
            found[-1][1] += 1
        else:
            found.append([seq, 1])
    return found


class Missing:
    def __init__(self, link, due):
        self.known, self.tried = ({link} if link else set()), set()
        self.asked, self.tries = False, 0
        self.born, self.due = now(), due
        # The link that would have brought it earliest, pushing; and when.
        self.first, self.would = None, float("inf")


class Stored:
    def __init__(self, data, known):
        self.data, self.known, self.born = data, known, now()


class Origin:
    def __init__(self, origin_id):
        self.id, self.max, self.base, self.floor = origin_id, 0, 0, 0
        self.seen, self.gone, self.missing = set(), set(), {}
        self.mute, self.pruned, self.prune_sent = set(), set(), {}
        self.parent, self.parent_seq, self.grafted = None, 0, 0.0
        self.last_new = float("-inf")
        self.faster_at, self.backoff = 0.0, 0

    def begin(self, seq, started):
        """The first id of this origin, or of its new boot."""
        boot, counter = seq >> 32, seq & 0xffffffff
        if self.base >> 32 == boot:
            return
        promised = boot > started and counter < 2048
        self.base = boot << 32 | 1 if promised else seq
        self.floor = max(self.base - 64, boot << 32 | 1)
        self.max = self.base - 1
        self.seen.clear()

    def is_new(self, seq):
        return (seq >= self.floor and seq > self.max - WINDOW
                and seq not in self.seen)


class Spread:
    def __init__(self, node):
        self.node, self.links = node, set()
        self.origins, self.history, self.bytes = {}, OrderedDict(), 0
        self.counter, self.first = 0, True
        self.count = dict.fromkeys(
            "delivered relayed duplicates late gaps gone_sent repaired spoofed "
            "unicast_lost dropped grafts prunes".split(), 0)
        self.replies, self.unicasts, self.unicast_counter = {}, {}, 0

    # ---- links ----

    def link_up(self, link):
        self.links.add(link)
        for origin in self.origins.values():
            origin.pruned.discard(link)
            if link.orphan or origin.parent is None:
                origin.mute.discard(link)
            else:
                origin.mute.add(link)
        if len(self.links) == 1:
            for missing in self.all_missing():
                missing[2].born = now()
        if not link.fresh:
            self.sync(link)

    def link_down(self, link):
        self.links.discard(link)
        for origin in self.origins.values():
            orphaned = origin.parent is link
            origin.mute.discard(link)
            origin.pruned.discard(link)
            origin.prune_sent.pop(link, None)
            if orphaned:
                origin.parent = None
            for missing in origin.missing.values():
                if missing.known == {link}:
                    missing.born = now()  # a hole from now on
                missing.known.discard(link)
                if orphaned or link in missing.tried:
                    missing.due = now()
                missing.tried.discard(link)
        for stored in self.history.values():
            stored.known.discard(link)

    def sync(self, link):
        held = {}
        for origin, seq in self.history:
            held.setdefault(origin, []).append(seq)
        newest = sorted(self.origins.values(), reverse=True,
                        key=lambda o: (o.id == self.node.id, o.last_new))
        told = []
        for origin in newest:
            found = runs(held.get(origin.id, ()))
            if found:
                told += [(origin.id, *run) for run in found]
            elif origin.max > 0:
                told.append((origin.id, origin.max + 1, 0))
        for raw in r.list_records(r.SYNC, told):
            link.queue(raw)

    # ---- origins ----

    def origin(self, origin_id, adopt=True):
        origin = self.origins.get(origin_id)
        if origin is None:
            origin = self.origins[origin_id] = Origin(origin_id)
            models = [o for o in self.origins.values()
                      if o.last_new > now() - MODEL_S
                      and (o.parent or o.id == self.node.id)]
            if models and adopt:
                model = min(models, key=lambda o: o.id)
                origin.mute = model.mute - {model.parent}
        return origin

    def highest(self, origin_id):
        origin = self.origins.get(origin_id)
        return max([origin.max, *origin.missing]) if origin else 0

    def too_far_ahead(self, seq):
        return seq >> 32 > time.time() + DAY_S

    def enter(self, origin, seq):
        """A seq is seen or announced: maybe it begins a new boot."""
        if seq >> 32 > origin.base >> 32:
            self.give_up(origin, list(origin.missing))
            origin.begin(seq, self.node.started)

    # ---- sending ----

    def publish(self, topic, payload, flags=0, dest=b""):
        self.counter += 1
        seq = self.node.boot << 32 | self.counter
        me = self.origin(self.node.id)
        self.enter(me, seq)
        me.max, me.last_new = seq, now()
        me.seen.add(seq)
        data = r.Data(flags, 0, topic, self.node.id, seq, dest, payload)
        self.relay(data, None)
        return seq

    def relay(self, data, source):
        origin = self.origins[data.origin]
        stored = self.store(data, {source} if source else set())
        body = r.data_body(data._replace(hops=data.hops + 1,
                                         flags=data.flags & ~r.REPAIR))
        for link in self.links - {source}:
            if len(data.payload) > link.max_message:
                continue
            if link not in origin.mute and not link.congested():
                link.send(r.DATA, body)
                stored.known.add(link)
                self.count["relayed"] += source is not None
            elif (data.origin, data.seq) in self.history:
                self.announce(link, data.origin, data.seq)

    def store(self, data, known):
        stored = Stored(data, known)
        self.history[data.origin, data.seq] = stored
        self.bytes += len(data.payload)
        self.expire()
        return stored

    def expire(self):
        while self.history:
            key, oldest = next(iter(self.history.items()))
            if self.bytes <= HISTORY_BYTES and \
                    oldest.born > now() - HISTORY_S:
                break
            del self.history[key]
            self.bytes -= len(oldest.data.payload)

    def announce(self, link, origin, seq):
        turn = (seq >> 4 ^ origin[0]) & 1
        first = (self.node.id < link.id) == (turn == 0)
        wait = 0.025 if first or link.congested() else 0.1
        link.lazy[origin, seq] = now() + wait

    def flush(self, link):
        """Tell a link of the ids whose time has come."""
        due = [key for key, at in link.lazy.items() if at <= now()]
        told = {}
        for key in due:
            del link.lazy[key]
            stored = self.history.get(key)
            if stored and link not in stored.known:
                age = int((now() - stored.born) * 1000)
                told.setdefault(key[0], {})[key[1]] = min(age, 255)
        entries = []
        for origin, ids in told.items():
            entries += [(origin, first, count, ids[first + count - 1])
                        for first, count in runs(ids)]
        for raw in r.list_records(r.IHAVE, entries):
            link.queue(raw)

    # ---- DATA ----

    def on_data(self, link, body):
        data = r.read_data(body)
        if len(data.payload) > self.node.max_message:
            raise r.Broken(1009, "payload too long")
        if data.hops > MAX_HOPS or not is_text_ok(data):
            self.count["dropped"] += 1
            if data.hops > MAX_HOPS and data.flags & r.REPAIR:
                self.gone(link, data.origin, data.seq)
        elif data.flags & r.REPLY:
            if data.origin == link.id:
                self.deliver(data, link)
        elif data.origin == self.node.id:
            self.on_my_own(link, data)
        elif self.too_far_ahead(data.seq) or not data.seq:
            self.count["dropped"] += 1
        elif data.flags & r.UNICAST and not data.flags & r.FLOOD:
            self.on_unicast(link, data)
        else:
            self.on_broadcast(link, data)

    def on_my_own(self, link, data):
        me = self.origin(self.node.id)
        if data.flags & (r.UNICAST | r.FLOOD) == r.UNICAST:
            self.count["unicast_lost"] += 1
            return
        if data.seq > (self.node.boot << 32 | self.counter):
            self.count["spoofed"] += 1
            return
        self.note_known(data, link)
        if not data.flags & r.REPAIR:
            self.prune(link, me)

    def on_broadcast(self, link, data):
        origin = self.origin(data.origin)
        self.enter(origin, data.seq)
        if data.seq in origin.gone:
            self.count["late"] += 1
        elif origin.is_new(data.seq):
            self.on_new(link, origin, data)
        elif data.seq in origin.seen:
            self.on_seen(link, origin, data)

    def on_new(self, link, origin, data):
        quiet = now() - origin.last_new
        origin.last_new = now()
        for seq in range(max(origin.max + 1, data.seq - WINDOW), data.seq):
            if seq not in origin.missing and seq not in origin.seen:
                origin.missing[seq] = Missing(None, now())
        origin.seen.add(data.seq)
        origin.max = max(origin.max, data.seq)
        missing = origin.missing.pop(data.seq, None)
        self.answered(link, origin, data.seq)
        if link not in origin.pruned and link in self.links and \
                origin.parent is not link:
            self.set_parent(origin, link)
        if origin.parent is link:
            origin.parent_seq = max(origin.parent_seq, data.seq)
            if missing and not missing.asked and missing.first in self.links \
                    and missing.first is not link:
                self.faster(origin, link, missing, quiet)
        self.relay(data, link)
        self.deliver(data, link)

    def on_seen(self, link, origin, data):
        self.count["duplicates"] += 1
        self.note_known(data, link)
        if link not in self.links:
            return
        if origin.parent is None and link not in origin.pruned:
            self.set_parent(origin, link)
        elif origin.parent is not link and not data.flags & r.REPAIR:
            self.prune(link, origin)
        if origin.parent is link:
            origin.parent_seq = max(origin.parent_seq, data.seq)

    def answered(self, link, origin, seq):
        for other in self.links:
            other.unanswered.discard((origin.id, seq))
        for rest in origin.missing.values():
            if link in rest.tried:
                rest.tries, rest.due = 0, now() + link.timeout()

    def note_known(self, data, link):
        stored = self.history.get((data.origin, data.seq))
        if stored:
            stored.known.add(link)

    def deliver(self, data, link):
        if not data.flags & r.FLOOD or data.dest == self.node.id:
            self.count["delivered"] += 1
            self.node.deliver(data, link)

    # ---- the tree ----

    def set_parent(self, origin, link):
        if origin.parent:
            origin.mute.add(origin.parent)
        origin.parent = link

    def prune(self, link, origin):
        sent = origin.prune_sent.get(link, float("-inf"))
        if link in origin.pruned and now() - sent < 1:
            return
        origin.pruned.add(link)
        origin.prune_sent[link] = now()
        self.count["prunes"] += 1
        link.queue(r.list_records(r.PRUNE, [(origin.id,)])[0])

    def graft(self, link, origin, ids, flags):
        if flags & r.EAGER:
            origin.pruned.discard(link)
            origin.grafted = now()
        self.count["grafts"] += 1
        link.queue(r.list_records(r.GRAFT, [
            (origin.id, first, count, flags) for first, count in runs(ids)
        ])[0])

    def faster(self, origin, link, missing, quiet):
        first, lead = missing.first, now() - missing.would
        if lead >= 0.002 and quiet >= 3 * first.timeout():
            self.set_parent(origin, first)
            origin.parent_seq = origin.max
            self.prune(link, origin)
            self.graft(first, origin, [origin.max], r.EAGER | r.NODATA)
        elif lead >= 0.01 and now() - origin.faster_at >= 1 << origin.backoff:
            origin.faster_at = now()
            origin.backoff = min(origin.backoff + 1, 6)
            self.graft(first, origin, [origin.max], r.EAGER | r.NODATA)

    def on_prune(self, link, body):
        for run in r.read_list(r.PRUNE, body):
            if run.origin in self.origins:
                self.origins[run.origin].mute.add(link)

    # ---- what is missing ----

    def on_announced(self, kind, link, body):
        for run in r.read_list(kind, body):
            last = run.first + run.count - 1
            if run.origin == self.node.id:
                self.node.own_seq_seen(last)
            elif run.count == 0:
                self.on_highest(run)
            elif not self.too_far_ahead(run.first) and run.first:
                self.on_run(link, run)
                if kind == r.IHAVE:
                    self.on_age(link, run.origin, last, run.extra)

    def on_highest(self, run):
        """They hold none; their highest is first - 1."""
        origin = self.origins.get(run.origin)
        if origin and origin.max >> 32 == (run.first - 1) >> 32:
            for seq in range(origin.max + 1, run.first):
                origin.missing.setdefault(seq, Missing(None, now()))

    def on_run(self, link, run):
        fresh = run.origin not in self.origins
        origin = self.origin(run.origin)
        self.enter(origin, run.first)
        last = run.first + run.count - 1
        for seq in range(max(run.first, last - WINDOW + 1), last + 1):
            stored = self.history.get((run.origin, seq))
            if stored:
                stored.known.add(link)
                continue
            if origin.parent:
                wait = link.timeout()
            else:
                wait = 0.075 if fresh and origin.mute else 0
            missing = origin.missing.get(seq)
            if missing and missing.known:
                missing.known.add(link)
            elif missing or origin.is_new(seq) and seq not in origin.gone:
                origin.missing[seq] = Missing(link, now() + wait)

    def on_age(self, link, origin, seq, age):
        missing = self.origin(origin).missing.get(seq)
        would = now() - age / 1000
        if missing and would < missing.would:
            missing.first, missing.would = link, would

    def all_missing(self):
        return [(origin, seq, missing) for origin in self.origins.values()
                for seq, missing in origin.missing.items()]

    def fetch_due(self):
        if not self.links:
            return
        for origin in self.origins.values():
            wanted, lost = {}, []
            for seq, missing in origin.missing.items():
                limit = ANNOUNCED_S if missing.known else HOLE_S
                if now() - missing.born > limit:
                    lost.append(seq)
                elif missing.known and missing.due <= now():
                    link = self.choose(missing)
                    if link:
                        wanted.setdefault(link, []).append((seq, missing))
            self.give_up(origin, lost)
            for link, wants in wanted.items():
                self.fetch(origin, link, wants)

    def choose(self, missing):
        if missing.known <= missing.tried:
            missing.tried = set()
            missing.tries += 1
        able = [link for link in missing.known - missing.tried
                if len(link.unanswered) < IN_FLIGHT]
        if not able:
            missing.due = now() + 0.15
        return random.choice(able) if able else None

    def fetch(self, origin, link, wants):
        wants = wants[:IN_FLIGHT]
        for seq, missing in wants:
            missing.asked = True
            missing.tried.add(link)
            missing.due = now() + min(
                5, link.timeout() * (1 << min(missing.tries, 5)))
            link.unanswered.add((origin.id, seq))
        newest = max(seq for seq, _ in wants)
        broken = (origin.parent is None or origin.parent_seq < newest) and \
            now() - origin.grafted > link.timeout()
        self.graft(link, origin, [seq for seq, _ in wants],
                   r.EAGER if broken else 0)

    def give_up(self, origin, ids):
        for first, count in runs(ids):
            self.count["gaps"] += count
            self.node.on_gap(origin.id, first, count)
        for seq in ids:
            missing = origin.missing.pop(seq)
            for link in missing.tried:
                link.unanswered.discard((origin.id, seq))
            origin.gone.add(seq)

    def on_graft(self, link, body):
        gone = []
        for run in r.read_list(r.GRAFT, body):
            if run.extra & r.EAGER and run.origin in self.origins:
                self.origins[run.origin].mute.discard(link)
            if run.extra & r.NODATA:
                continue
            missed = []
            for seq in range(run.first, run.first + run.count):
                if link.congested():
                    return
                if not self.repair(link, run.origin, seq):
                    missed.append(seq)
            gone += [(run.origin, *part, 0) for part in runs(missed)]
        for raw in r.list_records(r.GONE, gone):
            self.count["gone_sent"] += 1
            link.queue(raw)

    def repair(self, link, origin, seq):
        stored = self.history.get((origin, seq))
        if not stored or len(stored.data.payload) > link.max_message:
            return False
        link.send(r.DATA, r.data_body(stored.data._replace(
            flags=stored.data.flags | r.REPAIR, hops=stored.data.hops + 1)))
        stored.known.add(link)
        self.count["repaired"] += 1
        return True

    def on_gone(self, link, body):
        for run in r.read_list(r.GONE, body):
            for seq in range(run.first, run.first + run.count):
                self.gone(link, run.origin, seq)

    def gone(self, link, origin_id, seq):
        """That link cannot give it."""
        link.unanswered.discard((origin_id, seq))
        origin = self.origins.get(origin_id)
        missing = origin and origin.missing.get(seq)
        if missing and link in missing.known:
            missing.known.discard(link)
            missing.tried.discard(link)
            missing.due = now()
            if not missing.known:
                self.give_up(origin, [seq])

    # ---- for one node ----

    def unicast(self, dest, topic, payload, flags=0):
        link = self.way(dest)
        if link is None:
            return self.publish(topic, payload,
                                flags | r.UNICAST | r.FLOOD, dest)
        self.unicast_counter += 1
        seq = self.node.boot << 32 | self.unicast_counter
        link.send(r.DATA, r.data_body(r.Data(
            flags | r.UNICAST, 1, topic, self.node.id, seq, dest, payload)))
        return seq

    def way(self, dest):
        for link in self.links:
            if link.id == dest:
                return link
        origin = self.origins.get(dest)
        return origin and origin.parent

    def on_unicast(self, link, data):
        if data.dest == self.node.id:
            seen = self.unicasts.setdefault(data.origin, deque(maxlen=64))
            if data.seq not in seen and (not seen
                                         or data.seq > max(seen) - 64):
                seen.append(data.seq)
                self.deliver(data, link)
            return
        onward = self.way(data.dest)
        if onward is None or onward is link:
            self.count["unicast_lost"] += 1
            return
        onward.send(r.DATA, r.data_body(data._replace(hops=data.hops + 1)))

    def reply(self, link, topic, payload, flags=0):
        seq = self.replies[link] = self.replies.get(link, 0) + 1
        link.send(r.DATA, r.data_body(r.Data(
            flags | r.REPLY, 1, topic, self.node.id, seq, b"", payload)))


def is_text_ok(data):
    if data.flags & r.TEXT:
        try:
            data.payload.decode()
        except UnicodeDecodeError:
            return False
    return True
