#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Instructions of grapevine's own code a message, counted by valgrind: the
same on a busy machine as on a quiet one.  The kernel's part is not in it.

Each case runs twice, for a short and for a longer time; what one message costs
is the difference of the instructions over that of the messages, so that start,
handshakes and introductions do not count.
"""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile

import run

SECONDS = (1, 4)
SIZE = {"size": 256, "window": 2048}
CASES = [
    ("fan-out, 256 B to 10", "load", {**SIZE, "subs": 10}),
    ("relay, 256 B, one peer to 5", "relay",
     {**SIZE, "subs": 5, "origins": 1}),
    ("relay, of 10 000 origins", "relay",
     {**SIZE, "subs": 5, "origins": 10000}),
]


def count(options, generator, load, seconds):
    """Instructions, and messages, of one run."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="gv-count-"))
        wrapper = os.path.join(folder, "node")
        out = os.path.join(folder, "callgrind")
        with open(wrapper, "w", encoding="utf-8") as script:
            script.write('#!/bin/sh\nexec valgrind --tool=callgrind '
                         f'--callgrind-out-file={out} '
                         f'"{os.path.abspath(options.grapevine)}" "$@"\n')
        os.chmod(wrapper, 0o755)
        with contextlib.ExitStack() as servers:
            (pid, port), = run.Grapevine(wrapper).start(servers, folder, 1)
            program = os.path.join(os.path.dirname(options.grapevine),
                                   "tests", "bench", "gv_" + generator)
            argv = [program, "--proto", "ws", "--port", str(port),
                    "--sub-port", str(port), "--cpu", str(run.LOAD_CPU),
                    "--pid", str(pid), "--warmup", "0",
                    "--seconds", str(seconds)]
            for option, value in load.items():
                argv += ["--" + option, str(value)]
            answer = subprocess.run(argv, capture_output=True, text=True,
                                    timeout=300, check=True)
        if options.keep:
            os.replace(out, f"{options.keep}.{generator}-"
                       f"{load.get('origins', 0)}")
            out = f"{options.keep}.{generator}-{load.get('origins', 0)}"
        with open(out, encoding="utf-8") as lines:
            total = re.search(r"^(?:summary|totals): (\d+)", lines.read(),
                              re.MULTILINE)
    return int(total.group(1)), \
        int(re.search(r'"published":(\d+)', answer.stdout).group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--grapevine", metavar="PATH", default=os.path.join(
        run.ROOT, "build", "release", "grapevine"))
    parser.add_argument("--keep", metavar="PREFIX",
                        help="keep callgrind's files, for callgrind_annotate")
    options = parser.parse_args()
    for title, generator, load in CASES:
        small, large = (count(options, generator, load, seconds)
                        for seconds in SECONDS)
        each = (large[0] - small[0]) / (large[1] - small[1])
        what = f"{each:.0f} a message"
        if generator == "load":
            what += f", {each / load['subs']:.1f} a delivery"
        print(f"{title}: {what}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
