# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""One run: a warm-started tiny model trained by one arm for a number of rollouts."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from v05_verl.core import prior_quality
from v05_verl.core.scale import to_reward
from v05_verl.core.selection import choose
from v05_verl.lab.advantages import advantages
from v05_verl.lab.arms import REWARD_RANGE, SMALL, LightArm
from v05_verl.lab.degraded import Degraded
from v05_verl.lab.policy_gradient import Optimization, Updater
from v05_verl.lab.rollouts import Rollouts, collect
from v05_verl.lab.sampling import Samples, sample
from v05_verl.lab.scoring import exact_accuracy
from v05_verl.lab.tasks import Problem, Task
from v05_verl.lab.tiny_lm import TinyLM
from v05_verl.lab.toy import held_out_problems, training_problems
from v05_verl.lab.warm_start import encode_problems, token_ids
from v05_verl.method import FirstWave, Method, Robust
from v05_verl.prior_record import PriorRecord
from v05_verl.value import build
from v05_verl.value.memory import VisitCounter

MAX_NEW_TOKENS = 12


@dataclass(frozen=True)
class RunSettings:
    """What all arms of a study share."""

    rollouts: int = 30720
    train_prompts: int = 4096
    held_out: int = 384
    evaluations: int = 24
    prior: str | None = None
    """In place of the value model of every arm that has one, by name; ``oracle`` too."""
    prior_auc: float | None = None
    """What every prior is degraded to, see :class:`Degraded`; None: not at all."""
    prior_auc_later: float | None = None
    """The same from half of the rollouts on, as if the prior had been fitted to another policy; None: no change."""
    ahead: int = 0
    """Batches that sampling is ahead of training, as in an asynchronous trainer; so many updates old are rollouts."""
    optimization: Optimization = field(default_factory=Optimization)


