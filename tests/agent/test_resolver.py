"""What the machine's own resolver reads."""

from __future__ import annotations

from pathlib import Path

from minikctl.agent.resolver import machine_resolver, parsed
from minikctl.backend import Dns

TEXT = """\
# nameserver 192.0.2.9
domain old.example
search a.example b.example
nameserver 192.0.2.1
nameserver 127.0.0.53
options ndots:2 rotate
options rotate edns0
"""


def test_each_part() -> None:
    options = ("ndots:2", "rotate", "edns0")
    assert parsed(TEXT) == Dns(("192.0.2.1",), ("a.example", "b.example"), options)


def test_servers_that_no_pod_reaches_do_not_count(tmp_path: Path) -> None:
    local, real = tmp_path / "local", tmp_path / "real"
    local.write_text("nameserver 127.0.0.53\n")
    real.write_text("nameserver 192.0.2.1\n")
    assert machine_resolver((tmp_path / "none", local, real)).servers == ("192.0.2.1",)
    assert machine_resolver((tmp_path / "none", local)) == Dns()
