# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Raw benchmark files, or hub data sets, to parquet in verl's schema; rollout dumps to V0's training files.

``python -m data_prep.prepare`` and ``python -m data_prep.value_context``; each set has a module of its own.
"""
