# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What waves of rollouts cost in time under verl's three trainers, by the model of ``replicas``; not a measurement.

    python -m v05_verl.lab.makespan [--prompts 512] [--replicas 32] [--warm-up 1] [--threshold 8] [--out FILE.csv]

Which waves a prompt gets is decided by the arm's own method on simulated prompts: success rates are Beta(1/2, 1/2),
priors the success rate blurred to an AUC. Arms with waves are held against the same rollouts on the same prompts, asked
for at once: fixed k at equal rollouts. Options are the fields of ``Setting``; their defaults stand for a 4B model with
one H100 per replica:

- lengths are log-normal with the 99th percentile at ten times the median (sigma .99; the ratio is that of arXiv
  2510.12633, read in a summary), cut at 20,480 tokens (DAPO, arXiv 2503.14476); the median and the share that a
  prompt's responses have in common are ours
- a decoding step reads weights and caches once at 3.35 TB/s (H100 SXM, data sheet): 8.0 GB of weights, and for each
  running sequence 3,500 tokens of 36 layers x 8 heads x 128 x 2 x 2 bytes (Qwen3-4B); a bound, real engines are slower
- training takes 30% of a step of the synchronous trainer with GRPO n=4 (rollouts 70%: arXiv 2509.21009, read in a
  summary), and the same per rollout in every arm and trainer
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from v05_verl import arms
from v05_verl.core.group_size import first_wave_sizes
from v05_verl.core.scale import to_reward
from v05_verl.lab.arms import REWARD_RANGE, find_arm
from v05_verl.lab.degraded import Degraded
from v05_verl.lab.replicas import MODES, Batch, Cluster, Decoding, Training
from v05_verl.lab.simulate import World, with_rewards
from v05_verl.method import Method
from v05_verl.report.statistics import interval

POOL = 4_000
"""Simulated prompts, from which the batches are drawn."""
ARMS = ("grpo_n16", "grpo_n4", "v05", "v05_wave", "v05_auto")
REFERENCE = "grpo_n4"
"""On which the seconds of training are set."""
COLUMNS = {
    "prompts": "prompts",
    "per_prompt": "rollouts each",
    "rounds": "rounds",
    "thousand_s": "s per 1,000 rollouts",
    "over_at_once": "over fixed k",
    "generating_over_at_once": "generation over fixed k",
    "waiting": "trainer waits",
    "idle": "idle slots",
    "staleness": "staleness",
    "oldest": "largest",
}
"""Of the table, with their titles."""


@dataclass(frozen=True)
class Setting:
    """What all arms of a table share."""

    prompts: int = 512
    """Of a step, for arms with groups of four."""
    replicas: int = 32
    slots: int = 64
    auto_k: int = 1
    """Rollouts per prompt that ``auto`` has chosen."""
    auc: float = 0.71
    """Of the priors, for prompts solved at least half of the time against the others."""
    median: float = 2048
    """Tokens of a response: log-normal, cut."""
    sigma: float = 0.99
    """Of their logarithm."""
    prompt_share: float = 0.5
    """Of its variance: what a prompt's responses have in common."""
    most: float = 20480
    base_ms: float = 2.4
    """Of a decoding step, for the weights."""
    sequence_ms: float = 0.154
    """Of a decoding step, for each running sequence."""
    train_share: float = 0.3
    """Of a synchronous step of the reference."""
    warm_up: int = 1
    """Batches that asynchronous trainers are ahead."""
    threshold: int = 8
    """Sampling waits while a prompt under way is so many steps old: ``max_off_policy_threshold``."""
    skip: int = 3
    """First steps, which are not counted; 1 with the synchronous trainer, where all are alike."""
    steps: int = 8


class Result(NamedTuple):
    """One arm under one trainer with one seed."""

    prompts: int
    """Of a step."""
    per_prompt: float
    """Rollouts."""
    rounds: float
    """Waves per prompt."""
    thousand_s: float
    """Seconds per 1,000 rollouts."""
    generating_s: float
    """Those of them in which replicas may generate."""
    waiting: float
    """Share of the time in which the trainer waits for rollouts."""
    idle: float
    """Share of the slots, while replicas may generate."""
    staleness: float
    """Mean updates of the weights between the end of a rollout and its training."""
    oldest: int


