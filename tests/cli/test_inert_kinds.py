"""Kinds that mean something only in a cluster: kept, shown, and told of; refused with --strict."""

from __future__ import annotations

from cli_rig import Cli, deployment

ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "NAME"}
rules:
- {apiGroups: ["", apps], resources: [pods], verbs: [get, list]}
- {apiGroups: [""], resources: [pods], verbs: [watch]}
- {nonResourceURLs: [/healthz], verbs: [get]}
---
"""
BINDING = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: b}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: a}
subjects: [{kind: ServiceAccount, name: default, namespace: default}]
---
"""
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}
---
"""
ALL = ROLE.replace("NAME", "a") + ROLE.replace("NAME", "system:b") + BINDING + POLICY


def test_they_are_kept_and_it_is_said_once_a_kind(cli: Cli) -> None:
    path = cli.write("all.yaml", ALL + deployment())
    done = cli.ok("apply", "-f", path, "--wait=false")
    assert done.out.splitlines()[:4] == [
        "clusterrole.rbac.authorization.k8s.io/a created",
        "clusterrole.rbac.authorization.k8s.io/system:b created",
        "rolebinding.rbac.authorization.k8s.io/b created",
        "networkpolicy.networking.k8s.io/deny created",
    ]
    said = [line for line in done.err.splitlines() if line.startswith("Warning: ")]
    assert [line.split(" is kept")[0] for line in said] == [
        "Warning: ClusterRole/a (1 more)",
        "Warning: RoleBinding/b",
        "Warning: NetworkPolicy/deny",
    ]
    assert said[2].endswith("and changes nothing: no traffic is filtered")
    assert "_cluster/clusterrole.system:b.yaml" in cli.desired()
    assert cli.ok("apply", "-f", path, "--wait=false").out.count("unchanged") == 5
    assert "networkpolicy" not in cli("diff", "-f", path).out


def test_strict_refuses_them_before_anything_happens(cli: Cli) -> None:
    path = cli.write("all.yaml", POLICY + deployment())
    refused = cli("apply", "-f", path, "--strict")
    assert (refused.code, refused.out) == (1, "")
    line, last = refused.err.splitlines()
    assert line.startswith(f"{path}:2:1: NetworkPolicy/deny: kind: is kept and changes nothing")
    assert last == "error: 1 problem found; nothing was changed"
    assert cli.desired() == []
    checked = cli("validate", "--strict", "--backend", "memory", path)
    assert checked.code == 1
    assert "NetworkPolicy/deny: kind: is kept and changes nothing" in checked.out
    assert cli("validate", "--backend", "memory", path).code == 0


def test_strict_refuses_inert_fields_that_people_rely_on(cli: Cli) -> None:
    text = deployment().replace("    spec:\n", "    spec:\n      serviceAccountName: robot\n", 1)
    refused = cli("apply", "-f", cli.write("web.yaml", text), "--strict")
    assert refused.code == 1
    assert "spec.template.spec.serviceAccountName: is inert" in refused.err


def test_they_are_shown_as_kubectl_shows_them(cli: Cli) -> None:
    cli.ok("apply", "-f", cli.write("all.yaml", ALL), "--wait=false")
    header, row = cli.ok("get", "netpol").out.splitlines()
    assert header.split() == ["NAME", "POD-SELECTOR", "AGE"]
    assert row.split()[:2] == ["deny", "app=web"]
    assert cli.ok("get", "rolebindings", "-o", "wide", "--no-headers").out.split() == [
        "b",
        "ClusterRole/a",
        cli.ok("get", "rolebindings", "--no-headers").out.split()[2],
        "default/default",
    ]
    assert cli.ok("get", "clusterroles").out.splitlines()[0].split() == ["NAME", "CREATED", "AT"]
    role = [line.split() for line in cli.ok("describe", "clusterrole", "a").out.splitlines()]
    assert role[-3:] == [
        ["[/healthz]", "[]", "[get]"],
        ["pods", "[]", "[]", "[get", "list", "watch]"],
        ["pods.apps", "[]", "[]", "[get", "list]"],
    ]
    assert "  ServiceAccount  default  default\n" in cli.ok("describe", "rolebinding", "b").out
    policy = cli.ok("describe", "networkpolicy", "deny").out
    assert "Spec:\n  Pod Selector:\n    Match Labels:\n      App:  web\n" in policy


def test_they_are_deleted_and_go_with_their_namespace(cli: Cli) -> None:
    cli.ok("create", "namespace", "shop")
    path = cli.write("all.yaml", POLICY)
    cli.ok("apply", "-f", path, "-n", "shop", "--wait=false")
    cli.ok("delete", "namespace", "shop")
    assert cli.ok("get", "netpol", "-A").out == ""
    cli.ok("apply", "-f", path, "--wait=false")
    assert cli.ok("delete", "-f", path).out.startswith('networkpolicy.networking.k8s.io "deny" deleted')
    assert cli.desired() == []
