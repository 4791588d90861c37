# SPDX-License-Identifier: MIT
"""What happens to the nodes of mesh.py, and what they must have heard."""

import os
import random
import sys
import time

from mesh_net import (Namespaces, Net, NetError, components, counters,
                      wait_whole)


# ---- what was heard


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


def unreported(lacks):
    """Of those, how many no gap event covers."""
    return sum(not any(key[0] == origin and first <= key[1] < first + count
                       for life in node.lives
                       for origin, first, count in life.gaps)
               for node, key in lacks)


def wait_heard(net, nodes, messages, seconds):
    """Until nobody lacks anything, at most so long; what is lacking."""
    end = time.time() + seconds
    while True:
        net.read()
        lacks = missing(nodes, messages)
        if not lacks or time.time() > end:
            return lacks
        time.sleep(0.25)


def late_share(nodes, messages, seconds=1.0):
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


def quantile(values, q):
    return values[min(len(values) - 1, int(q * len(values)))] \
        if values else None


class Case:
    """One kind of trouble.  `senders` nodes publish, each every `interval`
    ms, from their start on."""

    senders, interval = 5, 100

    def __init__(self, options, table):
        self.options, self.table = options, table
        self.count = options.nodes
        self.random = random.Random(options.seed)

    def say(self, text):
        if not self.options.quiet:
            print(f"\r\033[K{self.name}: {text}", end="", file=sys.stderr,
                  flush=True)

    def row(self, what, value, unit="", most=None, least=None):
        self.table.add(self.name, what, value, unit, most, least)

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

    def start_all(self, net):
        """Start them within a second; returns when."""
        began = time.time()
        for number in range(self.count):
            self.start_node(net, net.add())
            ahead = began + number / self.count - time.time()
            time.sleep(max(0.0, ahead))
        net.wait_ready(net.nodes)
        return time.time()

    def join(self, net, settle=5.0):
        self.say("joining")
        began = self.start_all(net)
        whole = wait_whole(net, 30, began)
        if whole is None:
            raise NetError("the nodes do not join")
        time.sleep(settle)
        return whole

    def check_heard(self, net, nodes, messages, seconds, what="missing"):
        """The rows that every case has."""
        self.say("waiting for the last message")
        lacks = wait_heard(net, nodes, messages, seconds)
        self.row("messages checked", len(messages), least=1)
        self.row(f"deliveries {what}", len(lacks), most=0)
        self.row("came twice to a plugin", sum(
            life.duplicates for n in net.nodes for life in n.lives), most=0)
        return lacks

    def run(self):
        with Net(self.options) as net:
            self.measure(net)


class Join(Case):
    name = "join"
    senders = 0

    def measure(self, net):
        ready = self.start_all(net)
        self.row("one component after the last start",
                 wait_whole(net, 30, ready), "s", most=5)
        self.say("settling")
        time.sleep(max(0.0, ready + 10 - time.time()))
        links = [len(n.state["peers"]) for n in net.ask()]
        self.row("components", components(net.nodes), most=1)
        self.row("fewest links at +10 s", min(links),
                 least=min(4, self.count - 1))
        self.row("most links at +10 s", max(links), most=10)
        self.row("mean of links", sum(links) / len(links), "x")


class Steady(Case):
    name = "steady"
    senders = 10

    def measure(self, net):
        self.join(net)
        before = counters(net.ask(), "received", "delivered",
                          "control_bytes")
        since = time.time()
        self.say("load")
        time.sleep(8 if self.options.quick else 30)
        until = time.time()
        nodes = net.ask()
        after = counters(nodes, "received", "delivered", "control_bytes")
        received, delivered, control = (
            b - a for a, b in zip(before, after))
        messages = published(nodes, since, until - 1)
        net.read()
        messages = published(nodes, since, until - 1)
        self.check_heard(net, nodes, messages, 20)
        self.row("RMR", received / max(1, delivered) - 1, "x", most=0.02)
        took = latencies(nodes, messages)
        self.row("p50", quantile(took, 0.5), "ms")
        self.row("p99", quantile(took, 0.99), "ms")
        self.row("rate", len(messages) / (until - 1 - since), "msg/s")
        self.row("control a node and message",
                 control / len(nodes) / max(
                     1, delivered / max(1, len(nodes) - 1)), "B")
        self.row("gaps", counters(nodes, "gaps")[0], most=0)


