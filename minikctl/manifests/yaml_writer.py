"""JSON data as YAML text, the way kubectl prints it.

PyYAML's C emitter does the writing: kubectl's is a port of the same libyaml, so layout, quotes, escapes and
breaks at 80 characters come out alike. Rules:
- Block style; a sequence is not indented under its key; several lines become a `|` block where that is exact.
- A string is double-quoted whenever some YAML reader (ours, Kubernetes', or one of YAML 1.1) would read the
  bare word as something else; any other quotes are the emitter's choice.
- What is written here, `yaml_reader` and kubectl read as the same value: a property in the tests.

The emitter is fed with events, not with nodes: half the time, and nothing but strings is left to decide.
"""

from __future__ import annotations

import json
import re
from typing import Any

from minikctl.manifests.scalars import NUMBER_STARTS, WORDS, resolve

_WIDTH = 80
# Numbers of base 60 and dates, as kubectl does; and two signs that it leaves bare.
_OTHER_TO_YAML_1_1 = re.compile(
    r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z|\d{4}-\d\d?-\d\d?(?:\Z|[Tt ])|(?:=|<<)\Z"
)
_OTHER_STARTS = NUMBER_STARTS | {"=", "<"}
# Breaks of YAML 1.1: bare or in a block, some readers take them for `\n` or a space.
_ODD_BREAK = re.compile("[\x85\u2028\u2029]")
_IMPLICIT = (True, True)
"""No scalar needs a tag, neither bare nor quoted."""


def dump_yaml(value: Any, *, sort_keys: bool = True) -> str:
    """`value` (JSON data with string keys) as one YAML document that ends in a newline.

    `sort_keys` orders the keys of every object by their characters; otherwise they stay as they are.
    """
    import yaml

    events: list[Any] = [yaml.StreamStartEvent(), yaml.DocumentStartEvent(explicit=False)]
    _add_events(events, value, sort_keys, yaml)
    events += [yaml.DocumentEndEvent(explicit=False), yaml.StreamEndEvent()]
    try:
        return _emit(events, getattr(yaml, "CSafeDumper", yaml.SafeDumper))
    except UnicodeEncodeError:
        # libyaml takes no lone surrogate (JSON text may have one); the pure emitter escapes it.
        return _emit(events, yaml.SafeDumper)


def _emit(events: list[Any], dumper: Any) -> str:
    import yaml

    text: str = yaml.emit(events, Dumper=dumper, width=_WIDTH, allow_unicode=True)
    return without_end_mark(text)


def without_end_mark(text: str) -> str:
    """`text` without the `...` that emitters add after a bare word or a block that keeps its blank lines."""
    return text[: -len("...\n")] if text.endswith("\n...\n") else text


def _add_events(events: list[Any], value: Any, sort_keys: bool, yaml: Any) -> None:
    if type(value) is str:
        events.append(yaml.ScalarEvent(None, None, _IMPLICIT, value, style=scalar_style(value)))
    elif isinstance(value, dict):
        events.append(yaml.MappingStartEvent(None, None, True, flow_style=not value))
        for key in sorted(value) if sort_keys else value:
            _add_events(events, key, sort_keys, yaml)
            _add_events(events, value[key], sort_keys, yaml)
        events.append(yaml.MappingEndEvent())
    elif isinstance(value, list):
        events.append(yaml.SequenceStartEvent(None, None, True, flow_style=not value))
        for item in value:
            _add_events(events, item, sort_keys, yaml)
        events.append(yaml.SequenceEndEvent())
    else:
        events.append(yaml.ScalarEvent(None, None, _IMPLICIT, json.dumps(value)))


def scalar_style(value: str) -> str | None:
    """The quotes to ask for; the emitter takes others where these can't hold the text."""
    if reads_as_other(value) or _ODD_BREAK.search(value):
        return '"'
    return "|" if "\n" in value else None


def reads_as_other(word: str) -> bool:
    """Whether some reader takes the bare `word` for anything else than that string."""
    if word in WORDS:
        return True
    if word[0] not in _OTHER_STARTS:
        return False
    return type(resolve(word)) is not str or _OTHER_TO_YAML_1_1.match(word) is not None
