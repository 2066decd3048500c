# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
from pathlib import Path

# Before anything imports verl: these tests run on a CPU, and name it.
os.environ.setdefault("VERL_PLATFORM", "cpu")
for name in (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TORCHDYNAMO_DISABLE",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
):
    os.environ.setdefault(name, "1")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import hypothesis  # noqa: E402
import pytest  # noqa: E402
from hydra import compose, initialize_config_module  # noqa: E402
from omegaconf import OmegaConf  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
WHOLE_DATA = Path(os.environ.get("V05_TEST_DATA", ROOT.parent / "shared" / "data"))
FORK_SERVER = str(ROOT / "tests" / "forkserver.py")
SEARCH_PATH = "hydra.searchpath=[pkg://v05_verl.conf]"

# A slow or loaded machine is no failure of a property.
hypothesis.settings.register_profile("v05_verl", deadline=None)
hypothesis.settings.load_profile("v05_verl")


@pytest.fixture(scope="session")
def forks(tmp_path_factory) -> list[str]:
    """What stands in for ``python`` in a launch: it has imported what verl imports."""
    socket = tmp_path_factory.mktemp("forks") / "socket"
    command = [sys.executable, FORK_SERVER, str(socket)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with server:
        assert server.stdout.readline() == b"ready\n"
        yield [sys.executable, "-I", "-S", FORK_SERVER, str(socket)]
        server.stdin.close()


@pytest.fixture(scope="session")
def forked_workers(forks) -> str:
    """The override of verl by which Ray starts its workers so; $FORKED names the file of their process ids."""
    return f"+ray_kwargs.ray_init.runtime_env.py_executable='{' '.join(forks)}'"


@pytest.fixture
def compose_verl():
    """Composes verl's configuration as ``python -m verl.trainer.main_ppo`` does, from overrides."""

    def composed(*overrides: str):
        with initialize_config_module("verl.trainer.config", version_base=None):
            return compose("ppo_trainer", overrides=[SEARCH_PATH, *overrides])

    return composed


@pytest.fixture
def v05_group():
    """The keys of the packaged group."""
    path = ROOT / "v05_verl" / "conf" / "v05" / "default.yaml"
    return OmegaConf.to_container(OmegaConf.load(path).v05)


@pytest.fixture(scope="session")
def raw() -> Path:
    """Folder of raw benchmark files, ``v0`` beside it: the whole ones where they are at hand, else the sample of
    ``tests/data``. Fixture ``is_whole`` says which."""
    return WHOLE_DATA / "raw" if (WHOLE_DATA / "raw").is_dir() else ROOT / "tests" / "data" / "raw"


@pytest.fixture(scope="session")
def is_whole(raw) -> bool:
    """Whether ``raw`` holds all rows of each set, for tests with exact counts."""
    return raw != ROOT / "tests" / "data" / "raw"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A module's own fixtures are made once, not by each worker: its tests stay together. Ray's actors are slow."""
    for item in items:
        if "local_ray" in item.fixturenames:
            item.add_marker(pytest.mark.slow)
        fixtures = [fixture for found in item._fixtureinfo.name2fixturedefs.values() for fixture in found]
        if any(fixture.scope == "module" for fixture in fixtures) and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))
