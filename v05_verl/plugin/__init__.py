# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""All that talks to verl and Ray; no formula stands here.

``launch`` checks a configuration before a run, ``trainer`` is verl's trainer with a value model around it, ``manager``
and ``worker`` schedule rollouts, ``records`` is what they report, ``batch`` and ``estimator`` turn rows into
advantages, ``metrics`` logs, ``value_client`` asks the value model in its Ray actor.
"""
