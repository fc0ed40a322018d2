"""What validation found, as text for people and as the reports that pipelines read: one module a format.

Rules:
- Each module has `render(report) -> str`; `FORMATS` says where it is, and it is imported when asked for.
- A problem's concise wording is made in `words`, once for all; only `as_json` keeps the server's own words.
- Every character is safe where it goes: text passes `escape`, JSON and XML are pure ASCII.
- kubeconform's users find its keys, statuses and summary line; what is ours stands beside them.
"""

from __future__ import annotations

from importlib import import_module

from minikctl.render.validation.report import Report

FORMATS = {
    "text": "text",
    "json": "as_json",
    "github": "github",
    "junit": "junit",
    "sarif": "sarif",
    "tap": "tap",
}


def render(report: Report, output: str) -> str:
    """The report in one of `FORMATS`."""
    text: str = import_module(f"{__name__}.{FORMATS[output]}").render(report)
    return text
