# SPDX-License-Identifier: MIT
"""Trees and announcements: docs/PROTOCOL.md, sections 5 and 9."""

import random
import time

from . import records as r
from .direct import Direct
from .fetching import Fetching
from .history import History
from .origins import IDLE_S, NEVER, WINDOW, Origin, boot_of, now, runs

MAX_HOPS = 64
DAY_S = 86400
MODEL_S = 60
EARLY_S, EARLY_ALONE_S, ALONE_S, LATE_S = 0.025, 0.010, 0.040, 0.1
WAITING_IDS = 4096
AGE_MAX_MS, AGE_UNKNOWN, HURRY_S = 100, 255, 0.15
SYNC_PART, SYNC_EMPTY, SYNC_PART_S, SYNC_PASS_S = 4680, 1024, 1, 0.2
ANNOUNCED_A_SECOND = 2500
BYTES_A_SECOND = 12.5e6  # what payload is taken to need on its way
ORIGINS, TOMBSTONES, BURIED = 65536, 65536, 64


class Waiting:
    """Ids that a link will be told of together."""

    def __init__(self):
        self.ids, self.due, self.queued_at = {}, 0.0, NEVER

    def put(self, key, wait):
        if not self.ids:
            self.due = now() + wait
        self.ids[key] = True
        self.queued_at = now()


