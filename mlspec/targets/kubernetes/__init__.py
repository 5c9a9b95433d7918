"""Plans to the objects of a Kubernetes cluster: a Job for what ends, a Deployment and a Service for what serves."""

from mlspec.targets.kubernetes.heading import heading
from mlspec.targets.kubernetes.workloads import part, sheets

__all__ = ["heading", "part", "sheets"]
