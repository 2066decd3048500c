# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Mutations of valid inputs of every reader: each is read as a valid value or refused with a sentence.

V05_FUZZ=20000 python -m pytest -q -s tests/test_fuzz_on_cpu.py      so many inputs in all instead of 1,000

The sentence is that of a ValueError and names the file or the key. Input ``i`` of a reader is always the same.
"""

import copy
import json
import math
import os
import random
import resource
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from v05_verl import arms, method
from v05_verl.config import from_group
from v05_verl.plugin.records import PromptRecord
from v05_verl.report import csv_files, tables
from v05_verl.report.aggregate import Aggregator
from v05_verl.report.last_step import last_step
from v05_verl.report.metrics_files import STEPS
from v05_verl.report.runs import load_runs
from v05_verl.report.step_time import seconds_per_thousand
from v05_verl.report.summary import summarise
from v05_verl.rollout_dumps import PromptIndex, read_rollouts, read_rows, success_rates
from v05_verl.value import build
from v05_verl.value.evaluate.records import read_release

INPUTS = int(os.environ.get("V05_FUZZ", "1000"))
SECONDS, BYTES = 30, 2 * 2**30
DATA = Path(__file__).parent / "data"
METRICS = Path(__file__).parent / "report" / "data" / "one_launch.jsonl"

DEEP = json.loads("[" * 300 + "]" * 300)
GARBAGE = [None, True, False, -1, 0, 3, 1.5, 4.5, -0.5, math.nan, math.inf, -math.inf, 1e300, 10**8, 2**63, 10**400]
GARBAGE += ["four", "4", "", "auto", "nan", "\x1b[31m", "<script>", "=1+1", r"$\frac", "ü\ud800", "a/b", "x" * 10_000]
GARBAGE += [[], [0], ["a", 1], {}, {"a": 1}, {"": None}, DEEP]
NOISE = [b"", b"\x00", b"\xff", b"{", b"]", b'"', b"\n", b"NaN", b"1e999", b"-1", b"100000000", b"9" * 5000, b"\xc3"]


class Case(NamedTuple):
    """One reader: how valid input is made, read, and what was read checked."""

    valid: Callable[[random.Random], Any]
    """Plain data, or bytes of a file."""
    read: Callable[[Any, Path], Any]
    check: Callable[[Any, Any], None]
    """(what was read, the input); raises AssertionError."""
    names: tuple[str, ...]
    """The sentence names one of these."""
    share: int = 1


def mutated(rng: random.Random, value: Any) -> Any:
    """``value`` after one to three random edits."""
    value = copy.deepcopy(value)
    for _ in range(rng.randint(1, 3)):
        value = _edited_bytes(rng, value) if isinstance(value, bytes) else _edited(rng, value)
    return value


def _edited(rng: random.Random, value: Any) -> Any:
    places = _places(value)
    if not places:
        return rng.choice(GARBAGE)
    node, key = rng.choice(places)
    edit = rng.random()
    if edit < 0.6:
        node[key] = copy.deepcopy(rng.choice(GARBAGE))
    elif edit < 0.75:
        del node[key]
    elif edit < 0.85 and isinstance(node, dict):
        node[rng.choice(["x", f"{key}x", str(key)[1:], "=cmd", 7])] = node.pop(key)
    elif edit < 0.95:
        other, place = rng.choice(places)
        node[key] = copy.deepcopy(other[place])
    else:
        node[key] = [copy.deepcopy(node[key])]
    return value


def _places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of everything inside, deep nests left out."""
    found, open_nodes = [], [(value, 0)]
    while open_nodes:
        node, depth = open_nodes.pop()
        keys = node.keys() if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        for key in keys if depth < 8 else ():
            found.append((node, key))
            open_nodes.append((node[key], depth + 1))
    return found


def _edited_bytes(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(len(data) + 1)
    end = min(len(data), start + rng.choice([0, 1, 1, 8, 100]))
    edit = rng.random()
    if edit < 0.3:
        return data[:start] + rng.randbytes(end - start) + data[end:]
    if edit < 0.4:
        return data[:start]
    if edit < 0.6:
        return data[:start] + data[end:]
    if edit < 0.7:
        return data[:end] + data[start:]
    return data[:start] + rng.choice(NOISE) + data[end:]


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode()


def lines(rows: list) -> bytes:
    return b"".join(as_json(row) + b"\n" for row in rows)


def rows_or_bytes(rows: list):
    """Valid input for a file of lines: half of the mutations are of the rows, half of the bytes."""
    return lambda rng: copy.deepcopy(rows) if rng.random() < 0.5 else lines(rows)


def object_or_bytes(value: dict):
    return lambda rng: copy.deepcopy(value) if rng.random() < 0.5 else as_json(value)


def written(path: Path, data: Any, as_bytes=lines) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else as_bytes(data) if data else b"")
    return path


