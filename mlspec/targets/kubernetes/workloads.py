"""The Kubernetes objects of each image: a Job, or a Deployment and its Service."""

from __future__ import annotations

from collections.abc import Mapping

from mlspec.plan.plan import Plan
from mlspec.targets.bundle import Bundle
from mlspec.targets.kubernetes.object_names import names_of, object_name
from mlspec.targets.kubernetes.pods import pod, ports
from mlspec.targets.sheet import Data, Sheet, present


def part(plan: Plan, bundle: Bundle) -> Mapping[str, Data]:
    """Return the objects of one image, under keys KIND/NAME."""
    spec = pod(plan, bundle, names_of(bundle))
    name = object_name(plan)
    if plan.run.nodes > 1:
        return {f"Service/{name}": _names(plan), f"Job/{name}": _indexed_job(plan, spec)}
    if not plan.run.ports:
        return {f"Job/{name}": _job(plan, spec)}
    return {f"Deployment/{name}": _deployment(plan, spec), f"Service/{name}": _service(plan)}


def sheets(bundle: Bundle) -> tuple[Sheet, ...]:
    """Return the documents of the file: the objects of all images, image by image."""
    parts = (part(plan, bundle) for plan in bundle.plans)
    return tuple(Sheet((key,), data) for found in parts for key, data in found.items() if isinstance(data, Mapping))


def _metadata(plan: Plan) -> Data:
    return {"name": object_name(plan), "labels": _labels(plan)}


def _labels(plan: Plan) -> Data:
    return {"app.kubernetes.io/name": object_name(plan)}


def _names(plan: Plan) -> Data:
    """Return the Service that gives each pod of a Job a name, by which the pods find the first of them."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(plan),
        "spec": {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": _labels(plan)},
    }


def _indexed_job(plan: Plan, spec: Mapping[str, Data]) -> Data:
    """Return the Job with a pod for each node, which has its number in an annotation and in its name."""
    many: Mapping[str, Data] = {
        "completionMode": "Indexed",
        "completions": plan.run.nodes,
        "parallelism": plan.run.nodes,
    }
    return _job(plan, {"subdomain": object_name(plan), **spec}, many)


def _job(plan: Plan, spec: Mapping[str, Data], many: Mapping[str, Data] | None = None) -> Data:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _metadata(plan),
        "spec": {
            **(many or {}),
            # Somebody should look at a failed training before it starts again.
            "backoffLimit": 0,
            "template": {"metadata": {"labels": _labels(plan)}, "spec": {"restartPolicy": "Never", **spec}},
        },
    }


def _deployment(plan: Plan, spec: Mapping[str, Data]) -> Data:
    # A new pod could not start beside the old one: it would wait for the old pod's storage or GPUs.
    holds = plan.run.gpus is not None or any(mount.type != "tmpfs" for mount in plan.run.mounts)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(plan),
        "spec": present(
            {
                "replicas": 1,
                "strategy": {"type": "Recreate"} if holds else None,
                "selector": {"matchLabels": _labels(plan)},
                "template": {"metadata": {"labels": _labels(plan)}, "spec": dict(spec)},
            }
        ),
    }


def _service(plan: Plan) -> Data:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(plan),
        "spec": {
            "selector": _labels(plan),
            "ports": [
                {"name": f"{protocol.lower()}-{number}", "protocol": protocol, "port": number, "targetPort": number}
                for number, protocol in ports(plan.run)
            ],
        },
    }
