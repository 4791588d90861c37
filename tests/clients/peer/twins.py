# SPDX-License-Identifier: MIT
"""Does another node have my id?  docs/PROTOCOL.md, section 2."""

import time

from . import records as r
from .origins import now

SIGNS, WITHIN_S, CROSSING_S, ENDED_S = 3, 60, 5, 10
DAY_S = 86400


class Twins:
    def __init__(self, node):
        self.node, self.signs, self.changed_at = node, [], None
        self.ends = {}  # node id: when a link ended, not by BYE 3

    def sign(self):
        self.signs = [at for at in self.signs if at > now() - WITHIN_S]
        self.signs.append(now())
        changed = self.changed_at is not None and \
            now() - self.changed_at < WITHIN_S
        if len(self.signs) >= SIGNS and not self.node.id_is_kept and \
                not changed:
            self.signs, self.changed_at = [], now()
            self.node.take_new_id()

    def link_ended(self, link):
        """A BYE 3 that no second link of mine explains is a sign."""
        node = self.node
        if link.bye_reason != r.DUPLICATE:
            self.ends[link.id] = now()
        elif link.bye_came and len(node.links) < node.members.a_min and \
                not any(other.id == link.id for other in node.links) and \
                now() - self.ends.get(link.id, float("-inf")) > ENDED_S and \
                not (self.signs and now() - self.signs[-1] < CROSSING_S):
            self.sign()

    def own_seq_seen(self, seq):
        """Somebody knows me with a seq above mine: begin a later boot."""
        node, boot = self.node, (seq >> 32) + 1
        if seq > (node.boot << 32 | node.spread.counter) and \
                boot <= time.time() + DAY_S / 2:
            node.boot, node.spread.counter = boot, 0
