# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Tables and figures from verl's metrics files: ``python -m v05_verl.report RUN_DIR...``.

One run is a folder that the recipes write::

    <out>/<arm>/seed_<k>/metrics/<launch>.jsonl               verl's file logger, one file per launch
    <out>/<arm>/seed_<k>/hydra/<launch>/.hydra/config.yaml    the composed configuration of that launch
    <out>/<arm>/seed_<k>/run.json                             written by ``python -m v05_verl.report.provenance``
"""
