"""The layers that a Dockerfile adds to its base, and the step that fills each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mlspec.build.dockerfile import Instruction, instructions
from mlspec.build.steps import Step


def layers_of(dockerfile: str, steps: Iterable[Step]) -> tuple[Step, ...]:
    """Return the step that fills each layer that ``dockerfile`` adds to its base, the lowest layer first.

    If a layer is copied from a stage, its step is the stage's last step that is not minor, or else the COPY itself.
    """
    known = tuple(steps)
    by_place = {(step.stage, step.number): step for step in known}
    found = []
    for instruction in layer_instructions(dockerfile):
        source = re.search(r"--from=(\S+)", instruction.text)
        makers = [step for step in known if source and step.stage == source[1] and not step.is_minor]
        found.append(makers[-1] if makers else by_place[instruction.stage, instruction.number])
    return tuple(found)


def layer_instructions(dockerfile: str) -> Iterator[Instruction]:
    """Yield the instructions that make a layer, in the last stage and in the stages below it."""
    found = instructions(dockerfile)
    sources = {
        step.stage: next(word for word in step.text.split() if not word.startswith("--"))
        for step in found
        if step.keyword == "FROM"
    }
    chain = [found[-1].stage]
    while (source := sources[chain[0]]) in sources:
        chain.insert(0, source)
    for stage in chain:
        yield from (step for step in found if step.stage == stage and step.number and step.keyword != "FROM")