@cache
def simulated_prompts(prompts: int, auc: float, seed: int) -> World:
    """Prompts whose priors have the given AUC, calibrated."""
    rng = np.random.default_rng([seed, 3])
    rate = rng.beta(0.5, 0.5, prompts)
    prior = Degraded(auc, seed, window=prompts)([str(index) for index in range(prompts)], rate, rate)
    return with_rewards(rate, to_reward(prior, REWARD_RANGE), rng)


def wave_sizes(method: Method, world: World) -> np.ndarray:
    """(P, W) rollouts of each wave as ``method`` decides on the rewards so far, 0 after a prompt's last."""
    n = np.full(len(world.true), method.k_init)
    waves, going_on = [n.copy()], np.arange(len(n))
    while len(going_on):
        asked = np.full(len(going_on), len(waves))
        further = method.further(world.mean(n)[going_on], n[going_on], asked, world.prior[going_on])
        wave = np.zeros_like(n)
        wave[going_on] = further
        waves.append(wave)
        n, going_on = n + wave, going_on[further > 0]
    return np.stack(waves[:-1], axis=1)


def arm_waves(name: str, setting: Setting, seed: int) -> tuple[np.ndarray, int]:
    """(P, W) waves of simulated prompts, and the prompts of a step."""
    arm = find_arm(name)
    auto = getattr(arm.method, "auto", None)
    if auto is None:
        waves = wave_sizes(arm.method, simulated_prompts(POOL, setting.auc, seed))
        return waves, arms.load(name).prompts(setting.prompts)
    rollouts = setting.prompts * auto.reference_n
    sizes = first_wave_sizes(rollouts, setting.auto_k, probe_n=auto.reference_n, probe_share=auto.probe_share)
    return sizes[:, None], len(sizes)


def at_once(waves: np.ndarray) -> np.ndarray:
    """(P, 1) waves with as many rollouts in all, as even as whole numbers can be."""
    even, rest = divmod(int(waves.sum()), len(waves))
    return (even + (np.arange(len(waves)) < rest))[:, None]


def draw_lengths(counts: np.ndarray, setting: Setting, rng: np.random.Generator) -> list[list[float]]:
    """``counts`` (P,) tokens of each prompt's responses."""
    prompt, own = np.repeat(rng.standard_normal(len(counts)), counts), rng.standard_normal(int(counts.sum()))
    z = np.sqrt(setting.prompt_share) * prompt + np.sqrt(1 - setting.prompt_share) * own
    tokens = np.minimum(setting.median * np.exp(setting.sigma * z), setting.most).tolist()
    return [tokens[start:end] for start, end in itertools.pairwise([0, *np.cumsum(counts).tolist()])]


def batches(waves: np.ndarray, prompts: int, setting: Setting, rng: np.random.Generator) -> Iterator[Batch]:
    """Batches of ``prompts`` prompts, each with the waves of a random row."""
    rows, counts = [row[row > 0].tolist() for row in waves], waves.sum(axis=1)
    while True:
        chosen = rng.integers(len(rows), size=prompts)
        yield Batch([rows[index] for index in chosen], draw_lengths(counts[chosen], setting, rng))


