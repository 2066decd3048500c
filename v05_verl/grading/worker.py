# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""One process of the pool: reads pairs from its connection, answers what math-verify thinks of each.

Run by ``pool.Pool`` as ``python -m v05_verl.grading.worker``; JSON in, JSON out. The kernel ends the process by SIGALRM
where a pair takes too long, even if nobody is left to kill it; it ends by itself where its parent is gone.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys
import warnings
from multiprocessing.connection import Connection

PARENT_CHECK_SECONDS = 2.0
# Loads what SymPy loads late, so that the first pair gets its full time.
WARM_UP = ((r"\frac{1}{2}", "0.5"), ("x^2", "x*x"), ("34", r"\int_0^{34} 1 dx"))


def main() -> None:
    connection, deadline, memory_bytes = Connection(int(sys.argv[1])), float(sys.argv[2]), int(sys.argv[3])
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the parent, which ends its workers
    try:
        grade = _grader()
    except ImportError as error:
        connection.send_bytes(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        return
    for gold, prediction in WARM_UP:
        grade(gold, prediction)
    connection.send_bytes(json.dumps({"ready": True}).encode())
    parent = os.getppid()
    while True:
        while not connection.poll(PARENT_CHECK_SECONDS):
            if os.getppid() != parent:
                return
        try:
            pair = json.loads(connection.recv_bytes())
        except EOFError:
            return
        # The default action of SIGALRM ends the process wherever it hangs, in C code too.
        signal.setitimer(signal.ITIMER_REAL, deadline)
        answer = _answer(grade, *pair)
        signal.setitimer(signal.ITIMER_REAL, 0)
        connection.send_bytes(json.dumps(answer).encode())


def _grader():
    from math_verify import parse, verify
    from math_verify.parser import LatexExtractionConfig

    targets = (LatexExtractionConfig(),)

    def grade(gold: str, prediction: str) -> bool:
        """math-verify on two boxed answers; its own timeouts are off, they need signals of the main thread."""
        # Without fallback: it would pick one number out of a text that it cannot read.
        boxes = [rf"$\boxed{{{text}}}$" for text in (gold, prediction)]
        parsed = [parse(box, targets, fallback_mode="no_fallback", parsing_timeout=None) for box in boxes]
        return all(parsed) and bool(verify(*parsed, timeout_seconds=None, raise_on_error=True))

    return grade


def _answer(grade, gold: str, prediction: str) -> dict:
    try:
        return {"correct": grade(gold, prediction)}
    except Exception as error:  # untrusted text through a parser: whatever it raises is counted by the caller
        return {"error": f"{type(error).__name__}: {error}"[:300]}


if __name__ == "__main__":
    main()
