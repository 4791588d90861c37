# SPDX-License-Identifier: MIT
"""Cases of mesh.py in which nothing goes wrong: what it costs, how long it
takes."""

import heapq
import time

from mesh_case import (Case, early_share, last_mean, latencies, published,
                       quantile)
from mesh_net import Client, Net, NetError, components, counters, wait_whole


class Join(Case):
    name = "join"
    senders = 0

    def measure(self, net):
        began = self.start_all(net)
        whole = wait_whole(net, 30, began)
        self.row("G13", "the starts took", self.took, "s")
        self.row("G13", "one component after the last start", whole, "s",
                 most=5)
        self.say("settling")
        time.sleep(max(0.0, began + 10 - time.time()))
        links = [len(n.state["peers"]) for n in net.ask()]
        self.row("G13", "components at +10 s", components(net.nodes), most=1)
        self.row("G13", "fewest links at +10 s", min(links),
                 least=min(4, self.count - 1))
        self.row("G13", "most links at +10 s", max(links), most=10)
        self.row("G13", "mean of links", sum(links) / len(links), "x")


class Idle(Case):
    """What a mesh without messages sends."""

    name = "idle"
    senders = 0

    def flags(self, node):
        return "--presence", "off"

    def measure(self, net):
        self.join(net, 15)
        self.say("nothing")
        self.row("G7", "bytes a node and second",
                 idle(net, 10 if self.options.quick else 60), "B",
                 most=150 if self.count >= 100 else 190)


class Members(Idle):
    """The same, and they tell of themselves."""

    name = "members"
    quick = False

    def flags(self, node):
        return ()

    def measure(self, net):
        self.join(net, 5)
        self.say("nothing")
        self.row("G7b", "bytes a node and second, with --presence",
                 idle(net, 60), "B", most=300)


def idle(net, seconds):
    """Bytes that a node sends in a second."""
    before = counters(net.ask(), "bytes_out", floor="net")[0]
    since = time.time()
    time.sleep(seconds)
    nodes = net.ask()
    sent = counters(nodes, "bytes_out", floor="net")[0] - before
    return sent / len(nodes) / (time.time() - since)


class Load:
    """What happened between two looks at the counters."""

    NAMES = "received", "delivered", "control_bytes", "gaps"

    def __init__(self, net):
        self.net, self.since = net, time.time()
        self.before = self.look()

    def look(self):
        nodes = self.net.ask()
        self.nodes = len(nodes)
        return counters(nodes, *self.NAMES) + \
            counters(nodes, "bytes_out", floor="net")

    def end(self):
        after = self.look()
        self.seconds = time.time() - self.since
        received, delivered, self.control, self.gaps, self.sent = (
            b - a for a, b in zip(self.before, after))
        self.rmr = received / max(1, delivered) - 1
        # Deliveries to each node, the author too.
        self.deliveries = max(1, delivered) * self.nodes / (self.nodes - 1)
        return self


class Steady(Case):
    """Ten senders, 100 messages a second in all."""

    name = "steady"
    senders = 10

    def measure(self, net):
        self.join(net)
        load = Load(net)
        self.say("load")
        time.sleep(8 if self.options.quick else 30)
        load.end()
        until = load.since + load.seconds - 1
        net.read()
        messages = published(net.nodes, load.since, until)
        self.check_heard(net, net.nodes, messages, 20)
        self.row("G2", "RMR, 10 senders", load.rmr, "x", most=0.02)
        took = latencies(net.nodes, messages)
        self.row("G4", "p50", quantile(took, 0.5), "ms")
        self.row("G4", "p99", quantile(took, 0.99), "ms")
        self.row("G4", "last node, mean", last_mean(net.nodes, messages),
                 "ms")
        self.row("G5", "hops of the last delivery, mean",
                 sum(net.last_hop[key] for key in messages)
                 / max(1, len(messages)), "x", most=9)
        self.row("G6", "control a node and message, 10 senders",
                 load.control / load.deliveries, "B")
        self.row("", "rate", len(messages) / (until - load.since), "msg/s")
        self.row("G1", "gaps", load.gaps, most=0)


