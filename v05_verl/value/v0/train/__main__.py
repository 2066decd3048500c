# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Trains V0's adapter and its bayes head on recorded outcomes.

    python -m v05_verl.value.v0.train --data train.jsonl --prompts prompt_dict.json --encoder surface --out out/
    torchrun --nproc-per-node 8 -m v05_verl.value.v0.train --dumps run1/rollouts run2/rollouts --out out/

Writes best.pt (the release's layout, for ``V0(checkpoint=...)``), last.pt (to resume from), metrics.jsonl, tensorboard
events. Sizes and rates are those of the V0 release where it states them; the frozen tabular head of the release has no
counterpart here: the bayes head is differentiable and is trained with the adapter.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed, nn
from tqdm import tqdm

from v05_verl.state_file import read_torch, written_whole
from v05_verl.value.evaluate.measures import measure
from v05_verl.value.evaluate.records import Records, joined, read_release, read_rollout_dumps
from v05_verl.value.v0.adapter import QueryAdapter, padded, pooled
from v05_verl.value.v0.checkpoint import load_strictly, write_checkpoint
from v05_verl.value.v0.encoder import DEFAULT_ENCODER, build_encoder
from v05_verl.value.v0.heads import BayesHead, Context
from v05_verl.value.v0.train.episodes import (
    Episode,
    composite_loss,
    episodes,
    split_by_prompt,
    validation_episodes,
)


class Model(nn.Module):
    """Adapter (or pooled states) and head, on states that were encoded once."""

    def __init__(self, records: Records, states: dict[str, torch.Tensor], dim: int, use_adapter: bool, device: str):
        super().__init__()
        self._records, self._states, self._device = records, states, device
        self.adapter = QueryAdapter(dim) if use_adapter else None
        self.head = BayesHead([self.adapter.n_features] if use_adapter else [dim, dim])
        self.to(device)

    def forward(self, episode: Episode) -> torch.Tensor:
        """(Q,) success rates of the episode's queries."""
        rows = np.concatenate([episode.support, episode.queries])
        states = [self._states[prompt].to(self._device).float() for prompt in self._records.prompts[rows]]
        features = pooled(states) if self.adapter is None else self.adapter(*padded(states))
        n = len(episode.support)
        rates = self.tensor(self._records.rates[episode.support])
        level = float((rates.sum() + 0.5) / (n + 1))
        trials = self.tensor(self._records.trials[episode.support])
        fitted = self.head.fit(Context(features[:n], rates, trials, torch.full_like(rates, level)))
        return self.head.predict(fitted, features[n:], level)

    def tensor(self, values: np.ndarray) -> torch.Tensor:
        """Float64 on the model's device."""
        return torch.from_numpy(np.asarray(values, dtype=np.float64)).to(self._device)


class Trainer:
    """Epochs of episodes with AdamW, warm-up and cosine; early stopping on the validation AUC within contexts."""

    def __init__(self, options: argparse.Namespace, records: Records):
        self.options, self.records = options, records
        self.rank, self.world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        self.device = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu"
        if self.world > 1:
            distributed.init_process_group("nccl" if self.device != "cpu" else "gloo")
        torch.manual_seed(options.seed)
        self.training, self.validation = split_by_prompt(records, options.validation_share, options.seed)
        if not self._can_be_judged():
            raise SystemExit(
                "v05_verl.value.v0.train: no epoch could be told to be the best: no policy and step has validation "
                "prompts with a success rate of 1/2 or more and others with less; raise --validation-share, choose "
                "another --seed or give more data"
            )
        try:
            encoder = build_encoder(options.encoder, revision=options.revision, device=self.device, dtype=options.dtype)
        except ValueError as error:
            raise SystemExit(f"v05_verl.value.v0.train: {error}") from error
        self.model = Model(records, self._encoded(encoder), encoder.dim, not options.no_adapter, self.device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=options.lr, weight_decay=options.weight_decay)
        per_epoch = len(list(self._epoch_episodes(0)))
        self.schedule = _warmed_cosine(self.optimizer, per_epoch * options.epochs)
        self.epoch, self.best, self.stale = 0, -1.0, 0

    def run(self) -> dict[str, Any]:
        """Trains; returns the measures of the best epoch."""
        self._resume()
        best: dict[str, Any] = {}
        while self.epoch < self.options.epochs and self.stale <= self.options.patience:
            loss = self._train_epoch()
            measures = self.validate() | {"loss": loss, "epoch": self.epoch}
            self.epoch += 1
            improved = measures["auc"] > self.best
            self.best, self.stale = (measures["auc"], 0) if improved else (self.best, self.stale + 1)
            best = measures if improved else best
            if self.rank == 0:
                self._write(measures, improved)
        if self.world > 1:
            distributed.destroy_process_group()
        return best

    def _can_be_judged(self) -> bool:
        """Whether some context of the validation has both classes, without which there is no AUC."""
        solved = (self.records.rates[episode.queries] >= 0.5 for episode in self._validation_episodes())
        return any(each.any() and not each.all() for each in solved)

    def _validation_episodes(self) -> list[Episode]:
        options = self.options
        return validation_episodes(self.records, self.training, self.validation, options.support, options.seed)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Measures on the validation prompts (all of :func:`v05_verl.value.evaluate.measures.measure`)."""
        self.model.eval()
        drawn = self._validation_episodes()
        p = np.concatenate([self.model(episode).cpu().numpy() for episode in drawn])
        return measure(p, self.records.rows(np.concatenate([episode.queries for episode in drawn])))

    def _train_epoch(self) -> float:
        self.model.train()
        losses = []
        drawn = list(self._epoch_episodes(self.epoch))
        for episode in tqdm(drawn, desc=f"epoch {self.epoch}", disable=self.rank > 0, leave=False):
            rates = self.model.tensor(self.records.rates[episode.queries])
            loss = composite_loss(self.model(episode), rates, self.options.rank_weight)
            self.optimizer.zero_grad()
            loss.backward()
            self._average_gradients()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.schedule.step()
            losses.append(loss.item())
        return float(np.mean(losses))

    def _epoch_episodes(self, epoch: int) -> list[Episode]:
        """The epoch's episodes of this rank; all ranks get the same number."""
        options = self.options
        rng = np.random.default_rng([options.seed, epoch])
        drawn = list(episodes(self.records, self.training, options.support, options.queries, rng))
        return drawn[self.rank :: self.world][: len(drawn) // self.world]

    def _average_gradients(self) -> None:
        # The graph differs by episode (no ranking pair, no adapter), which DistributedDataParallel does not like.
        if self.world == 1:
            return
        for parameter in self.model.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            distributed.all_reduce(parameter.grad)
            parameter.grad /= self.world

    def _encoded(self, encoder) -> dict[str, torch.Tensor]:
        prompts = sorted(set(self.records.prompts))
        states: dict[str, torch.Tensor] = {}
        for start in tqdm(range(0, len(prompts), 64), desc="encoding", disable=self.rank > 0, leave=False):
            batch = prompts[start : start + 64]
            # Half the memory, on the CPU: a few tens of thousands of prompts fit.
            states |= {p: s.to("cpu", torch.bfloat16) for p, s in zip(batch, encoder.states(batch), strict=True)}
        return states

    def _resume(self) -> None:
        path = self.options.out / "last.pt"
        if not path.exists() or self.options.restart:
            return
        saved = read_torch(path, self.device)
        try:
            load_strictly(self.model, saved["model"], "model")
            self.optimizer.load_state_dict(saved["optimizer"])
            self.schedule.load_state_dict(saved["schedule"])
            torch.set_rng_state(saved["rng"].cpu())
            self.epoch, self.best, self.stale = saved["epoch"], saved["best"], saved["stale"]
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is of another training ({error!r:.500}); start anew with --restart") from error

    def _write(self, measures: dict[str, Any], improved: bool) -> None:
        from torch.utils.tensorboard import SummaryWriter

        out = self.options.out
        out.mkdir(parents=True, exist_ok=True)
        print(" ".join(f"{name} {value:.4f}" for name, value in measures.items()), flush=True)
        with open(out / "metrics.jsonl", "a", encoding="utf-8") as file:
            known = {name: value for name, value in measures.items() if not np.isnan(value)}
            file.write(json.dumps(known) + "\n")
        with SummaryWriter(str(out / "tensorboard")) as board:
            for name, value in measures.items():
                board.add_scalar(f"validation/{name}", value, self.epoch)
        if improved:
            settings = {"encoder": self.options.encoder, "support": self.options.support}
            write_checkpoint(out / "best.pt", self.model.adapter, self.model.head, settings)
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "rng": torch.get_rng_state(),
            "epoch": self.epoch,
            "best": self.best,
            "stale": self.stale,
        }
        with written_whole(out / "last.pt") as draft:
            torch.save(state, draft)


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Runs the command line; returns the measures of the best epoch."""
    options = _parser().parse_args(arguments)
    if bool(options.data) == bool(options.dumps):
        raise SystemExit("give either --data and --prompts (the release's format) or --dumps (verl's rollout_data_dir)")
    if options.data:
        if options.prompts is None:
            raise SystemExit("--data needs --prompts, the dictionary of texts")
        parts = [read_release(path, options.prompts, options.trials) for path in options.data]
    else:
        parts = [read_rollout_dumps(folder, tuple(options.reward_range)) for folder in options.dumps]
    return Trainer(options, joined(parts)).run()


def _warmed_cosine(optimizer: torch.optim.Optimizer, steps: int) -> torch.optim.lr_scheduler.LambdaLR:
    warm = max(round(0.05 * steps), 1)

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + float(np.cos(np.pi * min((step - warm) / max(steps - warm, 1), 1))))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m v05_verl.value.v0.train", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", nargs="+", type=Path, help="JSON lines of the release's format")
    add("--prompts", type=Path, help="prompt dictionary of the release")
    add("--trials", type=int, default=10, help="rewards behind each score of --data")
    add("--dumps", nargs="+", type=Path, help="folders of verl's trainer.rollout_data_dir, one per run")
    add("--reward-range", nargs=2, type=float, default=[-1.0, 1.0], metavar=("LO", "HI"), help="of --dumps")
    add("--out", type=Path, required=True)
    add("--encoder", default=DEFAULT_ENCODER, help="hub id, local folder or 'surface'")
    add("--revision", help="commit of a hub id")
    add("--dtype", default="float32", help="of the encoder's weights")
    add("--no-adapter", action="store_true", help="train the head alone, on pooled states")
    add("--support", type=int, default=256, help="pairs of the context [release]")
    add("--queries", type=int, default=8, help="per episode [release]")
    add("--epochs", type=int, default=50, help="at most [release]")
    add("--patience", type=int, default=5, help="epochs without a better validation AUC")
    add("--lr", type=float, default=2e-4, help="[release]")
    add("--weight-decay", type=float, default=0.01, help="[release]")
    add("--rank-weight", type=float, default=0.25, help="of the ranking loss [release]; 0: none")
    add("--validation-share", type=float, default=0.1, help="of the prompts")
    add("--seed", type=int, default=0)
    add("--restart", action="store_true", help="ignore last.pt instead of resuming from it")
    return parser


if __name__ == "__main__":
    main()
