# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""V0.5 (arXiv 2603.10848) for verl: a value model as the prior of sparse RL rollouts.

Importing this package imports neither verl nor torch; ``v05_verl.register`` is what verl's plugin loader imports.
"""

__version__ = "0.2.0"
