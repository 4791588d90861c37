#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The figures of docs/PERFORMANCE.md: grapevine and nats-server, on the same
core, driven by the same generator, in turns (A B A B).

The server runs on processor 0, the generator (gv_load; gv_relay for a node
between peers) on processor 1.  Each measurement starts fresh servers.  A ratio
is the median of the ratios of the rounds; in brackets its smallest and
largest.  Exit 0: every target is met and nothing was lost or came twice; 1:
not so; 2: it could not be measured.
"""

import argparse
import contextlib
import json
import os
import platform
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
START_SECONDS = 15
STOP_SECONDS = 15
CORES = sorted(os.sched_getaffinity(0))
SERVER_CPU, LOAD_CPU = CORES[0], CORES[-1]


class BenchError(Exception):
    """It could not be measured; the text says why."""


def raise_limits():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def wait_for(what, check):
    """Ask until `check` says something true; returns that."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        answer = check()
        if answer:
            return answer
        time.sleep(0.02)
    raise BenchError(f"{what}: not within {START_SECONDS} s")


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Server:
    """One process on the servers' processor."""

    def __init__(self, argv, folder, name):
        self.name = name
        self.output = os.path.join(folder, name + ".out")
        with open(self.output, "wb") as out:
            self.process = subprocess.Popen(
                argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, preexec_fn=lambda: os.sched_setaffinity(
                    0, {SERVER_CPU}))

    @property
    def pid(self):
        return self.process.pid

    def check(self):
        code = self.process.poll()
        if code is not None:
            with open(self.output, "rb") as out:
                tail = out.read()[-2000:].decode("utf-8", "replace")
            raise BenchError(f"{self.name} ended with {code}:\n{tail}")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Grapevine:
    name = "grapevine"
    proto = "ws"

    def __init__(self, binary):
        self.binary = binary

    def start(self, stack, folder, count):
        """Start `count` linked nodes; returns [(pid, port)]."""
        nodes = []
        for i in range(count):
            log = os.path.join(folder, f"node{i}.log")
            ports = os.path.join(folder, f"node{i}.ports")
            argv = [self.binary, "--bind", "127.0.0.1:0", "--ports-file",
                    ports, "--log-format", "json", "--log-file", log,
                    "--max-clients", "15000"]
            if count == 1:
                argv += ["--mesh", "static"]
            if nodes:
                argv += ["--peers", f"ws://127.0.0.1:{nodes[0][1]}"]
            server = Server(argv, folder, f"grapevine{i}")
            stack.callback(server.stop)
            wait_for("ready", lambda: self.has_event(server, log, "ready"))
            with open(ports, encoding="utf-8") as lines:
                port = int(lines.readline().split()[1])
            if nodes:
                wait_for("peer_up",
                         lambda: self.has_event(server, log, "peer_up"))
            nodes.append((server.pid, port))
        return nodes

    @staticmethod
    def has_event(server, log, event):
        server.check()
        if not os.path.exists(log):
            return False
        with open(log, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                with contextlib.suppress(ValueError):
                    if json.loads(line).get("event") == event:
                        return True
        return False


class Nats:
    name = "nats"
    proto = "nats"

    def __init__(self, binary):
        self.binary = binary

    def start(self, stack, folder, count):
        ports = [free_port() for _ in range(count)]
        routes = [free_port() for _ in range(count)]
        nodes = []
        for i in range(count):
            argv = [self.binary, "-a", "127.0.0.1", "-p", str(ports[i]),
                    "-l", os.path.join(folder, f"nats{i}.log")]
            if count > 1:
                argv += ["--cluster_name", "bench", "--cluster",
                         f"nats://127.0.0.1:{routes[i]}"]
            if nodes:
                argv += ["--routes", f"nats://127.0.0.1:{routes[0]}"]
            server = Server(argv, folder, f"nats{i}")
            stack.callback(server.stop)
            wait_for("nats-server", lambda: self.answers(server, ports[i]))
            nodes.append((server.pid, ports[i]))
        return nodes

    @staticmethod
    def answers(server, port):
        server.check()
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as sock:
                return sock.recv(4) == b"INFO"
        except OSError:
            return False


class Case:
    """What is measured: `load` are the generator's options; `metric` takes a
    figure from what it prints.  `target` bounds the ratio to nats-server, or
    the figure itself if it is `absolute`; None: for information.  Of a case
    with a `rival`, another case of grapevine, it bounds the ratio to that."""

    def __init__(self, name, title, load, metric="cpu_us_per_delivery",
                 unit="us", target=None, nodes=1, base=None, absolute=False,
                 turns=1, generator="load", rival=None):
        self.name, self.title, self.load = name, title, load
        self.metric, self.unit, self.target = metric, unit, target
        self.nodes, self.base, self.absolute = nodes, base, absolute
        self.turns = turns  # in a round: what is short is noisy
        self.generator, self.rival = generator, rival

    def is_for(self, contender):
        return self.rival is None or contender.name == "grapevine"


def fan_out(size, subs, target=None):
    window = max(1, min(4096, 512 * 1024 // size))
    return Case(f"fan-out-{size}-{subs}",
                f"fan-out, {size} B to {subs}: CPU a delivery",
                {"size": size, "subs": subs, "window": window},
                target=target)


def relay(origins, rival, target):
    """A message is what one peer sends and five get."""
    many = f" of {origins} origins" if origins > 1 else ""
    return Case(f"relay-{origins}",
                f"relay, 256 B{many}, one peer to 5: CPU a message",
                {"size": 256, "subs": 5, "window": 2048, "origins": origins},
                metric="cpu_us_per_message", target=target, turns=6,
                generator="relay", rival=rival)


FAN_OUT_256 = fan_out(256, 10)
RELAY_1 = relay(1, FAN_OUT_256, 6)
ONE_TO_TEN = {"subs": 10, "size": 128, "window": 1}
CASES = [
    fan_out(128, 10, 0.5),
    fan_out(128, 100, 0.5),
    fan_out(16, 10, 0.35),
    fan_out(16, 100, 0.35),
    fan_out(128, 1),
    fan_out(128, 1000),
    fan_out(1024, 10),
    fan_out(1024, 100),
    FAN_OUT_256,
    RELAY_1,
    relay(10000, RELAY_1, 1.2),
    Case("idle-rss", "10 000 idle connections: RSS of each",
         {**ONE_TO_TEN, "idle": 10000}, "rss_bytes_per_idle", "B",
         target=3072, absolute=True),
    Case("idle-cost", "one message to 10: CPU, 10 000 idle against 10",
         {**ONE_TO_TEN, "idle": 10000}, base={**ONE_TO_TEN, "idle": 10},
         unit="x", target=1.5, absolute=True),
    Case("latency-p50", "one message in flight, 128 B: p50",
         {"subs": 1, "size": 128, "window": 1}, "p50_us", "us", target=1.0,
         turns=3),
    Case("latency-p99", "one message in flight, 128 B: p99",
         {"subs": 1, "size": 128, "window": 1}, "p99_us", "us", turns=3),
    Case("two-nodes", "two nodes, 128 B to 1: CPU of both a message",
         {"subs": 1, "size": 128, "window": 4096}, nodes=2, target=0.7),
    Case("two-nodes-10", "two nodes, 128 B to 10: CPU of both a delivery",
         {"subs": 10, "size": 128, "window": 4096}, nodes=2),
]


class Bench:
    def __init__(self, options, contenders):
        self.options = options
        self.contenders = contenders
        self.lost = 0
        self.duplicates = 0
        self.errors = []
        self.runs = {}  # of this round: what was measured need not be again

    def load(self, contender, case, load, turn):
        """One measurement against fresh servers."""
        key = (contender.name, case.generator, case.nodes, turn,
               tuple(sorted(load.items())))
        if key in self.runs:
            return self.runs[key]
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="gv-bench-"))
            nodes = contender.start(stack, folder, case.nodes)
            program = self.options.load if case.generator == "load" \
                else self.options.relay
            argv = [program, "--proto", contender.proto, "--port",
                    str(nodes[0][1]), "--sub-port", str(nodes[-1][1]),
                    "--cpu", str(LOAD_CPU), "--seconds",
                    str(self.options.seconds), "--warmup",
                    str(self.options.seconds / 4)]
            for pid, _ in nodes:
                argv += ["--pid", str(pid)]
            for option, value in load.items():
                argv += ["--" + option, str(value)]
            answer = subprocess.run(argv, capture_output=True, text=True,
                                    timeout=120, check=False)
            if answer.returncode != 0:
                raise BenchError(answer.stderr.strip())
            result = json.loads(answer.stdout)
        if contender.name == "grapevine":
            self.lost += result["lost"]
            self.duplicates += result["duplicates"]
        self.runs[key] = result
        return result

    def measure(self, contender, case, turn):
        """The case's figure, and whether the run was without loss."""
        result = self.load(contender, case, case.load, turn)
        whole = result["lost"] == 0 and result["duplicates"] == 0
        figure = result[case.metric]
        if case.base is not None:
            base = self.load(contender, case, case.base, turn)
            figure /= base[case.metric]
        return figure, whole

    def measure_rival(self, contender, case, turn):
        """Figures of this turn, by the side of each other."""
        if case.rival is None:
            return []
        return [self.measure(contender, case.rival, turn)[0]]

    def progress(self, text):
        if not self.options.quiet:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def try_measure(self, contender, case, turn, figures):
        """Add a figure; False: something was lost, or it failed."""
        try:
            rivals = self.measure_rival(contender, case, turn)
            figure, whole = self.measure(contender, case, turn)
        except (BenchError, subprocess.SubprocessError) as error:
            self.errors.append(f"{contender.name}, {case.name}: {error}")
            return False
        figures[contender.name].append(figure)
        figures["rival"] += rivals
        return whole or contender.name != "grapevine"

    def run(self, cases):
        figures = {case.name: {"rival": [],
                               **{c.name: [] for c in self.contenders}}
                   for case in cases}
        whole = {case.name: True for case in cases}
        rounds = self.options.rounds
        for number in range(rounds):
            self.runs = {}
            # Who is compared is measured close together: other work on the
            # machine comes and goes.
            for case, turn, contender in (
                    (case, turn, contender)
                    for turn in range(max(case.turns for case in cases))
                    for case in cases if turn < case.turns
                    for contender in self.contenders
                    if case.is_for(contender)):
                self.progress(f"round {number + 1}/{rounds}: {case.name}, "
                              f"{contender.name}")
                intact = self.try_measure(
                    contender, case, turn, figures[case.name])
                whole[case.name] = whole[case.name] and intact
        self.progress("")
        return [judge(case, figures[case.name], whole[case.name])
                for case in cases]


def spread(values):
    if not values:
        return None
    return {"median": statistics.median(values), "min": min(values),
            "max": max(values), "values": values}


def judge(case, figures, whole):
    ours, theirs = figures.get("grapevine", []), figures.get("nats", [])
    others = figures["rival"] or theirs
    ratios = [a / b for a, b in zip(ours, others) if b > 0]
    row = {"name": case.name, "title": case.title, "unit": case.unit,
           "target": case.target, "absolute": case.absolute,
           "rival": case.rival.name if case.rival is not None else None,
           "grapevine": spread(ours), "nats": spread(theirs),
           "ratio": spread(ratios), "verdict": "info"}
    judged = row["grapevine"] if case.absolute else row["ratio"]
    if not whole:
        row["verdict"] = "FAIL"
    elif case.target is not None and judged is not None:
        row["verdict"] = \
            "pass" if judged["median"] <= case.target else "FAIL"
    return row


def show_figure(value):
    if value >= 1000:
        return f"{value:.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.3f}" if value < 1 else f"{value:.2f}"


def show_spread(values, unit):
    if values is None:
        return "-"
    text = f"{show_figure(values['median'])} {unit}".strip()
    return (f"{text} ({show_figure(values['min'])}"
            f"-{show_figure(values['max'])})")


def show(rows, bench):
    table = [["what", "grapevine", "nats-server", "ratio", "target", ""]]
    for row in rows:
        target = ""
        if row["target"] is not None:
            unit = row["unit"] if row["absolute"] else ""
            target = f"<= {row['target']:g} {unit}".strip()
        if row["rival"] is not None:
            target += f" x {row['rival']}"
        table.append([
            row["title"], show_spread(row["grapevine"], row["unit"]),
            show_spread(row["nats"], row["unit"]),
            show_spread(row["ratio"], ""), target, row["verdict"]])
    intact = bench.lost == 0 and bench.duplicates == 0
    table.append(["lost, twice, in all runs of grapevine",
                  f"{bench.lost}, {bench.duplicates}", "", "", "0, 0",
                  "pass" if intact else "FAIL"])
    widths = [max(len(line[i]) for line in table)
              for i in range(len(table[0]))]
    for line in table:
        print("  ".join(cell.ljust(width)
                        for cell, width in zip(line, widths)).rstrip())


def machine():
    model = platform.machine()
    with contextlib.suppress(OSError), open(
            "/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{model}, {os.cpu_count()} processors, Linux " \
           f"{platform.release()}"


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--grapevine", metavar="PATH", default=os.path.join(
        ROOT, "build", "release", "grapevine"), help="the node to measure")
    parser.add_argument("--load", metavar="PATH",
                        help="gv_load (default: of the same build)")
    parser.add_argument("--relay", metavar="PATH",
                        help="gv_relay (default: of the same build)")
    parser.add_argument("--nats", metavar="PATH",
                        default=shutil.which(
                            "nats-server", path=os.environ.get("PATH", "") +
                            ":/usr/sbin:/usr/local/sbin"),
                        help="nats-server")
    parser.add_argument("--only", metavar="NAME", action="append",
                        help="only the case of that name, or those that "
                        "begin so; repeatable")
    parser.add_argument("--contender", action="append",
                        choices=["grapevine", "nats"], help="only this one")
    parser.add_argument("--rounds", type=int, help="default 3")
    parser.add_argument("--seconds", type=float,
                        help="of load a measurement (default 2)")
    parser.add_argument("--quick", action="store_true",
                        help="one round of half a second: a look")
    parser.add_argument("--json", action="store_true",
                        help="print JSON instead of the table")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument("--list", action="store_true",
                        help="print the names of the cases")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.seconds = options.seconds or (0.5 if options.quick else 2.0)
    options.quiet = options.quiet or not sys.stderr.isatty()
    built = os.path.join(os.path.dirname(os.path.abspath(options.grapevine)),
                         "tests", "bench")
    options.load = options.load or os.path.join(built, "gv_load")
    options.relay = options.relay or os.path.join(built, "gv_relay")
    return options


