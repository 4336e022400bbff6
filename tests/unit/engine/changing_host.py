"""A host in a directory that is changed for real: what the engine does to files happens.

pip, uv and pipx are stand-ins, which lay down what the real ones would, out of a made-up index; no process is started.
Nothing outside of the directory is written: the run is an account's without root's rights, whose home is in it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from made_up_host import FILES_UID, NOW, MadeUpPython
from pep668_provision.engine.account import Account
from pep668_provision.engine.converge import Outcome, converge, rehearse
from pep668_provision.engine.desired import Desired, validate
from pep668_provision.engine.host import Host
from pep668_provision.engine.process import Command, Completed
from pep668_provision.engine.requirement import Requirement, normalize_name, parse_spec
from pep668_provision.engine.venv import distributions_in

VERSION, RELEASE = "3.11.2", "3.11"
#: Who owns the files; another one than root where that is root.
UID = FILES_UID or 61001
PIPX_VERSION = "1.7.1"


def names_in(folder: str) -> list[str]:
    """What is in a directory, sorted."""
    return sorted(path.name for path in Path(folder).iterdir())


def target_of(link: str) -> str:
    """Where a link leads to, as it says it."""
    return os.readlink(link)  # noqa: PTH115  # Path.readlink is there from Python 3.9 on


class InstallationFailed(Exception):
    """What a stand-in would say, on its way out."""


@dataclass
class ChangingHost:
    """The host. ``index`` maps names to versions, the oldest first, ``needs`` names to what they depend on.

    ``broken`` maps the name of a distribution, or the path of an environment that is made, to what is said when that
    fails; ``apps`` has the commands of distributions with others than their name. ``on_command`` is called before each
    command, ``commands`` are those that were started, but for questions to interpreters; with ``too_slow`` each of them
    takes too long.
    """

    folder: Path
    index: dict[str, list[str]] = field(default_factory=dict)
    needs: dict[str, list[str]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    apps: dict[str, list[str]] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    on_command: Callable[[Command], None] = lambda _command: None
    too_slow: bool = False
    processors: int = 1

    def __post_init__(self) -> None:
        self.account = Account("keeper", FILES_UID, os.getgid(), f"{self.folder}/home", "/bin/sh")
        self.pythons: dict[str, MadeUpPython] = {}
        Path(self.account.home).mkdir()
        self.python = self.with_python(VERSION)
        (self.folder / "usr/bin/python3").symlink_to(f"python{RELEASE}")

    # What is on it

    def with_python(self, version: str) -> str:
        """An interpreter that can make environments is on the PATH; returns its path."""
        release = ".".join(version.split(".")[:2])
        stdlib = self.folder / f"usr/lib/python{release}"
        for name in ("venv", "ensurepip"):
            (stdlib / name).mkdir(parents=True)
        (stdlib / "ensurepip/__init__.py").touch()
        path = self.with_program(f"python{release}")
        self.pythons[path] = MadeUpPython(path, version, f"{self.folder}/usr", str(stdlib), pip="23.0.1")
        return path

    def with_program(self, name: str) -> str:
        path = self.folder / "usr/bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("made up\n")
        path.chmod(0o755)
        return str(path)

    def with_pipx(self, version: str = PIPX_VERSION) -> ChangingHost:
        """The distribution's pipx, in this version."""
        self.with_program("pipx")
        for other in self.folder.glob("usr/lib/python3/dist-packages/pipx-*"):
            other.rmdir()
        metadata = self.folder / f"usr/lib/python3/dist-packages/pipx-{version}.dist-info"
        metadata.mkdir(parents=True)
        return self

    def with_uv(self) -> ChangingHost:
        self.with_program("uv")
        return self

    def path(self, name: str) -> str:
        return f"{self.folder}/{name}"

    @property
    def host(self) -> Host:
        return Host(
            environ={"PATH": f"{self.folder}/usr/bin", "HOME": self.account.home},
            clock=lambda: NOW,
            runner=self._run,
            uid=UID,
            account_by_name={self.account.name: self.account}.get,
            account_by_uid=lambda _uid: self.account,
            processors=self.processors,
        )

    # What is declared

    def desired(self, **declared: object) -> Desired:
        return validate({"python_installer": "pip", **declared})

    def converge(self, **declared: object) -> Outcome:
        """A run has ended, and another one would find nothing to do."""
        desired = self.desired(**declared)
        outcome = converge(desired, self.host)
        assert not converge(desired, self.host).changed
        return outcome

    def rehearse(self, **declared: object) -> Outcome:
        return rehearse(self.desired(**declared), self.host)

    def packages(self, venv: str) -> dict[str, str]:
        """What is in an environment, by name and version, without pip."""
        found = distributions_in(self.host, f"{venv}/lib/python{self._release_of(venv)}/site-packages")
        return {name: version for name, version in found.items() if name != "pip"}

    def calls(self, *words: str) -> list[Command]:
        """The commands in which these words stand side by side."""
        size = len(words)
        return [
            one
            for one in self.commands
            if any(one.argv[place : place + size] == words for place in range(len(one.argv) - size + 1))
        ]

    # The stand-ins

    def _run(self, command: Command, environ: Mapping[str, str]) -> Completed:
        program, *words = command.argv
        python = self.pythons.get(os.path.realpath(program))
        if python is not None and words[:-1] in (["-I", "-c"], ["-I", "-S", "-c"]):
            return Completed(command, 0, python.reply(with_site="-S" not in words))
        self.commands.append(command)
        self.on_command(command)
        if self.too_slow:
            return Completed(command, None, "", "no answer within 1 seconds", timed_out=True)
        words = [word for word in words if word != "-I"]
        env = {**environ, **{name: value for name, value in command.env.items() if value is not None}}
        try:
            if Path(program).name == "pipx":
                said = self._pipx(words, env)
            elif Path(program).name == "uv":
                said = self._uv(words)
            elif words[:2] == ["-m", "venv"]:
                said = self._make_venv(
                    words[-1],
                    program,
                    with_pip="--without-pip" not in words,
                    sees_system="--system-site-packages" in words,
                )
            elif words[:2] == ["-m", "ensurepip"]:
                said = self.lay_down(self._venv_of(program), "pip", self.pythons[os.path.realpath(program)].pip)
            elif words[:2] == ["-m", "pip"] or words[0].endswith("/pip"):
                said = self._pip(
                    self._venv_of(program), words[words.index("pip") + 1 :] if "pip" in words else words[1:]
                )
            else:
                raise AssertionError(f"no stand-in for {command.argv}")
        except InstallationFailed as failure:
            return Completed(command, 1, "", f"ERROR: {failure}\n")
        return Completed(command, 0, said)

    def _venv_of(self, python: str) -> str:
        return str(Path(python).parent.parent)

    def _release_of(self, venv: str) -> str:
        return ".".join(self.pythons[os.path.realpath(f"{venv}/bin/python")].version.split(".")[:2])

    def _make_venv(
        self, path: str, python: str, *, with_pip: bool = False, sees_system: bool = False, made_by: str = ""
    ) -> str:
        if path in self.broken:
            raise InstallationFailed(self.broken[path])
        base = self.pythons[os.path.realpath(python)]
        folder = Path(path)
        (folder / "bin").mkdir(parents=True)
        (folder / f"lib/python{base.release}/site-packages").mkdir(parents=True)
        cfg = f"home = {base.prefix}/bin\nversion = {base.version}\n{made_by}"
        cfg += f"include-system-site-packages = {str(sees_system).lower()}\n"
        (folder / "pyvenv.cfg").write_text(cfg)
        (folder / "bin/python").symlink_to(base.path)
        return self.lay_down(path, "pip", base.pip) if with_pip else ""

    def lay_down(self, venv: str, name: str, version: str) -> str:
        """A distribution is in an environment, with its commands."""
        site = Path(f"{venv}/lib/python{self._release_of(venv)}/site-packages")
        self.take_away(venv, name)
        metadata = site / f"{name.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        for app in self.apps.get(name, [name]):
            program = Path(f"{venv}/bin/{app}")
            program.write_text(f"{name} {version}\n")
            program.chmod(0o755)
        return ""

    def take_away(self, venv: str, name: str) -> None:
        """Nothing of a distribution is in an environment."""
        site = Path(f"{venv}/lib/python{self._release_of(venv)}/site-packages")
        for metadata in site.glob(f"{name.replace('-', '_')}-*.dist-info"):
            shutil.rmtree(metadata)
        for app in self.apps.get(name, [name]):
            Path(f"{venv}/bin/{app}").unlink(missing_ok=True)

    def _pip(self, venv: str, words: Sequence[str]) -> str:
        if words[0] == "uninstall":
            for name in words[2:]:
                self.take_away(venv, name)
            return ""
        if words[0] == "download":
            folder, name = words[words.index("--dest") + 1], words[-1]
            if name not in self.index:
                raise InstallationFailed(f"No matching distribution found for {name}")
            Path(folder, f"{name}-{self.index[name][-1]}-py3-none-any.whl").touch()
            return ""
        if words[0] == "--python":
            return self._pip(self._venv_of(words[1]), words[2:])
        assert words[0] == "install", words
        return self._install(venv, words[1:], upgraded=None if "--upgrade" in words else frozenset())

    def _uv(self, words: Sequence[str]) -> str:
        if words[0] == "venv":
            python = words[words.index("--python") + 1]
            sees_system = "--system-site-packages" in words
            return self._make_venv(words[-1], python, sees_system=sees_system, made_by="uv = 0.9\n")
        assert words[0] == "pip", words
        venv = self._venv_of(words[words.index("--python") + 1])
        rest = words[words.index("--python") + 2 :]
        if words[1] == "uninstall":
            for name in rest:
                self.take_away(venv, name)
            return ""
        upgraded = frozenset(rest[place + 1] for place, word in enumerate(rest) if word == "--upgrade-package")
        rest = [word for word in rest if word not in upgraded and word != "--upgrade-package"]
        found = json.loads(self._install(venv, [*words[2:], *rest], upgraded=upgraded) or '{"install": []}')
        return "".join(f" + {one['metadata']['name']}=={one['metadata']['version']}\n" for one in found["install"])

    def _install(self, venv: str, words: Sequence[str], *, upgraded: frozenset[str] | None) -> str:
        """As pip does: what fits stays, but what is ``upgraded`` (``None``: all that is named); a report if asked."""
        asked, limits = self._read_words(words)
        everything = "--ignore-installed" in words or "--reinstall" in words
        present = {} if everything else self.packages(venv)
        chosen: dict[str, str] = {}
        pending = [(one, True) for one in asked]
        while pending:
            wanted, is_named = pending.pop(0)
            name, moves = wanted.name, is_named and (upgraded is None or wanted.name in upgraded)
            if name in chosen:
                continue
            every = [wanted, *(limit for limit in limits if limit.name == name)]
            fitting = [one for one in self.index.get(name, []) if all(each.is_satisfied_by(one) for each in every)]
            stays = not moves and name in present and all(each.is_satisfied_by(present[name]) for each in every)
            if not fitting and not stays:
                raise InstallationFailed(f"No matching distribution found for {wanted}")
            chosen[name] = present[name] if stays else fitting[-1]
            pending += [(Requirement.parse(one), False) for one in self.needs.get(name, [])]
        changed = {name: version for name, version in chosen.items() if present.get(name) != version}
        if "--dry-run" in words:
            found = [{"metadata": {"name": name, "version": version}} for name, version in changed.items()]
            return json.dumps({"install": found})
        for name, version in changed.items():
            if name in self.broken:
                # As uv does, and pip where it is killed: what was there is gone by then.
                self.take_away(venv, name)
                raise InstallationFailed(self.broken[name])
            self.lay_down(venv, name, version)
        return ""

    def _read_words(self, words: Sequence[str]) -> tuple[list[Requirement], list[Requirement]]:
        asked: list[Requirement] = []
        limits: list[Requirement] = []
        rest = list(words)
        while rest:
            word = rest.pop(0)
            if word in ("-c", "-r"):
                lines = [line.split(" --hash")[0] for line in Path(rest.pop(0)).read_text().splitlines()]
                (limits if word == "-c" else asked).extend(Requirement.parse(line) for line in lines if line)
            elif word in ("--report", "--python"):
                rest.pop(0)
            elif not word.startswith("-"):
                asked.append(Requirement.parse(word))
        return asked, limits

    def _pipx(self, words: Sequence[str], env: Mapping[str, str]) -> str:
        home, links = Path(env["PIPX_HOME"]), Path(env["PIPX_BIN_DIR"])
        action, *rest = words
        options = dict(word.split("=", 1) for word in rest if word.startswith("--") and "=" in word)
        specs = [word for word in rest if not word.startswith("--")]
        suffix = options.get("--suffix", "")
        if action == "install":
            shared = home / "shared/bin/pip"
            if not shared.exists():
                shared.parent.mkdir(parents=True)
                shared.touch()
                os.utime(shared, (NOW, NOW))
            for spec in specs:
                self._pipx_install(home, links, spec, env, suffix=suffix, python=options.get("--python", ""))
            return ""
        venv = home / "venvs" / specs[0]
        record = json.loads((venv / "pipx_metadata.json").read_text())
        if action == "inject":
            for spec in specs[1:]:
                self._install(str(venv), self._pins(env) + [spec], upgraded=None)
                name = str(parse_spec(spec).name)
                record["injected_packages"][name] = self._record_of(str(venv), name, spec, has_apps=False)
        else:
            assert action in ("pin", "unpin"), words
            record["main_package"]["pinned"] = action == "pin"
        (venv / "pipx_metadata.json").write_text(json.dumps(record))
        return ""

    def _pins(self, env: Mapping[str, str]) -> list[str]:
        return ["-c", env["PIP_CONSTRAINT"]] if "PIP_CONSTRAINT" in env else []

    def _pipx_install(
        self, home: Path, links: Path, spec: str, env: Mapping[str, str], *, suffix: str, python: str
    ) -> None:
        parsed = parse_spec(spec)
        assert isinstance(parsed, Requirement), spec
        name = parsed.name
        venv = home / "venvs" / f"{normalize_name(name)}{suffix}"
        self._make_venv(str(venv), python or self.python)
        try:
            self._install(str(venv), [*self._pins(env), spec], upgraded=None)
        except InstallationFailed:
            shutil.rmtree(venv)
            raise
        record = {
            "main_package": {**self._record_of(str(venv), name, spec, has_apps=True), "suffix": suffix},
            "injected_packages": {},
            "python_version": f"Python {VERSION}",
        }
        (venv / "pipx_metadata.json").write_text(json.dumps(record))
        links.mkdir(parents=True, exist_ok=True)
        for app in self.apps.get(name, [name]):
            link = links / f"{app}{suffix}"
            if not link.exists() and not link.is_symlink():
                link.symlink_to(venv / "bin" / app)

    def _record_of(self, venv: str, name: str, spec: str, *, has_apps: bool) -> dict[str, Any]:
        return {
            "package": name,
            "package_or_url": spec,
            "package_version": self.packages(venv)[normalize_name(name)],
            "apps": self.apps.get(name, [name]) if has_apps else [],
            "include_apps": has_apps,
            "include_dependencies": False,
            "pinned": False,
        }
