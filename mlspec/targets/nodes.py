"""The variables by which torchrun on several machines finds the others.

torchrun takes each of its options from a variable with this prefix: torch/distributed/argparse_util.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.plan.run import RunPlan

NODE_RANK = "PET_NODE_RANK"
"""The variable with the number of a node, from 0."""

PORT = "29500"
"""The port of the first node: torchrun's own default."""


def list_rendezvous_variables(run: RunPlan, first: str) -> Iterator[tuple[str, str]]:
    """Yield the variables that all nodes share; ``first`` is the address of the first node."""
    yield "PET_NNODES", str(run.nodes)
    if run.gpus_of_a_node:
        yield "PET_NPROC_PER_NODE", str(run.gpus_of_a_node)
    yield "PET_MASTER_ADDR", first
    yield "PET_MASTER_PORT", PORT
