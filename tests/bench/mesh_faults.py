# SPDX-License-Identifier: MIT
"""Cases of mesh.py in which something goes wrong: what is lost, how soon the
mesh is whole again."""

import os
import signal
import time

from mesh_case import (Case, SplitCase, early_share, is_reported, missing,
                       published, unreported, wait_heard, wait_told)
from mesh_net import components, counters, wait_whole


class Kill(Case):
    """Half of them end at once; their peers see resets."""

    name = "kill"
    figure = "G8"
    share, whole = 0.5, 2

    def measure(self, net):
        self.join(net)
        since = time.time()
        time.sleep(3)
        # Bootstrap nodes die too: whoever lives must manage without.
        dead = self.random.sample(net.nodes, int(self.count * self.share))
        for node in dead:
            node.signal(signal.SIGKILL)
        killed = time.time()
        for node in dead:
            node.kill()
        self.say(f"{len(dead)} killed")
        self.survive(net, dead, since, killed)

    def survive(self, net, dead, since, killed):
        alive = net.running()
        self.row(self.figure, f"{len(dead)} of {self.count} end: the others "
                 "are one component", wait_whole(net, 30, killed), "s",
                 most=self.whole)
        links = min(4, len(alive) - 1)
        self.row(self.figure, f"{links} living links each again",
                 wait_whole(net, 60, killed, links), "s")
        time.sleep(max(0.0, killed + 10 - time.time()))
        until = time.time() - 1
        net.read()
        messages = published(alive, since, until)
        if messages:  # a sender lives
            self.check_heard(net, alive, messages, 20, self.figure)
            self.row(self.figure, "within 1 s",
                     early_share(alive, messages), "x")
        # What the dead published and one survivor has, all must get.
        some = {key: when for key, when in
                published(dead, since, killed + 1).items()
                if any(key in n.life.seen for n in alive)}
        self.row(self.figure, "of the dead, not at all survivors",
                 len(wait_heard(net, alive, some, 20)), most=0)
        self.row(self.figure, "gaps", counters(net.ask(), "gaps")[0], "ids")


class KillMost(Kill):
    name = "kill-most"
    figure = "G10"
    share, whole = 0.8, 5


class Drop(SplitCase, Kill):
    """Half of the hosts vanish: not even a reset comes."""

    name = "drop"
    figure = "G9"
    whole = 15

    def measure(self, net):
        self.join(net)
        since = time.time()
        time.sleep(3)
        dead = self.on_side(net, 1)
        self.spaces.cut()
        killed = time.time()
        for node in dead:
            node.kill()
        self.say(f"{len(dead)} vanished")
        self.survive(net, dead, since, killed)


class DropThird(Drop):
    name = "drop-third"
    share = 0.3
    quick = False


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
        self.row("G9", f"{len(frozen)} of {self.count} stopped: the others "
                 "are one component", whole, "s", most=15)
        self.row("G9", "4 living links each again",
                 wait_whole(net, 45, began, 4), "s")
        time.sleep(max(0.0, began + 15 - time.time()))
        until = time.time() - 1
        for node in frozen:
            node.thaw()
        thawed = time.time()
        self.say("and resumed")
        self.row("G9", "all one component again", wait_whole(net, 60, thawed),
                 "s", most=20)
        net.read()
        messages = published(running, since, until)
        self.check_heard(net, running, messages, 20, "G9",
                         "missing, running")
        self.row("G9", "within 1 s", early_share(running, messages), "x")
        lacks = wait_heard(net, frozen, messages, 20)
        self.row("G9", "deliveries missing, resumed", len(lacks), "ids")
        self.row("G9", "of them without a gap event", unreported(
            wait_told(net, frozen, messages)), most=0)
        again = published(net.nodes, time.time() - 6, time.time() - 1)
        self.row("G9", "missing of the last 5 s, all", len(
            wait_heard(net, net.nodes, again, 20)), most=0)


class Partition(SplitCase):
    name = "partition"
    figure = "G11"
    whole = 20
    bridged = 1e9  # seconds of a cut that histories bridge

    def seconds(self):
        return 30

    def measure(self, net):
        self.join(net)
        since = time.time()
        self.spaces.cut()
        self.say(f"cut for {self.seconds():.0f} s")
        time.sleep(20)
        self.row(self.figure, "components while cut", components(net.ask()),
                 least=2, most=2)
        time.sleep(max(0.0, since + self.seconds() - time.time()))
        self.spaces.heal()
        healed = time.time()
        self.say("healed")
        self.row(self.figure, f"cut for {self.seconds():.0f} s: one "
                 "component after healing", wait_whole(net, 90, healed), "s",
                 most=self.whole)
        time.sleep(3)
        net.read()
        messages = published(net.nodes, since, time.time() - 1)
        lacks = wait_told(net, net.nodes, messages)
        recent = [key for _, key in lacks
                  if messages[key] > healed - self.bridged]
        self.row(self.figure, "messages checked", len(messages), least=1)
        self.row(self.figure, "deliveries missing, told as gaps",
                 len(lacks) - unreported(lacks), "ids",
                 most=0 if self.bridged > self.seconds() else None)
        self.row(self.figure, "neither delivered nor told",
                 unreported(lacks), most=0)
        self.row(self.figure, "both", sum(
            is_reported(n, key) for n in net.nodes for key in messages
            if key in n.life.seen), most=0)
        if self.bridged < self.seconds():
            self.row(self.figure, f"missing of the last {self.bridged:.0f} s "
                     "of the cut", len(recent), "ids", most=0)
        self.twice(net)