def simulate(setting: Setting, train_s: float, waves: np.ndarray, prompts: int, mode_name: str, seed: int) -> Result:
    """One arm under one trainer, with ``train_s`` of training per rollout; the mean over the steps that count."""
    mode = MODES[mode_name]
    if mode.warm_up:
        mode = replace(mode, warm_up=setting.warm_up)
    skip = setting.skip if mode.warm_up else 1
    decoding = Decoding(setting.base_ms / 1000, setting.sequence_ms / 1000)
    training = Training(
        batches(waves, prompts, setting, np.random.default_rng([seed, 4])),
        mode,
        Cluster(setting.replicas, setting.slots, decoding),
        train_s,
        setting.threshold,
    )
    steps = list(itertools.islice(training.steps(), skip + setting.steps))
    start, end, counted = steps[skip - 1], steps[-1], steps[skip:]
    rollouts = sum(step.rollouts for step in counted)
    wall, generating = end.wall_s - start.wall_s, end.generating_s - start.generating_s
    return Result(
        prompts,
        float(waves.sum(axis=1).mean()),
        float((waves > 0).sum(axis=1).mean()),
        1000 * wall / rollouts,
        1000 * generating / rollouts,
        (end.waiting_s - start.waiting_s) / wall,
        1 - (end.busy_s - start.busy_s) / (generating * setting.replicas * setting.slots),
        sum(step.staleness for step in counted) / rollouts,
        max(step.oldest for step in counted),
    )


def training_seconds(setting: Setting) -> float:
    """Per rollout, from their share of a step of the reference."""
    waves, prompts = arm_waves(REFERENCE, setting, seed=0)
    generating = simulate(setting, 0.0, waves, prompts, "sync", seed=0).generating_s / 1000
    return generating * setting.train_share / (1 - setting.train_share)


def row(setting: Setting, train_s: float, mode: str, name: str, seed: int) -> dict[str, Any]:
    """:class:`Result` of one arm under one trainer, and its times over those of the same rollouts at once."""
    waves, prompts = arm_waves(name, setting, seed)
    result = reference = simulate(setting, train_s, waves, prompts, mode, seed)
    if waves.shape[1] > 1:
        reference = simulate(setting, train_s, at_once(waves), prompts, mode, seed)
    return {
        "trainer": mode,
        "arm": arms.load(name).label,
        "seed": seed,
        **result._asdict(),
        "over_at_once": result.thousand_s / reference.thousand_s,
        "generating_over_at_once": result.generating_s / reference.generating_s,
    }


def study(setting: Setting, train_s: float, seeds: int, processes: int) -> pd.DataFrame:
    """One row per trainer, arm and seed."""
    jobs = itertools.product(MODES, ARMS, range(seeds))
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        return pd.DataFrame(pool.map(partial(row, setting, train_s), *zip(*jobs, strict=True)))


def markdown(frame: pd.DataFrame) -> str:
    """Means over seeds with 95% intervals, where they differ; of ``oldest`` the largest."""
    lines = ["| trainer | arm | " + " | ".join(COLUMNS.values()) + " |", "|---|---|" + "---:|" * len(COLUMNS)]
    for (mode, arm), group in frame.groupby(["trainer", "arm"], sort=False):
        cells = [_cell(group[column], digits=1 if column == "thousand_s" else 2) for column in COLUMNS]
        lines.append("| " + " | ".join([mode, arm, *cells]) + " |")
    return "\n".join(lines)


def _cell(values: pd.Series, digits: int) -> str:
    if values.name == "oldest":
        return str(values.max())
    if values.name == "prompts":
        return f"{values.mean():,.0f}"
    mean, half_width = interval(values)
    spread = "" if half_width is None or half_width < 0.5 * 10**-digits else f" ± {half_width:.{digits}f}"
    return f"{mean:.{digits}f}{spread}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in fields(Setting):
        default = field.default
        parser.add_argument(
            "--" + field.name.replace("_", "-"), type=type(default), default=default, help=f"{default:g}"
        )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--out", type=Path, help="CSV with each seed's numbers")
    given = parser.parse_args(arguments)
    setting = Setting(**{field.name: getattr(given, field.name) for field in fields(Setting)})
    train_s = training_seconds(setting)
    frame = study(setting, train_s, given.seeds, given.processes)
    print(
        f"{setting.prompts:,} prompts on {setting.replicas:,} replicas of {setting.slots} slots, {setting.warm_up} "
        f"batches ahead, threshold {setting.threshold}, {1000 * train_s:.1f} s of training per 1,000 rollouts; means "
        f"of {setting.steps} steps and 95% intervals over {given.seeds} seeds\n"
    )
    print(markdown(frame))
    if given.out is not None:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        frame.to_csv(given.out, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
