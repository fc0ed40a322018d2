"""Files made to hurt: each ends in one line, within a second of CPU time and 200 MB.

A process of its own reads them one after the other, and says what each cost and how much memory all took.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

MIB = 2**20
SECONDS = 2.0
"""Twice what is promised: the machine has other things to do."""
MEMORY = 200 * MIB

LAUGHS = zip("abcdefgh", "bcdefghi", strict=True)
BOMBS = {
    "billion laughs": "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in LAUGHS),
    "merges": "a0: &a0 {x: 1}\n"
    + "".join(f"a{i + 1}: &a{i + 1} {{<<: [*a{i}, *a{i}]}}\n" for i in range(60)),
    "anchors used again": "[" + "&a x," * 200_000 + "]",
    "deep flow": "[" * 5_000_000,
    "deep JSON": '{"a":' * 3_000_000,
    "many values": "[" + "1," * 7_000_000 + "]",
    "many JSON objects": '{"a":[' + '{"a":0},' * 1_900_000 + "{}]}",
    "few JSON objects": '{"a":[' + '{"a":{"a":{}}},' * 190_000 + "{}]}",
    "commas in JSON text": '{"a":"' + "," * 16_000_000 + '"}',
    "many documents": "kind: a\n---\n" * 1_300_000,
    "empty documents": "---\n" * 4_000_000,
    "duplicate keys": "{" + "a: 1," * 3_000_000 + "}",
    "%TAG": "".join(f"%TAG !a{i}! tag:x,2000:\n" for i in range(100_000)),
    "long line": "a: " + "x" * 16 * MIB,
    "long number": "a: " + "1" * 16_000_000,
    "long key": "x" * 16_000_000 + ": 1",
    "documents that use anchors again": "".join(
        f"v: [{'&a x,' * 15_000}]\n---\n" for _ in range(50)
    ),
    "binary": "a: !!binary " + "QUJD" * 4_000_000,
    "50 MB": "#" * 50_000_000,
}  # fmt: skip

READ = """
import json, sys, time
from minikctl.errors import ManifestError
from minikctl.manifests.loader import load_each
list(load_each(["/dev/null"]))
for path in sys.argv[1:]:
    begin = time.process_time()
    found = [str(one) for one in load_each([path]) if isinstance(one, ManifestError)]
    cost = time.process_time() - begin
    print(json.dumps([path, cost, found[:1], max(map(len, found), default=0)]), flush=True)
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured by /proc")
def test_ends_within_a_second_and_200_mb(tmp_path: Path) -> None:
    paths = []
    for name, text in BOMBS.items():
        paths.append(tmp_path / name.replace(" ", "-"))
        paths[-1].write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", READ, *map(str, paths)], capture_output=True, text=True, check=True
    )
    *lines, memory = done.stdout.splitlines()
    results = [json.loads(line) for line in lines]
    assert len(results) == len(BOMBS)
    for path, seconds, first, longest in results:
        assert seconds < SECONDS, path
        assert first and "\n" not in first[0] and longest < 400, path
    assert int(memory) * 1024 < MEMORY
