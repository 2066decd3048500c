# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a long run stays as small as it was: MODE=sync STEPS=2000 pytest -s tests/e2e/long_run.py

Not part of a plain test run: 2,000 steps of the tiny model take an hour or more of two cores. Every few seconds a
row goes to $OUT (outputs/long_run_<mode>.csv): memory and file handles of each kind of process, Ray's objects and
TransferQueue's keys. At the end stands what each grows by in 1,000 steps of the second half: in the
first, memories of bounded size fill up (gp's outcomes, the tasks that Ray's GCS remembers: 10,000 here, of Ray's
100,000). STOCK=1 watches verl's own synchronous GRPO n=4 in place of V0.5, to tell whose growth it is.
"""

import os
import re
import time
from collections import Counter
from pathlib import Path

import pandas as pd

os.environ["RAY_AUTH_MODE"] = "disabled"  # before Ray is imported: this process looks into the Ray of the run
# Ray's own bounds are 100,000 tasks and a million that it has forgotten. 2,000 steps do not fill both, so that its GCS
# would grow all the time, to 440 MiB, whatever else it keeps.
os.environ.setdefault("RAY_task_events_max_num_task_in_gcs", "10000")
os.environ.setdefault("RAY_task_events_max_dropped_task_attempts_tracked_per_job_in_gcs", "10000")

import psutil
import pytest
import ray
from ray._private.internal_api import memory_summary
from scipy import stats

from .fault_table import start

MODE = os.environ.get("MODE", "sync")
STEPS = int(os.environ.get("STEPS", "2000"))
STOCK = os.environ.get("STOCK") == "1"
OUT = Path(os.environ.get("OUT", f"outputs/long_run_{'stock' if STOCK else MODE}.csv"))
EVERY_S = 10.0
SMALL = (
    "data.train_batch_size=4",
    "actor_rollout_ref.actor.ppo_mini_batch_size=4",
    "data.max_response_length=4",
    "trainer.save_freq=100",
    "trainer.max_actor_ckpt_to_keep=1",
)
SHARE_PER_1000_STEPS = 0.05
"""What memory may grow by and still be called flat, as a share of what there is."""


@pytest.fixture
def cluster():
    yield
    ray.shutdown()


def test_a_long_run_stays_as_small_as_it_was(launch, cluster):
    # It is ended from here: a second driver does not outlive its Ray.
    settings = (*SMALL, "trainer.total_training_steps=1000000")
    if STOCK:
        run = launch("+arm=grpo_n4", *settings, forked=False)
    else:
        run = start(launch, MODE, *settings, forked=False)
    run.wait_for(lambda: run.metrics)
    controller = connect(run)
    rows = []
    while len(run.metrics) < STEPS:
        assert run.process.poll() is None, run.log[-5000:]
        rows.append({"step": len(run.metrics), **processes(run), **queue(controller)})
        table = pd.DataFrame(rows)
        OUT.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(OUT, index=False)
        time.sleep(EVERY_S)
    ray.shutdown()
    run.kill()
    assert STOCK or all(step["v05/rollouts/unaccounted"] == 0 for step in run.metrics)
    check(table)


def check(table):
    growth = growth_of(table[table.step > STEPS / 2])
    print(growth.to_string())
    for name, row in growth.iterrows():
        share = SHARE_PER_1000_STEPS if name.endswith("MiB") else 0
        assert row.low <= share * row["mean"], f"{name} grows:\n{growth.to_string()}"


def connect(run):
    """This process as a second driver of the run's Ray; TransferQueue's controller."""
    (server,) = [process for process in run.family if process.name() == "gcs_server"]
    given = dict(re.findall(r"--([\w-]+)=(\S+)", " ".join(server.cmdline())))
    # The port is chosen by the server (given is 0), which writes it there.
    port = Path(given["session-dir"], f"gcs_server_port_{given['node-id']}").read_text()
    ray.init(address=f"{given['node-ip-address']}:{port}", log_to_driver=False, logging_level="ERROR")
    return ray.get_actor("TransferQueueController", namespace="transfer_queue")


def processes(run) -> dict[str, float]:
    """Memory and open files by kind: ray::V05AgentLoopWorker, raylet, …"""
    found = Counter()
    for process in run.family:
        try:
            line = " ".join(process.cmdline())
            memory, files = process.memory_info().rss, process.num_fds()
        except psutil.Error:  # it has just ended
            continue
        actor = re.match(r"ray::(\w+)", line)
        kind = "driver" if process == run.driver else actor[1] if actor else process.name()
        kind = "idle workers" if kind == "IDLE" else kind
        found[f"{kind} MiB"] += memory / 2**20
        found[f"{kind} files"] += files
    return dict(found)


def queue(controller) -> dict[str, float]:
    partitions = ray.get(controller.list_partitions.remote())
    snapshots = [snapshot(controller, name) for name in partitions]
    summary = memory_summary(ray.get_runtime_context().gcs_address, stats_only=True)
    plasma = re.search(r"Plasma memory usage ([\d.]+) MiB, (\d+) objects", summary)
    return {
        "TransferQueue keys": sum(len(snapshot.keys_mapping) for snapshot in snapshots),
        "Ray's store MiB": float(plasma[1]),
        "Ray's store objects": int(plasma[2]),
    }


def snapshot(controller, partition: str):
    """The controller copies a partition without a lock, and fails where a key comes or goes meanwhile."""
    for _ in range(10):
        try:
            return ray.get(controller.get_partition_snapshot.remote(partition))
        except ray.exceptions.RayTaskError as error:
            if "changed size during iteration" not in str(error):
                raise
    raise AssertionError(f"partition {partition} changed during each of ten copies")


def growth_of(table: pd.DataFrame) -> pd.DataFrame:
    """By column: mean, and the slope per 1,000 steps with its 95% interval (least squares)."""
    rows = {}
    for name in table.columns.drop("step"):
        of = table[["step", name]].dropna()  # a process that could not be read just then has no value
        line = stats.linregress(of.step, of[name])
        is_constant = of[name].nunique() == 1  # of which SciPy does not know the error
        half = 0.0 if is_constant else stats.t.ppf(0.975, len(of) - 2) * line.stderr
        slope = [1000 * value for value in (line.slope, line.slope - half, line.slope + half)]
        rows[name] = dict(zip(("mean", "slope", "low", "high"), (of[name].mean(), *slope), strict=True))
    return pd.DataFrame(rows).T
