# SPDX-License-Identifier: MIT
"""Real nodes for mesh.py: started, signalled, watched and ended by pid.

What a node says is read from two files of its folder: its log, as JSON, with
the answers to SIGUSR2, and what its logger plugin writes, one line a message.
The load are broadcaster plugins, or clients for what is too large for them;
a message counts as published once the logger of its own node has it.
"""

import calendar
import contextlib
import ctypes
import json
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

READY_SECONDS = 20
STOP_SECONDS = 15
STATE_SECONDS = 10
PR_SET_PDEATHSIG = 1
TOPIC = "b"
# "ts":"2026-01-02T03:04:05.678Z", of which one wants seconds and ms.
MESSAGE = re.compile(
    rb'\{"ts":"(.{23})Z","type":"message","topic":"' + TOPIC.encode() +
    rb'","from":"([0-9a-f]{32})","seq":(\d+),"hops":(\d+),')
GAP = re.compile(
    rb'"type":"gap","from":"([0-9a-f]{32})","first":(\d+),"count":(\d+)')
LIBC = ctypes.CDLL(None, use_errno=True)


class NetError(Exception):
    """It could not be measured; the text says why."""


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def raise_limits():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Clock:
    """Seconds since 1970 of a logger's time stamp; minutes are kept."""

    def __init__(self):
        self.minutes = {}

    def read(self, stamp):
        minute = self.minutes.get(stamp[:16])
        if minute is None:
            minute = calendar.timegm(time.strptime(
                stamp[:16].decode(), "%Y-%m-%dT%H:%M"))
            self.minutes[stamp[:16]] = minute
        return minute + float(stamp[17:])


CLOCK = Clock()


class Tail:
    """Whole lines that were added to a file since the last look."""

    def __init__(self, path):
        self.path, self.offset = path, 0

    def lines(self):
        try:
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                added = file.read()
        except FileNotFoundError:
            return []
        end = added.rfind(b"\n") + 1
        self.offset += end
        return added[:end].splitlines()


class Life:
    """One run of a node's program: what it heard, and when it lived."""

    def __init__(self, started):
        self.started = started
        self.stopped = None  # asked to stop, or killed
        self.id = None
        self.seen = {}  # (from, seq) -> when
        self.duplicates = 0
        self.gaps = []  # (from, first, count)


class Node:
    def __init__(self, net, number, host, port, namespace=None):
        self.net, self.number = net, number
        self.host, self.port, self.namespace = host, port, namespace
        self.name = f"n{number}"
        self.url = f"ws://{host}:{port}"  # for the others
        self.advertise = ()
        self.folder = os.path.join(net.folder, self.name)
        os.mkdir(self.folder)
        self.process = None
        self.frozen = False
        self.lives = []
        self.runs = 0
        self.asked = 0  # when its state was asked for
        self.state = None

    @property
    def life(self):
        return self.lives[-1]

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    def start(self, peers, interval=None, more=()):
        run = self.runs
        self.runs += 1
        heard = os.path.join(self.folder, f"heard{run}")
        log = os.path.join(self.folder, f"log{run}")
        argv = [self.net.binary, "--bind", f"{self.host}:{self.port}",
                "--name", self.name, "--log-format", "json", "--log-file",
                log, "--plugin-dir", self.net.plugin_dir, "--plugin",
                f"logger,format=json,payload=none,file={heard}",
                *self.advertise, *more]
        if peers:
            argv += ["--peers", ",".join(peers)]
        if interval is not None:
            text = "{n} ".ljust(self.net.size, "x")
            argv += ["--plugin", f"broadcaster,interval={interval}ms,"
                     f"topic={TOPIC},text={text}"]
        if self.namespace is not None:
            argv = ["ip", "netns", "exec", self.namespace, *argv]
        self.lives.append(Life(time.time()))
        self.heard, self.log = Tail(heard), Tail(log)
        self.state = None
        with open(os.path.join(self.folder, "out"), "ab") as out:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                preexec_fn=die_with_parent)
        if self.net.options.nice:
            with contextlib.suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, self.process.pid,
                               self.net.options.nice)

    def check(self):
        if not self.alive:
            code = self.process.returncode
            tail = b""
            with contextlib.suppress(OSError), open(
                    self.log.path, "rb") as log:
                tail = log.read()[-1500:]
            raise NetError(f"{self.name} ended with {code}:\n"
                           + tail.decode("utf-8", "replace"))

    def signal(self, signum):
        if self.alive:
            self.process.send_signal(signum)

    def kill(self):
        self.life.stopped = time.time()
        self.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """SIGTERM; returns the exit code."""
        self.life.stopped = time.time()
        self.signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            code = None
        self.read()
        return code

    def freeze(self):
        self.frozen = True
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.frozen = False
        self.signal(signal.SIGCONT)

    def read_log(self):
        for line in self.log.lines():
            if b'"event":"state"' in line:
                self.state = json.loads(line)["state"]
            elif b'"event":"ready"' in line:
                self.life.id = json.loads(line)["id"].encode()

    def read(self):
        """Take in what its logger has written."""
        self.read_log()
        life = self.life
        for line in self.heard.lines():
            match = MESSAGE.match(line)
            if match is not None:
                key = match[2], int(match[3])
                if key in life.seen:
                    life.duplicates += 1
                else:
                    life.seen[key] = CLOCK.read(match[1])
                    last = self.net.last_hop
                    last[key] = max(last.get(key, 0), int(match[4]))
                continue
            match = GAP.search(line)
            if match is not None:
                life.gaps.append((match[1], int(match[2]), int(match[3])))

    def ask(self):
        self.state = None
        self.signal(signal.SIGUSR2)

    def rss(self):
        with open(f"/proc/{self.process.pid}/statm", "rb") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()


