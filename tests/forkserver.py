# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Launches of verl whose processes are forked from one that has imported what verl imports: a launch on a CPU spends
most of its time on that, once in each of its nine processes. Ray and verl are imported by each as before.

``python forkserver.py SOCKET`` serves; ``python -I -S forkserver.py SOCKET ARGUMENTS…`` stands in for ``python
ARGUMENTS…``: it asks for a fork with its own arguments, environment, folder and streams, lives as long as that one
does, and ends with its exit code. Ray starts its workers that way by the field ``py_executable`` of a runtime
environment. The process id of each fork is added to the file that $FORKED names.
"""

import array
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys

STREAMS = 3
IMPORTED = (
    "torch.distributed.fsdp",
    "torch.distributed.tensor",
    "torch._inductor.lowering",
    "tensordict",
    "transformers.generation.candidate_generator",
    "transformers.models.auto.modeling_auto",
    "transformers.models.qwen2.modeling_qwen2",
    "accelerate",
    "aiohttp",
    "datasets",
    "fastapi",
    "hydra.main",
    "peft",
    "requests",
    "sklearn.metrics",
    "sympy",
    "uvicorn",
    "vllm.distributed",
    "zmq",
)
"""What verl imports but Ray and what imports Ray: that reads its settings from the environment while it is imported."""


def ask(path: str, arguments: list[str]) -> int:
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        request = json.dumps({"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}).encode()
        streams = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", range(STREAMS)))]
        server.sendmsg([len(request).to_bytes(4, "big")], streams)
        server.sendall(request)
        answer = server.recv(4)
    return int.from_bytes(answer, "big") if answer else 1


def serve(path: str) -> list[str]:
    """Forks for whoever asks, until stdin is closed. Returns in the forks alone: their arguments."""
    running = {}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([sys.stdin, listener, *running.values()], [], [], 0.05)
            if sys.stdin in ready:
                for pid in running:
                    os.kill(pid, signal.SIGKILL)
                sys.exit()
            if listener in ready:
                client, _ = listener.accept()
                request, streams = receive(client)
                if (pid := os.fork()) == 0:
                    for other in (listener, client, *running.values()):
                        other.close()
                    return become(request, streams)
                for stream in streams:
                    os.close(stream)
                running[pid] = client
            for pid, client in running.items():
                if client in ready:  # whoever asked is gone
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            reap(running)


def receive(client: socket.socket) -> tuple[dict, list[int]]:
    length, streams, _, _ = socket.recv_fds(client, 4, STREAMS)
    left, parts = int.from_bytes(length, "big"), []
    while left:
        parts.append(client.recv(left))
        left -= len(parts[-1])
    return json.loads(b"".join(parts)), streams


def reap(running: dict[int, socket.socket]) -> None:
    for pid, client in list(running.items()):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if not ended:
            continue
        del running[pid]
        with contextlib.suppress(BrokenPipeError):
            client.sendall(abs(os.waitstatus_to_exitcode(status)).to_bytes(4, "big"))
        client.close()


def become(request: dict, streams: list[int]) -> list[str]:
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for folder in reversed(os.environ.get("PYTHONPATH", "").split(os.pathsep)):
        if folder and folder not in sys.path:
            sys.path.insert(0, folder)
    with open(os.environ["FORKED"], "a") as file:
        file.write(f"{os.getpid()}\n")
    return request["arguments"]


def run(arguments: list[str]) -> None:
    """As ``python ARGUMENTS…``: -u, then a script or -m and a module."""
    import runpy

    import numpy as np

    np.random.seed()  # noqa: NPY002  each process has its own state, as if it had been started
    arguments = [argument for argument in arguments if argument != "-u"]
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        sys.path.insert(0, os.path.dirname(arguments[0]))
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(ask(sys.argv[1], sys.argv[2:]))
    for name in IMPORTED:
        with contextlib.suppress(ModuleNotFoundError):  # vLLM is not everywhere
            importlib.import_module(name)
    assert "ray" not in sys.modules
    gc.freeze()
    run(serve(sys.argv[1]))