class Rare(Case):
    """Everybody publishes now and then, ten messages a second in all."""

    name = "rare"
    quick = False

    def __init__(self, options, table):
        super().__init__(options, table)
        self.senders, self.interval = self.count, self.count * 100

    def measure(self, net):
        self.join(net)
        time.sleep(self.interval / 1000)  # each has published once
        load = Load(net)
        self.say("load")
        time.sleep(3 * self.interval / 1000)
        load.end()
        net.read()
        messages = published(net.nodes, load.since,
                             load.since + load.seconds - 1)
        self.check_heard(net, net.nodes, messages, 20)
        self.row("G2", "RMR, all of them rarely", load.rmr, "x", most=0.25)


class Bytes(Case):
    """One sender, with more and more messages; 256 bytes of payload, a topic
    of one, addresses of 20."""

    name = "bytes"
    senders = 1
    # Messages a second, what lists of ids may take for each.
    rates = (10, 209), (100, 71.5), (500, 17.6)

    def sends(self, node):
        return self.interval > 0 and super().sends(node)

    def flags(self, node):
        return "--presence", "off"

    def measure(self, net):
        self.interval = 0
        self.join(net, 10)
        self.say("nothing")
        background = idle(net, 10 if self.options.quick else 30)
        for rate, most in self.rates:
            self.interval = 1000 // rate
            sender = next(n for n in net.nodes if self.sends(n))
            sender.stop()
            self.start_node(net, sender)
            net.wait_ready([sender])
            time.sleep(5)
            self.one(net, rate, most, background)

    def one(self, net, rate, most, background):
        load = Load(net)
        self.say(f"{rate} messages a second")
        time.sleep(6 if self.options.quick else 20)
        load.end()
        rest = load.sent - load.control - \
            background * load.seconds * load.nodes
        # As many as there should be, or these are the figures of less.
        self.row("", f"messages a second, of {rate}",
                 load.deliveries / load.nodes / load.seconds, "x",
                 least=rate * 0.9)
        if rate == 100:
            self.row("G2", "RMR, 1 sender", load.rmr, "x", most=0.02)
        self.row("G6", f"control a node and message at {rate} msg/s",
                 load.control / load.deliveries, "B", most=most)
        self.row("G6", f"payload a node and message at {rate} msg/s",
                 rest / load.deliveries, "B", most=330)


class Latency(Case):
    """The same links in turns with trees and with --spread flood; ten
    senders, 100 messages a second in all."""

    name = "latency"
    figure = "G3"
    senders = 10
    edges = None
    how = "tree"

    def run(self):
        took = {"tree": [], "flood": []}
        rmr = {"tree": [], "flood": []}
        for _ in range(1 if self.options.quick else 2):
            for self.how, found in took.items():
                with Net(self.options) as net:
                    self.say(self.how)
                    found += self.under_load(net)
                rmr[self.how].append(self.load.rmr)
        p99 = {how: quantile(sorted(found), 0.99)
               for how, found in took.items()}
        self.row(self.figure, "p99 with trees", p99["tree"], "ms")
        self.row(self.figure, "p99 flooding, the same links", p99["flood"],
                 "ms")
        self.row(self.figure, "p99 against flooding",
                 p99["tree"] / max(1.0, p99["flood"]), "x", most=1.3)
        self.row("G2", "RMR with trees", max(rmr["tree"]), "x", most=0.02)
        self.row("G2", "RMR flooding", max(rmr["flood"]), "x")

    def flags(self, node):
        return "--spread", self.how, "--mesh", \
            "auto" if self.edges is None else "static"

    def peers(self, net, node):
        if self.edges is None:
            return super().peers(net, node)
        return [net.nodes[b].url for a, b in self.edges if a == node.number]

    def under_load(self, net):
        self.join(net)
        nodes = net.ask()
        if self.edges is None:  # found by the first net, kept by the others
            number = {n.state["node"]["id"]: n.number for n in nodes}
            self.edges = {(n.number, number[p["id"]]) for n in nodes
                          for p in n.state["peers"] if p["dir"] == "out"}
        self.load = Load(net)
        self.publish(net, 6 if self.options.quick else 20)
        self.load.end()
        until = time.time() - 1
        time.sleep(1)
        net.read()
        messages = published(net.nodes, self.load.since, until)
        if not messages:
            raise NetError("nothing was published")
        if early_share(net.nodes, messages, 1e6) < 1:
            raise NetError(f"{self.how}: not everything came")
        return latencies(net.nodes, messages)

    def publish(self, net, seconds):
        time.sleep(seconds)


