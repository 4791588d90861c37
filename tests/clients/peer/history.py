# SPDX-License-Identifier: MIT
"""The messages that are kept for others: docs/PROTOCOL.md, section 8."""

from collections import OrderedDict

from .origins import boot_of, now, runs

HISTORY_S, HISTORY_BYTES = 60, 8 << 20
OVERHEAD = 100


class Stored:
    def __init__(self, data, source, known):
        self.data, self.source, self.known = data, source, known
        self.born = now()

    def age_ms(self):
        return min(int((now() - self.born) * 1000), 255)


class History(OrderedDict):
    """(origin, seq): Stored, oldest first."""
    bytes = 0

    def put(self, data, source, known):
        stored = self[data.origin, data.seq] = Stored(data, source, known)
        self.bytes += len(data.payload) + OVERHEAD
        self.expire()
        return stored

    def expire(self):
        while self:
            key, oldest = next(iter(self.items()))
            if self.bytes <= HISTORY_BYTES and \
                    oldest.born > now() - HISTORY_S:
                return
            del self[key]
            self.bytes -= len(oldest.data.payload) + OVERHEAD

    def forget(self, origin):
        for key in [key for key in self if key[0] == origin]:
            self.bytes -= len(self.pop(key).data.payload) + OVERHEAD

    def held(self, max_message):
        """{(origin, boot): runs} of what a link with that limit may get."""
        ids = {}
        for (origin, seq), stored in self.items():
            if len(stored.data.payload) <= max_message:
                ids.setdefault((origin, boot_of(seq)), []).append(seq)
        return {key: runs(seqs) for key, seqs in ids.items()}