# ---- the group v05 ----
def a_group(rng: random.Random) -> dict:
    name = rng.choice([name for name in arms.names() if arms.load(name).is_v05])
    group = copy.deepcopy(arms.load(name).config["v05"])
    return group | {"reward_range": [0, 1], "poll_interval_s": 0.5, "total_rollouts": 64}


def read_group(group: Any, folder: Path):
    return from_group(group)


def check_group(config, group) -> None:
    def as_given(found, given, path):
        for key, value in (given or {}).items():
            if isinstance(value, dict):
                as_given(found.get(key, {}), value, f"{path}.{key}")
            elif key in found and value is not None:
                is_number = isinstance(value, int) and not isinstance(value, bool) and isinstance(found[key], float)
                assert is_number or type(found[key]) in (type(value), tuple), f"{path}.{key}: {value!r}"
                assert found[key] == (tuple(value) if isinstance(value, list) else value), f"{path}.{key}"

    def numbers(node):
        nodes = node.values() if isinstance(node, dict) else node if isinstance(node, tuple) else [node]
        return [each for part in nodes for each in (numbers(part) if isinstance(part, dict | tuple) else [part])]

    found = config.model_dump(exclude={"value": {"options"}})
    given = copy.deepcopy(group)
    as_given(found, given, "v05")
    assert all(math.isfinite(each) for each in numbers(found) if isinstance(each, float))
    assert all(type(bound) in (int, float) for bound in group.get("reward_range", ()))
    assert config.cost > 0 and method.build(config)


# ---- options of value models ----
def some_options(rng: random.Random) -> dict:
    name = rng.choice(["constant", "tracker", "gp"])
    options = copy.deepcopy(arms.load("v05").config["v05"]["value"][name])
    options.pop("encoder", None)  # any text may be the name of a model on the hub
    return {"value": {"name": name, "recalibrate": rng.choice([0, 64]), name: options}}


def build_model(group: Any, folder: Path):
    name, options = from_group(group).value.model
    model = build(name, **options)
    model.observe(["a", "b"], [1, 2], [4, 4], 0)
    return options, model.predict(["a", "c"], 1)


def check_model(read, group) -> None:
    options, p = read
    assert p.shape == (2,) and np.all((p > 0) & (p < 1))
    for option, value in options.items():
        if option in ("context", "fit_rows", "fit_iterations", "max_prompts", "window"):
            assert type(value) is int, f"{option} = {value!r}"
        elif option in ("decay", "strength", "mean_decay", "step_scale", "p") and value is not None:
            assert type(value) in (int, float) and math.isfinite(value), f"{option} = {value!r}"


# ---- the report ----
RECORDS = [json.loads(line) for line in METRICS.read_text().splitlines()]
KEPT = (
    "v05/spent/",
    "v05/rollouts/step",
    "v05/rollouts/per_prompt/mean",
    "val-core/",
    "timing_s/step",
    "training/global_step",
    "actor/lr",
)
RECORDS = [{"step": r["step"], "data": {n: v for n, v in r["data"].items() if n.startswith(KEPT)}} for r in RECORDS]
RESUMED = [RECORDS[5], *RECORDS[6:]]
LAUNCH = {"command": ["python", "-m", "x"], "commit": "c" * 40, "dirty": False, "versions": {"python": "3.11"}}
LAUNCH |= {"started": "2026-01-01T00:00:00+00:00", "ended": "2026-01-01T01:00:00+00:00", "wall_s": 3600.0}
RUN = {"arm": "v05", "seed": 0, "launches": [LAUNCH | {"exit_code": 1}, LAUNCH | {"exit_code": 0}]}
CONFIG = {"data": {"train_batch_size": 32}, "actor_rollout_ref": {"rollout": {"n": 4}}}


