# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The report as one HTML file that asks for nothing from anywhere: figures inside, no script."""

from __future__ import annotations

import base64
import shlex
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from v05_verl.report import findings
from v05_verl.report.tables import Table

CAPTIONS = {
    "quickstart": "Accuracy on held-out prompts against rollouts and steps, rollouts per prompt, quality of the prior.",
    "overview": "Accuracy against rollouts, steps, tokens and wall time.",
    "by_set_rollouts": "Accuracy by validation set against training rollouts.",
    "by_set_step": "Accuracy by validation set against training steps.",
    "by_set_tokens": "Accuracy by validation set against generated training tokens.",
    "by_set_seconds": "Accuracy by validation set against training wall time.",
    "training": "Metrics of training.",
    "arms": "Every arm: accuracy minus its control's with the same seed, and rollouts to the target.",
}

TEMPLATE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #111; background: #fff }
body { max-width: 1200px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.6em } h2 { font-size: 1.2em; margin-top: 2em }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
table { font-size: 13px }
th, td { padding: .3em .6em; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }
th { border-bottom: 2px solid #111; vertical-align: bottom; white-space: normal }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 9em }
figure { margin: 1.5em 0 } img { width: 100%; height: auto } figcaption, .note { color: #444 }
.missing { border-left: 4px solid #111; padding-left: 1em }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f4f4f4; padding: .6em; font-size: 12px }
@media print { details > * { display: block } }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% for sentence in findings %}<p>{{ sentence }}</p>
{% endfor %}
{% if notes %}<section class="missing"><h2>Missing or to be known</h2><ul>
{% for note in notes %}<li>{{ note }}</li>
{% endfor %}</ul></section>
{% endif %}
{% for name, image in figures.items() %}<figure>
<img src="{{ image }}" alt="{{ captions[name] }}">
<figcaption>{{ captions[name] }}</figcaption></figure>
{% endfor %}
{% for table in tables %}<h2>{{ table.title }}</h2>
{% if table.caption %}<p class="note">{{ table.caption }}</p>{% endif %}
<div class="scroll"><table><thead><tr>{% for cell in table.columns %}<th>{{ cell }}</th>{% endfor %}</tr></thead><tbody>
{% for row in table.rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% endfor %}
<h2>Definitions</h2>
<ul>{% for sentence in definitions.values() %}<li>{{ sentence }}</li>
{% endfor %}</ul>
<h2>Provenance</h2>
<p>{{ origin }}</p>
{% for launch in launches %}<details><summary>{{ launch.title }}</summary><pre>{{ launch.command }}</pre></details>
{% endfor %}
</body>
</html>
"""


def html(summary: dict[str, Any], tables: list[Table], figures: dict[str, dict[str, bytes]]) -> str:
    """The page; text from files is escaped."""
    launches = [
        {"title": _launch_title(launch), "command": shlex.join(launch["command"])} for launch in summary["launches"]
    ]
    template = Environment(autoescape=True).from_string(TEMPLATE)
    return template.render(
        title="V0.5 for verl: comparison of " + ", ".join(arm["label"] for arm in summary["arms"].values()),
        findings=findings.sentences(summary),
        notes=summary["notes"],
        figures={name: _inline(images["svg"]) for name, images in figures.items()},
        captions=CAPTIONS,
        tables=tables,
        definitions=summary["definitions"],
        origin=findings.origin_sentence(summary),
        launches=launches,
    )


def _launch_title(launch: dict[str, Any]) -> str:
    end = "not ended"
    if launch["ended"] is not None:
        end = f"exit code {launch['exit_code']} after {launch['wall_s']:,.0f} s"
    return f"{launch['arm']}, seed {launch['seed']}, launch {launch['launch']}: {launch['started'][:19]} UTC, {end}"


def _inline(image: bytes) -> Markup:
    return Markup("data:image/svg+xml;base64,") + base64.b64encode(image).decode()
