# SPDX-License-Identifier: MIT
"""Messages for one node: docs/PROTOCOL.md, section 11."""

from collections import OrderedDict

from . import records as r

SENDERS, NEAR = 4096, 64


class Direct:
    def __init__(self, node, spread):
        self.node, self.spread = node, spread
        self.counter, self.replies = 0, {}
        self.taken = OrderedDict()  # sender: its last seqs

    def send(self, dest, topic, payload, flags=0):
        link = self.way(dest)
        if link is None:
            return self.spread.publish(topic, payload,
                                       flags | r.UNICAST | r.FLOOD, dest)
        self.counter += 1
        seq = self.node.boot << 32 | self.counter
        link.send(r.DATA, r.data_body(r.Data(
            flags | r.UNICAST, 1, topic, self.node.id, seq, dest, payload)))
        return seq

    def way(self, dest):
        """The direct link, else the parent of its tree."""
        for link in self.node.links:
            if link.id == dest:
                return link
        origin = self.spread.origins.get(dest)
        return origin and origin.parent

    def on_unicast(self, link, data):
        if data.dest == self.node.id:
            if self.is_new(data):
                self.spread.deliver(data, link)
            return
        onward = self.way(data.dest)
        if onward is None or onward is link:
            self.spread.count["unicast_lost"] += 1
            return
        onward.send(r.DATA, r.data_body(data._replace(hops=data.hops + 1)))

    def is_new(self, data):
        """Each seq once, if it is one of the last 64."""
        seen = self.taken.pop(data.origin, set())
        lowest = max(seen, default=0) - NEAR
        is_new = data.seq > lowest and data.seq not in seen
        self.taken[data.origin] = {seq for seq in seen | {data.seq}
                                   if seq > lowest}
        if len(self.taken) > SENDERS:
            self.taken.popitem(last=False)
        return is_new

    def reply(self, link, topic, payload, flags=0):
        seq = self.replies[link] = self.replies.get(link, 0) + 1
        link.send(r.DATA, r.data_body(r.Data(
            flags | r.REPLY, 1, topic, self.node.id, seq, b"", payload)))

    def on_reply(self, link, data):
        if data.origin == link.id:
            self.spread.deliver(data, link)
        else:
            self.spread.count["spoofed"] += 1

    def link_down(self, link):
        self.replies.pop(link, None)