def find_contenders(options):
    contenders = []
    wanted = options.contender or ["grapevine", "nats"]
    for name, binary, kind in (("grapevine", options.grapevine, Grapevine),
                               ("nats", options.nats, Nats)):
        if name not in wanted:
            continue
        if binary is None or not os.access(binary, os.X_OK):
            raise BenchError(f"{name}: no program at {binary}; give --{name} "
                             "PATH")
        contenders.append(kind(os.path.abspath(binary)))
    for name in ("load", "relay"):
        path = getattr(options, name)
        if not os.access(path, os.X_OK):
            raise BenchError(f"no generator at {path}; build gv_{name} or "
                             f"give --{name} PATH")
    return contenders


def find_cases(names):
    """Those of that name, or else those whose names begin so."""
    wanted = set()
    for name in names or [""]:
        exact = {case.name for case in CASES if case.name == name}
        wanted |= exact or {case.name for case in CASES
                            if case.name.startswith(name)}
    return [case for case in CASES if case.name in wanted]


def main():
    options = parse_options()
    cases = find_cases(options.only)
    if options.list:
        print("\n".join(case.name for case in cases))
        return 0
    try:
        if not cases:
            raise BenchError("no case of that name; --list shows them")
        raise_limits()
        bench = Bench(options, find_contenders(options))
        rows = bench.run(cases)
    except (BenchError, OSError, subprocess.SubprocessError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps({"machine": machine(), "rounds": options.rounds,
                          "seconds": options.seconds, "lost": bench.lost,
                          "duplicates": bench.duplicates,
                          "errors": bench.errors, "cases": rows},
                         indent=2))
    else:
        print(f"{machine()}; {options.rounds} rounds of "
              f"{options.seconds:g} s; median (min-max)")
        show(rows, bench)
    for error in bench.errors:
        print(f"bench: {error}", file=sys.stderr)
    if bench.errors:
        return 2
    failed = bench.lost + bench.duplicates > 0 or any(
        row["verdict"] == "FAIL" for row in rows)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