class Spread:
    def __init__(self, node):
        self.node, self.links = node, set()
        self.origins, self.tombstones = {}, {}  # {id: (highest, last)}
        self.buried = []  # the last ones of them
        self.history, self.counter = History(), 0
        self.own_ends = {}  # boot, smaller than mine: the highest of my ids
        self.count = dict.fromkeys(
            "delivered relayed duplicates late old gaps gone_sent repaired "
            "spoofed unicast_lost dropped grafts fetches prunes faster tries "
            "rumours suspects skipped over".split(), 0)
        self.direct, self.fetching = Direct(node, self), Fetching(self)

    # ---- links come and go ----

    def link_up(self, link):
        self.links.add(link)
        for origin in self.origins.values():
            origin.pruned.discard(link)
            if link.orphan or origin.parent is None:
                origin.mute.discard(link)
            else:
                origin.mute.add(link)
        if len(self.links) == 1:
            for origin in self.origins.values():
                for missing in origin.missing.values():
                    missing.born = now()
        if not link.fresh:
            self.sync(link)

    def link_down(self, link):
        self.links.discard(link)
        self.direct.link_down(link)
        for origin in self.origins.values():
            orphaned = origin.parent is link
            origin.mute.discard(link)
            origin.pruned.discard(link)
            origin.prune_sent.pop(link, None)
            if orphaned:
                origin.parent = None
            for missing in origin.missing.values():
                if missing.known == {link}:
                    missing.born = now()
                missing.known.discard(link)
                missing.tried.discard(link)
                if missing.fetch and missing.fetch.link is link:
                    missing.fetch, missing.due = None, now()
                elif orphaned and not missing.asked:
                    missing.due = now()
        for stored in self.history.values():
            stored.known.discard(link)

    # ---- SYNC: what I hold, or how far I heard of it ----

    def sync(self, link):
        """All, from the beginning; behind it what is left of the last."""
        held, told = self.history.held(link.max_message), []
        newest = sorted(self.origins.values(), reverse=True, key=lambda o:
                        (o.id == self.node.id, o.new_at))
        for origin in newest:
            for highest in origin.last, origin.highest():
                found = held.get((origin.id, boot_of(highest)))
                if found:
                    told += [(origin.id, *run) for run in
                             last_ids(found, WINDOW)]
                is_held = found and sum(found[-1]) > highest
                if highest and not is_held:
                    told.append((origin.id, highest + 1, 0))
        told[:0] = [(self.node.id, end + 1, 0)
                    for _, end in sorted(self.own_ends.items())]
        for origin_id in reversed(self.buried):
            for highest in reversed(self.tombstones.get(origin_id, ())):
                if highest:
                    told.append((origin_id, highest + 1, 0))
        link.to_sync, link.sync_again = told, False
        self.sync_part(link)

    def sync_part(self, link):
        """What one second has room for."""
        if now() - link.synced_at < SYNC_PART_S:
            return
        if link.sync_again and not link.to_sync:
            self.sync(link)
            return
        part, empty = 0, 0
        for _, _, count in link.to_sync[:SYNC_PART]:
            empty += count == 0
            if empty > SYNC_EMPTY:
                break
            part += 1
        if part:
            link.synced_at = now()
            for raw in r.list_records(r.SYNC, link.to_sync[:part]):
                link.queue(raw)
            del link.to_sync[:part]

    def on_sync(self, link, body):
        for run in r.read_list(r.SYNC, body):
            highest = run.first + run.count - 1
            run = run._replace(extra=AGE_UNKNOWN)
            told = run if run.count else run._replace(first=highest)
            if not self.is_sound(told, highest):
                self.count["skipped"] += 1
            elif run.origin == self.node.id:
                self.node.own_seq_seen(highest, link)
                self.on_held(link, run)
            elif run.count:
                origin = self.origin(run.origin, highest, link, of_sync=True)
                if origin:
                    last = origin.last
                    self.on_run(link, origin, run, now(), of_sync=True)
                    self.pass_on_if(origin.last != last, origin, origin.last,
                                    link)
            elif run.origin in self.origins or \
                    run.origin in self.tombstones or self.began_after(highest):
                origin = self.origin(run.origin, highest, link, of_sync=True)
                if origin:
                    self.on_highest(link, origin, highest)

    def began_after(self, seq):
        """I was there to hear it: it is missed from its first id."""
        return boot_of(seq) > self.node.started and seq & 0xffffffff

    def on_highest(self, link, origin, highest):
        """They hold none; they have heard of it up to `highest`."""
        last = origin.last
        if boot_of(highest) > origin.boot() and not highest & 0xffffffff:
            return
        is_news = highest > origin.heard_of()
        origin.enter(highest, self.node.started)
        if boot_of(highest) == origin.boot():
            origin.promise_up_to(highest)
        self.pass_on_if(is_news or origin.last != last, origin, highest,
                        link)

    def own_end_seen(self, seq, source):
        """One of mine, of a life before this or a boot that I left: nobody
        else may tell the others that it went so far."""
        boot = boot_of(seq)
        if boot < self.node.boot and seq & 0xffffffff and \
                seq > self.own_ends.get(boot, 0):
            self.own_ends[boot] = seq
            for link in self.links - {source}:
                self.tell(link, self.node.id, seq)

    def pass_on_if(self, is_news, origin, highest, source):
        """Nobody else may tell them."""
        for link in self.links - {source} if is_news else ():
            self.tell(link, origin.id, highest)

    def tell(self, link, origin_id, highest):
        key = origin_id, boot_of(highest)
        link.to_pass_on[key] = max(link.to_pass_on.get(key, 0), highest + 1)

    def pass_on(self, link):
        if link.to_pass_on and now() - link.passed_on_at >= SYNC_PASS_S:
            link.passed_on_at = now()
            for raw in r.list_records(r.SYNC, [
                    (origin, first, 0)
                    for (origin, _), first in link.to_pass_on.items()]):
                link.queue(raw)
            link.to_pass_on.clear()

    # ---- origins ----

    def is_buried(self, origin_id, seq):
        """Of who was forgotten: old by what its tombstone says."""
        highest, last = self.tombstones.get(origin_id, (0, 0))
        if last and boot_of(seq) < boot_of(highest):
            return seq <= last
        return seq <= highest

    def origin(self, origin_id, seq, link=None, of_sync=False):
        """Made if it is new; None if `seq` is old, or there is no room."""
        origin = self.origins.get(origin_id)
        if origin is None and self.is_buried(origin_id, seq):
            return None
        if origin is None:
            if len(self.origins) >= ORIGINS or \
                    link and not link.allowance.takes_origin(of_sync):
                self.count["skipped"] += 1
                return None
            origin = self.origins[origin_id] = Origin(
                origin_id, self.tell_gap,
                self.tombstones.pop(origin_id, None))
            self.adopt(origin)
        origin.active_at = now()
        return origin

    def adopt(self, origin):
        """A spanning tree serves any root."""
        models = [o for o in self.origins.values()
                  if o.new_at > now() - MODEL_S
                  and (o.parent or o.id == self.node.id)]
        if models:
            model = min(models, key=lambda o: o.id)
            origin.mute = model.mute - {model.parent}
            origin.adopted = True

    def free_idle(self):
        for origin in [o for o in self.origins.values()
                       if o.active_at < now() - IDLE_S
                       and o.id != self.node.id]:
            self.bury(origin.id)
            self.buried = [i for i in self.buried if i != origin.id]
            self.buried = (self.buried + [origin.id])[-BURIED:]

    def bury(self, origin_id):
        origin = self.origins.pop(origin_id, None)
        if origin:
            highest = origin.heard_of()
            origin.promise_up_to(highest)
            origin.give_up(list(origin.missing))
            if len(self.tombstones) >= TOMBSTONES:
                self.tombstones.pop(random.choice(list(self.tombstones)))
            if highest:
                self.tombstones[origin_id] = highest, origin.last

    def highest(self, origin_id):
        origin = self.origins.get(origin_id)
        return origin.highest() if origin else 0

    def tell_gap(self, origin_id, first, count):
        self.count["gaps"] += count
        self.node.on_gap(origin_id, first, count)

    # ---- sending ----

    def publish(self, topic, payload, flags=0, dest=b""):
        self.counter += 1
        if self.counter >> 32:
            self.own_ends[self.node.boot] = self.node.boot << 32 | 0xffffffff
            self.node.boot, self.counter = self.node.boot + 1, 1
        seq = self.node.boot << 32 | self.counter
        me = self.origin(self.node.id, seq)
        me.enter(seq, self.node.started)
        me.arrive(seq)
        me.new_at = now()
        self.relay(r.Data(flags, 0, topic, self.node.id, seq, dest, payload),
                   None)
        return seq

    def relay(self, data, source):
        origin = self.origins[data.origin]
        stored = self.history.put(data, source, {source} if source else set())
        body = r.data_body(data._replace(hops=data.hops + 1,
                                         flags=data.flags & ~r.REPAIR))
        for link in self.links - {source}:
            if len(data.payload) > link.max_message:
                self.tell(link, data.origin, data.seq)
            elif link not in origin.mute and not link.congested:
                link.send(r.DATA, body)
                stored.known.add(link)
                self.count["relayed"] += source is not None
            elif (data.origin, data.seq) in self.history:
                self.announce(link, data.origin, data.seq)
            else:
                self.tell(link, data.origin, data.seq)

    def announce(self, link, origin, seq):
        """The two ends of a link take turns to speak first."""
        turn = (seq >> 4 ^ origin[0]) & 1
        if link.congested or (self.node.id < link.id) == (turn == 0):
            alone = now() - link.early.queued_at > ALONE_S
            link.early.put((origin, seq), EARLY_ALONE_S if alone else EARLY_S)
        else:
            link.late.put((origin, seq), LATE_S)
        if len(link.early.ids) + len(link.late.ids) >= WAITING_IDS:
            link.early.due = link.late.due = 0.0

    def flush(self, link):
        for waiting in link.early, link.late:
            if waiting.ids and waiting.due <= now():
                entries = self.untold(link, waiting.ids)
                room = link.announced.room(ANNOUNCED_A_SECOND)
                if len(entries) > room:  # SYNC tells of the others
                    entries, link.sync_again = entries[:room], True
                link.announced.use(len(entries))
                waiting.ids = {}
                for raw in r.list_records(r.IHAVE, entries):
                    link.queue(raw)
                if entries and waiting is link.late and \
                        link.silent() >= LATE_S:
                    self.suspect(link)  # it was its turn

    def untold(self, link, ids):
        told = {}
        for origin, seq in ids:
            stored = self.history.get((origin, seq))
            if stored and link not in stored.known:
                told.setdefault(origin, {})[seq] = stored.age_ms()
        return [(origin, first, count, ages[first + count - 1])
                for origin, ages in told.items()
                for first, count in runs(ages)]

    def suspect(self, link):
        if not link.is_suspect():
            self.count["suspects"] += 1
            link.suspect()

    # ---- DATA ----

    def on_data(self, link, body):
        data = r.read_data(body)
        if len(data.payload) > self.node.max_message:
            raise r.Broken(1009, "payload too long")
        only_for_one = data.flags & (r.UNICAST | r.FLOOD) == r.UNICAST
        if data.hops > MAX_HOPS or not is_text_ok(data):
            self.count["dropped"] += 1
            if data.hops > MAX_HOPS and data.flags & r.REPAIR:
                self.fetching.gone(link, data.origin, data.seq)
        elif data.flags & r.REPLY:
            self.direct.on_reply(link, data)
        elif data.origin == self.node.id:
            self.on_my_own(link, data, only_for_one)
        elif self.is_too_far_ahead(data.seq):
            self.count["dropped"] += 1
        elif only_for_one:
            self.direct.on_unicast(link, data)
        else:
            self.on_broadcast(link, data)

    def on_my_own(self, link, data, only_for_one):
        if only_for_one:
            self.count["unicast_lost"] += 1
        elif not self.is_anothers(data.seq):
            self.own_end_seen(data.seq, link)
            self.note_known(data, link)
            if not data.flags & r.REPAIR:
                self.prune(link, self.origin(self.node.id, data.seq))

    def is_anothers(self, seq):
        """An id of mine that I never gave to a message."""
        if seq <= (self.node.boot << 32 | self.counter):
            return False
        self.count["spoofed"] += 1
        self.node.saw_my_id()
        return True

    def on_broadcast(self, link, data):
        origin = self.origin(data.origin, data.seq, link)
        if origin is None:
            self.count["old"] += self.is_buried(data.origin, data.seq)
            return
        is_taken = origin.enter(data.seq, self.node.started)
        if boot_of(data.seq) < origin.boot():
            if is_taken:
                missing = origin.missing.pop(data.seq)
                self.fetching.answered(link, origin, missing, data.seq)
                self.relay(data, link)
                self.deliver(data, link)
            else:
                self.count["old"] += 1
        elif data.seq in origin.gaps or data.seq in origin.seen:
            self.on_seen(link, origin, data)
        elif is_taken:
            self.on_new(link, origin, data)
        else:
            self.count["old"] += 1

    def on_new(self, link, origin, data):
        origin.quiet, origin.new_at = now() - origin.new_at, now()
        missing = origin.arrive(data.seq)
        self.fetching.answered(link, origin, missing, data.seq)
        if link in self.links:
            if link not in origin.pruned and origin.parent is not link:
                self.set_parent(origin, link)
            if origin.parent is link:
                origin.parent_seq = max(origin.parent_seq, data.seq)
                self.judge_parent(origin, data, missing)
        self.relay(data, link)
        self.deliver(data, link)

    def on_seen(self, link, origin, data):
        is_here = (data.origin, data.seq) in self.history
        self.count["duplicates" if is_here else "late"] += 1
        self.note_known(data, link)
        if link not in self.links:
            return
        if origin.parent is None and link not in origin.pruned:
            self.set_parent(origin, link)
        elif origin.parent is not link and not data.flags & r.REPAIR:
            self.prune(link, origin)
        if origin.parent is link:
            origin.parent_seq = max(origin.parent_seq, data.seq)

    def note_known(self, data, link):
        stored = self.history.get((data.origin, data.seq))
        if stored:
            stored.known.add(link)

    def deliver(self, data, link):
        if not data.flags & r.FLOOD or data.dest == self.node.id:
            self.count["delivered"] += 1
            self.node.deliver(data, link)

    # ---- the tree ----

    def set_parent(self, origin, link, late=2):
        if origin.parent:
            origin.mute.add(origin.parent)
        if origin.late > late:
            origin.backoff = min(origin.backoff + 1, 6)
            origin.change = link, now()
        origin.parent, origin.late = link, 0

    def judge_parent(self, origin, data, missing):
        """Would another link have brought it earlier?"""
        if missing is None or not missing.asked:
            origin.came = now()
            if origin.late > 2:
                origin.backoff = 0
            origin.late = 0
            if missing:
                would, link = missing.earliest(self.links - {origin.parent})
                if link:
                    self.faster(origin, link, data, would)
        elif origin.late > 3:
            origin.came = now()
        else:
            origin.came = missing.earliest(self.links)[0] + on_its_way(data)

    def faster(self, origin, link, data, would):
        lead = origin.came - would - on_its_way(data)
        old, (last, at) = origin.parent, origin.change
        waited = now() - at >= 1 << origin.backoff
        if data.seq != origin.max:
            return
        if lead >= 0.002 and origin.quiet >= 3 * link.timeout() and \
                (old is not last or waited):
            was_late = origin.late > 3
            origin.change = old, now()
            self.set_parent(origin, link, late=3)
            origin.came = would + on_its_way(data)
            self.prune(old, origin)
            self.graft(link, origin, [data.seq], r.EAGER | r.NODATA)
            origin.late = 0 if was_late else 3
            self.count["faster"] += 1
        elif lead >= 0.01 and waited:
            origin.backoff = min(origin.backoff + 1, 6) if old is last else 0
            origin.change = old, now()
            self.graft(link, origin, [data.seq], r.EAGER | r.NODATA)
            self.count["tries"] += 1

    def prune(self, link, origin):
        if link in origin.pruned and \
                now() - origin.prune_sent.get(link, NEVER) < 1:
            return
        origin.pruned.add(link)
        origin.prune_sent[link] = now()
        self.count["prunes"] += 1
        link.queue(r.list_records(r.PRUNE, [(origin.id,)])[0])

    def graft(self, link, origin, ids, flags):
        if flags & r.EAGER:
            origin.pruned.discard(link)
            origin.grafted = link, now()
        self.count["grafts"] += 1
        for raw in r.list_records(r.GRAFT, [
                (origin.id, *run, flags) for run in runs(ids)]):
            link.queue(raw)

    def on_prune(self, link, body):
        for run in r.read_list(r.PRUNE, body):
            if run.origin in self.origins:
                self.origins[run.origin].mute.add(link)

    # ---- announcements ----

    def is_too_far_ahead(self, seq):
        return boot_of(seq) > time.time() + DAY_S

    def is_sound(self, run, last):
        return run.first and r.is_of_one_boot(run) and \
            not self.is_too_far_ahead(last)

    def on_ihave(self, link, body):
        for run in r.read_list(r.IHAVE, body):
            would = now() - min(run.extra, AGE_MAX_MS) / 1000
            if not run.count or not self.is_sound(
                    run, run.first + run.count - 1):
                self.count["skipped"] += 1
            elif run.origin == self.node.id:
                last = run.first + run.count - 1
                if not self.is_anothers(last):
                    self.own_end_seen(last, link)
                self.on_held(link, run)
            else:
                origin = self.origin(
                    run.origin, run.first + run.count - 1, link)
                if origin:
                    self.on_run(link, origin, run, would)

    def on_run(self, link, origin, run, would, of_sync=False):
        self.on_held(link, run)
        last = run.first + run.count - 1
        stored = self.history.get((origin.id, last))
        if stored and not of_sync and origin.parent is not link and \
                origin.parent is stored.source is not None:
            self.faster(origin, link, stored.data, would)
        for seq in range(max(run.first, last - WINDOW + 1), last + 1):
            if (origin.id, seq) not in self.history and \
                    origin.enter(seq, self.node.started):
                missing = origin.announced(seq)
                if missing:
                    missing.shown |= of_sync
                    self.on_announced(link, origin, missing)
        missing = origin.missing.get(last)
        if missing and link in missing.known:
            missing.announced[link] = min(
                missing.announced.get(link, would), would)
            if origin.parent and not missing.asked:
                missing.due = min(missing.due, would + HURRY_S)

    def on_held(self, link, run):
        """What is in the history: the link has it, but is told of the last
        one if it would have had that earlier from here."""
        had = now() - run.extra / 1000
        is_known = run.extra == AGE_UNKNOWN or not link.rtt
        last = run.first + run.count - 1
        for seq in range(max(run.first, last - WINDOW + 1), last + 1):
            stored = self.history.get((run.origin, seq))
            if stored and (seq < last or is_known or had < stored.born
                           + link.rtt + 0.01 + on_its_way(stored.data)):
                stored.known.add(link)

    def on_announced(self, link, origin, missing):
        if not missing.known:
            missing.born, missing.tried, missing.tries = now(), set(), 0
            missing.due = self.first_due(link, origin)
        missing.known.add(link)
        missing.announced.setdefault(link, float("inf"))

    def first_due(self, link, origin):
        if origin.parent is None:
            waits = origin.adopted and origin.new_at == NEVER
            return now() + (0.075 if waits else 0)
        if origin.parent.is_suspect():
            return now()
        return now() + link.timeout()


def last_ids(found, count):
    """The runs of the highest `count` ids of `found`."""
    lowest = found[-1][0] + found[-1][1] - count
    return [(max(first, lowest), first + size - max(first, lowest))
            for first, size in found if first + size > lowest]


def on_its_way(data):
    """What pushing takes longer than announcing."""
    return len(data.payload) / BYTES_A_SECOND


def is_text_ok(data):
    if data.flags & r.TEXT:
        try:
            data.payload.decode()
        except UnicodeDecodeError:
            return False
    return True
