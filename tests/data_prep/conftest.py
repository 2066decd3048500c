# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def raw() -> Path:
    """The folder with the raw benchmark files, which lies beside the repository."""
    folder = ROOT.parent / "shared" / "data" / "raw"
    if not folder.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI=true, but {folder} is not there; these tests must not be skipped in CI")
        pytest.skip(f"needs the raw benchmark files in {folder}")
    return folder
