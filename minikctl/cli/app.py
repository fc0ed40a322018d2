"""All verbs in one table, and the way from a command line to an exit code."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

import typer

from minikctl.cli import base, errors
from minikctl.cli.base import Entry

VERBS = {
    "get": Entry("minikctl.cli.get", "get", "Display one or many resources."),
    "describe": Entry("minikctl.cli.describe", "describe", "Show details of a resource or of several."),
    "apply": Entry("minikctl.cli.apply", "apply", "Make it so as manifests say, and wait until it is."),
    "diff": Entry("minikctl.cli.diff", "diff", "What apply would change, and how the runtime has drifted."),
    "validate": Entry("minikctl.cli.validate", "validate", "What an API server would say of manifests."),
    "create": Entry("minikctl.cli.create", "create", "Create a resource from a file or from flags."),
    "delete": Entry("minikctl.cli.delete", "delete", "Delete resources and wait until they are gone."),
    "run": Entry("minikctl.cli.run", "run", "Run an image in a pod."),
    "scale": Entry("minikctl.cli.scale", "scale", "Set a new size for a deployment or replica set."),
    "autoscale": Entry("minikctl.cli.autoscale", "autoscale", "Size a workload by what its pods use."),
    "expose": Entry("minikctl.cli.expose", "expose", "Make a Service for what runs."),
    "edit": Entry("minikctl.cli.edit", "edit", "Edit a resource in your editor."),
    "patch": Entry("minikctl.cli.patch", "patch", "Update fields of a resource."),
    "replace": Entry("minikctl.cli.replace", "replace", "Replace a resource by file or standard input."),
    "label": Entry("minikctl.cli.label", "label", "Update the labels of objects."),
    "annotate": Entry("minikctl.cli.annotate", "annotate", "Update the annotations of objects."),
    "set": Entry("minikctl.cli.set_image", "ENTRIES", "Set features of objects: set image."),
    "rollout": Entry("minikctl.cli.rollout", "ENTRIES", "Status, history, undo, restart, pause, resume."),
    "wait": Entry("minikctl.cli.wait", "wait", "Wait until objects are as asked for."),
    "logs": Entry("minikctl.cli.logs", "logs", "Print the logs of a container in a pod."),
    "exec": Entry("minikctl.cli.exec", "execute", "Execute a command in a container."),
    "attach": Entry("minikctl.cli.attach", "attach", "Attach to a container that runs."),
    "cp": Entry("minikctl.cli.cp", "cp", "Copy files and folders to and from containers."),
    "port-forward": Entry("minikctl.cli.port_forward", "port_forward", "Local ports that lead to a pod's."),
    "top": Entry("minikctl.cli.top", "ENTRIES", "What pods and nodes use."),
    "events": Entry("minikctl.cli.events", "events", "List events."),
    "watch": Entry("minikctl.cli.watch", "watch", "A live tree of everything, until q or Ctrl-C."),
    "cordon": Entry("minikctl.cli.nodes", "cordon", "Mark a node as unschedulable."),
    "uncordon": Entry("minikctl.cli.nodes", "uncordon", "Mark a node as schedulable."),
    "drain": Entry("minikctl.cli.nodes", "drain", "Empty a node in preparation for maintenance."),
    "taint": Entry("minikctl.cli.taint", "taint", "Update the taints of nodes."),
    "cluster": Entry("minikctl.cli.cluster", "ENTRIES", "Nodes and backend of this state directory."),
    "agent": Entry("minikctl.cli.agent", "ENTRIES", "The loop that heals: run, start, stop, status."),
    "explain": Entry("minikctl.cli.explain", "explain", "Describe the fields of a kind."),
    "schema": Entry("minikctl.cli.schema", "schema", "JSON Schemas of the kinds, for editors and tools."),
    "api-resources": Entry("minikctl.cli.discovery", "api_resources", "Print the kinds that are served."),
    "version": Entry("minikctl.cli.discovery", "version", "Print the version of minikctl and its backend."),
    "completion": Entry("minikctl.cli.discovery", "completion", "Print completion code for bash, zsh, fish."),
}

COMPLETION_VARIABLE = "_MINIKCTL_COMPLETE"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_SUMMARY = "Kubernetes manifests on the container engine you already have, without a cluster."


def root() -> Any:
    return base.group("minikctl", _SUMMARY, VERBS)


def run(argv: list[str]) -> int:
    """Runs one command line. Never raises, except what can't be caught sensibly."""
    try:
        code = _run(argv)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _give_up_output()
        return errors.BROKEN_PIPE
    except OSError as error:
        _give_up_output()
        errors.complain(f"error: cannot write the output: {error.strerror}")
        return 1


def _give_up_output() -> None:
    """Whoever read our output has seen enough, or it has no room. Python must not flush it again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _run(argv: list[str]) -> int:
    try:
        if COMPLETION_VARIABLE in os.environ:
            from typer._completion_classes import completion_init

            completion_init()
        result = root().main(args=argv, prog_name="minikctl", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except BrokenPipeError:
        raise
    except OSError as error:
        # Those of files have names, or are others of ours by now: this is what became of a `write`.
        if error.errno in _NO_ROOM and error.filename is None:
            raise
        return errors.report(error)
    except KeyboardInterrupt:
        return errors.INTERRUPTED
    except SystemExit:
        # Typer ends the process itself in one case only: stdout is closed.
        raise BrokenPipeError from None
    except typer.Exit as error:
        return error.exit_code
    except typer.Abort:
        return errors.INTERRUPTED
    except Exception as error:
        return errors.report(error)
