# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Studies of value models: on recorded outcomes (``python -m v05_verl.value.evaluate``), and of their speed
(``python -m v05_verl.value.evaluate.bench``). Nothing that runs in training imports this."""
