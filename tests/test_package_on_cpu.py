# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The wheel, built from what a clone holds and used from a folder outside it."""

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

from v05_verl import __version__, pins

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built in a copy: setuptools leaves build/ and egg-info behind."""
    copy = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__", "results", "*.egg-info")
    for folder in ("v05_verl", "data_prep", "recipes"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    build = "import sys, setuptools.build_meta as backend; backend.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(copy / "dist")], cwd=copy, check=True, capture_output=True)
    (built,) = (copy / "dist").glob("*.whl")
    return zipfile.ZipFile(built)


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """(arguments, variables) -> what a command prints that finds the wheel's content first, in an empty folder."""
    site, empty = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("empty")
    wheel.extractall(site)

    def run(*command, **variables):
        environment = os.environ | {"PYTHONPATH": str(site)} | variables
        return subprocess.run(command, cwd=empty, env=environment, check=True, capture_output=True, text=True).stdout

    return run


def test_what_the_wheel_holds(wheel):
    names = wheel.namelist()
    assert {name.split("/")[0] for name in names} == {"v05_verl", f"v05_verl-{__version__}.dist-info"}
    sources = [*ROOT.glob("v05_verl/**/*.py"), *ROOT.glob("v05_verl/conf/**/*.yaml")]
    moved = [*ROOT.glob("data_prep/*.py"), *ROOT.glob("recipes/**/*.sh"), *ROOT.glob("recipes/requirements/*.txt")]
    wanted = {str(file.relative_to(ROOT)) for file in sources}
    wanted |= {f"v05_verl/{file.relative_to(ROOT)}" for file in moved}
    assert len(moved) > 20 and wanted - set(names) == set()
    assert not any("results" in name for name in names)


def test_its_metadata(wheel):
    folder = f"v05_verl-{__version__}.dist-info"
    metadata = message_from_string(wheel.read(f"{folder}/METADATA").decode())
    assert (metadata["Name"], metadata["Version"]) == ("v05_verl", __version__)
    assert f"verl=={pins.VERL}" in metadata.get_all("Requires-Dist")
    assert "v05 = v05_verl.register" in wheel.read(f"{folder}/entry_points.txt").decode()
    assert "Apache License" in wheel.read(f"{folder}/licenses/LICENSE").decode()


def test_data_is_prepared_outside_a_clone(installed, tmp_path):
    raw = ROOT / "tests" / "data" / "raw"
    command = [sys.executable, "-m", "v05_verl.data_prep.prepare", "--raw", str(raw), "--out", str(tmp_path)]
    installed(*command, "--sets", "aime2024", "dapo_math_17k")
    assert {file.name for file in tmp_path.glob("*.parquet")} == {"aime2024.parquet", "dapo_math_17k.parquet"}
    assert "usage: python -m v05_verl.data_prep.value_context" in installed(
        sys.executable, "-m", "v05_verl.data_prep.value_context", "--help"
    )


@pytest.mark.slow
def test_recipes_compose_outside_a_clone(installed):
    folder = installed(sys.executable, "-m", "v05_verl.recipes").strip()
    assert folder.endswith("/site0/v05_verl/recipes")
    command = shlex.split(installed("bash", f"{folder}/v05/run_qwen3_4b.sh", DRY_RUN="1", PYTHON=sys.executable))
    composed = installed(*command, "--cfg", "job", "--resolve")
    assert "adv_estimator: v05" in composed and "k_init: 4" in composed


def test_what_needs_a_clone_says_so(installed):
    folder = installed(sys.executable, "-m", "v05_verl.recipes").strip()
    with pytest.raises(subprocess.CalledProcessError) as error:
        installed("bash", f"{folder}/quickstart.sh")
    assert error.value.returncode == 2 and "no clone around" in error.value.stderr
    assert not (Path(folder).parent / ".venv").exists()


def test_the_lists_of_packages_hold_the_pinned_versions():
    listed = (ROOT / "recipes" / "requirements" / "cpu.txt").read_text().splitlines()
    assert {f"verl=={pins.VERL}", f"TransferQueue=={pins.TRANSFER_QUEUE}", f"torch=={pins.TORCH_CPU}"} <= set(listed)
    assert all(re.fullmatch("[0-9a-f]{40}", revision) for revision in pins.HUB_REVISIONS.values())


def test_pins_import_nothing():
    before = set(sys.modules)
    assert runpy.run_path(str(ROOT / "v05_verl" / "pins.py"))["VERL"] == pins.VERL
    assert set(sys.modules) == before
