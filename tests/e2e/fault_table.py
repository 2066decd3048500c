# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What a fault does to a run, in each of verl's modes: pytest tests/e2e/fault_table.py

Not part of a plain test run: about a minute for each of 36 launches on two cores. RUNS=3 repeats each. Rows go to
$OUT (outputs/faults.csv); what stands there is not run again. A disk that is full needs the right to mount one.
"""

import csv
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .faulty_value import FAULTS, TIMEOUT_S

MODES = {
    "sync": ("hf", ()),
    "colocate_async": ("hf", ()),
    "separate_async": ("hf_separate", ("trainer.v1.separate_async.parameter_sync_step=2",)),
}
OUT = Path(os.environ.get("OUT", "outputs/faults.csv"))
COLUMNS = (
    "fault",
    "mode",
    "run",
    "outcome",
    "seconds",
    "steps",
    "unaccounted",
    "failed",
    "no_prior",
    "restarts",
    "said",
)
PROMISED_S = 60
V05 = ("+v05=default", "algorithm.adv_estimator=v05", "v05.poll_interval_s=0.1", "v05.budget=wave")
REWARD = """
import os, random
from v05_verl.lab import toy_reward

def compute_score(**kwargs):
    share = float(open(os.path.dirname(os.path.abspath(__file__)) + "/share").read())
    if random.random() < share:
        raise KeyError("no such answer")
    return toy_reward.compute_score(**kwargs) | ({"score": float("nan")} if share != share else {})
