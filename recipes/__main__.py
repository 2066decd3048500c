# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Prints the folder of the recipes."""

from pathlib import Path

print(Path(__file__).resolve().parent)