class Net:
    """Nodes in a folder of their own; `with` ends all of them."""

    def __init__(self, options, size=256):
        self.options = options
        self.binary = os.path.abspath(options.grapevine)
        self.plugin_dir = os.path.join(
            os.path.dirname(self.binary), "plugins")
        self.keep = options.keep
        self.size = size
        self.nodes = []
        self.ports = {}
        self.last_hop = {}  # (from, seq) -> most hops that a copy made
        self.delay = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="gv-mesh-")
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            if node.alive:
                node.signal(signal.SIGKILL)
        for node in self.nodes:
            if node.process is not None:
                node.process.wait()
        if self.delay is not None:
            self.delay.kill()
            self.delay.wait()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def free_port(self, host):
        """One that nobody listens on, below the ephemeral ones."""
        if host != "127.0.0.1":  # a namespace of our own
            self.ports[host] = self.ports.get(host, 9000) + 1
            return self.ports[host]
        port = self.ports.get(host, 15000 + os.getpid() % 100 * 100)
        while True:
            port += 1
            with socket.socket() as sock, contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((host, port))
                self.ports[host] = port
                return port

    def add(self, host="127.0.0.1", namespace=None):
        node = Node(self, len(self.nodes), host, self.free_port(host),
                    namespace)
        self.nodes.append(node)
        return node

    def slow_down(self, latency):
        """From now on each link takes so long, MIN..MAX ms one way; before
        the nodes start."""
        pairs = []
        for node in self.nodes:
            port = self.free_port(node.host)
            pairs.append(f"{port}:{node.port}")
            node.url = f"ws://{node.host}:{port}"
            node.advertise = "--advertise", node.url
        self.delay = subprocess.Popen(
            [self.options.delay, latency, str(self.options.seed), *pairs],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            preexec_fn=die_with_parent)
        # Wires do not wait for a processor; without root they may.
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, self.delay.pid, -15)
        if self.delay.stdout.readline() != b"ready\n":
            raise NetError("gv_delay does not start")

    def bootstrap(self, node):
        """The addresses that `node` begins with: three for all."""
        return [other.url for other in self.nodes[:3] if other is not node]

    def running(self):
        return [n for n in self.nodes if n.alive and not n.frozen]

    def wait_ready(self, nodes):
        end = time.time() + READY_SECONDS
        left = list(nodes)
        while left:
            for node in left:
                node.read_log()
                node.check()
            left = [node for node in left if node.life.id is None]
            if left and time.time() > end:
                raise NetError(f"{left[0].name}: not ready within "
                               f"{READY_SECONDS} s")
            time.sleep(0.02)

    def ask(self, nodes=None):
        """All states of the running nodes; their time is that of asking."""
        nodes = self.running() if nodes is None else nodes
        end = time.time() + STATE_SECONDS
        # A node logs ten lines of one event a second at the most.
        time.sleep(max(0.0, max((n.asked for n in nodes), default=0) + 0.12
                       - time.time()))
        for node in nodes:
            node.asked = time.time()
            node.ask()
        left = nodes
        while left:
            time.sleep(0.01)
            for node in left:
                node.read_log()
            left = [n for n in left if n.state is None and n.alive]
            if left and time.time() > end:
                raise NetError(f"{left[0].name}: no state within "
                               f"{STATE_SECONDS} s")
        return [node for node in nodes if node.state is not None]

    def read(self):
        for node in self.nodes:
            if node.lives:
                node.read()