class Idle(Case):
    """What a mesh without messages sends, member list off."""

    name = "idle"
    senders = 0

    def flags(self, node):
        return "--presence", "off"

    def measure(self, net):
        self.join(net, 15)
        before = counters(net.ask(), "bytes_out", floor="net")[0]
        since = time.time()
        self.say("nothing")
        time.sleep(10 if self.options.quick else 30)
        sent = counters(net.ask(), "bytes_out", floor="net")[0] - before
        self.row("bytes a node and second",
                 sent / self.count / (time.time() - since), "B",
                 most=150 if self.count >= 100 else 190)


class Bytes(Case):
    """One sender of 100 messages a second."""

    name = "bytes"
    senders, interval = 1, 10

    def measure(self, net):
        self.join(net)
        nodes = net.ask()
        before = counters(nodes, "received", "delivered", "control_bytes") + \
            counters(nodes, "bytes_out", floor="net")
        self.say("load")
        time.sleep(8 if self.options.quick else 30)
        nodes = net.ask()
        after = counters(nodes, "received", "delivered", "control_bytes") + \
            counters(nodes, "bytes_out", floor="net")
        received, delivered, control, sent = (
            b - a for a, b in zip(before, after))
        messages = max(1, delivered / (self.count - 1)) * self.count
        self.row("RMR", received / max(1, delivered) - 1, "x", most=0.02)
        self.row("lists of ids a node and message", control / messages, "B",
                 most=71.5)
        self.row("all bytes a node and message", sent / messages, "B",
                 most=401.5)


class Latency(Case):
    """The same overlay twice: with trees, and with --flood, a node that has
    none."""

    name = "latency"
    senders = 10
    edges = None

    def run(self):
        if self.options.flood is None:
            return
        with Net(self.options) as net:
            self.join(net)
            nodes = net.ask()
            number = {n.state["node"]["id"]: n.number for n in nodes}
            edges = {(n.number, number[p["id"]]) for n in nodes
                     for p in n.state["peers"] if p["dir"] == "out"}
            trees = self.under_load(net)
        with Net(self.options) as net:
            net.binary = os.path.abspath(self.options.flood)
            net.plugin_dir = os.path.join(
                os.path.dirname(net.binary), "plugins")
            self.flood(net, edges)
            floods = self.under_load(net)
        self.row("p99 with trees", trees[0], "ms")
        self.row("p99 flooding, the same links", floods[0], "ms")
        self.row("p99 against flooding", trees[0] / max(1.0, floods[0]), "x",
                 most=1.3)
        self.row("RMR with trees", trees[1], "x", most=0.02)
        self.row("RMR flooding", floods[1], "x")

    def flood(self, net, edges):
        self.say("the same links, flooding")
        self.edges = edges
        for _ in range(self.count):
            net.add()
        for node in net.nodes:
            self.start_node(net, node)
        net.wait_ready(net.nodes)
        if wait_whole(net, 30) is None:
            raise NetError("the flooding nodes do not join")
        time.sleep(3)

    def peers(self, net, node):
        if self.edges is None:
            return super().peers(net, node)
        return [net.nodes[b].url for a, b in self.edges if a == node.number]

    def under_load(self, net):
        before = counters(net.ask(), "received", "delivered")
        since = time.time()
        self.say("load")
        time.sleep(6 if self.options.quick else 20)
        until = time.time() - 1
        after = counters(net.ask(), "received", "delivered")
        time.sleep(1)
        net.read()
        messages = published(net.nodes, since, until)
        if not messages:
            raise NetError("nothing was published")
        return (quantile(latencies(net.nodes, messages), 0.99),
                (after[0] - before[0]) / max(1, after[1] - before[1]) - 1)


