# SPDX-License-Identifier: MIT
"""Asking for what is missing, and answering: docs/PROTOCOL.md, section 9."""

import random

from . import records as r
from .origins import now, runs

ANNOUNCED_S, HOLE_S = 60, 30
IN_FLIGHT, RUN_IDS = 64, 1024
MISSING_RUNS, OLDEST_RUNS = 4096, 512
SUSPECT_S, NO_ROOM_S = 0.15, 0.15


class Fetch:
    """A run that a link was asked for, until it has answered all of it."""

    def __init__(self, link, ids):
        self.link, self.ids = link, set(ids)
        link.fetches.add(self)

    def drop(self, seq):
        self.ids.discard(seq)
        if not self.ids:
            self.link.fetches.discard(self)


class Fetching:
    def __init__(self, spread):
        self.spread = spread

    def run(self):
        if not self.spread.links:
            return
        for origin in list(self.spread.origins.values()):
            over, wanted = [], []
            for seq in sorted(origin.missing):
                missing = origin.missing[seq]
                limit = ANNOUNCED_S if missing.known else HOLE_S
                if now() - missing.born > limit:
                    over.append(seq)
                elif missing.known and missing.due <= now():
                    self.choose(origin, seq, missing, wanted)
            self.give_up(origin, over)
            for link, ids in wanted:
                self.fetch(origin, link, ids)
        self.bound_missing()

    def choose(self, origin, seq, missing, wanted):
        """Whom to ask: append to `wanted`, [(link, ids of a run)]."""
        if origin.parent and not missing.asked and \
                origin.parent.silent() >= SUSPECT_S:
            self.spread.suspect(origin.parent)
        if missing.known <= missing.tried:
            missing.tried, missing.tries = set(), missing.tries + 1
        asked = [link for link, _ in wanted]
        able = [link for link in missing.known - missing.tried
                if len(link.fetches) + asked.count(link) < IN_FLIGHT]
        if origin.late > 2:
            able = [link for link in able if link is not origin.parent] or able
        if wanted:
            link, ids = wanted[-1]
            if link in missing.known - missing.tried and \
                    ids[-1] == seq - 1 and len(ids) < RUN_IDS:
                ids.append(seq)
                return
        if able:
            wanted.append((random.choice(able), [seq]))
        else:
            missing.due = now() + NO_ROOM_S

    def fetch(self, origin, link, ids):
        fetch = Fetch(link, ids)
        for seq in ids:
            missing = origin.missing[seq]
            if missing.fetch:
                missing.fetch.drop(seq)
            missing.fetch, missing.asked = fetch, True
            missing.tried.add(link)
            missing.due = now() + min(
                5, link.timeout() * (1 << min(missing.tries, 5)))
        grafted, at = origin.grafted
        is_broken = (origin.parent is None or origin.parent_seq < ids[0]) \
            and (grafted not in self.spread.links
                 or now() - at >= grafted.timeout())
        if is_broken and origin.parent:
            origin.late = min(origin.late + 1, 4)
        self.spread.count["fetches"] += 1
        self.spread.graft(link, origin, ids, r.EAGER if is_broken else 0)

    def give_up(self, origin, ids):
        for first, count in runs(ids):
            if origin.is_rumour(first, count):
                self.forget(origin, first, count)
            else:
                origin.give_up(range(first, first + count))

    def forget(self, origin, first, count):
        self.spread.count["rumours"] += count
        for seq in range(first, first + count):
            origin.forget(seq)

    def bound_missing(self):
        ids = sum(len(o.missing) for o in self.spread.origins.values())
        if ids <= MISSING_RUNS:
            return
        oldest = sorted((origin.missing[first].born, origin.id, first, count)
                        for origin in self.spread.origins.values()
                        for first, count in runs(origin.missing))
        surplus = len(oldest) - MISSING_RUNS
        rumours = [run for run in oldest[:OLDEST_RUNS]
                   if self.spread.origins[run[1]].is_rumour(*run[2:])]
        for _, origin_id, first, count in (rumours + oldest)[:max(surplus, 0)]:
            origin = self.spread.origins[origin_id]
            if first in origin.missing:
                self.give_up(origin, range(first, first + count))

    def answered(self, link, origin, missing, seq):
        if missing and missing.fetch:
            fetch = missing.fetch
            fetch.drop(seq)
            for rest in fetch.ids if fetch.link is link else ():
                origin.missing[rest].tries = 0
                origin.missing[rest].due = now() + link.timeout()

    def on_graft(self, link, body):
        gone = []
        for run in r.read_list(r.GRAFT, body):
            if run.extra & r.EAGER and run.origin in self.spread.origins:
                self.spread.origins[run.origin].mute.discard(link)
            if run.extra & r.NODATA:
                continue
            missed = []
            for seq in r.ids(run):
                if link.is_over_soft():
                    break
                if not self.repair(link, run.origin, seq):
                    missed.append(seq)
            gone += [(run.origin, *part, 0) for part in runs(missed)]
        for raw in r.list_records(r.GONE, gone):
            self.spread.count["gone_sent"] += 1
            link.queue(raw)

    def repair(self, link, origin, seq):
        stored = self.spread.history.get((origin, seq))
        if not stored or len(stored.data.payload) > link.max_message:
            return False
        link.send(r.DATA, r.data_body(stored.data._replace(
            flags=stored.data.flags | r.REPAIR, hops=stored.data.hops + 1)))
        stored.known.add(link)
        self.spread.count["repaired"] += 1
        return True

    def on_gone(self, link, body):
        for run in r.read_list(r.GONE, body):
            for seq in r.ids(run):
                self.gone(link, run.origin, seq)

    def gone(self, link, origin_id, seq):
        """That link cannot give it."""
        origin = self.spread.origins.get(origin_id)
        missing = origin and origin.missing.get(seq)
        if missing and link in missing.known:
            missing.known.discard(link)
            missing.tried.discard(link)
            if missing.fetch and missing.fetch.link is link:
                missing.fetch.drop(seq)
                missing.fetch = None
            missing.due = now()
            if not missing.known:
                self.give_up(origin, [seq])
