"""Rules about podman: presence, version, IDs for users of containers, and GPUs."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.advice.doctor.findings import Finding, as_finding, fine, problem
from mlspec.advice.doctor.observations import Need, PodmanFacts
from mlspec.errors import Problem
from mlspec.facts.versions import parse_release

# COPY --link needs buildah 1.41: github.com/containers/buildah/releases/tag/v1.41.0
_LEAST = (5, 6)


def is_too_old(version: str) -> bool:
    """Return whether a podman of this version cannot build the Dockerfile."""
    return parse_release(version)[:2] < _LEAST


def podman_problem(podman: PodmanFacts) -> Problem | None:
    """Return a problem with podman that stops every build and every run, or None."""
    if not podman.version:
        hint = "install it: sudo apt-get install podman; or use Docker: --engine docker"
        return problem("MLS574", "this host has no podman command", hint)
    if is_too_old(podman.version):
        hint = "update podman, or use Docker: --engine docker"
        return problem("MLS575", f"podman {podman.version} is too old: the Dockerfile needs 5.6 or newer", hint)
    if not podman.answers:
        return problem("MLS574", "podman does not start", "for its own message: podman info")
    return None


def gpu_warning(podman: PodmanFacts, needs: tuple[Need, ...]) -> Problem | None:
    """Return the warning that podman finds no NVIDIA GPUs, or None. Its configuration may name other folders."""
    if podman.has_gpus or not any(need.gpus for need in needs):
        return None
    hint = "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml; the NVIDIA Container Toolkit has this command"
    return problem("MLS576", "podman knows no NVIDIA GPUs: no file in /etc/cdi or /var/run/cdi", hint, "warning")


def findings(podman: PodmanFacts, needs: tuple[Need, ...]) -> Iterator[Finding]:
    """Check podman for images with these needs."""
    if trouble := podman_problem(podman):
        yield as_finding("podman", trouble)
        return
    yield fine("podman", f"{podman.version}, {'without root' if podman.is_rootless else 'as root'}")
    if not podman.has_ids:
        message = "this user has a single ID for containers, so images with several users cannot be unpacked"
        hint = (
            'sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "$USER"; then: podman system migrate'
        )
        yield as_finding("podman", problem("MLS577", message, hint))
    if trouble := gpu_warning(podman, needs):
        yield as_finding("GPU", trouble)