def report_with(name: str, as_bytes):
    def read(data, folder):
        run = folder / "v05" / "seed_0"
        files = {"metrics/1.jsonl": lines(RECORDS), "metrics/2.jsonl": lines(RESUMED), "run.json": as_json(RUN)}
        files["hydra/1/.hydra/config.yaml"] = as_json(CONFIG)
        for path, content in files.items():
            written(run / path, content)
        written(run / name, data, as_bytes)
        runs = load_runs([folder])
        aggregate = Aggregator(runs)
        summary = summarise(runs, aggregate, [])
        text = tables.markdown(tables.all_tables(summary)) if summary["arms"] else ""
        text += csv_files.means(summary) + csv_files.seeds(summary)
        return runs, aggregate, json.dumps(summary, allow_nan=False), text

    return read


def check_report(read, data) -> None:
    runs, aggregate, summary, text = read
    (run,) = runs
    assert isinstance(run.arm, str) and run.arm and type(run.seed) is int
    assert text.isprintable() or set(c for c in text if not c.isprintable()) <= {"\n"}, "control characters"
    assert not any(cell.startswith(("=", "+", "@")) for line in text.splitlines() for cell in line.split(","))
    known = run.accuracy.to_numpy(float)
    assert np.all(np.isnan(known) | ((known >= 0) & (known <= 1))), "an accuracy outside [0, 1]"
    assert all(0 <= step < 2**31 for step in run.metrics.index)
    for kept in aggregate.runs:
        spent = kept.metrics["rollouts"].dropna().to_numpy()
        assert np.all(np.diff(spent) >= 0) and np.all(spent >= 0), "spent rollouts that go down"
        assert np.all(kept.metrics[STEPS].dropna() >= 1) if STEPS in kept.metrics else True


def read_other_reports(data, folder: Path):
    file = written(folder / "seed_0" / "metrics" / "1.jsonl", data)
    return *last_step(file), seconds_per_thousand(folder, 0)


def check_other_reports(read, data) -> None:
    step, metrics, seconds = read
    assert type(step) is int and all(isinstance(value, float | int | None) for value in metrics.values())
    assert np.all(np.isfinite(seconds)) and np.all(seconds >= 0)


# ---- rollouts, rows, records ----
DUMP = [
    {"input": f"user\nWhat is {i}?\nassistant\n", "output": "4", "gts": "4", "score": float(i % 2), "step": 3}
    | {"uid": f"u{i}_0_0", "acc": 1.0}
    for i in range(6)
]


def read_dump(data, folder: Path):
    written(folder / "3.jsonl", data)
    rollouts = list(read_rollouts(folder))
    return rollouts, success_rates(rollouts, (0.0, 1.0), str)


def check_dump(read, data) -> None:
    rollouts, (rates, unknown) = read
    for each in rollouts:
        assert type(each.step) is int and 0 <= each.step < 2**31 and math.isfinite(each.score)
        assert all(isinstance(text, str) for text in (each.input, each.output, each.uid))
    assert all(0 <= rate.rate <= 1 and rate.rollouts >= 1 for rate in rates.values()) and unknown == 0


RELEASE = [json.loads(line) for line in (DATA / "v0" / "context.jsonl").read_text("utf-8").splitlines()[:6]]
TEXTS = {f"{row['dataset']}_{row['id']}": f"What is {row['id']}?" for row in RELEASE}


def read_rows_of_v0(data, folder: Path):
    return read_release(written(folder / "context.jsonl", data), written(folder / "prompts.json", as_json(TEXTS)))


def read_texts_of_v0(data, folder: Path):
    file = written(folder / "prompts.json", data, as_json)
    return read_release(written(folder / "context.jsonl", lines(RELEASE)), file)


def check_release(records, data) -> None:
    assert np.all((records.rates >= 0) & (records.rates <= 1)) and np.all(records.steps >= 0)
    assert all(isinstance(text, str) for column in (records.prompts, records.policies) for text in column)


TAG = {"asked_at": 3, "prior": 0.25, "prior_error": None, "generation": 1, "prior_wait_s": 0.5, "wave_sizes": [4, 2]}
TAG = {"v05": {**TAG, "failed": 1, "reward_info": {"acc": [2.0, 5]}}}


def read_tag(tag, folder: Path):
    return PromptRecord.of_tag("uid7", "What is 1+1?", tag)


def check_tag(record, tag) -> None:
    whole = [record.asked_at, record.failed, *record.wave_sizes]
    assert all(type(number) is int and number >= 0 for number in whole) and record.failed <= record.asked
    assert record.prior is None or (type(record.prior) in (int, float) and math.isfinite(record.prior))
    assert math.isfinite(record.prior_wait_s) and record.prior_wait_s >= 0
    assert record.generation is None or type(record.generation) is int
    assert record.prior_error is None or isinstance(record.prior_error, str)
    assert all(total + count is not None for total, count in record.reward_info.values())


