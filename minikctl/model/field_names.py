"""Names of fields and annotations that are read in several rooms."""

from __future__ import annotations

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
"""What affinity insists on, and what it only wishes."""

APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
"""The beginning of a pod's annotation; the container's name follows."""
