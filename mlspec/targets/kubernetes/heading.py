"""The comment at the top of the file: how to apply the file, and the objects that the cluster needs before that."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.spec.targets import TARGETS
from mlspec.targets.bundle import Bundle
from mlspec.targets.comment_filters import comment
from mlspec.targets.filters import shell
from mlspec.targets.kubernetes.object_names import Names, names_of, object_name
from mlspec.targets.kubernetes.pods import ports
from mlspec.targets.run_script import host_path


def heading(bundle: Bundle) -> tuple[str, ...]:
    """Return the lines of the comment at the top of the file."""
    return tuple(map(comment, _heading(bundle)))


def _heading(bundle: Bundle) -> Iterator[str]:
    files = bundle.plans[0].files
    yield files.banner
    yield ""
    has_place = all(plan.push.names_host for plan in bundle.plans)
    place = "" if has_place else ", with registry: HOST/NAMESPACE in the spec"
    yield f"To push what the cluster pulls{place}: mlspec build --push"
    yield f"To run: kubectl apply --filename {TARGETS['kubernetes'].path(files)}"
    if jobs := [object_name(plan) for plan in bundle.jobs]:
        yield f"To run again, before that: kubectl delete job {' '.join(jobs)}"
    for plan in bundle.servers:
        if numbers := [number for number, protocol in ports(plan.run) if protocol == "TCP"]:
            yield f"To reach it: kubectl port-forward service/{object_name(plan)} {' '.join(map(str, numbers))}"
    if needs := [*_claims(bundle), *_secrets(bundle)]:
        yield ""
        yield from needs


def _claims(bundle: Bundle) -> Iterator[str]:
    stored = [mount for plan in bundle.plans for mount in plan.run.mounts if mount.type != "tmpfs"]
    names = names_of(bundle)
    if claims := dict.fromkeys(names.claim(mount) for mount in stored):
        yield f"Once, storage claims with their data: {', '.join(claims)}"
    if any(plan.run.devices for plan in bundle.plans):
        yield "Once, where only a group of the node may use AMD's cards: its number as supplementalGroups of the pod"


def _secrets(bundle: Bundle) -> Iterator[str]:
    names = names_of(bundle)
    values = dict.fromkeys(
        word
        for plan in bundle.plans
        for word in (
            *(
                f'--from-literal={bundle.secret(plan, name)}="${variable}"'
                for name, variable in plan.run.environment_secrets
            ),
            *(
                f"--from-file={bundle.secret(plan, name)}={shell(host_path(path))}"
                for name, path in plan.run.file_secrets
            ),
        )
    )
    if values:
        yield f"Once: kubectl create secret generic {names.secrets} {' '.join(values)}"
    yield from _environment(bundle, names)


def _environment(bundle: Bundle, names: Names) -> Iterator[str]:
    files = [entry.path for plan in bundle.plans for entry in plan.run.env_files]
    for path, name in {host_path(path): names.file(path) for path in files}.items():
        yield f"Once: kubectl create secret generic {name} --from-env-file={shell(path)}"
    secret = {name for plan in bundle.plans for name, _ in plan.run.environment_secrets}
    passed = dict.fromkeys(name for plan in bundle.plans for name in plan.run.passed_environment if name not in secret)
    if passed:
        values = " ".join(f'--from-literal={name}="${name}"' for name in passed)
        yield f"Once: kubectl create configmap {names.environment} {values}"
