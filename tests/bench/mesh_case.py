# SPDX-License-Identifier: MIT
"""What the cases of mesh.py share: how nodes are started, what they must
have heard."""

import os
import random
import sys
import time

from mesh_net import Namespaces, Net, NetError, wait_whole


def published(nodes, since, until):
    """(origin, seq) -> when, of those nodes, in that time."""
    out = {}
    for node in nodes:
        for life in node.lives:
            for key, when in life.seen.items():
                if key[0] == life.id and since <= when < until:
                    out[key] = when
    return out


def missing(nodes, messages):
    """[(node, key)] of what the current lives of `nodes` lack."""
    return [(node, key) for node in nodes for key in messages
            if key not in node.life.seen]


def is_reported(node, key):
    """Does a gap event of that node cover it?"""
    return any(key[0] == origin and first <= key[1] < first + count
               for life in node.lives for origin, first, count in life.gaps)


def unreported(lacks):
    """Of those, how many no gap event covers."""
    return sum(not is_reported(node, key) for node, key in lacks)


def wait_heard(net, nodes, messages, seconds):
    """Until nobody lacks anything, at most so long; what is lacking."""
    end = time.time() + seconds
    while True:
        net.read()
        lacks = missing(nodes, messages)
        if not lacks or time.time() > end:
            return lacks
        time.sleep(0.25)


def wait_told(net, nodes, messages, seconds=120):
    """Until all is delivered or told as a gap: what nobody has any more is,
    after 90 s at the most (PROTOCOL 9); what is lacking."""
    end = time.time() + seconds
    while True:
        net.read()
        lacks = missing(nodes, messages)
        if unreported(lacks) == 0 or time.time() > end:
            return lacks
        time.sleep(1)


def early_share(nodes, messages, seconds=1.0):
    """Share of the deliveries within `seconds`."""
    hit = total = 0
    for node in nodes:
        for key, when in messages.items():
            total += 1
            hit += node.life.seen.get(key, 1e12) - when <= seconds
    return hit / max(1, total)


def latencies(nodes, messages):
    """Sorted, in ms; the author's own copy does not count."""
    return sorted((node.life.seen[key] - when) * 1000
                  for node in nodes for key, when in messages.items()
                  if key in node.life.seen and key[0] != node.life.id)


def last_mean(nodes, messages):
    """When the last node has a message, in ms, mean over the messages."""
    last = [max(node.life.seen.get(key, when) for node in nodes) - when
            for key, when in messages.items()]
    return sum(last) / max(1, len(last)) * 1000


def quantile(values, q):
    return values[min(len(values) - 1, int(q * len(values)))] \
        if values else None


class Case:
    """One kind of trouble.  `senders` nodes publish, each every `interval`
    ms, from their start on."""

    senders, interval = 5, 100
    quick = True  # part of --quick

    def __init__(self, options, table):
        self.options, self.table = options, table
        self.count = options.nodes
        self.random = random.Random(options.seed)

    def say(self, text):
        if not self.options.quiet:
            print(f"\r\033[K{self.name}: {text}", end="", file=sys.stderr,
                  flush=True)

    def row(self, figure, what, value, unit="", most=None, least=None):
        """`figure`: its number in docs/PERFORMANCE.md."""
        self.table.add(figure, self.name, what, value, unit, most, least)

    def flags(self, node):
        """More arguments of that node."""
        return ()

    def sends(self, node):
        """Spread evenly over the numbers."""
        if self.senders == 0:
            return False
        step = max(1, self.count // self.senders)
        return node.number % step == step - 1 and \
            node.number // step < self.senders

    def peers(self, net, node):
        return net.bootstrap(node)

    def start_node(self, net, node):
        node.start(self.peers(net, node),
                   self.interval if self.sends(node) else None,
                   self.flags(node))

    def add_all(self, net):
        for _ in range(self.count):
            net.add()

    def start_all(self, net):
        """Start them within a second; returns when."""
        self.add_all(net)
        began = time.time()
        for node in net.nodes:
            self.start_node(net, node)
            time.sleep(max(0.0, began + (node.number + 1) / self.count
                           - time.time()))
        self.started = time.time()
        self.took = self.started - began
        net.wait_ready(net.nodes)
        return self.started

    def join(self, net, settle=5.0):
        self.say("joining")
        if wait_whole(net, 30, self.start_all(net)) is None:
            raise NetError("the nodes do not join")
        time.sleep(settle)

    def check_heard(self, net, nodes, messages, seconds, figure="G1",
                    what="missing"):
        """The rows that every case has."""
        self.say("waiting for the last message")
        lacks = wait_heard(net, nodes, messages, seconds)
        self.row(figure, "messages checked", len(messages), least=1)
        self.row(figure, f"deliveries {what}", len(lacks), most=0)
        self.twice(net)
        return lacks

    def twice(self, net):
        self.row("G1", "came twice to a plugin", sum(
            life.duplicates for n in net.nodes for life in n.lives), most=0)

    def run(self):
        with Net(self.options) as net:
            self.measure(net)


class SplitCase(Case):
    """The nodes are in two network namespaces with a wire between them;
    senders and bootstrap nodes are on both sides."""

    share = 0.5  # of the nodes, on the second side

    def run(self):
        if os.geteuid() != 0:
            raise NetError("network namespaces need root")
        with Namespaces() as spaces, Net(self.options) as net:
            self.spaces = spaces
            self.measure(net)

    def side(self, number):
        return int((number + 1) * self.share) - int(number * self.share)

    def add_all(self, net):
        for number in range(self.count):
            side = self.side(number)
            net.add(self.spaces.hosts[side], self.spaces.names[side])

    def sends(self, node):
        return node.number < self.senders + 1

    def on_side(self, net, side):
        return [n for n in net.nodes if self.side(n.number) == side]
