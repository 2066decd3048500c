# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The table of recipes/gpu_check.sh: what its runs took, and V0's encoder with random weights, measured here.

Usage: python -m v05_verl.lab.gpu_check OUT [--prompts 512]      exit code 1 where a run did not end well
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import Qwen3Config, Qwen3Model

from v05_verl.lab.bench_step import texts_of
from v05_verl.lab.tokenizer import build_tokenizer
from v05_verl.report.runs import Run, find_runs, load_run
from v05_verl.value.v0.encoder import build_encoder

GB = 2**30
MEMORY = "perf/max_memory_allocated_gb"
QWEN3_EMBEDDING_06B = {
    "vocab_size": 151_669,
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "max_position_embeddings": 32_768,
    "rope_theta": 1_000_000,
}
"""config.json of Qwen/Qwen3-Embedding-0.6B."""
COLUMNS = ("what", "ended", "steps", "s per step", "of it generation", "GB of the GPU, most")


def run_row(run: Run) -> list[str]:
    """One run; seconds are those of its last step, when everything is warm."""
    launches = (run.provenance or {}).get("launches") or [{"exit_code": None}]
    ended = {0: "well", None: "not"}.get(launches[-1]["exit_code"], f"exit code {launches[-1]['exit_code']}")
    numbers = [run.last(metric) for metric in ("timing_s/step", "timing_s/gen", MEMORY)]
    return [run.arm, ended, f"{run.trained_steps():g}", *("–" if n is None else f"{n:.2f}" for n in numbers)]


def encoder_row(architecture: dict, prompts: int, device: str, dtype: str) -> list[str]:
    """V0's encoder of that architecture, random weights, one token per byte, on ``prompts`` prompts."""
    is_gpu = device == "cuda"
    with tempfile.TemporaryDirectory() as folder, torch.device(device):
        Qwen3Model(Qwen3Config(**architecture)).to(getattr(torch, dtype)).save_pretrained(folder)
        build_tokenizer(alphabet=None).save_pretrained(folder)
        encoder = build_encoder(folder, device=device, dtype=dtype)
    if is_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    texts = texts_of(prompts)
    encoder.states(texts[:8])
    started = time.perf_counter()
    states = encoder.states(texts)
    if is_gpu:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    finite = all(bool(torch.isfinite(each).all()) for each in states)
    memory = f"{torch.cuda.max_memory_allocated() / GB:.2f}" if is_gpu else "–"
    tokens = sum(len(each) for each in states)
    what = f"V0's encoder, {prompts} prompts, {tokens:,} tokens"
    return [what, "well" if finite else "NaN in its states", "1", f"{seconds:.2f}", "–", memory]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (COLUMNS, ["---"] * len(COLUMNS), *rows))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m v05_verl.lab.gpu_check", description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--prompts", type=int, default=512)
    options = parser.parse_args(arguments)
    rows = [run_row(load_run(folder)) for folder in find_runs([options.out])]
    rows.append(encoder_row(QWEN3_EMBEDDING_06B, options.prompts, "cuda", "bfloat16"))
    print(f"{torch.cuda.get_device_name()}\n\n{table(rows)}")
    if any(row[1] != "well" for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
