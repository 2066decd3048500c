# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from v05_verl.report.evaluation import main

DRAWS = {"best@16/mean": 0.75, "best@16/std": 0.011, "maj@16/mean": 0.625, "maj@16/std": 0.022}


def write(run, launch, data):
    (run / "metrics").mkdir(parents=True, exist_ok=True)
    (run / "metrics" / f"{launch}.jsonl").write_text(json.dumps({"step": 430, "data": data}) + "\n")


def test_means_are_printed_and_not_the_deviations_behind_them(tmp_path, capsys):
    write(tmp_path, 9, {"val-core/math500/acc/mean@16": 0.1})
    aime = {f"val-core/aime2024/acc/{name}": value for name, value in ({"mean@16": 0.5} | DRAWS).items()}
    aside = {"val-aux/aime2024/acc/best@2/mean": 0.55, "val-core/aime2024/acc/best@8/mean": 0.6, "timing_s/testing": 3}
    write(tmp_path, 10, aime | aside | {"val-core/math500/acc/mean@1": 0.25})
    main([str(tmp_path)])
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| aime2024 | mean@16 0.5000 | best@16 0.7500 | maj@16 0.6250 |",
        "| math500 | mean@1 0.2500 | - | - |",
    ]


def test_a_run_without_a_validation_is_a_sentence(tmp_path):
    with pytest.raises(SystemExit, match="holds no validation"):
        main([str(tmp_path)])
