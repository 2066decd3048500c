# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""All that talks to verl and Ray; no formula stands here.

``launch`` and ``async_checks`` check a configuration before a run, ``trainer`` is verl's trainers with a value model
around them, ``updates`` their actor update on uneven groups. ``manager`` and ``worker`` schedule rollouts, ``records``
is what they report, ``accounting`` where every rollout is. ``batch`` and ``estimator`` turn rows into advantages,
``metrics`` logs, ``arithmetic`` says what a step is made of. ``value_client`` asks the value model in its Ray actor,
``run_state`` saves what it learned and what was spent, ``watch`` sees to it that nothing waits for ever.
"""
