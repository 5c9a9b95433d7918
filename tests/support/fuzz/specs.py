"""A generator of almost valid specs: each key has a valid value or a similar one, in any notation of YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from tests.support.fuzz.values import Raw, Values

ALPHA = re.compile(r"[A-Za-z][A-Za-z0-9_./ -]*[A-Za-z0-9]|[A-Za-z]|[0-9.]+")

# fmt: off
VARIABLES = ("A", "B_C", "_x", "PYTHONPATH", "HF_HOME", "a1", "LD_LIBRARY_PATH", "HOME", "PATH")
PATHS = (
    "a", "app/data", "app", "a b", "x,y", 'q"q', "it's", "$HOME", "`id`", "a;b", "\xfc", "a#b", "a:b", "\u202e", "-x",
    "..",
    "a//b/",
)
SOURCES = (
    "./a", "../b", "~/c", "~", "vol", "vol-1", "/srv/x", "./a b", "./it's", './q"q', "./a,b", "./`id`", "./a;b", "./-x",
    "./#x", "./\xfc", "./\u202e", "./~x", "./c:x", "./k[1]^", "./k#{2}",
)
COMMANDS = ("python train.py", "python 'a b.py' --x=\"y z\"", "sh -c 'echo $X'", "a \\$b")
SCRIPTS = (
    "echo hi", "a\nb", "cat <<EOF\nx\nEOF", "echo '\\'", "[ -e x ] || y", "#x", "--mount=type=bind x", " lead",
    "trail \\",
    "EOF", "EOF\nEOF1", "\nEOF\n", "#!/usr/bin/env python\nprint(1)", "set -x\n\n\n# c\n", "a\\\nb", "a \\ \n b",
    "a #c",
    "exit 0", "a ;", "a &",
)
REQUIREMENTS = (
    "numpy", "numpy>=2", "torch==2.5.1", "a[b,c]==1 ; python_version<'4'", "requirements.in", "requirements.txt",
    "pyproject.toml", "pyproject.toml[x]", "-r requirements.in", "-c requirements.txt", "--group dev",
    "--no-binary numpy",
    "--pre", "x @ https://h/x-1-py3-none-any.whl", "x @ git+https://h/x@v1", "git+ssh://git@h/x.git",
    "git+https://h/x@--upload-pack=touch", "./x", "x==1 --hash=sha256:" + "a" * 64, "--index-url https://u:p@h/s",
    "--extra-index-url=x", "-f x", "-e .", "x==$(id)", "x;os_name=='`id`'", "${X}", "python", "opencv-python",
)
BASES = (
    "slim-bookworm", "slim-trixie", "slim", "debian:12-slim", "python:3.12-slim@sha256:" + "a" * 64, "h:5000/a/b:c",
    "nvidia/cuda:12.4.1-runtime-ubuntu22.04", "alpine", "[::1]:5000/x:y",
)
INCLUDES = ("src", "!src/x", "a b", "*.py", "[x]", "!", "#x", "\\x", "a\\ b", "./x", "..", "x/")
PORTS = ("8000:8000", "0.0.0.0:1:2", "[::1]:80:80/tcp", "8000-8002:8000-8002", "53:53/udp")
PYTHONS = ("3.12", "3.12", "3.12", "3.11", "3.12.4", "3.10")
# fmt: on


class Specs(Values):
    """A generator of values for the keys of a spec, and of the texts of specs."""

    def variable(self) -> str:
        return self.one(*VARIABLES) if self.chance(0.93) else self.text()

    def value(self) -> str:
        return self.line() if self.chance(0.85) else self.text()

    def path(self) -> str:
        return "/" + self.one(*PATHS, self.line(), self.line(), self.text())

    def source(self) -> str:
        return self.one(*SOURCES, f"./{self.line()}", f"./{self.line()}", f"~/{self.line()}", self.text())

    def mount(self) -> object:
        if self.chance(0.4):
            return self.one(f"{self.source()}:{self.path()}", f"{self.source()}:{self.path()}:ro", self.text())
        found = {"type": self.one("bind", "bind", "volume", "tmpfs", "x"), "target": self.path()}
        if found["type"] != "tmpfs" or self.chance(0.2):
            found["source"] = self.source()
        if self.chance(0.3):
            found["read_only"] = Raw(self.one("true", "false", "yes", "1"))
        return found

    def command(self) -> object:
        if self.chance(0.4):
            return self.one(*COMMANDS, f"python {self.line()}", self.text())
        return self.few(self.value, 4)

    def step(self) -> object:
        lines = f"{self.line()}\n{self.line()}"
        script = self.one(*SCRIPTS, self.line(), self.line(), lines, self.text())
        if self.chance(0.5):
            return script
        found: dict[str, object] = {"command": script}
        found["at"] = self.one("before_install", "after_install", "after_code", "x")
        if self.chance(0.4):
            found["cache"] = self.one("/root/.cache/x", [self.path()], ["/a", "/b"], self.text())
        if self.chance(0.3):
            found["secrets"] = self.one("HF_TOKEN", ["HF_TOKEN", "K"], self.text())
        return found

    def requirement(self) -> str:
        return self.one(*REQUIREMENTS, self.line(), self.text())

    def index(self) -> dict[str, object]:
        url = self.one("https://h/simple", f"https://h/{self.line()}", self.text())
        found: dict[str, object] = {"url": url, "packages": self.one("x", ["x", "y-*"], [self.line()])}
        if self.chance(0.3):
            found["secret"] = self.one("HF_TOKEN", self.text())
        return found

    def environment(self) -> object:
        if self.chance(0.7):
            return {self.variable(): self.value() for _ in range(self.r.randint(1, 4))}
        return self.few(lambda: f"{self.variable()}={self.value()}" if self.chance(0.8) else self.variable(), 3)

    def healthcheck(self) -> object:
        return self.one(
            "/healthz",
            "curl -f http://x",
            {"test": ["CMD", self.value(), self.value()], "interval": "5s"},
            {"test": ["CMD-SHELL", self.value()]},
            {"test": self.value()},
            {"path": f"/{self.text()}"},
            {"disable": Raw("true")},
            {"test": ["NONE"]},
            self.any(),
        )

    def gpus(self) -> object:
        return self.one(
            "all",
            "1",
            [{"count": "2"}],
            [{"device_ids": [self.value()], "capabilities": ["gpu", self.value()]}],
            {"driver": "cdi", "device_ids": [f"nvidia.com/gpu={self.value()}"]},
            self.any(),
        )

    def secrets(self) -> object:
        return self.one(
            ["HF_TOKEN", "K"],
            {"HF_TOKEN": {"environment": "X"}, "K": {"file": self.source()}},
            {"HF_TOKEN": {"environment": self.variable()}, "K": {"file": self.line()}},
            self.any(),
        )

    def env_file(self) -> object:
        entry = {"path": self.source(), "required": Raw("false")}
        return self.one("./x.env", entry, self.line(), self.text())

    def layers(self) -> object:
        names = self.few(lambda: self.one("ours", "a-b", "git", self.text()), 2)
        return {name: self.one("x", ["numpy", "y-*"], [self.line()]) for name in names}

    def labels(self) -> object:
        names = self.few(lambda: self.one("a.b", "x", "a b", 'q"q', "$x", self.line(), self.text()), 3)
        return {name: self.value() for name in names}

    def ulimits(self) -> object:
        name = self.one("memlock", "nofile", "core", self.text())
        return {name: self.one("-1", "1024", {"soft": "1", "hard": "2"}, self.text())}

    def port(self) -> object:
        return self.one(*PORTS, {"target": "80", "published": "8080"}, self.text())

    def cooldown(self) -> object:
        exclude = self.one("x", ["x", "y-*"], [self.line()])
        return self.one("7 days", "1 week", "2w", "7", "0 days", {"age": "7 days", "exclude": exclude}, self.text())

    # Whole specs

    def spec(self) -> dict[str, object]:
        found: dict[str, object] = {"python": self.one(*PYTHONS)}
        for key in self.r.sample(sorted(KEYS), self.r.randint(1, 5)):
            found[key] = self.any() if self.chance(0.03) else KEYS[key](self)
        if self.chance(0.35):
            found["targets"] = self.one(["compose"], ["kubernetes"], ["devcontainer"], ["compose", "kubernetes"])
        if self.chance(0.08):
            names = self.few(lambda: self.one("train", "serve", "a.b", self.text()), 2)
            inner = self.r.sample(sorted(KEYS), self.r.randint(0, 2))
            found["images"] = {name: {key: KEYS[key](self) for key in inner} for name in names}
        if self.chance(0.05):
            found[self.text()] = self.any()
        if self.chance(0.03):
            found["python"] = self.any()
        return found

    # Data to YAML

    def dump(self, data: Mapping[str, object]) -> bytes:
        lines = []
        for key, value in data.items():
            if self.chance(0.02):
                lines.append(f"# {self.line()}")
            comment = f" # {self.line()}" if self.chance(0.03) else ""
            lines.append(f"{self.scalar(key)}: {self.flow(value)}{comment}")
        if self.chance(0.02):
            lines.append(lines[-1])
        if self.chance(0.03):
            lines = ["x-a: &a {b: c}", "<<: *a", *lines]
        return ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")

    def scalar(self, value: str) -> str:
        if isinstance(value, Raw):
            return str(value)
        if ALPHA.fullmatch(value) and self.chance(0.7):
            return value
        if self.chance(0.1) and value.isprintable():
            return "'" + value.replace("'", "''") + "'"
        is_ascii = self.chance(0.7) or not value.isprintable()
        return json.dumps(value, ensure_ascii=is_ascii).replace("\x7f", "\\x7f")

    def flow(self, value: object) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{self.scalar(str(key))}: {self.flow(item)}" for key, item in value.items()) + "}"
        if isinstance(value, list | tuple):
            return "[" + ", ".join(map(self.flow, value)) + "]"
        return self.scalar(value) if isinstance(value, str) else str(value)


def _name(m: Specs) -> object:
    return m.one("a", "ab-c", "x/y", "h:5000/x", "a_b", "a.b", m.text())


KEYS: Mapping[str, Callable[[Specs], object]] = {
    "name": _name,
    "base": lambda m: m.one(*BASES, m.text()),
    "platforms": lambda m: m.one("linux/amd64", ["linux/arm64"], ["linux/amd64", "linux/arm64"], m.any()),
    "accelerator": lambda m: m.one("cpu", "cuda", "cuda12.8", "rocm6.3", m.text()),
    "requirements": lambda m: m.some(m.requirement, 3),
    "dev": lambda m: m.some(m.requirement, 3),
    "indexes": lambda m: [m.index()],
    "layers": Specs.layers,
    "apt": lambda m: m.some(lambda: m.one("jq", "libgl1", "ffmpeg=7:5.1", "a:amd64", "g++", m.text()), 3),
    "build_apt": lambda m: m.one([], ["cmake"], m.any()),
    "apt_snapshot": lambda m: m.one("2026-11-01", "2026-13-45", "0001-01-01", "9999-12-31", m.text()),
    "include": lambda m: m.some(lambda: m.one(*INCLUDES, m.line(), m.text()), 3),
    "cooldown": Specs.cooldown,
    "context": lambda m: m.one(".", "..", "../..", "../x", "https://a/b", m.path(), m.text()),
    "run": lambda m: m.few(m.step, 3),
    "environment": Specs.environment,
    "working_dir": lambda m: m.one("/app", "/srv/x", "/a@b+c", m.path()),
    "user": lambda m: m.one("1000:1000", "0", "root", "1:2", "4294967295", m.text()),
    "entrypoint": Specs.command,
    "command": Specs.command,
    "ports": lambda m: m.some(m.port, 2),
    "healthcheck": Specs.healthcheck,
    "gpus": Specs.gpus,
    "gpu_models": lambda m: m.one("h100", ["sm_90"], m.any()),
    "shm_size": lambda m: m.one("8gb", "64m", "1.5g", m.text()),
    "init": lambda m: Raw(m.one("true", "false", "yes")),
    "read_only": lambda m: Raw(m.one("true", "false", "no")),
    "tmpfs": lambda m: m.some(m.path, 2),
    "secrets": Specs.secrets,
    "env_file": lambda m: m.some(m.env_file, 2),
    "stop_grace_period": lambda m: m.one("1m30s", "10s", "0s", "1h", m.text()),
    "ulimits": Specs.ulimits,
    "labels": Specs.labels,
    "mounts": lambda m: m.few(m.mount, 3),
}
