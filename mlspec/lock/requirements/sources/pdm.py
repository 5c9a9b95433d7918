"""The sources of packages in `[tool.pdm]` (pdm's documentation of package indexes, 2.26)."""

from __future__ import annotations

from mlspec.lock.requirements.sources.source_tables import Finds, ProjectIndex, Reach, Tables, TomlText


def read_pdm(toml: TomlText) -> Tables:
    """Return the sources of packages in pdm's tables."""
    finds = Finds()
    for number, row in toml.tables("tool", "pdm", "source"):
        place, url = toml.place("tool", "pdm", "source", number), str(row.get("url", ""))
        if row.get("type", "index") != "index":
            message = f"{url} is a page of links that may get new files at any time"
            hint = "require each file by its address: NAME @ https://..."
            finds.problems.append(place.problem("MLS217", message, hint))
            continue
        packages = tuple(map(str, row.get("include_packages") or ()))
        # The source named pypi replaces pypi.org.
        reach: Reach = "named" if packages else "rest" if row.get("name") == "pypi" else "any"
        if set(row.get("exclude_packages") or ()) == {"*"} and not packages:
            continue
        finds.indexes.append(ProjectIndex(url=url, place=place, reach=reach, packages=packages))
    for path in (("tool", "pdm", "resolution", "overrides"), ("tool", "pdm", "overrides")):
        if toml.value(*path):
            message = "overrides change the requirements of other packages, which pip's resolver cannot do"
            hint = "take the pins that pdm made: name pdm.lock in the place of this file"
            finds.problems.append(toml.place(*path).problem("MLS219", message, hint))
    return finds.tables()
