# SPDX-License-Identifier: MIT
"""Who is there: docs/PROTOCOL.md, section 11, Presence."""

import json
import random

from . import records as r
from .origins import now

TOPIC, MAX_BYTES, TEXT_MAX = "$node", 2048, 255
FIRST_S, EACH_S, EACH_NODE_S = (2, 5), 300, 6
MEMBERS, TELLERS = 8192, 5000


class Presence:
    def __init__(self, node, tells):
        self.node, self.tells, self.told, self.heard = node, tells, {}, {}
        self.next_at, self.is_first = None, True

    def period(self):
        old = sum(not told.get("new") for told in self.told.values())
        return max(EACH_S, EACH_NODE_S * (old + 1))

    def link_up(self):
        if self.tells and self.next_at is None:
            self.next_at = now() + random.uniform(*FIRST_S)

    def run(self):
        if self.next_at and now() >= self.next_at:
            self.next_at = now() + self.period() * random.uniform(0.9, 1.1)
            if len(self.told) < TELLERS:
                self.tell()
        for node_id in [i for i, at in self.heard.items()
                        if at < now() - 3 * self.period()]:
            self.left(node_id)

    def tell(self):
        me = {"name": self.node.name, "addr": self.node.addr,
              "links": len(self.node.links), "version": "py"}
        if self.is_first:
            me["new"], self.is_first = True, False
        self.node.spread.publish(TOPIC, json.dumps(me).encode(), r.TEXT)

    def on_message(self, data):
        told = read(data)
        if told is None:
            return
        if data.origin not in self.told and len(self.told) >= MEMBERS:
            self.left(min(self.heard, key=self.heard.get))
        self.told[data.origin], self.heard[data.origin] = told, now()

    def left(self, node_id):
        self.told.pop(node_id, None)
        self.heard.pop(node_id, None)


def read(data):
    """The object that was told, or None."""
    try:
        told = json.loads(data.payload[:MAX_BYTES + 1])
    except ValueError:
        return None
    if len(data.payload) > MAX_BYTES or not isinstance(told, dict) or \
            not data.flags & r.TEXT:
        return None
    texts = [told.get(key, "") for key in ("name", "addr", "version")]
    if not all(isinstance(text, str) and len(text.encode()) <= TEXT_MAX
               for text in texts):
        return None
    return told
