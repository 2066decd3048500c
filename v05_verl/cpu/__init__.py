# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What verl 0.9.1 needs to train on a CPU. Imported only with VERL_PLATFORM=cpu; see ``v05_verl.register``."""
