# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""V0, the generalist value model (arXiv 2602.03584): text encoder, query adapter, in-context head."""

from v05_verl.value.v0.model import V0

__all__ = ["V0"]
