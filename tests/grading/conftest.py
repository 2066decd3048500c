# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from data_prep import prepare
from data_prep.registry import SETS


@pytest.fixture(scope="session")
def prepared(raw, tmp_path_factory):
    """Set -> its prepared parquet file, of at most 1,000 rows."""
    out = tmp_path_factory.mktemp("prepared")
    assert prepare.main(["--raw", str(raw), "--out", str(out), "--first", "1000"]) == 0
    return {name: out / f"{name}.parquet" for name in SETS}
