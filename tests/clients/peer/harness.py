# SPDX-License-Identifier: MIT
"""Real nodes for the checks of the second peer.  Nothing here sleeps: all
wait for a condition, which is looked at again when anything happened, and
each LOOK_S for what only time brings."""

import asyncio
import contextlib
import contextvars
import ctypes
import fcntl
import json
import os
import signal
import sys
import time

import websockets

from .node import Peer

STEP_S = 60  # a bound, not a measure: the machine may be busy
CHECK_S = 300
LOOK_S = 0.1
ASK_S = 0.2  # the log takes ten lines a second of a kind
PIPE_BYTES = 1 << 20  # the logger drops what a full pipe does not take
SHOWN_LINES = 40
# Ports of those that were killed are used again: each check is a network of
# its own.
network = contextvars.ContextVar("network", default="grapevine")
happened = None  # an asyncio.Event, set by whatever happens


def notice(*_):
    happened.set()


async def until(condition, what, seconds=STEP_S):
    """Wait until `condition()` is true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            raise AssertionError(what() if callable(what) else what)
        happened.clear()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(happened.wait(), LOOK_S)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Inbox:
    """What somebody was told, topic by topic."""

    def __init__(self):
        self.in_order, self.told, self.twice = {}, {}, []

    def put(self, topic, payload):
        told = self.told.setdefault(topic, set())
        if payload in told:
            self.twice.append((topic, payload))
        told.add(payload)
        self.in_order.setdefault(topic, []).append(payload)

    def lacks(self, topic, wanted):
        return sorted(wanted - self.told.get(topic, set()))


class Node:
    """A grapevine, its messages and its log."""
    program = plugin_dir = None
    all = []

    def __init__(self, name):
        self.name, self.events, self.inbox = name, [], Inbox()
        self.process, self.tasks = None, []
        self.mesh = {}

    async def start(self, *more):
        Node.all.append(self)
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.process = await asyncio.create_subprocess_exec(
            Node.program, "--bind", "127.0.0.1:0", "--name", self.name,
            "--network", network.get(), "--log-format", "json",
            "--plugin-dir", Node.plugin_dir, "-P", "logger,format=json",
            *more, stdout=writing, stderr=asyncio.subprocess.PIPE,
            preexec_fn=die_with_parent)
        os.close(writing)
        stdout = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stdout),
            os.fdopen(reading, "rb"))
        self.tasks = [
            asyncio.ensure_future(self.collect(stream, take))
            for stream, take in ((stdout, self.on_line),
                                 (self.process.stderr, self.events.append))]
        await until(lambda: self.has("ready"), "a node is not ready")
        ready = self.has("ready")
        self.url, self.id = ready["advertise"], bytes.fromhex(ready["id"])
        return self

    async def collect(self, stream, take):
        async for line in stream:
            take(json.loads(line))
            notice()

    def on_line(self, line):
        if line["type"] == "message":
            self.inbox.put(line["topic"], line["payload"])

    def has(self, event, **fields):
        for line in self.events:
            if line["event"] == event and fields.items() <= line.items():
                return line
        return None

    def payloads(self, topic):
        return self.inbox.in_order.get(topic, [])

    async def client(self, topic):
        path = topic.replace(".", "/")
        return await websockets.connect(
            f"{self.url}/{path}", max_queue=None, ping_interval=None,
            open_timeout=STEP_S)

    def signal(self, number):
        self.process.send_signal(number)

    async def kill(self):
        self.process.kill()
        await self.process.wait()
        Node.all.remove(self)

    async def state(self, is_wanted, what):
        """Its counters, as soon as those of its mesh are wanted ones."""
        since = len(self.events)

        def found():
            return next((line["state"] for line in self.events[since:]
                         if line["event"] == "state"
                         and is_wanted(line["state"]["mesh"])), None)
        for _ in range(int(STEP_S / ASK_S)):
            self.signal(signal.SIGUSR2)
            with contextlib.suppress(AssertionError):
                await until(found, what, ASK_S)
                self.mesh = found()["mesh"]
                return
        raise AssertionError(f"{self.name}: {what}")

    async def stop(self):
        if self.process and self.process.returncode is None:
            self.signal(signal.SIGCONT)
            self.process.terminate()
            assert await self.process.wait() == 0, f"{self.name} failed"
        await asyncio.gather(*self.tasks)
        Node.all.remove(self)


async def node(name, *more):
    return await Node(name).start(*more)


class Told(Peer):
    """A peer that keeps what it is told."""

    def __init__(self, name, peers=(), **more):
        super().__init__(name, peers, **{"network": network.get(), **more})
        self.inbox, self.gaps, self.ends = Inbox(), [], []
        self.last = None
        self.on_message = self.keep
        self.on_gap = lambda *gap: (self.gaps.append(gap), notice())
        self.on_up = notice
        self.on_down = lambda link, reason: (self.ends.append(reason),
                                             notice())

    def keep(self, data, _link):
        self.last = data
        self.inbox.put(data.topic, data.payload.decode())

    def on_record(self, link, kind, body):
        super().on_record(link, kind, body)
        notice()

    def payloads(self, topic):
        return self.inbox.in_order.get(topic, [])

    async def links_up(self, count):
        await until(lambda: len(self.links) == count,
                    lambda: f"{self.name}: {len(self.links)} links of {count}")

    def freeze(self):
        """As if stopped: nothing is read, nothing done and nobody given up;
        but it pings."""
        self.clock.cancel()
        for link in self.links:
            link.dead_s = float("inf")
            link.ws.transport.pause_reading()

    def thaw(self):
        self.clock = asyncio.ensure_future(self.run())
        for link in self.links:
            link.dead_s = 3 * self.ping_s
            link.ws.transport.resume_reading()

    async def crash(self):
        self.stopped = True
        self.clock.cancel()
        self.server.close()
        for link in list(self.links):
            link.ws.transport.abort()
        await asyncio.gather(*self.tasks)

    def say(self, topic, text):
        return self.spread.publish(topic, text.encode(), 1)


async def once(everybody, topic, wanted):
    """All of `wanted` at everybody, and nothing twice."""
    wanted = set(wanted)

    def is_done():
        assert not any(one.inbox.twice for one in everybody), lacking()
        return not any(one.inbox.lacks(topic, wanted) for one in everybody)

    def lacking():
        return "; ".join(f"{one.name}: twice {one.inbox.twice[:5]}, lacks "
                         f"{one.inbox.lacks(topic, wanted)[:5]} of {topic}"
                         for one in everybody)
    await until(is_done, lacking)


async def linked(one, **more):
    """A peer that has dialled `one`."""
    peer = await Told("py", [one.url], **more).start()
    await until(lambda: peer.links, "no link")
    return peer


async def stop(*all_of_them):
    for each in all_of_them:
        await each.stop()


# ---- the run ----

def show():
    """The last lines of the nodes' logs."""
    for one in Node.all:
        told = [line for line in one.events if line["event"] != "state"]
        for line in told[-SHOWN_LINES:]:
            print(one.name, json.dumps(line))


async def run(check):
    begun = time.monotonic()
    network.set(f"{check.__name__} {os.getpid()}")
    try:
        await asyncio.wait_for(check(), CHECK_S)
    except BaseException:
        print(f"FAILED {check.__name__}")
        show()
        raise
    print(f"ok {check.__name__} {time.monotonic() - begun:.1f} s", flush=True)


async def run_all(checks):
    """Those of the command line, or all.  One after another: all peers of this
    process share one loop, and side by side their pings and answers come
    seconds late on a busy machine."""
    global happened
    Node.program, Node.plugin_dir = sys.argv[1:3]
    happened = asyncio.Event()
    broken = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, what: "future" in what and broken.append(what))
    chosen = [c for c in checks if c.__name__ in sys.argv[3:]] or checks
    try:
        for check in chosen:
            await run(check)
    finally:
        for left in list(Node.all):
            if left.process and left.process.returncode is None:
                left.process.kill()
                await left.process.wait()
    assert not broken, broken
