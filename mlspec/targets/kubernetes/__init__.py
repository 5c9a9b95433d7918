"""The Kubernetes objects of a spec: a Job for each image that ends, a Deployment and a Service for each server."""

from mlspec.targets.kubernetes.heading import heading
from mlspec.targets.kubernetes.workloads import part, sheets

__all__ = ["heading", "part", "sheets"]
