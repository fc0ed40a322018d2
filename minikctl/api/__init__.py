"""The API: the one way in for the CLI, the controllers and the agent (kube-apiserver's place, in process).

Rules:
- What goes in is validated, gets upstream's defaults, a uid and a generation; what is stale is a `Conflict`.
- People's writes (create, apply, update, delete) also change the desired files, controllers' never do.
- Several manifests are one commit: all of them happen or none.
"""

from minikctl.api.codec import DesiredCodec
from minikctl.api.results import Applied, FileProblem
from minikctl.api.server import Api

__all__ = ["Api", "Applied", "DesiredCodec", "FileProblem"]
