# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Real runs of verl on the toy task: real Ray, a real engine, a tiny model."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

START_S = 900
"""A launch takes one or two minutes on a quiet machine."""

ENVIRONMENT = {
    "VERL_PLATFORM": "cpu",
    "VERL_USE_EXTERNAL_MODULES": "v05_verl.register",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TORCHDYNAMO_DISABLE": "1",
    "TQ_NUM_THREADS": "2",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_niceness": "0",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VERL_LOGGING_LEVEL": "WARN",
}


# verl's own GRPO example settings (examples/grpo_trainer); what is not said is verl's default.
DYNAMIC = (
    "actor_rollout_ref.actor.use_dynamic_bsz=True",
    "actor_rollout_ref.rollout.log_prob_use_dynamic_bsz=True",
    "actor_rollout_ref.ref.log_prob_use_dynamic_bsz=True",
)
FIXED = (
    "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=3",
    "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=5",
    "actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu=2",
    "actor_rollout_ref.actor.use_dynamic_bsz=False",
    "actor_rollout_ref.rollout.log_prob_use_dynamic_bsz=False",
    "actor_rollout_ref.ref.log_prob_use_dynamic_bsz=False",
)
VERLS_GRPO = (
    "actor_rollout_ref.actor.use_kl_loss=True",
    "actor_rollout_ref.actor.kl_loss_coef=0.001",
    "actor_rollout_ref.actor.kl_loss_type=low_var_kl",
    "actor_rollout_ref.actor.entropy_coeff=0",
    "actor_rollout_ref.rollout.n=5",
    "algorithm.use_kl_in_reward=False",
    "trainer.critic_warmup=0",
)


@pytest.fixture(scope="session")
def toy(tmp_path_factory) -> Path:
    """The quickstart's task, tokenizer and warm-started model."""
    folder = tmp_path_factory.mktemp("toy")
    command = [sys.executable, "-m", "v05_verl.lab.toy", "--out", str(folder), "--val-prompts", "32"]
    subprocess.run(command, check=True, env=os.environ | ENVIRONMENT)
    return folder


@dataclass
class Run:
    """One launch of verl; ``metrics`` reads what it has logged so far."""

    process: subprocess.Popen
    metrics_file: Path
    log_file: Path
    forks_file: Path

    @property
    def metrics(self) -> list[dict[str, float]]:
        if not self.metrics_file.exists():
            return []
        lines = self.metrics_file.read_bytes().splitlines(keepends=True)
        return [json.loads(line)["data"] for line in lines if line.endswith(b"\n")]

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def wait(self, seconds: float = START_S) -> int:
        return self.process.wait(seconds)

    def wait_for(self, condition, seconds: float = START_S) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.log[-5000:]
            assert time.monotonic() < end, self.log[-5000:]
            time.sleep(0.2)

    @property
    def driver(self) -> psutil.Process:
        forks = self.forks_file.read_text().split() if self.forks_file.exists() else []
        return psutil.Process(int(forks[0]) if forks else self.process.pid)

    @property
    def family(self) -> list[psutil.Process]:
        """The launch, every Ray process that it started, and all that these started."""
        forks = self.forks_file.read_text().split() if self.forks_file.exists() else []
        family = {}
        for pid in [self.process.pid, *map(int, forks)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                parent = psutil.Process(pid)
                family |= dict.fromkeys([parent, *parent.children(recursive=True)])
        return list(family)

    def processes(self, name: str) -> list[psutil.Process]:
        """Those of the actor or task ``name``."""
        return [process for process in self.family if f"ray::{name}" in line_of(process)]

    def kill(self) -> None:
        """kill -9 of the whole family."""
        for process in self.family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()


def line_of(process: psutil.Process) -> str:
    """Its command line; none of one that has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@pytest.fixture
def launch(toy, tmp_path, forks, forked_workers):
    """``launch("+v05=default", …)`` starts verl on the toy; whatever still runs at the end of the test is killed."""
    runs: list[Run] = []

    def start(*overrides: str, engine: str = "hf", path: Path | None = None, forked: bool = True) -> Run:
        number = len(runs)
        metrics_file, log_file = tmp_path / f"metrics{number}.jsonl", tmp_path / f"log{number}.txt"
        forks_file = tmp_path / f"forks{number}.txt"
        own = {"VERL_FILE_LOGGER_PATH": str(metrics_file), "FORKED": str(forks_file)}
        environment = os.environ | ENVIRONMENT | own
        if path is not None:
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(path), os.environ.get("PYTHONPATH"))))
        python, workers = (forks, [forked_workers]) if forked else ([sys.executable], [])
        command = [*python, "-m", "verl.trainer.main_ppo", *settings(toy, tmp_path, engine), *workers, *overrides]
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=tmp_path,
                start_new_session=True,
                env=environment,
            )
        runs.append(Run(process, metrics_file, log_file, forks_file))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.kill()


def settings(toy: Path, folder: Path, engine: str) -> list[str]:
    return [
        "hydra.searchpath=[pkg://v05_verl.conf]",
        f"+cpu={engine}",
        f"data.train_files={toy}/train.parquet",
        f"data.val_files={toy}/val.parquet",
        "data.train_batch_size=16",
        "data.max_prompt_length=16",
        "data.max_response_length=12",
        "data.seed=0",
        f"actor_rollout_ref.model.path={toy}/model",
        "actor_rollout_ref.actor.optim.lr=2e-4",
        "actor_rollout_ref.actor.ppo_mini_batch_size=8",
        "actor_rollout_ref.rollout.max_model_len=192",
        f"actor_rollout_ref.rollout.agent.agent_loop_config_path={toy}/agent_loops.yaml",
        "actor_rollout_ref.rollout.val_kwargs.do_sample=True",
        "reward.custom_reward_function.path=pkg://v05_verl.lab.toy_reward",
        "reward.custom_reward_function.name=compute_score",
        "trainer.logger=[console,file]",
        "trainer.val_before_train=False",
        "trainer.test_freq=-1",
        "trainer.save_freq=-1",
        "trainer.total_epochs=1000",
        f"trainer.default_local_dir={folder}/checkpoints",
        f"hydra.run.dir={folder}/hydra",
    ]
