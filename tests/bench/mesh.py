#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The figures of the mesh with real nodes on this machine: the second table
of docs/PERFORMANCE.md.

Each case starts its nodes anew, on loopback or in two network namespaces,
joins them through three addresses and lets some of them publish.  The logger
plugin of every node says what it got.  Prints a table in Markdown.  Exit 0:
every target is met; 1: not so; 2: it could not be measured.
"""

import argparse
import json
import os
import platform
import signal
import sys

from mesh_faults import (Churn, Cut, Drop, DropThird, Kill, KillMost, Mixed,
                         Partition, Restart, Stop)
from mesh_load import (Bytes, Delay, Idle, Join, Large, Latency, Members,
                       Rare, Steady)
from mesh_net import NetError, raise_limits

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
CASES = [Join, Idle, Members, Steady, Rare, Bytes, Latency, Large, Delay, Kill,
         KillMost, Stop, Drop, DropThird, Partition, Cut, Restart, Mixed,
         Churn]


class Table:
    """Rows of what was measured, with their targets."""

    def __init__(self):
        self.rows = []

    def add(self, figure, case, what, value, unit="", most=None, least=None):
        """`value` None: it did not happen in time."""
        passed = value is not None and \
            (most is None or value <= most) and \
            (least is None or value >= least)
        row = {"figure": figure, "case": case, "what": what, "value": value,
               "unit": unit, "most": most, "least": least,
               "verdict": "" if most is None and least is None
               else "PASS" if passed else "MISS"}
        self.rows.append(row)

    def count(self, verdict):
        return sum(row["verdict"] == verdict for row in self.rows)

    def show(self):
        lines = [["#", "case", "what", "measured", "target", ""]]
        for row in self.rows:
            lines.append([row["figure"], row["case"], row["what"],
                          show(row["value"], row["unit"]), target(row),
                          row["verdict"]])
        widths = [max(len(line[i]) for line in lines) for i in range(6)]
        lines.insert(1, ["-" * width for width in widths])
        for line in lines:
            print("| " + " | ".join(cell.ljust(width) for cell, width
                                    in zip(line, widths)) + " |")


def show(value, unit):
    if value is None:
        return "not in time"
    text = str(value) if isinstance(value, int) else f"{value:.4f}" \
        if unit in ("", "x") else f"{value:.2f}"
    return f"{text} {unit}".strip()


def target(row):
    if row["most"] is not None and row["least"] is not None:
        return f"{row['least']:g} to {row['most']:g} {row['unit']}".strip()
    if row["most"] is not None:
        return f"<= {row['most']:g} {row['unit']}".strip()
    if row["least"] is not None:
        return f">= {row['least']:g} {row['unit']}".strip()
    return ""


def machine():
    model = platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            model = next((line.split(":", 1)[1].strip() for line in lines
                          if line.startswith("model name")), model)
    except OSError:
        pass
    return f"{model}, {os.cpu_count()} processors, Linux " \
           f"{platform.release()}"


def parse_options():
    parser = argparse.ArgumentParser(
        prog="dev bench mesh", description=__doc__.split("\n\n")[0])
    parser.add_argument("--grapevine", metavar="PATH", default=os.path.join(
        ROOT, "build", "release", "grapevine"), help="the node to measure; "
        "its plugins are in plugins beside it")
    parser.add_argument("--delay", metavar="PATH",
                        help="gv_delay (default: of the same build)")
    parser.add_argument("--nodes", type=int, default=50,
                        help="8 to 200 (default 50)")
    parser.add_argument("--only", metavar="NAME", action="append",
                        choices=[case.name for case in CASES],
                        help="only that case: " + ", ".join(
                            case.name for case in CASES) + "; repeatable")
    parser.add_argument("--minutes", type=float,
                        help="of churn and of mixed faults (default 10, with "
                        "--quick 1)")
    parser.add_argument("--cut", type=float, default=5, metavar="MINUTES",
                        help="of the case cut (default 5)")
    parser.add_argument("--nice", type=int, default=0, metavar="N",
                        help="of the nodes; as root, -10 shields them from "
                        "other work on this machine")
    parser.add_argument("--seed", type=int, default=1,
                        help="who is killed, stopped, restarted")
    parser.add_argument("--quick", action="store_true",
                        help="shorter loads, one minute of churn, not: " +
                        ", ".join(case.name for case in CASES
                                  if not case.quick))
    parser.add_argument("--json", action="store_true",
                        help="print JSON instead of the table")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument("--keep", action="store_true",
                        help="keep the folders with the logs")
    options = parser.parse_args()
    if not 8 <= options.nodes <= 200:
        parser.error(f"--nodes: found {options.nodes}, expected 8 to 200")
    if options.minutes is None:
        options.minutes = 1 if options.quick else 10
    if not 0.5 <= options.cut <= 120:
        parser.error(f"--cut: found {options.cut:g}, expected 0.5 to 120")
    built = os.path.dirname(os.path.abspath(options.grapevine))
    options.delay = options.delay or os.path.join(
        built, "tests", "bench", "gv_delay")
    options.quiet = options.quiet or not sys.stderr.isatty()
    return options


def main():
    options = parse_options()
    table = Table()
    errors, busy = [], []
    # Ends the nodes and namespaces in the same way as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    raise_limits()
    if not os.access(options.grapevine, os.X_OK):
        print(f"mesh: no program at {options.grapevine}; ./dev build, or "
              "give --grapevine PATH", file=sys.stderr)
        return 2
    for case in CASES:
        if case.name not in options.only if options.only else \
                options.quick and not case.quick:
            continue
        busy.append(f"{case.name} {os.getloadavg()[0]:.1f}")
        try:
            case(options, table).run()
        except (NetError, OSError) as error:
            errors.append(f"{case.name}: {error}")
        except KeyboardInterrupt:
            return 130
    if not options.quiet:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps({"machine": machine(), "nodes": options.nodes,
                          "seed": options.seed, "errors": errors,
                          "busy": busy,
                          "rows": table.rows}, indent=2))
    else:
        print(f"{machine()}; {options.nodes} nodes\n")
        table.show()
        print(f"\nload average before each case: {', '.join(busy)}")
        print(f"{table.count('PASS')} passed, {table.count('MISS')} missed, "
              f"{len(errors)} not measured")
    for error in errors:
        print(f"mesh: {error}", file=sys.stderr)
    if errors:
        return 2
    return 1 if table.count("MISS") > 0 else 0


if __name__ == "__main__":
    sys.exit(main())
