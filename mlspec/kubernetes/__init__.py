"""Plans to the objects of a Kubernetes cluster: a Job for what ends, a Deployment and a Service for what serves."""

from mlspec.kubernetes.comment import heading
from mlspec.kubernetes.workloads import part, sheets

__all__ = ["heading", "part", "sheets"]
