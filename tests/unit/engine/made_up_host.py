"""Made-up hosts: a file system below a directory, made-up accounts, and a stand-in for the process runner.

Nothing of the machine the tests run on is looked at and no process is started. Paths are paths *on the made-up host*.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pep668_provision.engine.account import Account
from pep668_provision.engine.builds import Builds
from pep668_provision.engine.desired import Desired, ToolEntry, VenvEntry, validate
from pep668_provision.engine.host import Host
from pep668_provision.engine.observe import Inquiry, observe
from pep668_provision.engine.own_programs import own_program_entry, own_program_link
from pep668_provision.engine.package_manager import APK, APT, BREW, DNF4, DNF5, PACMAN, ZYPPER, PackageManager
from pep668_provision.engine.pip_conf import foresee_config, write_config
from pep668_provision.engine.pipx import PIN_SINCE, Pipx, find_pipx, tool_space
from pep668_provision.engine.plan import plan
from pep668_provision.engine.process import Command, Completed
from pep668_provision.engine.receipt import FILE_NAME, Receipt, identify_interpreter
from pep668_provision.engine.request import read_request
from pep668_provision.engine.requirement import Requirement, normalize_name, parse_spec
from pep668_provision.engine.steps import Plan, ToolStep, VenvStep

RPM_QUERY = ("rpm", "--query", "--whatprovides")
MANAGERS = (APT, DNF5, DNF4, PACMAN, ZYPPER, APK, BREW)
NOW = 1_700_000_000.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MARKER = "[externally-managed]\nError=Use a virtual environment.\n"
#: What the made-up index has as the newest version of everything.
NEWEST = "9.0"
#: Whoever runs the tests owns every file of a made-up host.
FILES_UID = os.getuid()

ACCOUNTS = (
    Account("root", 0, 0, "/root", "/bin/bash"),
    Account("app", 61001, 61001, "/srv/app", "/usr/sbin/nologin"),
    Account("alice", 61002, 61002, "/home/alice", "/bin/bash"),
    Account("bob", 61003, 61003, "/home/bob", "/usr/bin/zsh"),
    # The account whose number the files have, under a name of its own.
    Account("keeper", FILES_UID, FILES_UID, "/srv/keeper", "/bin/sh"),
)

_DEBIAN = {"11": "bullseye", "12": "bookworm", "13": "trixie"}
#: What these releases package (python3, pip, pipx).
DEBIAN_VERSIONS = {
    "11": ("3.9.2", "20.3.4", ""),
    "12": ("3.11.2", "23.0.1", "1.1.0"),
    "13": ("3.13.5", "25.1.1", "1.7.1"),
}


@dataclass
class MadeUpPython:
    """One interpreter of a made-up host, and what it answers when it is asked."""

    path: str
    version: str
    prefix: str
    stdlib: str
    implementation: str = "cpython"
    pip: str = ""
    answer: str | None = None
    status: int | None = 0
    upstream_pip: str = ""
    #: Where it looks for distributions.
    sites: Sequence[str] = ()

    @property
    def release(self) -> str:
        return ".".join(self.version.split(".")[:2])

    def reply(self, *, with_site: bool) -> str:
        if self.answer is not None:
            return self.answer
        facts: dict[str, object] = {
            "version": self.version,
            "implementation": self.implementation,
            "executable": self.path,
            "prefix": self.prefix,
            "base_prefix": self.prefix,
            "stdlib": self.stdlib,
            "path": [self.stdlib, *self.sites],
            "place": "/usr/local/lib/python3/dist-packages",
            "user_site": "",
            "environment": {"python_version": self.release},
        }
        if with_site and self.pip:
            facts["pip"] = {"version": self.pip, "path": "/usr/lib/python3/dist-packages/pip"}
            if self.upstream_pip:
                facts["hidden_pips"] = [facts["pip"]]
                local = f"/usr/local/lib/python{self.release}/dist-packages/pip"
                facts["pip"] = {"version": self.upstream_pip, "path": local}
        return json.dumps(facts)


@dataclass
class StandInRunner:
    """Stands in for the process runner: made-up interpreters and package managers answer, nothing runs.

    ``commands`` are those of interpreters and anything else, ``queries`` those to package managers.
    """

    made_up: MadeUpHost
    commands: list[Command] = field(default_factory=list)
    queries: list[Command] = field(default_factory=list)

    def __call__(self, command: Command, _environ: Mapping[str, str]) -> Completed:
        manager = next((one for one in MANAGERS if command.argv[: len(one.query)] == one.query), None)
        if manager is not None or command.argv[:-1] == RPM_QUERY:
            self.queries.append(command)
            return self._answer_query(command, manager)
        self.commands.append(command)
        python = self.made_up.pythons.get(self.made_up.host.resolve(command.argv[0]))
        if python is None or "-c" not in command.argv:
            return Completed(command, None, "", f"No such file or directory: {command.argv[0]}")
        return Completed(command, python.status, python.reply(with_site="-S" not in command.argv), "")

    def _answer_query(self, command: Command, manager: PackageManager | None) -> Completed:
        if manager is None:
            return Completed(command, 0 if command.argv[-1] in self.made_up.rpms else 1, "")
        words = command.argv[len(manager.query) :]
        asked = words[0].split(manager.query_joint) if manager.query_joint else words
        known = [name for name in asked if self.made_up.in_repositories(name)]
        # As apt-cache and pacman print it, each in its form, between lines that say other things.
        form = {"apt": "Package: {}\nVersion: 1", "pacman": "Name            : {}\nVersion         : 1"}
        printed = "\n\n".join(form.get(manager.name, "{}\nother = 1").format(name) for name in known)
        return Completed(command, 0 if len(known) == len(asked) else 100, printed)

    @property
    def started(self) -> list[str]:
        """The programs that were started, in order."""
        return [command.argv[0] for command in self.commands]


class MadeUpHost:
    """Builds a made-up host below a directory; every ``with_`` method returns the host itself."""

    def __init__(self, root: Path, *, uid: int = 0, environ: Mapping[str, str] | None = None) -> None:
        self.root = root / "host"
        self.root.mkdir(parents=True)
        self.uid = uid
        self.now = NOW
        self.pythons: dict[str, MadeUpPython] = {}
        self.runner = StandInRunner(self)
        self.accounts = {account.name: account for account in ACCOUNTS}
        home = next((account.home for account in ACCOUNTS if account.uid == uid), "/root")
        self.environ = {"PATH": PATH, "HOME": home, **(environ or {})}
        self.debian = ""
        self.repositories: dict[str, bool] = {}
        self.rpms: set[str] = set()

    @property
    def host(self) -> Host:
        return Host(
            root=str(self.root),
            environ=self.environ,
            clock=lambda: self.now,
            runner=self.runner,
            uid=self.uid,
            account_by_name=self.accounts.get,
            account_by_uid=self._account_of,
            # Whoever runs the tests may let a group of its own write in every file.
            members_of=lambda _gid: frozenset({FILES_UID}),
            processors=1,
        )

    def _account_of(self, uid: int) -> Account:
        known = [account for account in self.accounts.values() if account.uid == uid]
        return known[0] if known else Account(str(uid), uid, uid, "/nonexistent", "")

    # Files

    def real(self, path: str) -> Path:
        return Path(f"{self.root}{path}")

    def _own(self, path: str, *, follow: bool = False) -> Path:
        """Where something of the made-up host is to be changed: never, by a link, something of the machine itself."""
        real, root = self.real(path), self.root.resolve()
        changed = real.resolve() if follow else real.parent.resolve() / real.name
        assert root in (changed, *changed.parents), f"{path} leads out of the made-up host"
        return real

    def with_file(self, path: str, content: str | bytes = "", *, mode: int = 0o644) -> MadeUpHost:
        real = self._own(path, follow=True)
        real.parent.mkdir(parents=True, exist_ok=True)
        real.write_bytes(content.encode() if isinstance(content, str) else content)
        real.chmod(mode)
        return self

    def with_directory(self, path: str) -> MadeUpHost:
        self._own(path, follow=True).mkdir(parents=True, exist_ok=True)
        return self

    def with_link(self, path: str, target: str) -> MadeUpHost:
        real = self._own(path)
        real.parent.mkdir(parents=True, exist_ok=True)
        if real.is_symlink():
            real.unlink()
        real.symlink_to(target)
        return self

    def with_program(self, path: str, content: str = "made up\n") -> MadeUpHost:
        return self.with_file(path, content, mode=0o755)

    def without(self, path: str) -> MadeUpHost:
        real = self._own(path)
        if real.is_symlink() or real.is_file():
            real.unlink()
        elif real.exists():
            shutil.rmtree(real)
        return self

    # The distribution

    def with_os_release(self, text: str) -> MadeUpHost:
        return self.with_file("/etc/os-release", text)

    def with_debian(self, version: str) -> MadeUpHost:
        self.debian = version
        name = f'NAME="Debian GNU/Linux"\nID=debian\nVERSION_CODENAME={_DEBIAN[version]}\nVERSION_ID="{version}"\n'
        return self.with_os_release(name).with_lists()

    def with_package(
        self, name: str, *, status: str = "install ok installed", architecture: str = "amd64"
    ) -> MadeUpHost:
        database = self.real("/var/lib/dpkg/status")
        database.parent.mkdir(parents=True, exist_ok=True)
        with database.open("a") as stream:
            stream.write(f"Package: {name}\nStatus: {status}\nArchitecture: {architecture}\nVersion: 1.0-1\n\n")
        return self

    def with_repositories(self, **has: bool) -> MadeUpHost:
        """The configured repositories have these packages, or have not; see ``in_repositories`` for all others."""
        self.repositories.update({name.replace("_", "-"): there for name, there in has.items()})
        return self

    def in_repositories(self, package: str) -> bool:
        """Of packages nobody spoke about, it has all but further interpreters, and the pipx its release lacks."""
        lacking = package == "pipx" and self.debian and not DEBIAN_VERSIONS[self.debian][2]
        return self.repositories.get(package, not lacking and not re.match(r"^python3\.?\d", package))

    def with_lists(self, *, age: float = 60.0) -> MadeUpHost:
        """The package manager's lists are there, looked at ``age`` seconds ago."""
        self.with_file("/var/lib/apt/lists/deb.example_dists_stable_main_binary-amd64_Packages")
        directory = self.real("/var/lib/apt/lists")
        os.utime(directory, (self.now - age, self.now - age))
        return self

    def with_debian_python(self, *, ensurepip: bool = True) -> MadeUpHost:
        """The release's own python3, as its packages lay it down."""
        version, pip, _ = DEBIAN_VERSIONS[self.debian]
        marker = None if self.debian == "11" else MARKER
        return self.with_interpreter(version, marker=marker, ensurepip=ensurepip, pip=pip)

    # Interpreters

    def with_interpreter(
        self,
        version: str,
        *,
        prefix: str = "/usr",
        marker: str | bytes | None = None,
        ensurepip: bool = True,
        pip: str = "",
        default: bool | None = None,
        implementation: str = "cpython",
        answer: str | None = None,
        status: int | None = 0,
    ) -> MadeUpHost:
        """An interpreter like "3.11.2" in ``prefix``; the first one in /usr is python3 unless ``default`` says."""
        release = ".".join(version.split(".")[:2])
        path, stdlib = f"{prefix}/bin/python{release}", f"{prefix}/lib/python{release}"
        self.with_program(path, f"made-up interpreter {version}\n")
        self.with_directory(f"{stdlib}/venv")
        if ensurepip:
            self.with_file(f"{stdlib}/ensurepip/__init__.py")
        if marker is not None:
            self.with_file(f"{stdlib}/EXTERNALLY-MANAGED", marker)
        is_default = default if default is not None else not self.real(f"{prefix}/bin/python3").is_symlink()
        if is_default:
            self.with_link(f"{prefix}/bin/python3", f"python{release}")
        self.pythons[path] = MadeUpPython(path, version, prefix, stdlib, implementation, pip, answer, status)
        return self

    def python_of(self, release: str = "") -> MadeUpPython:
        """The made-up interpreter of a release; without one the host's python3."""
        if not release:
            return self.pythons[self.host.resolve("/usr/bin/python3")]
        return next(python for python in self.pythons.values() if python.release == release)

    # Virtual environments

    def with_distributions(self, directory: str, packages: Mapping[str, str]) -> MadeUpHost:
        self.with_directory(directory)
        for name, version in packages.items():
            folder = f"{directory}/{name.replace('-', '_')}-{version}.dist-info"
            self.with_file(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        return self

    def with_venv(
        self,
        path: str,
        packages: Mapping[str, str] | None = None,
        *,
        python: str = "",
        receipt: VenvEntry | Receipt | None = None,
        seeds: Mapping[str, str] | None = None,
        made_by: str = "venv",
        system_site_packages: bool = False,
        recorded: Mapping[str, str] | None = None,
    ) -> MadeUpHost:
        """A whole environment; ``receipt`` is what a finished run for this entry would have recorded, or the record."""
        base = self.python_of(python)
        cfg = {
            "venv": f"home = {base.prefix}/bin\nversion = {base.version}\n",
            "uv": f"home = {base.prefix}/bin\nimplementation = CPython\nuv = 0.5.1\nversion_info = {base.version}\n",
            "virtualenv": f"home = {base.prefix}/bin\nvirtualenv = 20.26\nversion_info = {base.version}.final.0\n",
        }[made_by]
        cfg += f"include-system-site-packages = {str(system_site_packages).lower()}\n"
        self.with_file(f"{path}/pyvenv.cfg", cfg)
        self.with_link(f"{path}/bin/python", base.path)
        self.with_link(f"{path}/bin/python3", "python")
        if seeds is None:
            seeds = {} if made_by == "uv" else {"pip": base.pip or "23.0.1"}
        self.with_distributions(f"{path}/lib/python{base.release}/site-packages", {**seeds, **(packages or {})})
        if isinstance(receipt, VenvEntry):
            found = recorded if recorded is not None else packages
            receipt = self.receipt_for(receipt, found or {}, python=base)
        if receipt is not None:
            self.with_file(f"{path}/{FILE_NAME}", receipt.to_json())
        return self

    def with_build(
        self, entry: VenvEntry, name: str, number: int, packages: Mapping[str, str], *, current: bool = False
    ) -> MadeUpHost:
        """A finished build of an environment with versioned layout; with current its path leads there."""
        path = f"{entry.builds_directory}/{name}"
        receipt = replace(self.receipt_for(entry, packages, python=self.python_of()), build=number)
        self.with_venv(path, packages, receipt=receipt, system_site_packages=entry.system_site_packages)
        return self.with_link(entry.path, f"{entry.path.rpartition('/')[2]}.d/{name}") if current else self

    def receipt_for(self, entry: VenvEntry, packages: Mapping[str, str], *, python: MadeUpPython) -> Receipt:
        request = read_request(self.host, entry)
        assert not request.problem, request.problem
        identity = identify_interpreter(self.host, self.host.resolve(python.path), python.version)
        return Receipt(request.digest, identity, dict(packages), "pip")

    def with_own_program(self, name: str, version: str, *, pin: str = "") -> MadeUpHost:
        """The environment in which the project itself keeps pipx or uv, finished and linked."""
        entry = own_program_entry(self.host, name, pin)
        self.with_venv(entry.path, {name: version}, receipt=entry)
        self.with_program(f"{entry.path}/bin/{name}")
        return self.with_link(own_program_link(self.host, name), f"{entry.path}/bin/{name}")

    # pipx and tools

    def with_pipx(self, version: str) -> MadeUpHost:
        """The distribution's pipx."""
        self.with_program("/usr/bin/pipx")
        return self.with_distributions("/usr/lib/python3/dist-packages", {"pipx": version})

    def with_tool(
        self,
        name: str,
        version: str,
        *,
        spec: str = "",
        home: str = "/opt/pipx",
        bin_dir: str = "/usr/local/bin",
        suffix: str = "",
        apps: Sequence[str] = (),
        python: str = "",
        inject: Mapping[str, str] | None = None,
        include_deps: bool = False,
        pinned: bool = False,
        packages: Mapping[str, str] | None = None,
        links: bool = True,
    ) -> MadeUpHost:
        """A tool as pipx leaves it: environment, record, links. ``inject`` maps specs to versions."""
        path = f"{home}/venvs/{normalize_name(name + suffix)}"
        injected = {(parse_spec(text).name or text): (text, found) for text, found in (inject or {}).items()}
        installed = {name: version, **{one: found for one, (_, found) in injected.items()}, **(packages or {})}
        self.with_venv(path, installed, python=python, seeds={})
        apps = apps or (name,)

        def record(package: str, asked: str, found: str, programs: Sequence[str]) -> dict[str, object]:
            return {
                "package": package,
                "package_or_url": asked,
                "package_version": found,
                "apps": list(programs),
                "apps_of_dependencies": [],
                "include_apps": bool(programs),
                "include_dependencies": include_deps and bool(programs),
                "pip_args": [],
                "suffix": suffix,
                "pinned": pinned,
            }

        metadata = {
            "pipx_metadata_version": "0.5",
            "main_package": record(name, spec or name, version, apps),
            "injected_packages": {one: record(one, asked, found, ()) for one, (asked, found) in injected.items()},
            "python_version": f"Python {self.python_of(python).version}",
            "venv_args": [],
        }
        self.with_file(f"{path}/pipx_metadata.json", json.dumps(metadata))
        for app in apps:
            self.with_program(f"{path}/bin/{app}")
            if links:
                self.with_link(f"{bin_dir}/{app}{suffix}", f"{path}/bin/{app}")
        return self

    # Planning

    def plan(self, desired: Desired | None = None, *, inquire: Inquiry | None = None, **declared: object) -> Plan:
        """What would be done here for a declared state (``python_venvs=[…]``, …)."""
        wanted = desired if desired is not None else validate(declared)
        return plan(wanted, observe(wanted, self.host, inquire))


def entry_of(**keys: object) -> VenvEntry:
    """The accepted form of one entry of python_venvs."""
    return validate({"python_venvs": [keys]}).venvs[0]


def tool_of(**keys: object) -> ToolEntry:
    """The accepted form of one entry of python_tools."""
    return validate({"python_tools": [keys]}).tools[0]


def promised_version(text: str) -> str:
    """The version the made-up index gives for a spec: its pin, else the newest."""
    parsed = parse_spec(text)
    pin = parsed.specifier.exact_pin if isinstance(parsed, Requirement) else None
    return pin or NEWEST


@dataclass
class StandInApply:
    """Stands in for apply: puts a made-up host into the state that the steps of a plan promise, without a process."""

    made_up: MadeUpHost
    desired: Desired

    def take(self, planned: Plan) -> None:
        assert not planned.refusals, planned.refusals
        for package in planned.packages:
            self._install_package(package.name)
        for marker_step in planned.markers:
            self.made_up.without(marker_step.marker.path).with_file(marker_step.marker.path, MARKER)
        for config_step in planned.pip_configs:
            write_config(foresee_config(config_step.wanted, self.made_up.host), self.made_up.host)
        for venv_step in (*planned.own, *planned.venvs):
            self._take_venv(venv_step)
        for tool_step in planned.tools:
            self._take_tool(tool_step)

    def _install_package(self, name: str) -> None:
        self.made_up.with_package(name)
        if name == "uv":
            self.made_up.with_program("/usr/bin/uv")
        elif name == "pipx":
            self.made_up.with_pipx(DEBIAN_VERSIONS[self.made_up.debian][2])
        elif name.endswith("-venv"):
            release = name[len("python") : -len("-venv")]
            python = self.made_up.python_of("" if release == "3" else release)
            self.made_up.with_file(f"{python.stdlib}/ensurepip/__init__.py")

    def _take_venv(self, step: VenvStep) -> None:
        made_up, entry, state = self.made_up, step.observed.entry, step.observed.state
        made_up.without(f"{entry.path}.pep668-old")
        if step.observed.builds is not None:
            self._take_versioned(step, step.observed.builds)
            return
        if step.action == "remove":
            made_up.without(entry.path)
            return
        kept = {} if entry.state == "exact" else dict(state.kept if step.action == "rebuild" else state.distributions)
        asked = {Requirement.parse(text).name: promised_version(text) for text in entry.packages}
        names = dict.fromkeys(read_request(made_up.host, entry).names, NEWEST)
        packages = {name: version for name, version in {**kept, **names, **asked}.items() if name != "pip"}
        python = step.interpreter.release if step.interpreter is not None else state.release
        made_up.without(entry.path)
        made_up.with_venv(
            entry.path, packages, python=python, receipt=entry, system_site_packages=entry.system_site_packages
        )
        if step.observed.account is not None and FILES_UID == 0:
            os.chown(made_up.real(entry.path), step.observed.account.uid, step.observed.account.gid)
        for link, target in step.links:
            made_up.with_program(target)
            made_up.with_link(link, target)

    def _take_versioned(self, step: VenvStep, builds: Builds) -> None:
        made_up, entry = self.made_up, step.observed.entry
        gone = [*builds.leftovers, *(builds.superfluous(entry.keep) if step.action == "prune" else ())]
        if step.action == "remove":
            made_up.without(entry.path)
            gone = [*builds.leftovers, *(build.name for build in builds.known)]
        for name in gone:
            made_up.without(builds.path_of(name))
        if step.action in ("remove", "prune"):
            return
        if step.action == "switch" and entry.state != "rolled_back":
            others = [one.name for one in builds.known if one.name not in (step.build, builds.current)]
            others += [builds.current] if builds.current not in ("", step.build) else []
            for name in others[: max(len(others) - (entry.keep - 1), 0)]:
                made_up.without(builds.path_of(name))
        top = max((build.number for build in builds.known), default=0)
        if step.action != "switch":
            packages = {Requirement.parse(text).name: promised_version(text) for text in entry.packages}
            assert step.interpreter is not None
            path = builds.path_of(step.build)
            receipt = made_up.receipt_for(entry, packages, python=made_up.python_of(step.interpreter.release))
            made_up.with_venv(
                path,
                packages,
                python=step.interpreter.release,
                receipt=replace(receipt, build=top + 1),
                system_site_packages=entry.system_site_packages,
            )
            if step.observed.account is not None and FILES_UID == 0:
                os.chown(made_up.real(path), step.observed.account.uid, step.observed.account.gid)
            # Which of the others go is for the tests of builds to say.
            for build in builds.known:
                if build.name != builds.current or entry.keep == 1:
                    made_up.without(builds.path_of(build.name))
        made_up.without(entry.path)
        made_up.with_link(entry.path, f"{builds.directory.rpartition('/')[2]}/{step.build}")

    def _take_tool(self, step: ToolStep) -> None:
        made_up, entry, observed = self.made_up, step.observed.entry, step.observed
        host, space, state = made_up.host, observed.space, observed.state
        assert space is not None
        assert state is not None
        pipx = step.pipx or self._best_pipx()
        if not state.is_installed and entry.state != "absent":
            assert pipx is not None, "a tool is to be installed, and no step provided a pipx"
            space = tool_space(host, space.account, entry.scope, pipx)
        path = space.venv_path(entry)
        if step.action == "remove" or step.action in ("create", "rebuild"):
            made_up.without(path).without(space.aside_path(entry))
        if step.action == "remove":
            return
        if step.action == "link":
            assert state.record is not None
            for app in state.missing_links:
                bare = app[: len(app) - len(entry.suffix)] if entry.suffix else app
                made_up.with_link(f"{space.bin_dir}/{app}", f"{path}/bin/{bare}")
            if state.record.pinned != entry.pinned:
                assert pipx is not None
                assert pipx.is_at_least(PIN_SINCE), f"{pipx} cannot pin"
                record = json.loads(made_up.real(f"{path}/pipx_metadata.json").read_text())
                record["main_package"]["pinned"] = entry.pinned
                made_up.with_file(f"{path}/pipx_metadata.json", json.dumps(record))
        else:
            self._install_tool(step, space.home, space.bin_dir)
        if observed.login_path is not None and not observed.login_path.is_set:
            made_up.with_file(observed.login_path.file, 'PATH="$HOME/.local/bin:$PATH"\n')

    def _install_tool(self, step: ToolStep, home: str, bin_dir: str) -> None:
        entry, state = step.observed.entry, step.observed.state
        assert state is not None
        version = promised_version(entry.install_spec)
        kept = state.kept.get(normalize_name(entry.name))
        parsed = parse_spec(entry.install_spec)
        if step.keeps_versions and kept and isinstance(parsed, Requirement) and parsed.is_satisfied_by(kept):
            version = kept
        injected = entry.inject if entry.inject is not None else state.kept_injected
        self.made_up.with_tool(
            entry.name,
            version,
            spec=entry.install_spec,
            home=home,
            bin_dir=bin_dir,
            suffix=entry.suffix,
            python=step.observed.interpreter.release if entry.python and step.observed.interpreter else "",
            inject={text: promised_version(text) for text in injected},
            include_deps=entry.include_deps,
            pinned=entry.pinned,
        )

    def _best_pipx(self) -> Pipx | None:
        found = find_pipx(self.made_up.host, own_program_entry(self.made_up.host, "pipx").path)
        return found[0] if found else None