class Kill(Case):
    name = "kill"

    def measure(self, net):
        self.join(net)
        since = time.time()
        time.sleep(3)
        # Bootstrap nodes die too: whoever lives must manage without.
        dead = self.random.sample(net.nodes, self.count // 2)
        for node in dead:
            node.signal(signal.SIGKILL)
        killed = time.time()
        for node in dead:
            node.kill()
        self.say("half of them killed")
        self.row("survivors one component", wait_whole(net, 30, killed), "s",
                 most=2)
        self.row("four living links each again",
                 wait_whole(net, 30, killed, 4), "s", most=10)
        time.sleep(max(0.0, killed + 10 - time.time()))
        until = time.time() - 1
        alive = net.running()
        net.read()
        messages = published(alive, since, until)
        if messages:
            self.check_heard(net, alive, messages, 20)
            self.row("within 1 s", late_share(alive, messages), "x")
        # What the dead published and one survivor has, all must get.
        some = {key: when for key, when in
                published(dead, since, killed + 1).items()
                if any(key in n.life.seen for n in alive)}
        self.row("of the dead, not at all survivors",
                 len(wait_heard(net, alive, some, 20)), most=0)
        self.row("gaps", counters(net.ask(), "gaps")[0], "ids")


class Stop(Case):
    name = "stop"

    def measure(self, net):
        self.join(net)
        since = time.time()
        time.sleep(3)
        frozen = self.random.sample(net.nodes, self.count // 3)
        for node in frozen:
            node.freeze()
        began = time.time()
        self.say("a third stopped")
        running = net.running()
        whole = wait_whole(net, 30, began)
        self.row("the others one component", whole, "s", most=15)
        self.row("four living links each again",
                 wait_whole(net, 40, began, 4), "s", most=20)
        time.sleep(max(0.0, began + 15 - time.time()))
        until = time.time() - 1
        for node in frozen:
            node.thaw()
        thawed = time.time()
        self.say("and resumed")
        self.row("all one component again", wait_whole(net, 60, thawed), "s",
                 most=20)
        net.read()
        messages = published(running, since, until)
        self.check_heard(net, running, messages, 20, "missing, running")
        self.row("within 1 s", late_share(running, messages), "x")
        lacks = wait_heard(net, frozen, messages, 20)
        self.row("deliveries missing, resumed", len(lacks), "ids")
        self.row("of them without a gap event", unreported(lacks), most=0)
        again = published(net.nodes, time.time() - 6, time.time() - 1)
        self.row("missing of the last 5 s, all", len(
            wait_heard(net, net.nodes, again, 20)), most=0)


class Partition(Case):
    name = "partition"

    def run(self):
        if os.geteuid() != 0:
            raise NetError("network namespaces need root")
        with Namespaces() as spaces, Net(self.options) as net:
            self.spaces = spaces
            self.measure(net)

    def start_all(self, net):
        # Both sides hold senders and bootstrap nodes.
        for number in range(self.count):
            side = number % 2
            net.add(self.spaces.hosts[side], self.spaces.names[side])
        began = time.time()
        for node in net.nodes:
            self.start_node(net, node)
            time.sleep(max(0.0, began + node.number / self.count
                           - time.time()))
        net.wait_ready(net.nodes)
        return time.time()

    def sends(self, node):
        return node.number < self.senders + 1

    def measure(self, net):
        self.join(net)
        since = time.time()
        self.spaces.cut()
        self.say("cut for 30 s")
        time.sleep(20)
        self.row("components while cut", components(net.ask()), least=2,
                 most=2)
        time.sleep(max(0.0, since + 30 - time.time()))
        self.spaces.heal()
        healed = time.time()
        self.say("healed")
        self.row("one component after healing", wait_whole(net, 60, healed),
                 "s", most=20)
        time.sleep(3)
        net.read()
        messages = published(net.nodes, since, time.time() - 1)
        lacks = wait_heard(net, net.nodes, messages, 40)
        self.row("messages checked", len(messages), least=1)
        self.row("deliveries missing", len(lacks), "ids", most=0)
        self.row("of them without a gap event", unreported(lacks), most=0)
        self.row("came twice to a plugin", sum(
            n.life.duplicates for n in net.nodes), most=0)


class Restart(Case):
    name = "restart"

    def flags(self, node):
        return "--state", os.path.join(node.folder, "state")

    def measure(self, net):
        self.join(net)
        since = time.time()
        codes = set()
        changed = 0
        for node in net.nodes:
            self.say(f"restarting {node.number + 1} of {self.count}")
            codes.add(node.stop())
            before = node.life.id
            self.start_node(net, node)
            net.wait_ready([node])
            changed += node.life.id != before
            time.sleep(0.2)
        self.row("whole after the last one", wait_whole(net, 30), "s",
                 most=5)
        time.sleep(3)
        until = time.time() - 1
        self.row("nodes with another id", changed, most=0)
        self.row("exit codes that are not 0", len(codes - {0}), most=0)
        net.read()
        messages = published(net.nodes, since, until)
        self.check(net, messages)

    def check(self, net, messages):
        """Over both its lives a node has heard everything, or of a gap."""
        end = time.time() + 20
        while True:
            net.read()
            lacks = [(n, key) for n in net.nodes for key in messages
                     if not any(key in life.seen for life in n.lives)]
            if not lacks or time.time() > end:
                break
            time.sleep(0.25)
        self.row("messages checked", len(messages), least=1)
        # Those that it was up for: not just before it stopped, not while
        # it joined.
        up = [(n, key) for n, key in lacks if any(
            life.started + 2 <= messages[key] <
            (life.stopped or time.time()) - 1 for life in n.lives)]
        self.row("missing, of those published while up", len(up), most=0)
        self.row("missing, of those published while down",
                 len(lacks) - len(up), "ids")
        self.row("of them without a gap event", unreported(lacks), most=0)
        self.row("came twice in one life", sum(
            life.duplicates for n in net.nodes for life in n.lives), most=0)


class Churn(Case):
    """Some stay and publish, the others come and go: as restarts of the same
    id, as new nodes, asked to stop or killed."""

    name = "churn"
    interval = 200

    def flags(self, node):
        return "--history", "1M", \
            *(("--state", os.path.join(node.folder, "state"))
              if node.number % 2 else ())

    def rss(self):
        return sum(n.rss() for n in self.stayers)

    def measure(self, net):
        self.join(net)
        self.stayers = [n for n in net.nodes
                        if self.sends(n) or n.number % 5 == 4]
        others = [n for n in net.nodes if n not in self.stayers]
        since = time.time()
        length = self.options.minutes * 60
        samples = []
        cycles = 0
        while time.time() < since + length:
            node = self.random.choice(others)
            if self.random.random() < 0.5:
                node.kill()
            else:
                node.stop()
            # What it heard is of no interest, and there is much of it.
            node.lives = [node.life]
            node.life.seen = {}
            self.start_node(net, node)
            cycles += 1
            samples.append((time.time() - since, self.rss()))
            for stayer in self.stayers:
                stayer.read()
            self.say(f"{samples[-1][0]:.0f} of {length:.0f} s, "
                     f"{samples[-1][1] / len(self.stayers) / 1024:.0f} KiB")
            time.sleep(1)
        until = time.time() - 1
        net.wait_ready(others)
        self.row("restarts", cycles, least=1)
        self.row("whole at the end", wait_whole(net, 30), "s", most=5)
        messages = published(self.stayers, since, until)
        self.check_heard(net, self.stayers, messages, 20)
        self.check_rss(samples, length)

    def check_rss(self, samples, length):
        """History and tables fill first; then nothing may grow."""
        def mean(low, high):
            values = [rss for at, rss in samples if low <= at < high]
            return sum(values) / max(1, len(values))
        filled = min(150, length * 0.5)
        window = min(60, length * 0.2)
        first = mean(filled, filled + window)
        last = mean(length - window, length + 1)
        self.row("RSS of those that stay", last / len(self.stayers) / 1024,
                 "KiB")
        # The time to fill them is longer than a short run.
        self.row("its growth", (last / max(1.0, first) - 1) * 100, "%",
                 most=5 if length >= 300 else None)


CASES = [Join, Idle, Steady, Bytes, Latency, Kill, Stop, Partition,
         Restart, Churn]
