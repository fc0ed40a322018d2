"""Where `create configmap` and `create secret` take their keys from, read as kubectl reads them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from minikctl.errors import UsageError
from minikctl.manifests.rules.problems import config_key_advice

_ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_ENV_ADVICE = (
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and"
    " must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for"
    " validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')"
)


class Wording:
    """What differs between the messages of the two commands."""

    def __init__(self, kind: str, name: str) -> None:
        self.kind = kind
        self.name = name

    def bad_key(self, key: str, advice: str) -> str:
        if self.kind == "Secret":
            return f'"{key}" is not valid key name for a Secret {advice}'
        return f'"{key}" is not a valid key name for a ConfigMap: {advice}'

    def doubled(self, key: str) -> str:
        if self.kind == "Secret":
            return f"cannot add key {key}, another key by that name already exists"
        known = f'another key by that name already exists in Data for ConfigMap "{self.name}"'
        return f'cannot add key "{key}", {known}'


def read_sources(
    wording: Wording, files: list[str] | None, literals: list[str] | None, env_files: list[str] | None
) -> dict[str, bytes]:
    """Keys with their values, sorted.

    :raises UsageError: a source says no key, names one twice, or can't be read.
    """
    if env_files and (files or literals):
        raise UsageError("from-env-file cannot be combined with from-file or from-literal")
    found: dict[str, bytes] = {}
    for read, sources in ((_file, files), (_literal, literals), (_env_file(wording), env_files)):
        for source in sources or ():
            for key, value in read(source):
                if advice := config_key_advice(key):
                    raise UsageError(wording.bad_key(key, advice))
                if key in found:
                    raise UsageError(wording.doubled(key))
                found[key] = value
    return dict(sorted(found.items()))


Pairs = Iterator[tuple[str, bytes]]


def _literal(source: str) -> Pairs:
    key, equals, value = source.partition("=")
    if not equals or not key:
        raise UsageError(f"invalid literal source {source}, expected key=value")
    yield key, value.encode(errors="surrogateescape")


def _file(source: str) -> Pairs:
    """`path`, `key=path`, or a folder whose plain files are keys."""
    key, path = _key_and_path(source)
    if _is_folder(path):
        if "=" in source:
            raise UsageError("cannot give a key name for a directory path")
        for entry in sorted(os.scandir(path), key=lambda one: one.name):
            if stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                yield entry.name, _read(entry.path)
        return
    yield key, _read(path)


def _key_and_path(source: str) -> tuple[str, str]:
    key, equals, path = source.partition("=")
    if not equals:
        return Path(source).name, source
    if "=" in path:
        raise UsageError("key names or file paths cannot contain '='")
    if not key:
        raise UsageError(f"key name for file path {path} missing")
    if not path:
        raise UsageError(f"file path for key name {key} missing")
    return key, path


def _env_file(wording: Wording) -> Callable[[str], Pairs]:
    """Lines `KEY=value`; `KEY` alone takes the value from this process's environment."""

    def read(path: str) -> Pairs:
        if _is_folder(path):
            word = "secret" if wording.kind == "Secret" else "config"
            raise UsageError(f"env {word} file cannot be a directory")
        for number, line in enumerate(_read(path).split(b"\n"), 1):
            pair = _env_line(line.removesuffix(b"\r"), path, number)
            if pair is not None:
                yield pair

    return read


def _env_line(line: bytes, path: str, number: int) -> tuple[str, bytes] | None:
    if number == 1:
        line = line.removeprefix(b"\xef\xbb\xbf")
    try:
        text = line.decode().lstrip()
    except UnicodeDecodeError:
        shown = " ".join(map(str, line))
        raise UsageError(f"env file {path} contains invalid utf8 bytes at line {number}: [{shown}]") from None
    if not text or text.startswith("#"):
        return None
    key, equals, value = text.partition("=")
    if not _ENV_NAME.fullmatch(key):
        raise UsageError(f'"{key}" is not a valid key name: {_ENV_ADVICE}')
    return key, value.encode() if equals else os.environb.get(key.encode(), b"")


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(Path(path).stat().st_mode)
    except OSError as error:
        raise UsageError(f"error reading {path}: {(error.strerror or '').lower()}") from None


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"error reading {path}: {(error.strerror or '').lower()}") from None
