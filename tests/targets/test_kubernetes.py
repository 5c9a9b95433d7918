"""Tests of the Kubernetes objects: they are valid, and have the right values for each key of a spec."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlspec.spec import values
from mlspec.targets.kubernetes.object_names import label, labels
from tests.targets.test_snapshots import SPECS, drawn, shared

LABEL = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")

Data = dict[str, Any]


def objects(text: str) -> dict[str, Data]:
    return {found["kind"]: found for found in yaml.safe_load_all(shared(text, "kubernetes"))}


def pod(text: str) -> Data:
    (found,) = (f["spec"]["template"]["spec"] for f in objects(text).values() if f["kind"] != "Service")
    assert isinstance(found, dict)
    return found


def container(text: str) -> Data:
    (found,) = pod(text)["containers"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_has_the_form_of_its_kinds(path: Path) -> None:
    (artifact,) = drawn(path, ["kubernetes"])
    # The oldest version that clusters still run, and the newest one.
    versions = ("1.25.0", kubernetes_validate.latest_version()) if path.stem == "targets" else ("1.33.0",)

    for found in yaml.safe_load_all(artifact.text):
        for version in versions:
            kubernetes_validate.validate(found, version, strict=True)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_what_is_mounted_is_there_and_no_place_is_taken_twice(path: Path) -> None:
    (artifact,) = drawn(path, ["kubernetes"])
    documents = (found for found in yaml.safe_load_all(artifact.text) if found["kind"] != "Service")

    for spec in (found["spec"]["template"]["spec"] for found in documents):
        mounts = spec["containers"][0].get("volumeMounts", [])
        names = [volume["name"] for volume in spec.get("volumes", [])]
        assert sorted(names) == sorted({mount["name"] for mount in mounts})
        assert len({mount["mountPath"] for mount in mounts}) == len(mounts)


# Workloads


def test_a_program_that_ends_is_a_job_that_is_not_begun_again() -> None:
    found = objects("entrypoint: python train.py")

    assert list(found) == ["Job"]
    assert found["Job"]["spec"]["backoffLimit"] == 0
    assert pod("entrypoint: python train.py")["restartPolicy"] == "Never"


def test_a_server_is_a_deployment_with_a_service_that_finds_its_pods() -> None:
    found = objects('ports: ["8000:8000", "9000:8000", "53:53/udp"]')

    pods = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert found["Service"]["spec"]["selector"] == found["Deployment"]["spec"]["selector"]["matchLabels"] == pods
    assert [(port["name"], port["port"]) for port in found["Service"]["spec"]["ports"]] == [
        ("tcp-8000", 8000),
        ("udp-53", 53),
    ]


@pytest.mark.parametrize(
    ("holds", "kind"), [("mounts: [cache:/cache]", "Recreate"), ("gpus: 1", "Recreate"), ("", None)]
)
def test_what_holds_storage_or_gpus_ends_before_the_next_begins(holds: str, kind: str | None) -> None:
    strategy = objects(f'ports: ["80:80"]\n{holds}')["Deployment"]["spec"].get("strategy", {})

    assert strategy.get("type") == kind


@pytest.mark.parametrize(
    ("asked", "limits"),
    [
        ("gpus: 2", {"nvidia.com/gpu": 2}),
        ("accelerator: cuda\ngpus: 1", {"nvidia.com/gpu": 1}),
        ("accelerator: rocm6.3\ngpus: 2", {"amd.com/gpu": 2}),
        ("", None),
    ],
)
def test_gpus_are_a_number_of_a_resource(asked: str, limits: Mapping[str, int] | None) -> None:
    assert container(asked).get("resources", {}).get("limits") == limits


def test_what_gpus_are_used_for_is_a_variable() -> None:
    assert container("gpus: [{count: 1, capabilities: [gpu, video]}]")["env"] == [
        {"name": "NVIDIA_DRIVER_CAPABILITIES", "value": "video"}
    ]


def test_the_user_is_that_of_the_image_by_numbers() -> None:
    found = pod('user: "1234:567"')["securityContext"]

    assert (found["runAsUser"], found["runAsGroup"], found["fsGroup"], found["runAsNonRoot"]) == (1234, 567, 567, True)


def test_root_stays_root_and_keeps_what_root_is_used_for() -> None:
    assert pod("user: root")["securityContext"] == {"runAsUser": 0, "runAsGroup": 0}
    assert container("user: root")["securityContext"] == {"allowPrivilegeEscalation": False}


def test_an_init_is_the_first_process_of_the_pod() -> None:
    assert pod("")["shareProcessNamespace"] is True
    assert "shareProcessNamespace" not in pod("init: false")


def test_one_platform_chooses_its_nodes_and_several_none() -> None:
    assert pod("platforms: linux/arm64")["nodeSelector"] == {"kubernetes.io/arch": "arm64"}
    assert "nodeSelector" not in pod("platforms: [linux/amd64, linux/arm64]")


def test_a_server_is_asked_over_http_until_it_has_started_and_then() -> None:
    check = "{path: /healthz?a=b, interval: 20s, timeout: 3s, start_period: 1m, start_interval: 5s, retries: 4}"
    found = container(f'ports: ["1:1/udp", "8000-8001:8000-8001"]\nhealthcheck: {check}')

    way = {"httpGet": {"path": "/healthz?a=b", "port": 8000}, "timeoutSeconds": 3}
    assert found["startupProbe"] == {**way, "periodSeconds": 5, "failureThreshold": 16}
    assert found["readinessProbe"] == {**way, "periodSeconds": 20, "failureThreshold": 4}


def test_any_other_check_is_a_command() -> None:
    found = container('ports: ["80:80"]\nhealthcheck: {test: [CMD, python, a b.py]}')

    assert found["readinessProbe"]["exec"] == {"command": ["python", "a b.py"]}


@pytest.mark.parametrize("text", ["healthcheck: 'true'", 'ports: ["80:80"]\nhealthcheck: {disable: true}'])
def test_nobody_asks_a_job_or_what_has_no_check(text: str) -> None:
    assert not {"startupProbe", "readinessProbe"} & set(container(text))


# Volumes and variables


def volumes(text: str) -> dict[str, Data]:
    """Return the volumes of a pod, by their mount paths."""
    spec = pod(text)
    known = {volume.pop("name"): volume for volume in spec["volumes"]}
    return {mount["mountPath"]: known[mount["name"]] for mount in spec["containers"][0]["volumeMounts"]}


def test_storage_is_a_claim_by_the_name_of_a_volume_or_of_a_folder() -> None:
    found = volumes("mounts: [cache:/cache, ./data:/a, ~/models:/m, /srv/big data:/s, Some_Volume:/v]")

    assert {path: volume["persistentVolumeClaim"]["claimName"] for path, volume in found.items()} == {
        "/cache": "cache",
        "/a": "lab-data",
        "/m": "home-models",
        "/s": "srv-big-data",
        "/v": "some-volume",
    }


def test_two_sources_are_never_one_claim() -> None:
    found = volumes("mounts: [a_b:/1, a-b:/2, ./x:/3, lab-x:/4]")

    assert len({volume["persistentVolumeClaim"]["claimName"] for volume in found.values()}) == 4


def test_images_that_share_a_folder_share_its_claim() -> None:
    text = shared("images: {a: {mounts: [./data:/a]}, b: {mounts: ['./data/:/b:ro']}}", "kubernetes")

    assert text.count("claimName: lab-data\n") == 2
    assert text.count("readOnly: true") == 1


def test_memory_is_an_empty_folder_in_memory() -> None:
    found = volumes(
        "shm_size: 1.5gb\nread_only: true\ntmpfs: [/scratch]\nmounts: [{type: tmpfs, target: /t}, c1:/cache]"
    )

    assert found.pop("/dev/shm") == {"emptyDir": {"medium": "Memory", "sizeLimit": "1536Mi"}}
    assert "persistentVolumeClaim" in found.pop("/cache")
    assert set(found) == {"/t", "/tmp", "/home/app", "/scratch"}
    assert all(volume == {"emptyDir": {"medium": "Memory"}} for volume in found.values())


def test_a_folder_of_the_spec_takes_the_place_of_shared_memory() -> None:
    assert volumes("shm_size: 1gb\ntmpfs: /dev/shm") == {"/dev/shm": {"emptyDir": {"medium": "Memory"}}}


@pytest.mark.parametrize(
    ("size", "quantity"),
    [("8gb", "8Gi"), ("64m", "64Mi"), ("1024", "1024"), ("1.5g", "1536Mi"), ("0.3k", "308"), ("2TiB", "2Ti")],
)
def test_sizes_are_quantities_of_as_many_bytes(size: str, quantity: str) -> None:
    assert values.quantity(size) == quantity


def test_variables_come_from_secrets_and_maps_and_files_of_variables_are_secrets() -> None:
    found = container(
        "environment: [A=b, MODE]\nsecrets: {T: {environment: MY_T}}\nenv_file: [.env, {path: b.env, required: false}]"
    )

    assert [(entry["name"], next(iter(entry["valueFrom"]))) for entry in found["env"]] == [
        ("MODE", "configMapKeyRef"),
        ("T", "secretKeyRef"),
    ]
    assert found["envFrom"] == [
        {"secretRef": {"name": "lab-env"}},
        {"secretRef": {"name": "lab-b-env", "optional": True}},
    ]


def test_the_file_of_a_secret_is_where_the_program_looks() -> None:
    (secret,) = (volume["secret"] for volume in volumes("secrets: {KEY: {file: ./key}}").values())

    assert (secret["secretName"], secret["items"]) == ("lab-secrets", [{"key": "KEY", "path": "KEY"}])
    assert container("secrets: {KEY: {file: ./key}}")["volumeMounts"][0]["mountPath"] == "/run/secrets"


# Names


@given(st.text())
def test_every_text_has_a_label(text: str) -> None:
    assert LABEL.fullmatch(label(text))


@given(st.lists(st.text(max_size=4), unique=True))
def test_no_two_texts_have_one_label(texts: list[str]) -> None:
    assert len(set(labels({text: text for text in texts}).values())) == len(texts)


def test_a_long_name_is_cut_and_told_apart() -> None:
    assert len({label("a" * 90), label("a" * 91)}) == 2


# The comment


def heading(text: str) -> list[str]:
    return [line for line in shared(text, "kubernetes").splitlines() if line.startswith("#")]


def test_the_comment_says_what_to_type() -> None:
    assert heading('images: {a: , b: , serve: {ports: ["80:80", "53:53/udp"]}}')[2:] == [
        "# To push what the cluster pulls, with registry: HOST/NAMESPACE in the spec: mlspec build --push",
        "# To run: kubectl apply --filename kubernetes.yaml",
        "# To run again, before that: kubectl delete job lab-a lab-b",
        "# To reach it: kubectl port-forward service/lab-serve 80",
    ]


def test_a_name_with_a_registry_is_pushed_as_it_is() -> None:
    assert "# To push what the cluster pulls: mlspec build --push" in heading("name: localhost:5000/lab")


def test_the_comment_says_what_has_to_be_in_the_cluster() -> None:
    secrets = "secrets: {T: {environment: MY_T}, K: {file: ./a key}}"
    said = heading(f"mounts: [./data:/d]\n{secrets}\nenvironment: [MODE]\nenv_file: .env")

    assert said[-4:] == [
        "# Once, storage claims with their data: lab-data",
        "# Once: kubectl create secret generic lab-secrets --from-literal=T=\"$MY_T\" --from-file=K='./a key'",
        "# Once: kubectl create secret generic lab-env --from-env-file=./.env",
        '# Once: kubectl create configmap lab-environment --from-literal=MODE="$MODE"',
    ]