def components(nodes):
    """How many; a link counts when both ends say it is up."""
    by_id = {n.state["node"]["id"]: n for n in nodes}
    links = {i: {p["id"] for p in n.state["peers"]} for i, n in by_id.items()}
    left, count = set(by_id), 0
    while left:
        count += 1
        border = [left.pop()]
        while border:
            at = border.pop()
            near = {i for i in links[at] & left if at in links[i]}
            left -= near
            border += near
    return count


def holds_only_running(nodes):
    ids = {n.state["node"]["id"] for n in nodes}
    return all(p["id"] in ids for n in nodes for p in n.state["peers"])


def wait_whole(net, seconds, since=None, least=0):
    """Seconds from `since` until all that run are one component, of `least`
    links each if given, none of them to somebody who does not run; None: not
    within `seconds`."""
    since = time.time() if since is None else since
    while True:
        nodes = net.ask()
        if components(nodes) == 1 and (least == 0 or (
                holds_only_running(nodes) and
                all(len(n.state["peers"]) >= least for n in nodes))):
            return time.time() - since
        if time.time() - since > seconds:
            return None
        time.sleep(0.05)


def counters(nodes, *names, floor="mesh"):
    """Sums of counters over `nodes`, by their last state."""
    return [sum(n.state[floor][name] for n in nodes) for name in names]


class Client:
    """Publishes what it is told to, as a plain WebSocket client."""

    def __init__(self, node):
        self.socket = socket.create_connection((node.host, node.port), 10)
        self.socket.sendall(
            f"GET /{TOPIC} HTTP/1.1\r\nHost: {node.host}:{node.port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: bWVzaCBiZW5jaG1hcmsuLg==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = self.socket.recv(4096)
            if not more:
                break
            answer += more
        if not answer.startswith(b"HTTP/1.1 101"):
            raise NetError(f"{node.name}: no WebSocket")

    def publish(self, payload):
        # 126 and 127: two, eight bytes of length.  A mask of zeros leaves
        # the payload as it is.
        head = struct.pack("!BBHI", 0x82, 0xfe, len(payload), 0) \
            if 126 <= len(payload) < 65536 \
            else struct.pack("!BBQI", 0x82, 0xff, len(payload), 0)
        self.socket.sendall(head + payload)

    def close(self):
        self.socket.close()


class Namespaces:
    """Two network namespaces with a wire between them that can be cut."""

    def __init__(self):
        self.names = [f"gvmesh{os.getpid()}{side}" for side in "ab"]
        self.hosts = ["10.231.7.1", "10.231.7.2"]

    @staticmethod
    def run(*argv, check=True):
        done = subprocess.run(argv, capture_output=True, text=True,
                              timeout=20, check=False)
        if check and done.returncode != 0:
            raise NetError(f"{' '.join(argv)}: {done.stderr.strip()}")

    def inside(self, side, *argv):
        self.run("ip", "netns", "exec", self.names[side], *argv)

    @staticmethod
    def sweep():
        """Those of a run that was killed."""
        for name in os.listdir("/run/netns") if os.path.isdir(
                "/run/netns") else ():
            match = re.fullmatch(r"gvmesh(\d+)[ab]", name)
            if match and not os.path.exists(f"/proc/{match[1]}"):
                Namespaces.run("ip", "netns", "del", name, check=False)

    def __enter__(self):
        self.sweep()
        try:
            for name in self.names:
                self.run("ip", "netns", "add", name)
            self.run("ip", "link", "add", "gv0", "netns", self.names[0],
                     "type", "veth", "peer", "name", "gv0", "netns",
                     self.names[1])
            for side, host in enumerate(self.hosts):
                self.inside(side, "ip", "addr", "add", host + "/24", "dev",
                            "gv0")
                self.inside(side, "ip", "link", "set", "lo", "up")
                self.inside(side, "ip", "link", "set", "gv0", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in self.names:
            self.run("ip", "netns", "del", name, check=False)

    def drop(self, table, which=""):
        """Packets over the wire, either way, without a word to either side;
        `which` of them, in the words of nft."""
        lines = [f"add table inet {table}"]
        for hook, host in ("input", "ip saddr"), ("output", "ip daddr"):
            lines += [f"add chain inet {table} {hook} "
                      f"{{ type filter hook {hook} priority 0; }}",
                      f"add rule inet {table} {hook} {host} {self.hosts[1]} "
                      f"{which} drop"]
        self.inside(0, "nft", "; ".join(lines))

    def pass_on(self, table):
        """Those of drop() again."""
        self.inside(0, "nft", "delete", "table", "inet", table)

    def cut(self):
        self.drop("gvcut")

    def heal(self):
        self.pass_on("gvcut")

    def lose(self, percent):
        """So many of the packets."""
        self.drop("gvloss", f"numgen random mod 100 < {percent}")

    def keep(self):
        self.pass_on("gvloss")
