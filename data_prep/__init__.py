# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Hub data sets, or raw benchmark files, to parquet in verl's schema; rollout dumps to V0's training files.

``python -m data_prep.prepare`` and ``python -m data_prep.value_context`` in a clone; installed, the package is
``v05_verl.data_prep``. A set is an entry of ``registry.py``.
"""
