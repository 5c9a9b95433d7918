"""A benchmark of one spec with torch for the CPU and for CUDA, against the image of a common Dockerfile.

Package indexes on the loopback address replace the main index, which has torch for CUDA, and the two indexes with other
builds of torch. The benchmark locks the spec for both accelerators, and builds and runs its image for the CPU and the
image of the common Dockerfile. First it downloads wheels once: 3 GB.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.builds import index, measuring, results, sink, wheels
from mlspec import api
from mlspec.build.build_variant import Extras, make_variant
from mlspec.facts.accelerator import Accelerator
from mlspec.facts.installer import pinned_installer
from mlspec.facts.torch import torch_index, torch_packages
from mlspec.host.engine import mirrors
from mlspec.host.network import user_configuration
from mlspec.host.rendered import Rendered
from mlspec.lock.state import LockOptions
from mlspec.targets import run_script
from mlspec.targets.build_options import BuildOptions

ROOT = Path(__file__).parents[1]
TORCH = "2.13.0"
CUDA = "13.0"
PROGRAM = "import torch; print('torch', torch.__version__, 'CUDA', torch.version.cuda, torch.ones(2).sum().item())"
SPEC = f"""\
name: serve
python: "{wheels.PYTHON}"
base: slim-bookworm
requirements: [torch=={TORCH}]
entrypoint: [python, -c, "{PROGRAM}"]
images:
  cpu: {{accelerator: cpu}}
  cuda: {{accelerator: cuda{CUDA}}}
"""
USUAL = f"""\
FROM python:{wheels.PYTHON}-slim-bookworm
ENV PIP_INDEX_URL={{index}}
RUN pip install --no-cache-dir torch=={TORCH}
"""
_FOR_CUDA = re.compile(r"^(nvidia-|cuda-|triton$)")


def indexes(cache: Path) -> Mapping[str, Path]:
    """Download the wheels of each index, and return the folders by label; the label of the main index is ""."""
    labels = {"cpu": "cpu", "cuda": Accelerator("cuda", CUDA).label or ""}
    installer = f"{pinned_installer().name}=={pinned_installer().version}"
    main = wheels.downloaded([f"torch==={TORCH}", installer], cache / "main", dependencies=True)
    cpu = wheels.downloaded([f"torch=={TORCH}+cpu"], cache / "cpu")
    cuda = cache / "cuda"
    cuda.mkdir(exist_ok=True)
    for wheel in main.glob("*.whl"):
        if wheel.name.partition("-")[0].replace("_", "-") in torch_packages():
            (cuda / wheel.name).unlink(missing_ok=True)
            (cuda / wheel.name).hardlink_to(wheel)
    return {"": main, labels["cpu"]: cpu, labels["cuda"]: cuda}


@contextmanager
def configured(served: Mapping[str, Path], registry: str) -> Iterator[str]:
    """Serve the indexes, and configure mlspec to use them as mirrors. Yield the address of the main index."""
    with ExitStack() as stack:
        urls = {label: stack.enter_context(index.serving(folder)) for label, folder in served.items()}
        main = urls.pop("")
        pairs = (f"{torch_index(label).url}={url.rstrip('/')}" for label, url in urls.items())
        os.environ |= {
            "MLSPEC_CONFIG": "off",
            "MLSPEC_CACHE_DIR": "off",
            "MLSPEC_INDEX_URL": main,
            "MLSPEC_INDEX_MIRRORS": " ".join(pairs),
            "MLSPEC_REGISTRY_MIRROR": f"http://{registry}",
        }
        yield main


def build(rendered: Rendered, key: str, image: str, folder: Path) -> None:
    """Build an image of the spec from its committed Dockerfile, with the local indexes in place of the named ones."""
    plan, own = rendered.plan(key), user_configuration.configuration()
    made = make_variant(plan, own, Extras(codename=rendered.codename(plan)))
    assert made
    folder.mkdir()
    options = mirrors.write_variant(made, plan, BuildOptions(tags=(image,), progress="quiet"), folder)
    command = run_script.build_command(plan, replace(options, index_url=own.index_url))
    # The indexes listen on this host's loopback address.
    measuring.said((*command, "--network=host"), rendered.folder)


def packages(rendered: Rendered, key: str) -> str:
    """Return a row of the table of locks: torch's version, its index, the number of CUDA packages, and MB of wheels."""
    plan = rendered.plan(key)
    pins = rendered.locked.contents[key].packages[plan.platform].pins
    torch = next(pin for pin in pins if pin.name == "torch")
    for_cuda = [pin for pin in pins if _FOR_CUDA.match(pin.name) or "+cu" in pin.version]
    size = sum(pin.size or 0 for pin in pins) / 1e6
    (layer,) = (layer for layer in plan.packages.layers if layer.name == "torch")
    return f"| {key} | {torch.version} | {(layer.index or '').rpartition('/')[2]} | {len(for_cuda)} | {size:,.0f} |"


def row(name: str, image: str, taking: sink.Sink, base: str) -> str:
    """Return a row of the table of images: the output of the program, and the sizes of the image above its base."""
    repository = f"accelerators-{uuid.uuid4().hex[:8]}"
    measuring.push(taking, base, repository)
    pushed, _ = measuring.push(taking, image, repository)
    sizes = (measuring.unpacked(image) - measuring.unpacked(base), pushed)
    return f"| {name} | {measuring.python(image, PROGRAM)} | {' | '.join(f'{size / 1e6:,.0f}' for size in sizes)} |"


def measured(cache: Path, registry: str, folder: Path) -> Iterator[str]:
    """Measure, and yield the lines of the tables."""
    images = {name: f"mlspec-accelerators-{uuid.uuid4().hex[:8]}:{name}" for name in ("usual", "cpu")}
    with configured(indexes(cache), registry) as main, sink.listening() as taking:
        spec = folder / "mlspec.yaml"
        spec.write_text(SPEC)
        rendered = api.render(spec, LockOptions())
        api.write(rendered)
        yield f"Locked {datetime.now(UTC).date().isoformat()} for both from one spec, `torch=={TORCH}`:\n"
        yield "| image | torch | index | packages for CUDA | wheels, MB |\n|---|---|---|--:|--:|"
        yield from (packages(rendered, key) for key in ("cpu", "cuda"))
        try:
            build(rendered, "cpu", images["cpu"], folder / "variant")
            usual = folder / "usual"
            usual.mkdir()
            (usual / "Dockerfile").write_text(USUAL.format(index=main))
            measuring.build(usual, images["usual"])
            base = f"python:{wheels.PYTHON}-slim-bookworm"
            measuring.said(("docker", "pull", base))
            yield "\nBuilt and run:\n"
            yield "| image | what it says | above its base, MB | a push, MB |\n|---|---|--:|--:|"
            yield from (row(name, image, taking, base) for name, image in images.items())
        finally:
            for image in images.values():
                measuring.removed(image)


def main() -> None:
    """Run the benchmark and print the tables."""
    parser = argparse.ArgumentParser(
        prog="make bench-accelerators", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--registry", default="127.0.0.1:5000", help="has its base (default: %(default)s)")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "bench" / "accelerators", help="keeps wheels")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = "\n".join(measured(asked.cache, asked.registry, Path(folder)))
    print(text)
    if asked.write:
        results.write_page(ROOT / "docs" / "benchmarks.md", text, "accelerators")


if __name__ == "__main__":
    main()
