# SPDX-License-Identifier: MIT
"""Real nodes for the checks of the second peer.  Nothing here sleeps: all
wait for a condition, which is looked at again when anything happened."""

import asyncio
import ctypes
import fcntl
import json
import os
import signal

import websockets

from .node import Peer

STEP_S = 20
PIPE_BYTES = 1 << 20  # the logger drops what a full pipe does not take
happened = None  # an asyncio.Event, set by whatever happens


def notice(*_):
    happened.set()


async def until(condition, what):
    """Wait until `condition()` is true."""
    async def watch():
        while not condition():
            happened.clear()
            await happened.wait()
    try:
        await asyncio.wait_for(watch(), STEP_S)
    except asyncio.TimeoutError:
        raise AssertionError(what() if callable(what) else what) from None


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Node:
    """A grapevine, its messages and its log."""
    program = plugin_dir = None
    all = []

    def __init__(self, name):
        self.name, self.events, self.lines = name, [], []
        self.process, self.tasks = None, []

    async def start(self, *more):
        Node.all.append(self)
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.process = await asyncio.create_subprocess_exec(
            Node.program, "--bind", "127.0.0.1:0", "--name", self.name,
            "--log-format", "json", "--plugin-dir", Node.plugin_dir,
            "-P", "logger,format=json", *more, stdout=writing,
            stderr=asyncio.subprocess.PIPE, preexec_fn=die_with_parent)
        os.close(writing)
        stdout = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stdout),
            os.fdopen(reading, "rb"))
        self.tasks = [
            asyncio.ensure_future(self.collect(stream, into))
            for stream, into in ((stdout, self.lines),
                                 (self.process.stderr, self.events))]
        await until(lambda: self.has("ready"), "a node is not ready")
        ready = self.has("ready")
        self.url, self.id = ready["advertise"], bytes.fromhex(ready["id"])
        return self

    async def collect(self, stream, into):
        async for line in stream:
            into.append(json.loads(line))
            notice()

    def has(self, event, **fields):
        for line in self.events:
            if line["event"] == event and fields.items() <= line.items():
                return line
        return None

    def payloads(self, topic):
        return [line["payload"] for line in self.lines
                if line.get("topic") == topic]

    async def client(self, topic):
        path = topic.replace(".", "/")
        return await websockets.connect(f"{self.url}/{path}")

    async def kill(self):
        self.process.kill()
        await self.process.wait()

    async def stop(self):
        if self.process and self.process.returncode is None:
            self.process.terminate()
            assert await self.process.wait() == 0, f"{self.name} failed"
        await asyncio.gather(*self.tasks)
        Node.all.remove(self)


async def node(name, *more):
    return await Node(name).start(*more)


class Told(Peer):
    """A peer that keeps what it is told."""

    def __init__(self, name, peers=(), **more):
        super().__init__(name, peers, **more)
        self.messages, self.gaps, self.ends = [], [], []
        self.on_message = self.keep
        self.on_gap = lambda *gap: (self.gaps.append(gap), notice())
        self.on_up = notice
        self.on_down = lambda link, reason: (self.ends.append(reason),
                                             notice())

    def keep(self, data, _link):
        self.messages.append(data)
        notice()

    def payloads(self, topic):
        return [data.payload.decode() for data in self.messages
                if data.topic == topic]

    async def links_up(self, count):
        await until(lambda: len(self.links) == count, f"{count} links")

    def say(self, topic, text):
        return self.spread.publish(topic, text.encode(), 1)


def is_once(told, topic, wanted):
    """All of `wanted` at `told`, and nothing twice."""
    got = told.payloads(topic)
    if len(got) > len(set(got)):
        raise AssertionError(f"{told.name}: twice on {topic}")
    return set(got) >= set(wanted)


async def once(everybody, topic, wanted):
    wanted = list(wanted)

    def lacking():
        return "; ".join(
            f"{told.name} lacks on {topic} {len(set(told.payloads(topic)))} {sorted(set(wanted) - set(told.payloads(topic)))[:5]}"
            for told in everybody if not is_once(told, topic, wanted))
    await until(lambda: all(is_once(told, topic, wanted)
                            for told in everybody), lacking)
