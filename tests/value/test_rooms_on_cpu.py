# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What runs in training stands apart from the studies, and below rollouts, verl and the fitted posterior."""

import pkgutil
import subprocess
import sys

import v05_verl.value as value

STUDIES = ("v05_verl.value.evaluate", "v05_verl.value.v0.train")
ABOVE = (*STUDIES, "v05_verl.rollout", "v05_verl.plugin", "v05_verl.core.posterior")
MOVING = ("v05_verl.value.service", "v05_verl.value.prior_record")


def test_value_models_import_no_study_no_rollout_no_verl_and_no_fitted_posterior():
    modules = [module.name for module in pkgutil.walk_packages(value.__path__, "v05_verl.value.")]
    in_training = [name for name in modules if not name.startswith((*STUDIES, *MOVING))]
    assert {"v05_verl.value.gp", "v05_verl.value.v0.model"} <= set(in_training)
    code = f"import sys, {', '.join(in_training)}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in loaded if name.startswith(ABOVE) or name in ("verl", "ray", "matplotlib")] == []
