# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Experiments that run on one CPU core; the rest of the package does not import it.

=====================================  ===============================================================================
command                                what it does
=====================================  ===============================================================================
``python -m v05_verl.lab.toy``         builds the toy that the quickstart trains through verl
``python -m v05_verl.lab.train``       compares arms on tiny models without verl, seconds per run, many seeds
``python -m v05_verl.lab.simulate``    error and cost of baselines on simulated prompts
``python -m v05_verl.lab.makespan``    a model of what waves of rollouts cost in time under verl's trainers
=====================================  ===============================================================================

Problems come from ``tasks``, the model is ``tiny_lm`` (weights load into transformers' Qwen2), ``sampling`` and
``prefix_tree`` make it fast, ``arms`` lists the methods, ``loop`` is one run, ``study`` many. Runs are written as verl
writes them; ``python -m v05_verl.report`` reads them and holds the statistics.
"""