def a_parquet_file(rng: random.Random) -> bytes:
    rows = [{"prompt": [{"role": "user", "content": f"What is {i}?"}], "extra_info": {"index": i}} for i in range(9)]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()


def read_parquet(data, folder: Path):
    return PromptIndex(read_rows(written(folder / "rows.parquet", data)))


def check_parquet(index, data) -> None:
    assert all(isinstance(text, str) for text in index.texts)


METRICS_READER = report_with("metrics/2.jsonl", lines)
CASES = {
    "group v05": Case(a_group, read_group, check_group, ("v05",), 5),
    "options of value models": Case(
        some_options, build_model, check_model, ("v05", "option", "value model", "corpus"), 1
    ),
    "metrics": Case(rows_or_bytes(RESUMED), METRICS_READER, check_report, ("2.jsonl", "/v05/seed_0"), 4),
    "run.json": Case(object_or_bytes(RUN), report_with("run.json", as_json), check_report, ("run.json",), 2),
    "configuration": Case(
        object_or_bytes(CONFIG), report_with("hydra/1/.hydra/config.yaml", as_json), check_report, ("config.yaml",), 1
    ),
    "last step, step time": Case(
        rows_or_bytes(RECORDS),
        read_other_reports,
        check_other_reports,
        ("1.jsonl", "training step", "seed_0 has no hydra"),
        1,
    ),
    "dumps": Case(rows_or_bytes(DUMP), read_dump, check_dump, ("3.jsonl",), 2),
    "records": Case(lambda rng: copy.deepcopy(TAG), read_tag, check_tag, ("uid7",), 2),
    "rows of V0": Case(rows_or_bytes(RELEASE), read_rows_of_v0, check_release, ("context.jsonl",), 1),
    "texts of V0": Case(object_or_bytes(TEXTS), read_texts_of_v0, check_release, ("prompts.json",), 1),
    "parquet": Case(a_parquet_file, read_parquet, check_parquet, ("rows.parquet",), 1),
}


class TooSlow(BaseException):
    """Not an Exception, so that no reader takes it for its own."""


@pytest.fixture
def bounded():
    """Ends what takes too long, and lets no input take much memory."""

    def stop(signum, frame):
        raise TooSlow

    before, limits = signal.signal(signal.SIGALRM, stop), resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + BYTES, limits[1]))
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    resource.setrlimit(resource.RLIMIT_AS, limits)


def outcome(case: Case, data: Any, folder: Path) -> tuple[str, str]:
    """What became of an input, and what was said."""
    try:
        signal.alarm(SECONDS)
        return _outcome(case, data, folder)
    except TooSlow:
        return f"over {SECONDS} s", ""
    finally:
        signal.alarm(0)


def _outcome(case: Case, data: Any, folder: Path) -> tuple[str, str]:
    try:
        read = case.read(data, folder)
        case.check(read, data)
    except ValueError as error:
        named = any(name in str(error) for name in case.names) and not isinstance(error, UnicodeError)
        return ("refused" if named else "unnamed"), f"{type(error).__name__}: {error!s:.200}"
    except AssertionError as error:
        return "accepted garbage", f"{error!s:.200}"
    except MemoryError:
        return "out of memory", ""
    except Exception as error:
        return "traceback", f"{type(error).__name__}: {error!s:.200}"
    return "accepted", ""


@pytest.mark.parametrize("name", CASES)
def test_every_input_is_read_as_a_valid_value_or_refused_with_a_sentence(name, tmp_path, bounded, capsys):
    case = CASES[name]
    inputs = INPUTS * case.share // sum(each.share for each in CASES.values())
    counts, wrong = Counter(), {}
    read = case.read(valid := case.valid(random.Random(0)), tmp_path / "valid")  # loads what is loaded once
    case.check(read, valid)
    for number in range(inputs):
        rng = random.Random(f"{name} {number}")
        what, said = outcome(case, mutated(rng, case.valid(rng)), tmp_path / "mutated")
        counts[what] += 1
        if what not in ("accepted", "refused"):
            wrong.setdefault(f"{what}: {said}", number)
    with capsys.disabled():
        print(f"\n{name}: {inputs} inputs, " + ", ".join(f"{n} {what}" for what, n in counts.most_common()), end=" ")
    shown = "\n".join(f"input {number}: {what}" for what, number in list(wrong.items())[:20])
    assert not wrong, f"{len(wrong)} kinds:\n{shown}"
