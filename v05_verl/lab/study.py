# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Many runs: files that make a study resumable, and processes that work through it."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from v05_verl.lab.arms import find_arm
from v05_verl.lab.loop import Run, RunSettings
from v05_verl.lab.policy_gradient import Optimization
from v05_verl.lab.tasks import find_task
from v05_verl.lab.tiny_lm import Shape, TinyLM
from v05_verl.lab.tokenizer import build_tokenizer
from v05_verl.lab.warm_start import WarmStart, warm_started
from v05_verl.report import provenance
from v05_verl.state_file import read_torch


@dataclass(frozen=True)
class Job:
    """One run of a study; its folder's name says everything that makes it different from others."""

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
    prior_auc_later: float | None = None
    ahead: int = 0
    evaluations: int = 24

    @property
    def setting(self) -> str:
        """What all arms of a comparison share, for names of folders."""
        setting = (
            f"rollouts{self.rollouts}-mini{self.mini_batches}-start{self.warm_start:g}-prompts{self.train_prompts}"
        )
        setting += f"-{self.prior}" if self.prior else ""
        setting += f"-auc{self.prior_auc:g}" if self.prior_auc else ""
        setting += f"-then{self.prior_auc_later:g}" if self.prior_auc_later else ""
        setting += f"-ahead{self.ahead}" if self.ahead else ""
        return setting + (f"-evaluations{self.evaluations}" if self.evaluations != 24 else "")

    @property
    def path(self) -> Path:
        """Folder of the run, as :mod:`v05_verl.report` reads it."""
        return Path("runs") / self.task / self.setting / f"lr{self.learning_rate:g}" / self.arm / f"seed_{self.seed}"

    @property
    def start_path(self) -> Path:
        return Path("starts") / f"{self.task}-{self.warm_start:g}-seed{self.seed}.pt"

    def command(self, out: Path) -> list[str]:
        """What makes this run alone."""
        names = {"task": "tasks", "arm": "arms", "seed": "first-seed", "learning_rate": "learning-rates"}
        own = {names.get(field, field.replace("_", "-")): value for field, value in asdict(self).items()}
        options = {"out": out, **own, "seeds": 1, "name": "alone"}
        words = [word for name, value in options.items() if value is not None for word in (f"--{name}", str(value))]
        return ["python", "-m", "v05_verl.lab.train", *words]


def run_all(jobs: Sequence[Job], out: Path, processes: int) -> None:
    """Runs what is not finished yet, warm starts first; a failing run ends the study with its error."""
    todo = [job for job in jobs if not is_finished(out / job.path)]
    print(f"{len(jobs)} runs, {len(jobs) - len(todo)} finished before", flush=True)
    run_starts(jobs, out, processes)
    _for_each(_run_job, [(job, out) for job in todo], processes)


def run_starts(jobs: Sequence[Job], out: Path, processes: int) -> None:
    """Makes the warm starts that are not there yet."""
    starts = {job.start_path: job for job in jobs if not (out / job.start_path).exists()}
    if starts:
        print(f"{len(starts)} warm starts to make", flush=True)
    _for_each(_make_start, [(job, out) for job in starts.values()], processes)


def load_start(job: Job, out: Path) -> TinyLM:
    """The model that the run starts from."""
    model = TinyLM(Shape(vocabulary=len(build_tokenizer())))
    model.load_state_dict(read_torch(out / job.start_path))
    return model


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


def is_finished(folder: Path) -> bool:
    """Whether the folder holds a run that came to its end."""
    run = provenance.read(folder)
    return run is not None and run["launches"][-1]["exit_code"] == 0


def _use_one_thread() -> None:
    torch.set_num_threads(1)


def _make_start(job_and_out: tuple[Job, Path]) -> str:
    job, out = job_and_out
    path = out / job.start_path
    model = warm_started(find_task(job.task), build_tokenizer(), job.seed, WarmStart(target=job.warm_start))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    torch.save(model.state_dict(), partial)
    partial.replace(path)  # there whole or not at all, so that an interrupted study can go on
    return f"warm start of {job.task}, seed {job.seed}"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Waits until no other process fills the folder; the lock lies beside it, as the folder may be removed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run_job(job_and_out: tuple[Job, Path]) -> str:
    """Trains from the start, also where an interrupted run left a part of its metrics.

    Settings share the runs of arms without a prior, so another study may have made this one by now.
    """
    job, out = job_and_out
    name = f"{job.task} {job.arm} lr {job.learning_rate:g} seed {job.seed}"
    with _locked(out / job.path):
        outcome = "made by another study" if is_finished(out / job.path) else _train(job, out)
    return f"{name}: {outcome}"


def _train(job: Job, out: Path) -> str:
    folder = out / job.path
    if folder.exists():
        shutil.rmtree(folder)
    optimization = Optimization(learning_rate=job.learning_rate, mini_batches=job.mini_batches)
    settings = RunSettings(
        rollouts=job.rollouts,
        train_prompts=job.train_prompts,
        prior=job.prior,
        prior_auc=job.prior_auc,
        prior_auc_later=job.prior_auc_later,
        ahead=job.ahead,
        optimization=optimization,
        evaluations=job.evaluations,
    )
    run = Run(load_start(job, out), build_tokenizer(), find_task(job.task), find_arm(job.arm), job.seed, settings)
    provenance.begin_launch(folder, job.arm, job.seed, job.command(out))
    (folder / "metrics").mkdir()
    accuracies = []
    with (folder / "metrics" / "1.jsonl").open("w", encoding="utf-8") as file:
        for step, metrics in run.records():
            print(json.dumps({"step": step, "data": metrics}, separators=(",", ":")), file=file, flush=True)
            accuracies.append(metrics[f"val-core/{job.task}_sampled/acc/mean@1"])
    provenance.end_launch(folder, 0)
    return f"{step} steps, sampled {accuracies[0]:.3f} -> {accuracies[-1]:.3f}"
