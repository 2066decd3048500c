# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