class Run:
    """State of one run; :meth:`records` trains and yields what is to be logged."""

    def __init__(self, model: TinyLM, tokenizer, task: Task, arm: LightArm, seed: int, settings: RunSettings):
        if settings.prior is not None and arm.prior is not None:
            arm = replace(arm, prior=settings.prior, prior_options=SMALL.get(settings.prior, {}))
        self.model, self.tokenizer, self.arm, self.settings = model, tokenizer, arm, settings
        self.task = task.name
        self.rng = np.random.default_rng([seed, 1])
        self.updater = Updater(model, settings.optimization)
        self.problems = _endless(training_problems(task, settings.train_prompts, seed), seed)
        self.held_out = encode_problems(held_out_problems(task, settings.held_out, seed), tokenizer)
        needs_model = arm.prior not in (None, "oracle")
        self.value_model = build(arm.prior, **arm.prior_options) if needs_model else None
        self.degraded = Degraded(settings.prior_auc, seed) if settings.prior_auc is not None else None
        self.record = PriorRecord() if arm.method.learns_priors else None
        self.visits = VisitCounter()
        self.spent, self.step, self.value_seconds = 0, 0, 0.0
        self.sampled: deque[tuple[Step, int]] = deque()  # with the rollouts that were spent on it
        self.notes: dict[str, list[float]] = defaultdict(list)

    def records(self) -> Iterator[tuple[int, dict[str, float]]]:
        """(step, metrics) of each evaluation: the first before training, the last when the rollouts are spent.

        Names are verl's where verl logs the same, ``lab/...`` for what only this loop knows. Metrics of training are
        means over the ``lab/steps`` steps since the evaluation before.
        """
        yield self.step, self._evaluation()
        every = self.settings.rollouts / self.settings.evaluations
        due = every
        while self.spent < self.settings.rollouts or self.sampled:
            started = time.perf_counter()
            self._train_step()
            self.notes["timing_s/step"].append(time.perf_counter() - started)
            if self.spent >= due or not self.sampled and self.spent >= self.settings.rollouts:
                yield self.step, self._evaluation()
                due = (self.spent // every + 1) * every

    def _train_step(self) -> None:
        self.step += 1
        while len(self.sampled) <= self.settings.ahead and self.spent < self.settings.rollouts:
            before = self.spent
            step = self._gather_mixed_groups() if self.arm.drop_all_same else self._gather()
            self.sampled.append((step, self.spent - before))
        step, spent = self.sampled.popleft()
        if not step.prompts:  # the rollouts ended before DAPO found a group that is not all the same
            self.notes["v05/rollouts/step"].append(float(spent))
            return
        if self.settings.ahead:  # verl's trainers too count ratios from the policy before the update, whoever sampled
            step = replace(step, rollouts=self.updater.with_present_log_probs(step.prompts, step.rollouts))
        result = advantages(step.rollouts, step.prior, self.arm, step.method)
        norm = self.updater.update(self.step, step.prompts, step.rollouts, result.values, self.arm.clip_high, self.rng)
        self._note(step, spent, result.baselines, norm)

    def _gather(self) -> Step:
        """The next prompts with their priors and rollouts; the value model learns from the outcome."""
        wave = self.arm.method.first_wave(self.arm.prompts, self.record)
        problems, prior, true = self._next_prompts(len(wave.sizes))
        prompts, answers = token_ids(problems, self.tokenizer)
        method = self.arm.method.knowing(self.record and self.record.model)
        wave = wave._replace(sizes=method.sizes(prior, wave))
        rollouts = self._collect(prompts, answers, prior, method, wave)
        self.spent += len(rollouts)
        if self.arm.prior is not None:
            self._observe(problems, prior, rollouts)
        visit = self.visits.count([problem.prompt for problem in problems])
        is_auto = isinstance(method, Robust) and method.auto is not None
        return Step(prompts, true, prior, rollouts, method, visit, wave.metrics(self.record) if is_auto else {})

    def _next_prompts(self, wanted: int) -> tuple[list[Problem], np.ndarray, np.ndarray]:
        """Problems, their priors and their exact mean rewards under the current policy."""
        problems = list(itertools.islice(self.problems, wanted * self.arm.pool))
        true = np.minimum(exact_accuracy(self.model, encode_problems(problems, self.tokenizer)).sampled, 1.0)
        success_rate = true
        if self.value_model is not None:
            started = time.perf_counter()
            success_rate = self.value_model.predict([problem.prompt for problem in problems], self.step)
            self.value_seconds += time.perf_counter() - started
        if self.degraded is not None:
            if self.settings.prior_auc_later is not None and self.spent >= self.settings.rollouts / 2:
                self.degraded.auc = self.settings.prior_auc_later
            success_rate = self.degraded([problem.prompt for problem in problems], success_rate, true)
        prior, true = to_reward(success_rate, REWARD_RANGE), to_reward(true, REWARD_RANGE)
        if self.arm.prior is not None and np.isfinite(auc := prior_quality.area_under_curve(prior, true >= 0)):
            # Exact, of all that were looked at: the chosen differ less, and groups of one tell which are solved badly.
            self.notes["lab/prior/auc"].append(auc)
        if self.arm.pool > 1:
            taken = choose(self.arm.choice, prior, wanted, model=self.record and self.record.model, rng=self.rng)
            return [problems[index] for index in taken], prior[taken], true[taken]
        return problems, prior, true

    def _observe(self, problems: list[Problem], prior: np.ndarray, rollouts: Rollouts) -> None:
        started = time.perf_counter()
        if self.value_model is not None:
            texts = [problem.prompt for problem in problems]
            n = rollouts.counts(len(problems))
            self.value_model.observe(texts, rollouts.successes(len(problems)), n, self.step)
        if self.record is not None:
            first = rollouts.rows(rollouts.wave == 0)
            n = first.counts(len(problems))
            mean = 2 * first.successes(len(problems)) / n - 1
            self.record.add(mean, n, prior, _variance(mean, n))
        self.value_seconds += time.perf_counter() - started

    def _gather_mixed_groups(self) -> Step:
        """DAPO's dynamic sampling: batch after batch until the step is full of groups that are not all the same."""
        parts: list[Step] = []
        kept = 0
        while kept < self.arm.prompts and self.spent < self.settings.rollouts:
            step = self._gather()
            successes, n = step.rollouts.successes(len(step.prompts)), step.rollouts.counts(len(step.prompts))
            mixed = np.flatnonzero((successes > 0) & (successes < n))[: self.arm.prompts - kept]
            parts.append(step.chosen(mixed, first_group=kept))
            kept += len(mixed)
        return Step.joined(parts)

    def _collect(
        self,
        prompts: list[list[int]],
        answers: list[list[int]],
        prior: np.ndarray,
        method: Method,
        wave: FirstWave,
    ) -> Rollouts:
        padded = np.full((len(prompts), MAX_NEW_TOKENS), -1)
        for row, answer in enumerate(answers):
            padded[row, : len(answer)] = answer

        def draw(indices: np.ndarray, counts: np.ndarray) -> Samples:
            return sample(
                self.model,
                [prompts[index] for index in indices],
                counts,
                self.rng,
                eos_id=self.tokenizer.eos_token_id,
                pad_id=self.tokenizer.pad_token_id,
                max_new_tokens=MAX_NEW_TOKENS,
            )

        def ask(group_mean: np.ndarray, n: np.ndarray, waves: np.ndarray, indices: np.ndarray) -> np.ndarray:
            further = method.further(group_mean, n, waves, prior[indices])
            if waves[0] > 1:
                return further
            rest = method.second_wave(group_mean, n, prior[indices], n, wave.total)  # everyone has had one wave here
            return further if rest is None else rest

        return collect(draw, padded, wave.sizes, self.arm.k_max, ask)

    def _note(self, step: Step, spent: int, baselines: np.ndarray, norm: float) -> None:
        """Collects what the next evaluation averages over its steps, one entry per metric."""
        rollouts, prompts = step.rollouts, len(step.prompts)
        n, successes = rollouts.counts(prompts), rollouts.successes(prompts)
        rounds = np.zeros(prompts)
        np.maximum.at(rounds, rollouts.group, rollouts.wave + 1)
        notes = {
            "v05/rollouts/step": spent,
            "v05/rollouts/per_prompt/mean": spent / prompts,
            "v05/rollouts/waves/mean": rounds.mean(),
            "v05/rollouts/uniform_frac": ((successes == 0) | (successes == n)).mean(),
            "v05/baseline/mean": baselines.mean(),
            "lab/baseline/mse": np.mean((baselines - step.true[rollouts.group]) ** 2),
            "critic/score/mean": rollouts.rewards.mean(),
            "response_length/mean": (rollouts.tokens >= 0).sum(1).mean(),
            "actor/grad_norm": norm,
            "actor/lr": self.updater.optimizer.param_groups[0]["lr"],
            **(_prior_quality(step) if self.arm.prior is not None else {}),
            **step.auto,
        }
        for name, value in notes.items():
            self.notes[name].append(float(value))

    def _evaluation(self) -> dict[str, float]:
        started = time.perf_counter()
        accuracy = exact_accuracy(self.model, self.held_out)
        # Exact, so what verl's mean@n over any number of answers estimates.
        metrics = {
            f"val-core/{self.task}_sampled/acc/mean@1": accuracy.sampled.mean(),
            f"val-core/{self.task}_greedy/acc/mean@1": accuracy.greedy.mean(),
        }
        if self.step:
            metrics |= {
                "training/global_step": self.step,
                "lab/steps": len(self.notes["timing_s/step"]),
                "v05/spent/rollouts": self.spent,
                "timing_s/testing": time.perf_counter() - started,
                "lab/value_s": self.value_seconds,
                **{name: np.mean(values) for name, values in self.notes.items()},
            }
        self.notes.clear()
        return {name: value if isinstance(value, int) else float(f"{value:.6g}") for name, value in metrics.items()}


def _variance(mean: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Unbiased variance of groups of n rewards of -1 and 1; 0 where n = 1."""
    return (1 - mean**2) * n / np.maximum(n - 1, 1)


def _prior_quality(step: Step) -> dict[str, float]:
    """As verl's side judges priors, by the first wave; beside it the exact error. Left out where not defined."""
    first = step.rollouts.rows(step.rollouts.wave == 0)
    n = first.counts(len(step.prompts))
    mean = 2 * first.successes(len(step.prompts)) / n - 1
    variance = _variance(mean, n)
    values = {
        "v05/prior/mean": step.prior.mean(),
        "v05/prior/mse": prior_quality.mean_squared_error(step.prior, mean, variance, n),
        "v05/prior/auc": prior_quality.area_under_curve(step.prior, mean >= 0),
        "v05/prior/calibration_slope": prior_quality.calibration_slope(step.prior, mean),
        "lab/prior/mse": np.mean((step.prior - step.true) ** 2),
    }
    visits = prior_quality.by_visit(step.visit, step.prior, mean, variance, n, middle=0)
    values |= {f"v05/prior/{name}": value for name, value in visits.items()}
    return {name: value for name, value in values.items() if np.isfinite(value)}


@dataclass(frozen=True)
class Step:
    """Prompts of one training step and what came of them."""

    prompts: list[list[int]]
    true: np.ndarray
    """(prompts,) exact mean reward under the policy that sampled; for records and the oracle only."""
    prior: np.ndarray
    """(prompts,) V on the reward scale."""
    rollouts: Rollouts
    method: Method
    """With what it knew before these rollouts."""
    visit: np.ndarray
    """(prompts,) how often each has been trained on, this step included."""
    auto: dict[str, float] = field(default_factory=dict)
    """Metrics of ``k_init: auto``."""

    def chosen(self, indices: np.ndarray, first_group: int) -> Step:
        """The prompts at ``indices``, numbered from ``first_group``."""
        number = np.full(len(self.prompts), -1)
        number[indices] = np.arange(len(indices)) + first_group
        rollouts = self.rollouts.rows(number[self.rollouts.group] >= 0)
        rollouts = replace(rollouts, group=number[rollouts.group])
        return Step(
            [self.prompts[index] for index in indices],
            self.true[indices],
            self.prior[indices],
            rollouts,
            self.method,
            self.visit[indices],
        )

    @staticmethod
    def joined(parts: list[Step]) -> Step:
        return Step(
            [prompt for part in parts for prompt in part.prompts],
            np.concatenate([part.true for part in parts]),
            np.concatenate([part.prior for part in parts]),
            Rollouts.joined([part.rollouts for part in parts]),
            parts[-1].method,
            np.concatenate([part.visit for part in parts]),
        )


def _endless(problems: list[Problem], seed: int) -> Iterator[Problem]:
    """Epoch after epoch, each in an order of its own."""
    rng = np.random.default_rng([seed, 2])
    while True:
        for index in rng.permutation(len(problems)):
            yield problems[index]