class Cut(Partition):
    """Longer than what histories keep."""

    name = "cut"
    figure = "G12"
    whole = 30
    bridged = 50
    interval = 1000
    quick = False

    def seconds(self):
        return self.options.cut * 60


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
        self.row("G1", "whole after the last one", wait_whole(net, 30), "s",
                 most=5)
        time.sleep(3)
        until = time.time() - 1
        self.row("G1", "nodes with another id", changed, most=0)
        self.row("G1", "exit codes that are not 0", len(codes - {0}), most=0)
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
        self.row("G1", "messages checked", len(messages), least=1)
        # Those that it was up for: not just before it stopped, not while
        # it joined.
        up = [(n, key) for n, key in lacks if any(
            life.started + 2 <= messages[key] <
            (life.stopped or time.time()) - 1 for life in n.lives)]
        self.row("G1", "missing, of those published while up", len(up), most=0)
        self.row("G1", "missing, of those published while down",
                 len(lacks) - len(up), "ids")
        self.row("G1", "of them without a gap event", unreported(lacks),
                 most=0)
        self.row("G1", "came twice in one life", sum(
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
        self.row("G16", "restarts", cycles, least=1)
        self.row("G16", "whole at the end", wait_whole(net, 30), "s", most=5)
        messages = published(self.stayers, since, until)
        self.check_heard(net, self.stayers, messages, 20, "G16")
        self.row("G16", "of them without a gap event", unreported(
            wait_told(net, self.stayers, messages)), most=0)
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
        self.row("G16", "RSS of those that stay",
                 last / len(self.stayers) / 1024, "KiB")
        # The time to fill them is longer than a short run.
        self.row("G16", "its growth", (last / max(1.0, first) - 1) * 100, "%",
                 most=5 if length >= 300 else None)


class Mixed(SplitCase):
    """All of it at once: nodes are killed, stopped and started again, frozen,
    cut off, and the wire between them loses packets.  All publish; some stay,
    but are frozen and cut off like the others: what one of them has heard, all
    must hear, or be told of."""

    name = "mixed"
    interval = 500
    quick = False

    def flags(self, node):
        """History for half a minute: after a cut some is told as gaps."""
        return "--history", "256K", \
            *(("--state", os.path.join(node.folder, "state"))
              if node.number % 2 else ())

    def stays(self, node):
        return self.sends(node) or node.number % 5 == 4

    def start_node(self, net, node):
        node.start(self.peers(net, node), self.interval, self.flags(node))

    def later(self, most, undo):
        """`undo` after a second to `most` seconds."""
        self.undo.append((time.time() + self.random.uniform(1, most), undo))

    def undo_due(self, now):
        for item in [item for item in self.undo if item[0] <= now]:
            self.undo.remove(item)
            item[1]()

    def restart(self, net):
        node = self.random.choice([n for n in net.nodes if not
                                   (self.stays(n) or n.frozen)])
        if self.random.random() < 0.5:
            node.kill()
        else:
            self.codes.append(node.stop())
        # What it heard is of no interest, and there is much of it.
        node.lives = []
        self.start_node(net, node)

    def freeze(self, net):
        if sum(n.frozen for n in net.nodes) < self.count // 4:
            node = self.random.choice([n for n in net.nodes if not n.frozen])
            node.freeze()
            self.later(20, node.thaw)

    def cut(self, _):
        if not self.is_cut:
            self.is_cut = True
            self.spaces.cut()
            self.later(40, self.heal)

    def heal(self):
        self.spaces.heal()
        self.is_cut = False

    def lose(self, _):
        if not self.is_lossy:
            self.is_lossy = True
            self.spaces.lose(self.random.choice((1, 5, 20)))
            self.later(30, self.keep)

    def keep(self):
        self.spaces.keep()
        self.is_lossy = False

    def measure(self, net):
        self.undo, self.codes = [], []
        self.is_cut = self.is_lossy = False
        self.join(net)
        since = time.time()
        length = self.options.minutes * 60
        stayers = [n for n in net.nodes if self.stays(n)]
        done = 0
        while time.time() < since + length:
            act, = self.random.choices(
                (self.restart, self.freeze, self.cut, self.lose),
                (10, 10, 1, 1))
            act(net)
            done += 1
            for node in stayers:
                node.read()
            self.say(f"{time.time() - since:.0f} of {length:.0f} s")
            time.sleep(self.random.uniform(0.2, 1.5))
            self.undo_due(time.time())
        self.undo_due(time.time() + 60)
        until = time.time()
        self.row("G1", "faults", done, least=1)
        self.row("G1", "one component at the end",
                 wait_whole(net, 90, until), "s", most=20)
        time.sleep(3)
        net.read()
        messages = {key: when for node in stayers
                    for key, when in node.life.seen.items()
                    if since <= when < until}
        lacks = wait_told(net, stayers, messages)
        self.row("G1", "messages checked", len(messages), least=1)
        self.row("G1", "deliveries missing, told as gaps",
                 len(lacks) - unreported(lacks), "ids")
        self.row("G1", "neither delivered nor told", unreported(lacks), most=0)
        self.row("G1", "both", sum(
            is_reported(n, key) for n in stayers for key in messages
            if key in n.life.seen), most=0)
        self.row("G1", "stops that did not end with 0",
                 sum(code != 0 for code in self.codes))
        self.twice(net)
