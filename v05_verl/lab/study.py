# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Many runs: files that make a study resumable, and processes that work through it."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from v05_verl import arms
from v05_verl.lab.arms import find_arm
from v05_verl.lab.loop import Run, RunSettings
from v05_verl.lab.policy_gradient import Optimization
from v05_verl.lab.tasks import find_task
from v05_verl.lab.tiny_lm import Shape, TinyLM
from v05_verl.lab.tokenizer import build_tokenizer
from v05_verl.lab.warm_start import WarmStart, warm_started


@dataclass(frozen=True)
class Job:
    """One run of a study; its file name says everything that makes it different from others."""

    task: str
    arm: str
    seed: int
    learning_rate: float
    rollouts: int = 30720
    mini_batches: int = 1
    warm_start: float = 0.45
    train_prompts: int = 4096
    prior: str | None = None
    prior_auc: float | None = None

    @property
    def path(self) -> Path:
        setting = (
            f"rollouts{self.rollouts}-mini{self.mini_batches}-start{self.warm_start:g}-prompts{self.train_prompts}"
        )
        setting += f"-{self.prior}" if self.prior else ""
        setting += f"-auc{self.prior_auc:g}" if self.prior_auc else ""
        return Path(self.task) / setting / self.arm / f"lr{self.learning_rate:g}-seed{self.seed}.jsonl"

    @property
    def start_path(self) -> Path:
        return Path("starts") / f"{self.task}-{self.warm_start:g}-seed{self.seed}.pt"


@dataclass(frozen=True)
class Curve:
    """A finished run."""

    job: Job
    records: list[dict[str, Any]]

    def column(self, name: str) -> list[float]:
        return [record[name] for record in self.records]

    def end(self, name: str, last: int = 3) -> float:
        """Mean of the last evaluations."""
        values = self.column(name)[-last:]
        return sum(values) / len(values)


def run_all(jobs: Sequence[Job], out: Path, processes: int) -> None:
    """Runs what is not finished yet, warm starts first; a failing run ends the study with its error."""
    starts = {job.start_path: job for job in jobs if not (out / job.start_path).exists()}
    todo = [job for job in jobs if not (out / job.path).exists()]
    print(f"{len(jobs)} runs, {len(jobs) - len(todo)} finished before, {len(starts)} warm starts to make", flush=True)
    _for_each(_make_start, [(job, out) for job in starts.values()], processes)
    _for_each(_run_job, [(job, out) for job in todo], processes)


def _for_each(work: Callable[[tuple[Job, Path]], str], items: list[tuple[Job, Path]], processes: int) -> None:
    """Calls ``work`` on every item, in other processes unless one is enough, and prints what it returns."""
    if processes == 1 or len(items) < 2:
        _print_all(map(work, items), len(items))
        return
    with multiprocessing.get_context("spawn").Pool(processes, initializer=_use_one_thread) as pool:
        _print_all(pool.imap_unordered(work, items), len(items))


def _print_all(lines: Iterable[str], total: int) -> None:
    for done, line in enumerate(lines, start=1):
        print(f"[{done}/{total}] {line}", flush=True)


def read_curve(out: Path, job: Job) -> Curve:
    """The finished run of ``job``; FileNotFoundError where there is none."""
    return Curve(job, evaluations(out / job.path))


def evaluations(file: Path) -> list[dict[str, Any]]:
    """The evaluations of a run, oldest first, from its file."""
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line["type"] == "evaluation"]


def _use_one_thread() -> None:
    torch.set_num_threads(1)


def _make_start(job_and_out: tuple[Job, Path]) -> str:
    job, out = job_and_out
    settings = WarmStart(target=job.warm_start)
    model = warm_started(find_task(job.task), build_tokenizer(), job.seed, settings)
    _write(out / job.start_path, lambda path: torch.save(model.state_dict(), path))
    return f"warm start of {job.task}, seed {job.seed}"


def _run_job(job_and_out: tuple[Job, Path]) -> str:
    job, out = job_and_out
    tokenizer = build_tokenizer()
    model = TinyLM(Shape(vocabulary=len(tokenizer)))
    model.load_state_dict(torch.load(out / job.start_path, weights_only=True))
    optimization = Optimization(learning_rate=job.learning_rate, mini_batches=job.mini_batches)
    settings = RunSettings(
        rollouts=job.rollouts,
        train_prompts=job.train_prompts,
        prior=job.prior,
        prior_auc=job.prior_auc,
        optimization=optimization,
    )
    run = Run(model, tokenizer, find_task(job.task), find_arm(job.arm), job.seed, settings)
    lines = [{"type": "run", **asdict(job), "arm_settings": arms.load(job.arm).config}]
    lines += [{"type": "evaluation", **record} for record in run.records()]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    _write(out / job.path, lambda path: path.write_text(text, encoding="utf-8"))
    first, last = lines[1], lines[-1]
    return (
        f"{job.task} {job.arm} lr {job.learning_rate:g} seed {job.seed}: {last['step']} steps, {last['wall_s']:.0f} s, "
        f"sampled {first['sampled']:.3f} -> {last['sampled']:.3f}, greedy {first['greedy']:.3f} -> {last['greedy']:.3f}"
    )


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """A file is there whole or not at all, so that an interrupted study can go on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    write(partial)
    partial.replace(path)
