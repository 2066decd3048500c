# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""A local server for the part of the Hugging Face hub's HTTP interface that loading a data set takes.

    python tests/data_prep/hub_stand_in.py tests/data/raw     # prints HF_ENDPOINT=http://127.0.0.1:<port> and serves

Repositories, splits and commits are those of ``data_prep.registry``; any other commit is unknown to it, as to the hub.
"""

from __future__ import annotations

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROUTE = re.compile(
    r"/(?P<api>api/)?datasets/(?P<repo>[^/]+/[^/]+)/(?P<what>[\w-]+)/(?P<commit>[^/?]+)/?(?P<file>[^?]*)"
)


def repositories(raw: Path) -> dict[tuple[str, str], tuple[str, Path]]:
    """(repository, commit) -> (its one file's name there, that file here)."""
    from data_prep.registry import SETS
    from data_prep.source import find_file

    found = {}
    for problem_set in SETS.values():
        file = find_file(problem_set, raw)
        name = problem_set.hub_split + (".parquet" if file.suffix == ".parquet" else ".jsonl")
        found[problem_set.hub, problem_set.revision] = (name, file)
    return found


class Hub(ThreadingHTTPServer):
    """Serves ``raw`` on a free port of this machine; ``asked`` lists the paths of all requests."""

    def __init__(self, raw: Path):
        self.files, self.asked = repositories(raw), []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self):  # noqa: N802
        self.server.asked.append(self.path)
        route = ROUTE.match(self.path)
        known = route and self.server.files.get((route["repo"], route["commit"]))
        if not known:
            return self._answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        name, file = known
        entry = {"type": "file", "path": name, "size": file.stat().st_size, "oid": "0" * 40}
        if route["what"] == "resolve":
            return self._file(file) if route["file"] == name else self._missing()
        if route["what"] == "tree":
            return self._missing() if route["file"] else self._json([entry])  # it has no folders
        info = {"id": route["repo"], "sha": route["commit"], "siblings": [{"rfilename": name}], "tags": []}
        return self._json({**info, "private": False, "gated": False, "disabled": False, "downloads": 0, "likes": 0})

    do_HEAD = do_GET  # noqa: N815

    def _file(self, file: Path):
        content, headers = file.read_bytes(), {"ETag": '"0"', "Accept-Ranges": "bytes"}
        wanted = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not wanted:
            return self._answer(200, content, headers)
        start, end = int(wanted[1]), int(wanted[2] or len(content) - 1) + 1
        headers["Content-Range"] = f"bytes {start}-{min(end, len(content)) - 1}/{len(content)}"
        return self._answer(206, content[start:end], headers)

    def _missing(self):
        return self._answer(404, b"{}", {"X-Error-Code": "EntryNotFound"})

    def _json(self, value):
        return self._answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _answer(self, status: int, content: bytes, headers: dict[str, str]):
        self.send_response(status)
        commit = ROUTE.match(self.path)
        if commit:
            headers["X-Repo-Commit"] = commit["commit"]
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    hub = Hub(Path(sys.argv[1]))
    print(f"HF_ENDPOINT={hub.endpoint}", flush=True)
    hub.serve_forever()
