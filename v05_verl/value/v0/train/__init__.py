# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Training of V0's adapter and head on recorded outcomes (``python -m v05_verl.value.v0.train``)."""
