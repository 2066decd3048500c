# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""V0 checkpoints in the release's layout: a torch file whose key ``model_state_dict`` holds the parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from v05_verl.state_file import read_torch, written_whole
from v05_verl.value.v0.adapter import QueryAdapter

_PREFIXES = ("adapter_layer.", "backbone.", "head.")


class Checkpoint(NamedTuple):
    """Parameters by part, without their prefixes."""

    adapter: dict[str, torch.Tensor]
    backbone: dict[str, torch.Tensor]
    """Empty where the file leaves the frozen encoder out."""
    head: dict[str, torch.Tensor]
    """Of the ``bayes`` head; empty in the release."""
    settings: dict[str, Any]
    """What this project's training wrote beside the parameters."""


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Reads a checkpoint, with or without ``module.`` before its names.

    Raises:
        ValueError: no such file, a damaged or truncated one, no ``model_state_dict``, names of no known part, values
            that are no parameters, settings that are none.
    """
    content = read_torch(path)
    if not isinstance(content, dict) or "model_state_dict" not in content:
        found = sorted(map(str, content))[:8] if isinstance(content, dict) else type(content).__name__
        raise ValueError(f"checkpoint {path} has no key 'model_state_dict'; it holds {found}")
    parts: dict[str, dict[str, torch.Tensor]] = {prefix: {} for prefix in _PREFIXES}
    unexpected = []
    values, settings = content["model_state_dict"], content.get("settings", {})
    for what, found in (("model_state_dict", values), ("settings", settings)):
        if not isinstance(found, dict):
            raise ValueError(f"checkpoint {path}: {what} must be a dictionary, got {type(found).__name__}")
    for full_name, value in values.items():
        if not isinstance(full_name, str) or not _is_parameter(value):
            raise ValueError(f"checkpoint {path}: {full_name!r:.60} is no parameter of finite numbers")
        name = full_name.removeprefix("module.")
        prefix = next((p for p in _PREFIXES if name.startswith(p)), None)
        if prefix is None:
            unexpected.append(full_name)
        else:
            parts[prefix][name.removeprefix(prefix)] = value
    if unexpected:
        raise ValueError(f"checkpoint {path}: unexpected keys {sorted(unexpected)}; known parts are {_PREFIXES}")
    return Checkpoint(*parts.values(), settings=settings)


def adapter_of(checkpoint: Checkpoint, dim: int) -> QueryAdapter:
    """The adapter for an encoder of width ``dim``, sized by the file's queries; ValueError lists what is wrong."""
    values = dict(checkpoint.adapter)
    queries, hidden = values.get("static_queries"), values.get("generator.0.weight")
    if queries is not None and queries.dim() == 3 and len(queries) == 1:
        values["static_queries"] = queries = queries[0]
    n, width = (168, 6) if queries is None or queries.dim() != 2 else queries.shape
    heads = checkpoint.settings.get("n_heads", 3)
    if not isinstance(heads, int) or heads < 1 or width % heads or not n * width:
        raise ValueError(f"the checkpoint does not fit: {n} queries of width {width} and n_heads {heads!r:.20}")
    adapter = QueryAdapter(dim, n, width, heads, 128 if hidden is None or hidden.dim() != 2 else len(hidden))
    load_strictly(adapter, values, "adapter_layer")
    return adapter


def load_strictly(module: nn.Module, values: dict[str, torch.Tensor], part: str) -> None:
    """Loads ``values``; ValueError that lists all missing and unexpected names and wrong shapes."""
    expected = module.state_dict()
    problems = [f"missing {part}.{name}" for name in expected if name not in values]
    problems += [f"unexpected {part}.{name}" for name in values if name not in expected]
    problems += [
        f"{part}.{name} has shape {tuple(values[name].shape)}, not {tuple(parameter.shape)}"
        for name, parameter in expected.items()
        if name in values and values[name].shape != parameter.shape
    ]
    if problems:
        raise ValueError(f"the checkpoint does not fit: {'; '.join(problems)}")
    module.load_state_dict(values)


def write_checkpoint(
    path: Path, adapter: QueryAdapter | None, head: nn.Module, settings: dict[str, Any], **extra: Any
) -> None:
    """Writes the release's layout (without the frozen backbone), atomically."""
    parameters = {f"head.{name}": value for name, value in head.state_dict().items()}
    if adapter is not None:
        parameters |= {f"adapter_layer.{name}": value for name, value in adapter.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as draft:
        torch.save({"model_state_dict": parameters, "settings": settings, **extra}, draft)


def _is_parameter(value: Any) -> bool:
    if not isinstance(value, torch.Tensor) or value.layout != torch.strided:
        return False
    return not value.is_complex() and bool(torch.isfinite(value).all())
