# SPDX-License-Identifier: MIT
"""What a node keeps of each origin: docs/PROTOCOL.md, sections 2 and 8.

Sets of links stand for its masks, single ids for its runs."""

import time

WINDOW = 65536   # ids; the document's large one, always
NEAR = 64        # ids below a base that are taken if they come
IDLE_S = 600
NEVER = float("-inf")


def now():
    return time.monotonic()


def boot_of(seq):
    return seq >> 32


def runs(ids):
    """Seqs as sorted (first, count)."""
    found = []
    for seq in sorted(ids):
        if found and seq == found[-1][0] + found[-1][1]:
            found[-1][1] += 1
        else:
            found.append([seq, 1])
    return found


class Missing:
    """An id that somebody has, or had, and this node has not."""

    def __init__(self, shown):
        self.known, self.tried = set(), set()
        self.announced = {}  # link: when it would have begun to push it
        self.shown = shown   # by a window or by SYNC
        self.fetch = None    # the GRAFT that asked for it last
        self.asked, self.tries = False, 0
        self.born, self.due = now(), float("inf")

    def earliest(self, links):
        """The link of `links` that would have brought it first, and when."""
        return min(((at, link) for link, at in self.announced.items()
                    if link in links), key=lambda pair: pair[0],
                   default=(float("inf"), None))


class Origin:
    """tell_gap(origin id, first, count) is called for what is given up."""

    def __init__(self, origin_id, tell_gap, grave=None):
        self.id, self.tell_gap = origin_id, tell_gap
        self.max, self.base, self.floor, self.last = 0, 0, 0, 0
        self.is_whole = not grave  # nothing of it was forgotten
        if grave:  # of an earlier stay in the table: up to it, old
            self.max, self.last = grave
            self.base = self.floor = self.max + 1
        self.seen, self.gaps, self.missing = set(), set(), {}
        # The tree.
        self.mute, self.pruned, self.prune_sent = set(), set(), {}
        self.parent, self.parent_seq, self.late = None, 0, 0
        self.came, self.quiet = NEVER, float("inf")
        self.backoff, self.change = 0, (None, NEVER)
        self.grafted = None, NEVER
        self.adopted = False
        self.new_at, self.active_at = NEVER, now()

    # ---- the window ----

    def boot(self):
        return boot_of(self.base)

    def highest(self):
        """That came or was told as a gap, of the newest boot."""
        return max([self.max, *self.gaps])

    def heard_of(self):
        """Announced ones, too."""
        return max([self.highest(), *(seq for seq in self.missing
                                      if boot_of(seq) == self.boot())])

    def enter(self, seq, started):
        """Begin what `seq`, which came or was announced, is the first of.
        False: it is old."""
        if boot_of(seq) > self.boot():
            self.begin(seq, started)
        elif boot_of(seq) < self.boot() and seq > self.last and (
                self.last or self.is_whole and boot_of(seq) > started):
            self.lengthen_the_boot_before(seq)
        if boot_of(seq) < self.boot():
            return seq in self.missing
        return seq >= self.floor and self.max - seq < WINDOW

    def begin(self, seq, started):
        """A window for a larger boot."""
        knew = self.base
        if knew:
            heard_of = self.heard_of()
            self.promise(max(self.max + 1, self.base), heard_of)
            for old in [old for old in self.missing
                        if boot_of(old) == self.boot() and old < self.base]:
                del self.missing[old]
            self.last = heard_of
        promised = knew or boot_of(seq) > started
        self.base = seq >> 32 << 32 | 1 if promised else seq
        self.floor = max(self.base - NEAR, self.base >> 32 << 32 | 1)
        self.max = self.floor - 1
        self.seen.clear()
        self.gaps.clear()

    def lengthen_the_boot_before(self, seq):
        first = self.last + 1
        if boot_of(seq) > boot_of(self.last):
            first = seq >> 32 << 32 | 1
        if seq - first >= WINDOW:
            self.tell_gap(self.id, first, seq - WINDOW + 1 - first)
            first = seq - WINDOW + 1
        self.promise(first, seq)
        self.last = seq

    def promise(self, first, last):
        """These exist: holes, if nobody has announced them."""
        for seq in range(first, last + 1):
            if seq in self.missing:
                self.missing[seq].shown = True
            elif seq not in self.seen and seq not in self.gaps:
                self.missing[seq] = Missing(True)

    def promise_up_to(self, last):
        """The newest boot has come as far as `last`."""
        first = max(self.max + 1, self.base)
        lowest = max(first, last - WINDOW + 1)
        if first < lowest:
            self.give_up([seq for seq in self.missing
                          if first <= seq < lowest])
            self.tell_gap(self.id, first, lowest - first)
        self.promise(lowest, last)

    def arrive(self, seq):
        """A new one of the newest boot; returns its Missing or None."""
        self.promise_up_to(seq - 1)
        self.seen.add(seq)
        self.max = max(self.max, seq)
        missing = self.missing.pop(seq, None)
        self.give_up([old for old in self.missing
                      if boot_of(old) == self.boot()
                      and self.max - old >= WINDOW])
        if len(self.seen) > 2 * WINDOW:
            self.seen = {s for s in self.seen if self.max - s < WINDOW}
        return missing

    def announced(self, seq):
        """The Missing of an announced id, or None: it is here, or old."""
        if boot_of(seq) == self.boot() and seq not in self.seen and \
                seq not in self.gaps and seq not in self.missing:
            self.missing[seq] = Missing(False)
        return self.missing.get(seq)

    # ---- the end of waiting ----

    def forget(self, seq):
        missing = self.missing.pop(seq)
        if missing.fetch:
            missing.fetch.drop(seq)

    def give_up(self, ids):
        """Told once as a gap; ids below the base were never promised."""
        for seq in ids:
            self.forget(seq)
            if boot_of(seq) == self.boot():
                self.gaps.add(seq)
        for first, count in runs(seq for seq in ids if seq >= self.base
                                 or boot_of(seq) < self.boot()):
            self.tell_gap(self.id, first, count)

    def is_rumour(self, first, count):
        """One neighbour's word for what lies far ahead of all else."""
        found = [self.missing[seq] for seq in range(first, first + count)]
        newest = max(self.parent_seq, self.base)
        return first + count - 1 > newest + NEAR and not any(
            missing.shown or len(missing.announced) > 1 for missing in found)
