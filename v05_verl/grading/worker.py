# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""One process of the pool: reads pairs from standard input, answers what math-verify thinks of each.

Run by ``pool.Pool`` as ``python -m v05_verl.grading.worker``; one JSON line in, one JSON line out. The kernel ends the
process by SIGALRM where a pair takes too long, even if nobody is left to kill it; it ends by itself where its parent
is gone or its input closes.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import select
import signal
import sys
import warnings

PARENT_CHECK_SECONDS = 2.0
# Loads what SymPy loads late, so that the first pair gets its full time.
WARM_UP = ((r"\frac{1}{2}", "0.5"), ("x^2", "x*x"), ("34", r"\int_0^{34} 1 dx"))


def main() -> None:
    deadline, memory_bytes = float(sys.argv[1]), int(sys.argv[2])
    # What a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the parent, which ends its workers
    try:
        grade = _grader()
    except ImportError as error:
        answers.write(json.dumps({"error": f"{type(error).__name__}: {error}"}) + "\n")
        return
    for gold, prediction in WARM_UP:
        grade(gold, prediction)
    answers.write(json.dumps({"ready": True}) + "\n")
    for line in _lines(os.getppid()):
        # The default action of SIGALRM ends the process wherever it hangs, in C code too.
        signal.setitimer(signal.ITIMER_REAL, deadline)
        answer = _answer(grade, line)
        signal.setitimer(signal.ITIMER_REAL, 0)
        answers.write(json.dumps(answer) + "\n")


def _grader():
    from math_verify import parse, verify
    from math_verify.parser import LatexExtractionConfig

    targets = (LatexExtractionConfig(),)

    def grade(gold: str, prediction: str) -> bool:
        """math-verify on two boxed answers; its own timeouts are off, they need signals of the main thread."""
        # Without fallback: it would pick one number out of a text that it cannot read.
        boxes = [rf"$\boxed{{{text}}}$" for text in (gold, prediction)]
        parsed = [parse(box, targets, fallback_mode="no_fallback", parsing_timeout=None) for box in boxes]
        if not all(parsed):
            return False
        return bool(verify(*parsed, timeout_seconds=None, raise_on_error=True))

    return grade


def _answer(grade, line: str) -> dict:
    try:
        gold, prediction = json.loads(line)
        return {"correct": grade(gold, prediction)}
    except RecursionError:
        return {"error": "RecursionError"}
    except MemoryError:
        return {"error": "MemoryError"}
    except Exception as error:  # untrusted text through a parser: whatever it raises is counted by the caller
        return {"error": f"{type(error).__name__}: {error}"[:300]}


def _lines(parent: int):
    """Lines of standard input; ends at its end, or where the parent is gone."""
    buffer = b""
    while True:
        ready, _, _ = select.select([0], [], [], PARENT_CHECK_SECONDS)
        if not ready:
            if os.getppid() != parent:
                return
            continue
        block = os.read(0, 1 << 16)
        if not block:
            return
        buffer += block
        while b"\n" in buffer:
            line, _, buffer = buffer.partition(b"\n")
            yield line.decode("utf-8")


if __name__ == "__main__":
    main()