"""
DEATHS = {
    "agent loop worker": "V05AgentLoopWorker",
    "reward worker": "RewardLoopWorker",
    "rollout server": "HFServer",
    "storage unit": "SimpleStorageUnit",
}


@pytest.fixture(params=[(mode, run) for run in range(int(os.environ.get("RUNS", "1"))) for mode in MODES], ids=str)
def case(request, launch):
    """Starts runs of one mode, and notes what became of them."""
    return Case(*request.param, launch)


class Case:
    def __init__(self, mode, run, launch):
        self.mode, self.run, self._launch = mode, run, launch

    def is_known(self, fault):
        return any((row["fault"], row["mode"], row["run"]) == (fault, self.mode, str(self.run)) for row in known())

    def start(self, *overrides, **options):
        return start(self._launch, self.mode, *overrides, **options)

    def note(self, fault, run, outcome, seconds=None, said=""):
        steps = [step for step in run.metrics if "v05/batch/rows" in step]
        row = {
            "fault": fault, "mode": self.mode, "run": self.run, "outcome": outcome, "steps": len(steps),
            "said": without_paths(said, run)[:200],
            "seconds": "" if seconds is None else f"{seconds:.0f}",
            "unaccounted": int(max((abs(step["v05/rollouts/unaccounted"]) for step in steps), default=0)),
            "failed": int(sum(step["v05/rollouts/failed"] for step in steps)),
            "no_prior": sum(step["v05/prior/missing_frac"] > 0 for step in steps),
            "restarts": int(max((step["v05/value/restarts"] for step in steps), default=0)),
        }  # fmt: skip
        add_row(OUT, COLUMNS, row)
        assert row["unaccounted"] == 0, row
        assert seconds is None or seconds <= PROMISED_S, row

    def note_end(self, fault, run, since, pattern):
        """The run is to end, and a sentence that fits ``pattern`` to stand in its log within a minute of ``since``."""
        while not (said := re.search(pattern, run.log)):
            assert time.monotonic() - since < 5 * PROMISED_S, run.log[-5000:]
            time.sleep(0.2)
        seconds = time.monotonic() - since
        code = run.wait(300)
        assert code != 0, run.log[-5000:]
        self.note(fault, run, f"ends with exit code {code}", seconds, said.group())


def without_paths(said, run):
    """A sentence without the folders of this machine."""
    return said.replace(str(run.log_file.parent), "…").replace(sys.prefix, "…/.venv")


def start(launch, mode, *overrides, **options):
    engine, own = MODES[mode]
    return launch(*V05, f"trainer.v1.trainer_mode=v05_{mode}", *own, *overrides, engine=engine, **options)


def add_row(table, columns, row):
    table.parent.mkdir(parents=True, exist_ok=True)
    is_new = not table.exists()
    with table.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def known():
    if not OUT.exists():
        return []
    with OUT.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def trained(run):
    return sum("v05/batch/rows" in step for step in run.metrics)


def test_value_model(case, tmp_path):
    """Answers of every wrong kind, silence and death, one after the other: the run goes on."""
    if case.is_known("value model killed"):
        pytest.skip("in the table")
    model = (
        "v05.value.name=faulty_value:Faulty",
        f"+v05.value.custom.folder={tmp_path}",
        f"v05.value.timeout_s={TIMEOUT_S}",
    )
    run = case.start(*model, "trainer.total_training_steps=18", path=Path(__file__).parent)
    run.wait_for(lambda: trained(run) >= 13)
    before = run.metrics
    run.processes("ValueService")[0].kill()
    assert run.wait() == 0, run.log[-5000:]
    for fault in FAULTS.values():
        assert (tmp_path / fault).exists()
    assert before[-1]["v05/prior/missing_frac"] == 0 and run.metrics[-1]["v05/prior/missing_frac"] == 0
    restarts = [step["v05/value/restarts"] for step in run.metrics]
    assert restarts[-1] == restarts[12] + 1
    case.note(f"value model: {', '.join(FAULTS.values())}", run, "goes on")
    case.note("value model killed", run, "goes on")


def test_reward_function(case, tmp_path):
    """Raises for one in a hundred, then for every second rollout: they are counted, and the run goes on."""
    if case.is_known("reward raises for 50%"):
        pytest.skip("in the table")
    reward = rewards(tmp_path, 0.01)
    run = case.start(*reward, "trainer.total_training_steps=12")
    run.wait_for(lambda: trained(run) >= 6)
    share(tmp_path, 0.5)
    assert run.wait() == 0, run.log[-5000:]
    assert trained(run) == 12
    failed = [step["v05/rollouts/failed"] for step in run.metrics if "v05/batch/rows" in step]
    assert sum(failed[8:]) > sum(failed[:6])
    case.note("reward raises for 1%", run, "goes on")
    case.note("reward raises for 50%", run, "goes on")


def test_reward_function_that_always_raises(case, tmp_path):
    if case.is_known("reward raises for 100%"):
        pytest.skip("in the table")
    run = case.start(*rewards(tmp_path, 0.0), "trainer.total_training_steps=40")
    run.wait_for(lambda: trained(run) >= 2)
    share(tmp_path, 1.0)
    case.note_end("reward raises for 100%", run, time.monotonic(), r"v05: .* not one rollout came back.*KeyError.*")


def test_reward_that_is_no_number(case, tmp_path):
    if case.is_known("reward is NaN"):
        pytest.skip("in the table")
    run = case.start(*rewards(tmp_path, 0.0), "trainer.total_training_steps=40")
    run.wait_for(lambda: trained(run) >= 2)
    share(tmp_path, float("nan"))
    case.note_end(
        "reward is NaN", run, time.monotonic(), r"v05: reward nan of prompt '.*outside v05.reward_range \[-1, 1\].*"
    )


@pytest.mark.parametrize("who", DEATHS)
def test_death(case, who):
    if case.is_known(f"{who} killed"):
        pytest.skip("in the table")
    run = case.start("trainer.total_training_steps=1000")
    run.wait_for(lambda: trained(run) >= 2)
    run.processes(DEATHS[who])[0].kill()
    case.note_end(f"{who} killed", run, time.monotonic(), r"v05: .* died in step \d+.* Start the same command again")


def test_damaged_state(case, tmp_path):
    if case.is_known("damaged state at resume"):
        pytest.skip("in the table")
    arguments = ("trainer.total_training_steps=1000", "trainer.save_freq=1")
    run = case.start(*arguments)
    run.wait_for(lambda: trained(run) >= 2)
    run.kill()
    folder = tmp_path / "checkpoints"
    state = folder / f"global_step_{(folder / 'latest_checkpointed_iteration.txt').read_text()}" / "v05.safetensors"
    content = bytearray(state.read_bytes())
    content[len(content) // 2] ^= 1
    state.write_bytes(content)
    began = time.monotonic()
    run = case.start(*arguments)
    assert run.wait() != 0, run.log[-5000:]
    said = re.search(r"v05: .*is damaged or truncated.*", run.log).group()
    case.note("damaged state at resume", run, f"refused {time.monotonic() - began:.0f} s after its launch", said=said)


def test_full_disk(case, tmp_path):
    """The third checkpoint does not fit: the run ends, and the same command goes on once there is room."""
    if case.is_known("disk full while saving"):
        pytest.skip("in the table")
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    mount(folder, "size=64m")
    try:
        arguments = ("trainer.total_training_steps=6", "trainer.save_freq=1")
        run = case.start(*arguments)
        run.wait_for(lambda: (folder / "latest_checkpointed_iteration.txt").exists())
        mount(folder, f"remount,size={usage(folder) * 3 // 2 // 1024}k")
        assert run.wait() != 0, run.log[-5000:]
        said = re.search(r"v05: the checkpoint of step \d+ could not be saved.*", run.log).group()
        named = int((folder / "latest_checkpointed_iteration.txt").read_text())
        mount(folder, "remount,size=256m")
        case.note("disk full while saving", run, f"ends with exit code {run.process.returncode}", said=said)
        run = case.start(*arguments)
        assert run.wait() == 0, run.log[-5000:]
        assert [step["training/global_step"] for step in run.metrics] == list(range(named + 1, 7))
        case.note("disk full: the same command, with room", run, "goes on")
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def mount(folder, options):
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=True)


def usage(folder):
    whole = os.statvfs(folder)
    return (whole.f_blocks - whole.f_bfree) * whole.f_frsize


def rewards(folder, failing):
    (folder / "reward.py").write_text(REWARD)
    share(folder, failing)
    return f"reward.custom_reward_function.path={folder}/reward.py", "v05.reward_range=[-1,1]"


def share(folder, failing):
    (folder / "new").write_text(str(failing))
    os.replace(folder / "new", folder / "share")
