"""`get endpoints` as kubectl prints it, for Services with and without a selector."""

from __future__ import annotations

from cli_rig import Cli, deployment

SERVICES = """\
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {ports: [{name: sql, port: 5432}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: db}
subsets:
- addresses: [{ip: 192.0.2.1}, {ip: 192.0.2.2}]
  ports: [{name: sql, port: 5432}]
"""


def test_both_kinds(cli: Cli) -> None:
    cli.ok("apply", "-f", cli.write("all.yaml", deployment() + SERVICES))
    header, db, web = (line.split() for line in cli.ok("get", "endpoints").out.splitlines())
    assert header == ["NAME", "ENDPOINTS", "AGE"]
    assert db[:2] == ["db", "192.0.2.1:5432,192.0.2.2:5432"]
    assert web[0] == "web"
    assert web[1].endswith(":80")
    shown = cli.ok("describe", "ep", "db").out
    assert "  Addresses:          192.0.2.1,192.0.2.2\n  NotReadyAddresses:  <none>\n" in shown
    assert "    sql   5432  TCP\n" in shown
    slices = cli.ok("get", "endpointslices", "-l", "kubernetes.io/service-name=db", "--no-headers").out
    assert "192.0.2.1,192.0.2.2" in slices
    assert cli.ok("get", "ep", "web", "-o", "jsonpath={.subsets[0].ports[0].port}").out == "80"
    cli.ok("delete", "endpoints", "db")
    assert cli.ok("get", "endpointslices", "-l", "kubernetes.io/service-name=db").out == ""
