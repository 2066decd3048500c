# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Scripts that train and evaluate. Installed, they are ``v05_verl.recipes``, whose folder a command prints:

    bash "$(python -m v05_verl.recipes)/v05/run_qwen3_4b.sh"

Those that make the environment of a clone (quickstart, smoke runs) need a clone.
"""
