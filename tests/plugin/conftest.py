# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path

import pytest
import ray

from v05_verl.config import ValueConfig
from v05_verl.plugin.value_client import ValueClient


@pytest.fixture(scope="module")
def local_ray():
    """A Ray of this machine, whose actors can import the modules of this folder."""
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    ray.init(
        num_cpus=4,
        num_gpus=0,
        include_dashboard=False,
        object_store_memory=100_000_000,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": paths}},
    )
    yield
    ray.shutdown()


@pytest.fixture
def tracker(local_ray):
    """Starts clients of value models, trackers where nothing else is said, and ends them."""
    clients = []

    def start(**settings):
        settings = {"name": "tracker", "options": {}} | settings
        clients.append(ValueClient(ValueConfig(**settings)))
        return clients[-1]

    yield start
    for client in clients:
        client.close()
