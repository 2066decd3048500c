# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Where the prompts of one batch in one worker meet to share out the rest of their rollouts (budget ``total``)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import numpy as np

from v05_verl.method import Method
from v05_verl.plugin.records import PromptRecord


class SecondWave:
    """Waits for the first wave and the prior of every prompt, then decides once for all of them.

    ``shares`` are the rollouts of each prompt, by uid, if all got the same; their sum is what is shared out. A prompt
    that ends before (its scheduling failed, or a reward is out of range) leaves with its share.
    """

    def __init__(self, shares: Mapping[str, int]):
        self._open = dict(shares)
        self._total = sum(shares.values())
        self._arrived: dict[str, tuple[Method, PromptRecord, list[float]]] = {}
        self._decided: asyncio.Future[dict[str, int]] = asyncio.get_running_loop().create_future()

    async def size(self, method: Method, record: PromptRecord, rewards: list[float]) -> int:
        """Further rollouts of a prompt; returns when all prompts have arrived or left."""
        self._arrived[record.uid] = method, record, rewards
        self._close(record.uid)
        return (await asyncio.shield(self._decided))[record.uid]

    def leave(self, uid: str) -> None:
        """Ends the part of a prompt; of no effect for one that has arrived."""
        if uid in self._open:
            self._total -= self._open[uid]
            self._close(uid)

    def _close(self, uid: str) -> None:
        del self._open[uid]
        if self._open or not self._arrived:
            return
        try:
            self._decided.set_result(self._decide())
        except Exception as error:  # every prompt raises it in its own place, where the worker reports it
            self._decided.set_exception(error)

    def _decide(self) -> dict[str, int]:
        uids = sorted(self._arrived)  # whichever ended first
        methods, records, rewards = zip(*(self._arrived[uid] for uid in uids), strict=True)
        n = np.array([len(each) for each in rewards])
        mean = np.array([sum(each) / max(len(each), 1) for each in rewards])
        prior = np.array([np.nan if record.prior is None else record.prior for record in records])
        asked = np.array([record.asked for record in records])
        further = methods[0].second_wave(mean, n, prior, asked, self._total)
        return dict(zip(uids, further.tolist(), strict=True))
