# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Imports go down the list of rooms, never up; a room on the same line as another knows nothing of it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

ROOMS = [
    ["v05_verl.lab"],
    ["v05_verl.value.v0.train"],
    ["v05_verl.value.evaluate"],
    ["v05_verl.report"],
    ["v05_verl.register"],
    ["v05_verl.plugin", "v05_verl.cpu"],
    ["v05_verl.value", "v05_verl.method"],
    ["v05_verl.first_wave"],
    ["v05_verl.prior_record", "v05_verl.step_budget", "v05_verl.budget", "v05_verl.arms", "data_prep"],
    ["v05_verl.config", "v05_verl.state_checks"],
    ["v05_verl.core", "v05_verl.grading", "v05_verl.rollout_dumps"],
    ["v05_verl.prompt_text", "v05_verl.json_lines", "v05_verl.state_file", "v05_verl.pins"],
    ["v05_verl.schema"],
    ["v05_verl"],
]


def room(module: str) -> tuple[int, str]:
    """Floor and room of a module, the longest name that fits."""
    fitting = [
        (floor, name)
        for floor, names in enumerate(ROOMS)
        for name in names
        if module == name or module.startswith(name + ".")
    ]
    return max(fitting, key=lambda found: len(found[1]))


def imports(source: str) -> set[str]:
    """Modules of the project that a source imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.split(".")[0] in ("v05_verl", "data_prep")}


def upward(module: str, source: str, modules: set[str]) -> set[tuple[str, str]]:
    """(module, imported) of every import that goes up, or to another room of the same floor."""
    here, name = room(module)
    found = set()
    for target in imports(source) & modules:
        floor, other = room(target)
        if floor < here or (floor == here and other != name):
            found.add((module, target))
    return found


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    files = [*ROOT.glob("v05_verl/**/*.py"), *ROOT.glob("data_prep/**/*.py")]
    named = {".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text("utf-8") for path in files}
    return {name.removesuffix(".__init__"): source for name, source in named.items()}


def test_no_import_goes_up(sources):
    found = set().union(*(upward(module, source, set(sources)) for module, source in sources.items()))
    assert found == set()


def test_a_deliberate_upward_import_is_found(sources):
    for module, line in {
        "v05_verl.value.gp": "from v05_verl.plugin import records",
        "v05_verl.core.baseline": "from v05_verl.config import V05Config",
        "v05_verl.method": "def f():\n    import v05_verl.plugin.worker",
        "v05_verl.grading.score": "from v05_verl.core import checks",
        "v05_verl.value.tracker": "from v05_verl.method import Robust",
        "v05_verl.report.tables": "from v05_verl.lab.study import Job",
    }.items():
        assert upward(module, f"{sources[module]}\n{line}\n", set(sources)), module