class Large(Latency):
    """The same with 64 KiB, five times a second, of one sender."""

    name = "large"
    figure = "G15"
    senders = 0

    def publish(self, net, seconds):
        client = Client(net.nodes[-1])
        payload = bytes(65536)
        began = time.time()
        for beat in range(5 * seconds):
            time.sleep(max(0.0, began + beat / 5 - time.time()))
            client.publish(payload)
        time.sleep(2)
        client.close()


class Delay(Case):
    """Links of 1 to 50 ms, ten senders of one message a second, as in the
    simulator: more would be a test of this machine's processors.  They begin
    late: only a quiet link is pinged, and so known by how long it takes."""

    name = "delay"
    senders = 0

    def add_all(self, net):
        super().add_all(net)
        net.slow_down("1..50")

    def measure(self, net):
        self.join(net, 10)
        near = self.measured_links(net)
        authors = net.nodes[::max(1, self.count // 10)][:10]
        ideal = quantile(sorted(
            far for node in authors
            for far in ways(near, node.state["node"]["id"])), 0.99)
        load = self.under_load(net, authors)
        until = load.since + load.seconds - 1
        net.read()
        messages = published(net.nodes, load.since, until)
        self.check_heard(net, net.nodes, messages, 20)
        took = latencies(net.nodes, messages)
        p99 = quantile(took, 0.99)
        # The targets are those of a hundred.
        exact = self.count == 100
        self.row("G4", "p50, links of 1..50 ms", quantile(took, 0.5), "ms",
                 most=50 if exact else None)
        self.row("G4", "p99", p99, "ms", most=90 if exact else None)
        self.row("G4", "last node, mean", last_mean(net.nodes, messages),
                 "ms", most=110 if exact else None)
        self.row("G3", "p99 of the shortest ways", ideal, "ms")
        self.row("G3", "p99 against them", p99 / ideal, "x", most=1.3)
        self.row("G2", "RMR, links of 1..50 ms", load.rmr, "x", most=0.02)

    def measured_links(self, net):
        """id -> [(id of a neighbour, ms one way)], by the round trips that
        either end has measured; a link that was never quiet so long is taken
        for one of 1 ms."""
        end = time.time() + 30
        while True:
            rtt = {(n.state["node"]["id"], p["id"]): p["rtt_us"] / 2000
                   for n in net.ask() for p in n.state["peers"]}
            both = {(a, b): ms or rtt.get((b, a), 0)
                    for (a, b), ms in rtt.items()}
            if all(both.values()) or time.time() > end:
                break
            time.sleep(1)
        near = {}
        for (a, b), ms in both.items():
            near.setdefault(a, []).append((b, ms or 1))
        return near

    def under_load(self, net, authors):
        self.say("load")
        clients = [Client(node) for node in authors]
        warm = 10  # seconds; then there are trees
        payload = bytes(256)
        began = time.time()
        for second in range(warm + (10 if self.options.quick else 40)):
            if second == warm:
                load = Load(net)
                began = time.time() - second
            for i, client in enumerate(clients):
                time.sleep(max(0.0, began + second + i / 10 - time.time()))
                client.publish(payload)
        load.end()
        for client in clients:
            client.close()
        return load


def ways(near, start):
    """Dijkstra: to all others."""
    done, border = {}, [(0.0, start)]
    while border:
        far, at = heapq.heappop(border)
        if at in done:
            continue
        done[at] = far
        for to, step in near[at]:
            heapq.heappush(border, (far + step, to))
    del done[start]
    return done.values()
