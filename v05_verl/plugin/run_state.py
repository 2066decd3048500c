# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What a run knows beside the weights, in the folder of each of verl's checkpoints: data, never code."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ray.exceptions import RayTaskError

from v05_verl import state_file
from v05_verl.plugin.accounting import Ledger
from v05_verl.plugin.under_way import UnderWay
from v05_verl.plugin.value_client import ValueClient, sentence
from v05_verl.prior_record import PriorRecord
from v05_verl.state_checks import check_fields, state_count, state_text
from v05_verl.value.memory import VisitCounter

logger = logging.getLogger(__name__)

STATE_FILE = "v05.safetensors"
PICKLE = "v05.pt"  # of version 0.1
_REMEDY = (
    "Resume from another checkpoint (trainer.resume_mode=resume_path trainer.resume_from_path=…), or start anew "
    "(trainer.resume_mode=disable, or another trainer.default_local_dir)"
)


@dataclass
class RunState:
    """What the value model learned, what priors were worth, which prompts were seen, and what was spent."""

    value_name: str
    value_model: ValueClient
    prior_record: PriorRecord | None
    """None where the method does not learn priors."""
    visits: VisitCounter = field(default_factory=VisitCounter)
    ledger: Ledger = field(default_factory=Ledger)
    rollouts_of_step: int = 0
    """Asked for between the last two readings of the ledger."""
    under_way: UnderWay | None = None
    """With ``k_init: auto``."""

    def save(self, folder: str | Path) -> None:
        """Writes ``STATE_FILE`` into ``folder``, which must exist: the whole file, or none."""
        parts = {
            "value_name": self.value_name,
            "value_model": self.value_model.state_dict(),
            "prior_record": self.prior_record and self.prior_record.state_dict(),
            "visits": self.visits.state(),
            "ledger": self.ledger.state_dict(),
            "rollouts_of_step": self.rollouts_of_step,
            "under_way": self.under_way and self.under_way.state(),
        }
        state_file.save(Path(folder) / STATE_FILE, parts)

    def load(self, folder: str | Path, queue: Mapping[str, Mapping[str, Any]]) -> None:
        """Takes over what :meth:`save` wrote, with the training ``queue`` that was restored beside it.

        Raises ValueError, with file, cause and remedy, where there is no such file, where it is damaged or of another
        version, and where a part of it cannot be.
        """
        path = Path(folder) / STATE_FILE
        if not path.exists():
            raise ValueError(f"v05: the checkpoint {folder} {self._instead(path)}. {_REMEDY}")
        try:
            parts = state_file.load(path)
        except ValueError as error:
            raise ValueError(f"v05: {error}. {_REMEDY}") from error
        try:
            self._take(parts, queue)
            digest = self.value_model.digest()
        except (ValueError, RayTaskError) as error:
            raise ValueError(f"v05: {path} cannot be used ({sentence(error)}). {_REMEDY}") from error
        asked, trained = self.ledger.counts.asked, self.ledger.trained
        print(
            f"v05: resumes from {folder} after {asked} rollouts, {trained} of them trained on; the state of the value "
            f"model {self.value_name} has the SHA-256 {digest[:16]}"
        )

    def _take(self, parts: dict[str, Any], queue: Mapping[str, Mapping[str, Any]]) -> None:
        names = ("value_name", "value_model", "prior_record", "visits", "ledger", "rollouts_of_step", "under_way")
        check_fields("checkpoint", parts, names)
        self.rollouts_of_step = state_count("rollouts_of_step", parts["rollouts_of_step"])
        self.visits.load(parts["visits"])
        if self.prior_record is not None and parts["prior_record"] is not None:
            self.prior_record.load_state_dict(parts["prior_record"])
        if self.under_way is not None and parts["under_way"] is not None:
            self.under_way.load(parts["under_way"])
        self.ledger.load_state_dict(parts["ledger"], queue)
        if state_text("value_name", parts["value_name"]) == self.value_name:
            self.value_model.load_state_dict(parts["value_model"])
        else:
            logger.warning(
                "v05: the checkpoint's value model is %s and this run's is %s, which starts new",
                parts["value_name"],
                self.value_name,
            )

    @staticmethod
    def _instead(path: Path) -> str:
        if path.with_name(PICKLE).exists():
            return (
                f"is of an earlier v05_verl, which kept its state in {PICKLE}: a pickle, and reading one runs whatever "
                "code is in it. Resume with the version that saved it"
            )
        return (
            f"has no {STATE_FILE}: another method saved it, or the file is lost. What the value model learned and what "
            "was spent stand there"
        )


def unsaved(folder: str | Path, step: int, error: Exception) -> str:
    """The sentence about a checkpoint that could not be written; torch names no cause where a disk is full."""
    named = Path(folder) / "latest_checkpointed_iteration.txt"
    last = f"that of step {named.read_text().strip()}" if named.exists() else "none"
    place = next(path for path in named.absolute().parents if path.exists())  # the folder may be what failed
    return (
        f"v05: the checkpoint of step {step} could not be saved in {folder}, where "
        f"{shutil.disk_usage(place).free / 1e6:.0f} MB are free: {sentence(error)[:300]}. The last complete one is "
        f"{last}; once the cause is removed, the same command goes on from there"
    )


def drop_old_weights(folder: str | Path, step: int, keep: int) -> None:
    """Deletes ``actor`` in all but the last ``keep`` checkpoints up to ``step`` in ``folder``.

    For ``trainer.max_actor_ckpt_to_keep``, which verl holds to within one launch only: those of a run that was killed
    stay for good.
    """
    saved = [(int(path.parent.name.rsplit("_", 1)[1]), path) for path in Path(folder).glob("global_step_*/actor")]
    for _, path in sorted(entry for entry in saved if entry[0] <= step)[:-keep]:
        shutil.rmtree(path)
