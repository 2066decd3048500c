# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""V0 as a value model."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from v05_verl.state_checks import check_fields, state_array, state_count, state_text, state_texts
from v05_verl.value.base import (
    check_option,
    check_state,
    checked_outcomes,
    checked_prompts,
    checked_step,
    inside,
)
from v05_verl.value.blend import Blend
from v05_verl.value.v0.adapter import QueryAdapter, padded, pooled
from v05_verl.value.v0.checkpoint import adapter_of, load_strictly, read_checkpoint
from v05_verl.value.v0.encoder import DEFAULT_ENCODER, Encoder, build_encoder
from v05_verl.value.v0.heads import BayesHead, Context, build_head

_POOLS = ("policy", "all")
_PROMPTS_PER_BATCH = 64


class V0:
    """V0 (arXiv 2602.03584): frozen encoder, query adapter, in-context head. No weight moves during RL; only the
    context, the policy's recent (prompt, outcome) pairs, does.

    Args:
        encoder: hub id, local folder, or "surface", which needs no weights. Default Qwen/Qwen3-Embedding-0.6B [paper].
        revision: commit of a hub id; default: that of v05_verl/pins.py, where the id stands there.
        checkpoint: file in the release's layout, or None: no adapter, states pooled to (mean, last).
        head: "bayes" (default, ours: needs no weights), "tabpfn" [paper] or "tabicl".
        head_weights: file of the tabular head's weights; None: its package's own download.
        context: pairs shown to the head, 256 [paper]; at least 1.
        max_age: steps after which a pair is left out; None (default): never.
        pool: "policy" (default, paper): pairs of the asked policy alone; "all": those of every policy that was observed
            (``policy=`` of predict and observe), each relative to the mean of its (policy, step).
        history: combine with a prompt's own past visits (:class:`v05_verl.value.blend.Blend`), at the price of one more
            prediction per outcome. Default True (ours).
        max_length: tokens of a prompt, 2,048 [release].
        device: "auto" (default): the GPU where there is one; or a torch device.
        dtype: of the encoder's weights.
        max_cached: prompts whose features are kept (4 KiB each with the release's adapter). Default 100,000.
    """

    def __init__(
        self,
        encoder: str = DEFAULT_ENCODER,
        revision: str | None = None,
        checkpoint: str | None = None,
        head: str = "bayes",
        head_weights: str | None = None,
        context: int = 256,
        max_age: int | None = None,
        pool: str = "policy",
        history: bool = True,
        max_length: int = 2048,
        device: str = "auto",
        dtype: str = "float32",
        max_cached: int = 100_000,
    ):
        if pool not in _POOLS:
            raise ValueError(f"option pool must be one of {', '.join(_POOLS)}, got {pool!r}")
        self._size = int(check_option("context", context, 1, 100_000))
        self._max_age = None if max_age is None else int(check_option("max_age", max_age, 0, np.inf))
        self._pool, self._max_cached = pool, int(check_option("max_cached", max_cached, 1, np.inf))
        self._device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        length = int(check_option("max_length", max_length, 1, 131_072))
        parts = None if checkpoint is None else read_checkpoint(checkpoint)
        self._encoder: Encoder = build_encoder(
            encoder, revision=revision, max_length=length, device=self._device, dtype=dtype
        )
        self._adapter: QueryAdapter | None = None
        blocks = [self._encoder.dim, self._encoder.dim]
        if parts is not None and parts.adapter:
            self._adapter = adapter_of(parts, self._encoder.dim).to(self._device).eval().requires_grad_(False)
            blocks = [self._adapter.n_features]
        if parts is not None and parts.backbone:
            self._load_backbone(encoder, parts.backbone)
        self._head = build_head(head, blocks, head_weights, self._device)
        if parts is not None and parts.head and isinstance(self._head, BayesHead):
            load_strictly(self._head, parts.head, "head")
        self._rows: OrderedDict[tuple[str, int], tuple[list[str], np.ndarray, np.ndarray]] = OrderedDict()
        self._blend = Blend() if history else None
        self._features: OrderedDict[str, torch.Tensor] = OrderedDict()
        self._fitted: dict[tuple[str, int], object] = {}

    @classmethod
    def from_release(
        cls, *, checkpoint: str, encoder: str = DEFAULT_ENCODER, head: str = "tabpfn", **options: Any
    ) -> V0:
        """V0 with the released weights; ValueError listing missing or unexpected keys and wrong shapes."""
        return cls(checkpoint=checkpoint, encoder=encoder, head=head, **options)

    @torch.no_grad()
    def predict(self, prompts: Sequence[str], step: int, policy: str = "policy") -> np.ndarray:
        """(N,) success rates; the mean of the policy where its context is empty, 1/2 before any outcome."""
        prompts, step = checked_prompts(prompts), checked_step(step)
        if not prompts:
            return np.empty(0)
        told = self._told(prompts, policy, step)
        if self._blend is not None:
            return self._blend.predict(prompts, policy, step, told)
        return inside(np.full(len(prompts), self._level(policy, step)) if told is None else told)

    @torch.no_grad()
    def observe(
        self, prompts: Sequence[str], successes: ArrayLike, trials: ArrayLike, step: int, policy: str = "policy"
    ) -> None:
        """Adds pairs to the policy's context and memory."""
        outcomes = checked_outcomes(prompts, successes, trials, step)
        if not outcomes.prompts:
            return
        step = outcomes.step
        if self._blend is not None:
            self._blend.observe(outcomes, policy, self._told(outcomes.prompts, policy, step))
        known = self._rows.pop((policy, step), ([], np.empty(0), np.empty(0)))
        added = (outcomes.prompts, outcomes.rates, outcomes.trials)
        self._rows[policy, step] = (known[0] + added[0], np.append(known[1], added[1]), np.append(known[2], added[2]))
        self._forget_old_rows()
        self._fitted.clear()

    def state_dict(self) -> dict[str, Any]:
        """Contexts and memory; weights stay in their files."""
        rows = [
            {"policy": policy, "step": step, "prompts": list(prompts), "rates": rates.copy(), "trials": trials.copy()}
            for (policy, step), (prompts, rates, trials) in self._rows.items()
        ]
        return {"kind": "v0", "rows": rows, "blend": None if self._blend is None else self._blend.state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over contexts, and the memory where both sides keep one."""
        check_state(state, "v0", ["rows", "blend"])
        if not isinstance(state["rows"], (list, tuple)):
            raise ValueError(f"state: rows must be a list, got {type(state['rows']).__name__}")
        rows = OrderedDict()
        for row in state["rows"]:
            check_fields("rows", row, ("policy", "step", "prompts", "rates", "trials"))
            prompts = state_texts("prompts", row["prompts"])
            rates = state_array("rates", row["rates"], (len(prompts),), lo=0, hi=1)
            trials = state_array("trials", row["trials"], (len(prompts),), lo=np.finfo(float).tiny)
            key = state_text("policy", row["policy"]), state_count("step", row["step"])
            if not prompts or key in rows:
                raise ValueError(f"state: rows holds {'two of' if prompts else 'nothing for'} {key}")
            rows[key] = (prompts, rates, trials)
        if self._blend is not None and state["blend"] is not None:
            self._blend.load(state["blend"])
        self._rows = rows
        self._fitted.clear()

    def metrics(self) -> dict[str, float]:
        """How the blend weighs texts and visits; nothing without ``history``."""
        return {} if self._blend is None else self._blend.metrics()

    def _told(self, prompts: list[str], policy: str, step: int) -> np.ndarray | None:
        """(N,) what the head predicts from the texts; None without a context."""
        fitted = self._context(policy, step)
        if fitted is None:
            return None
        return self._head.predict(fitted, self._features_of(prompts), self._level(policy, step)).cpu().numpy()

    def _level(self, policy: str, step: int) -> float:
        """Mean success of the policy at its newest step up to ``step`` (at its oldest, where none is as old)."""
        steps = sorted(s for name, s in self._rows if name == policy)
        if not steps:
            return 0.5
        newest = max((s for s in steps if s <= step), default=steps[0])
        rates = self._rows[policy, newest][1]
        return float((rates.sum() + 0.5) / (len(rates) + 1))

    def _context(self, policy: str, step: int) -> object | None:
        if (policy, step) not in self._fitted:
            context = self._newest_pairs(policy, step)
            if context is None:
                return None
            self._fitted[policy, step] = self._head.fit(context)
        return self._fitted[policy, step]

    def _newest_pairs(self, policy: str, step: int) -> Context | None:
        """The newest pairs up to ``step``; with pool "all", the nearest in log step of every policy."""
        everything = self._pool == "all"
        names = [key for key in self._rows if everything or (key[0] == policy and key[1] <= step)]
        if self._max_age is not None:
            names = [key for key in names if abs(step - key[1]) <= self._max_age]
        names.sort(key=lambda key: (abs(np.log1p(step) - np.log1p(key[1])), key[0] != policy, key))
        prompts: list[str] = []
        columns: list[np.ndarray] = []
        for key in names:
            texts, rates, trials = self._rows[key]
            # Of a step that does not fit as a whole, every so-manieth pair: rows are sorted by text.
            left = self._size - len(prompts)
            picked = np.unique(np.linspace(0, len(texts) - 1, min(left, len(texts))).astype(np.int64))
            prompts += [texts[i] for i in picked]
            level = np.full(len(picked), (rates.sum() + 0.5) / (len(rates) + 1))
            columns.append(np.stack([rates[picked], trials[picked], level]))
            if len(prompts) >= self._size:
                break
        if not prompts:
            return None
        rates, trials, levels = (torch.from_numpy(row).to(self._device) for row in np.concatenate(columns, axis=1))
        return Context(self._features_of(prompts), rates, trials, levels)

    def _features_of(self, prompts: list[str]) -> torch.Tensor:
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._features]
        for start in range(0, len(new), _PROMPTS_PER_BATCH):
            batch = new[start : start + _PROMPTS_PER_BATCH]
            for prompt, row in zip(batch, self._encoded(batch), strict=True):
                self._features[prompt] = row
        rows = torch.stack([self._features[prompt] for prompt in prompts])
        while len(self._features) > self._max_cached:
            self._features.popitem(last=False)
        return rows

    def _encoded(self, prompts: list[str]) -> torch.Tensor:
        states = self._encoder.states(prompts)
        return pooled(states) if self._adapter is None else self._adapter(*padded(states))

    def _forget_old_rows(self) -> None:
        """A policy keeps as many pairs as a context can hold, and whole steps."""
        for policy in {name for name, _ in self._rows}:
            kept = 0
            for key in sorted((key for key in self._rows if key[0] == policy), key=lambda key: -key[1]):
                if kept >= self._size:
                    del self._rows[key]
                else:
                    kept += len(self._rows[key][0])

    def _load_backbone(self, name: str, values: dict[str, torch.Tensor]) -> None:
        if not hasattr(self._encoder, "model"):
            raise ValueError(f"the checkpoint holds a backbone, but encoder {name!r} has no weights to load it into")
        load_strictly(self._encoder.model, values, "backbone")
