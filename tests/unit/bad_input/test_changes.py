"""Steps taken beside hostile records: nothing outside of what was declared is written, linked, moved or removed.

Every change that this process makes to the file system is seen by an audit hook (PEP 578). pip and pipx are stand-ins.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hostile import AWKWARD, TEXT, check_command, check_lines, documents, inputs, mutated, refused_or
from made_up_host import PATH
from pep668_provision.engine.account import Account
from pep668_provision.engine.apply_tool import ToolRun
from pep668_provision.engine.apply_venv import VenvRun
from pep668_provision.engine.desired import Desired, validate
from pep668_provision.engine.errors import ProvisionError
from pep668_provision.engine.host import Host
from pep668_provision.engine.host_state import ObservedTool, ObservedVenv
from pep668_provision.engine.interpreter import Interpreter, Interpreters
from pep668_provision.engine.login_path import LoginPath, observe_login_path, put_on_login_path
from pep668_provision.engine.pipx import METADATA_NAME, Pipx, observe_tool, tool_space
from pep668_provision.engine.process import Command, Completed
from pep668_provision.engine.receipt import FILE_NAME
from pep668_provision.engine.request import read_request
from pep668_provision.engine.steps import ToolStep, VenvStep
from pep668_provision.engine.venv import observe_venv

CHANGES: list[str] = []
_IS_WATCHED = [False]
#: Events of the audit hook, and at which of their arguments the changed paths stand.
_EVENTS = {
    **dict.fromkeys(
        ("os.mkdir", "os.rmdir", "os.remove", "os.truncate", "os.chmod", "os.chown", "shutil.rmtree"), (0,)
    ),
    **dict.fromkeys(("os.rename", "os.link"), (0, 1)),
    "os.symlink": (1,),
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if not _IS_WATCHED[0]:
        return
    if event == "open" and isinstance(arguments[0], (str, bytes)) and arguments[2] & _WRITING:
        CHANGES.append(os.fsdecode(arguments[0]))
    if event == "os.mkdir" and os.path.lexists(arguments[0]):
        # It is tried where nobody knows whether it is there, and changes nothing then.
        return
    for place in _EVENTS.get(event, ()):
        if isinstance(arguments[place], (str, bytes)):
            CHANGES.append(os.fsdecode(arguments[place]))


sys.addaudithook(_hear)


@contextmanager
def watched() -> Iterator[list[str]]:
    """What is changed meanwhile is in the list, as the real path of its directory with its name."""
    CHANGES.clear()
    found: list[str] = []
    _IS_WATCHED[0] = True
    try:
        yield found
    finally:
        _IS_WATCHED[0] = False
        for path in CHANGES:
            # rmtree removes by names in a directory that it has open; it says itself which tree that is.
            if "/" in path:
                found.append(os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)))


class Ground:
    """A real directory with an account's home in it; what is outside of the home is nobody's to change."""

    def __init__(self) -> None:
        self.top = Path(os.path.realpath(tempfile.mkdtemp(prefix="bad-changes-")))
        self.home = self.top / "home"
        self.account = Account("me", os.geteuid(), os.getegid(), str(self.home), "/bin/sh")
        self.commands: list[Command] = []
        self.metadata = b""
        self.python = self.top / "bin" / "python3.11"
        self.outside = self.top / "outside"
        self.host = Host(
            environ={"PATH": PATH, "HOME": str(self.home)},
            runner=self.run,
            uid=os.geteuid(),
            account_by_name={"me": self.account}.get,
            account_by_uid=lambda _: self.account,
            processors=1,
        )

    def prepare(self) -> None:
        """The ground is as at first."""
        shutil.rmtree(self.top)
        self.outside.mkdir(parents=True)
        (self.outside / "precious").write_text("precious")
        self.home.mkdir()
        self.python.parent.mkdir()
        self.python.write_text("stand-in")
        self.python.chmod(0o755)
        self.commands.clear()

    def venv(self, path: Path, *packages: str) -> None:
        """A whole environment stands there."""
        site = path / "lib" / "python3.11" / "site-packages"
        site.mkdir(parents=True)
        (path / "bin").mkdir()
        (path / "bin" / "python").symlink_to(self.python)
        (path / "pyvenv.cfg").write_text(f"home = {self.python.parent}\nversion = 3.11.2\n")
        for package in packages:
            (site / f"{package}.dist-info").mkdir()
            (site / f"{package}.dist-info" / "METADATA").write_text("Name: x\n")

    def run(self, command: Command, _: object) -> Completed:
        """Stands in for pip and pipx, which do no more than the engine looks for."""
        _IS_WATCHED[0], was = False, _IS_WATCHED[0]
        try:
            self.commands.append(command)
            for word in command.argv:
                if word.endswith(("pins.txt", "packages.txt")):
                    check_lines(Path(word).read_text())
            if command.env.get("PIP_CONSTRAINT"):
                check_lines(Path(str(command.env["PIP_CONSTRAINT"])).read_text())
            if "venv" in command.argv:
                path = Path(command.argv[-1])
                shutil.rmtree(path / "lib", ignore_errors=True)
                shutil.rmtree(path / "bin", ignore_errors=True)
                self.venv(path, "pip-23.0")
            elif command.argv[:2] == ("/usr/bin/pipx", "install"):
                path = Path(str(command.env["PIPX_HOME"])) / "venvs" / "black"
                self.venv(path, "black-24.10.0")
                (path / METADATA_NAME).write_bytes(self.metadata)
        finally:
            _IS_WATCHED[0] = was
        return Completed(command, 0, '{"install": []}')

    def check(self, changed: list[str], *allowed: Path) -> None:
        """All that was changed is one of these or in one, or in a temporary directory of the engine's own."""
        scratch = os.path.join(os.path.realpath(tempfile.gettempdir()), ".pep668-")
        for path in changed:
            plain = os.path.normpath(path)
            assert plain.startswith(scratch) or any(
                plain == str(one) or plain.startswith(f"{one}/") for one in allowed
            ), f"{path} was changed, allowed are {', '.join(map(str, allowed))}"
        assert (self.outside / "precious").read_text() == "precious"
        assert [path.name for path in self.outside.iterdir()] == ["precious"]


GROUND = Ground()
PYTHON = Interpreter(
    str(GROUND.python), str(GROUND.python), "3.11.2", "cpython", "/usr", "/usr/lib/python3.11", False, True, "other"
)
RECEIPT: dict[str, Any] = {
    "format": 1,
    "digest": "sha256:ab",
    "interpreter": {"path": str(GROUND.python), "version": "3.11.2", "size": 8, "mtime_ns": 7},
    "packages": {"six": "1.16.0", "flask": "3.0.3"},
    "installer": "pip",
}
#: What somebody could have put in place of an environment's directories.
LINKS = st.sampled_from(["", "", "bin", "lib", FILE_NAME, "pyvenv.cfg"])
NAMES = st.sampled_from([text for text in AWKWARD if "/" not in text and "\x00" not in text and len(text) < 50])


def venv_step(action: str, desired: Desired) -> VenvStep:
    host, entry = GROUND.host, desired.venvs[0]
    state = observe_venv(host, entry.path, Interpreters(host))
    observed = ObservedVenv(entry, state, read_request(host, entry), interpreter=PYTHON)
    return VenvStep(action, observed, ("it is a test",), 0, PYTHON)


@given(
    st.sampled_from(["create", "rebuild", "update", "remove"]),
    st.sampled_from(["present", "exact"]),
    documents(RECEIPT, {**RECEIPT, "unfinished": "update"}),
    LINKS,
    st.lists(NAMES, max_size=2),
)
@inputs("steps for an environment with hostile records", 120)
def test_a_step_for_an_environment_changes_nothing_else(
    action: str, wanted: str, receipt: bytes, link: str, names: list[str]
) -> None:
    GROUND.prepare()
    path = GROUND.top / "srv" / "app"
    path.parent.mkdir()
    GROUND.venv(path, "six-1.16.0", "flask-3.0.3", "extra-1.0", "pip-23.0")
    (path / FILE_NAME).write_bytes(receipt)
    for name in names:
        folder = os.fsencode(path / "lib" / "python3.11" / "site-packages") + b"/"
        os.makedirs(folder + f"{name}-1.0.dist-info".encode("utf-8", "surrogatepass"), exist_ok=True)
        with open(folder + f"{name}.egg-link".encode("utf-8", "surrogatepass"), "wb") as stream:
            stream.write(bytes(GROUND.outside) + b"\n")
    if link:
        replaced = path / link
        shutil.rmtree(replaced) if replaced.is_dir() else replaced.unlink()
        replaced.symlink_to(GROUND.outside)
    desired = validate({"python_venvs": [{"path": str(path), "packages": ["flask==3.0.3"], "state": wanted}]})
    with watched() as changed:
        refused_or(lambda: VenvRun(GROUND.host, desired, venv_step(action, desired), []).take())
    if link in ("bin", "lib"):
        # pip, stood in for, may have made it anew; what the engine itself does stays where it belongs.
        assert (GROUND.outside / "precious").exists()
    GROUND.check(changed, path, Path(f"{path}.pep668-old"))
    for command in GROUND.commands:
        check_command(command, files=1, editables=0)


RECORD: dict[str, Any] = {
    "pipx_metadata_version": "0.5",
    "main_package": {
        "package": "black",
        "package_or_url": "black",
        "package_version": "24.10.0",
        "apps": ["black", "../../../../outside/black"],
        "apps_of_dependencies": ["idle"],
        "include_apps": True,
        "include_dependencies": True,
        "suffix": "",
        "pinned": False,
    },
    "injected_packages": {"x": {"package": "x", "package_or_url": "x>=1", "package_version": "1", "apps": ["x"]}},
    "python_version": "Python 3.11.2",
}
GOOD = json.loads(json.dumps(RECORD))
GOOD["main_package"]["apps"] = ["black", "blackd"]


@given(
    st.sampled_from(["create", "rebuild", "link", "remove"]),
    documents(RECORD, GOOD, GOOD),
    documents(RECORD, GOOD),
    st.lists(TEXT, max_size=3),
)
@inputs("steps for a tool with hostile records", 150)
def test_a_step_for_a_tool_changes_nothing_else(action: str, before: bytes, after: bytes, apps: list[str]) -> None:
    GROUND.prepare()
    GROUND.metadata = after
    host, entry = GROUND.host, validate({"python_tools": [{"name": "black", "scope": "user"}]}).tools[0]
    space = tool_space(host, GROUND.account, "user", None)
    path = Path(space.venv_path(entry))
    GROUND.venv(path, "black-24.10.0", "x-1")
    (path / METADATA_NAME).write_bytes(before)
    for app in ("black", "blackd", "idle", *apps):
        if "/" not in app and "\x00" not in app and app.isprintable() and app and len(app) < 100:
            (path / "bin" / app).write_text("") if app not in (".", "..") else None
    bin_dir = Path(space.bin_dir)
    bin_dir.mkdir(parents=True)
    (bin_dir / "mine").write_text("mine")
    (bin_dir / "elsewhere").symlink_to(GROUND.outside / "precious")
    state = observe_tool(host, space, entry, Interpreters(host))
    step = ToolStep(action, ObservedTool(entry, state, space), ("it is a test",), 0, Pipx("/usr/bin/pipx", "1.7.1"))
    with watched() as changed:
        refused_or(lambda: ToolRun(host, Desired(), step, []).take())
    GROUND.check(changed, path, Path(space.aside_path(entry)).parent, Path(space.home) / "venvs", bin_dir)
    assert (bin_dir / "mine").read_text() == "mine"
    assert (bin_dir / "elsewhere").is_symlink()
    for one in bin_dir.iterdir():
        if one.is_symlink() and one.name != "elsewhere":
            assert os.path.dirname(os.path.normpath(os.readlink(one))) == str(path / "bin"), one
    for command in GROUND.commands:
        check_command(command, files=0, editables=0)


LOGIN = [b'PATH="$HOME/bin:$PATH"\n', b"# .local/bin\n", b"caf\xe9\n", b"a\r\nb", b"\xff\xfe\x00", b""]


@given(mutated(LOGIN), st.sampled_from(["/bin/sh", "/bin/bash", "/usr/bin/zsh", "/usr/bin/fish", "", "-x", "\udcff"]))
@inputs("login profiles", 150)
def test_what_is_in_a_login_profile_stays_byte_by_byte(data: bytes, shell: str) -> None:
    GROUND.prepare()
    account = Account("me", os.geteuid(), os.getegid(), str(GROUND.home), shell)
    found = observe_login_path(GROUND.host, account)
    file = Path(found.file)
    assert GROUND.home in file.parents
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    if observe_login_path(GROUND.host, account).is_set:
        return
    with watched() as changed:
        put_on_login_path(GROUND.host, LoginPath(account, str(file), is_set=False))
    GROUND.check(changed, file.parent)
    assert file.read_bytes().startswith(data)
    assert observe_login_path(GROUND.host, account).is_set


def put_on(build: Callable[[Path], object]) -> tuple[Path, str]:
    """What becomes of a .profile that is something else, and the refusal."""
    GROUND.prepare()
    profile = GROUND.home / ".profile"
    build(profile)
    try:
        put_on_login_path(GROUND.host, LoginPath(GROUND.account, str(profile), is_set=False))
    except ProvisionError as error:
        return profile, str(error)
    return profile, ""


def test_a_profile_that_is_no_file_stays_as_it_is() -> None:
    for build in (os.mkfifo, lambda path: path.symlink_to(os.devnull), Path.mkdir):
        profile, refusal = put_on(build)
        assert ".profile cannot be read" in refusal
        assert not profile.is_file()
    assert Path(os.devnull).is_char_device()


def test_a_huge_profile_is_not_replaced_by_a_few_lines() -> None:
    profile, refusal = put_on(lambda path: path.write_bytes(b"x\n" * 3_000_000))
    assert "at most" in refusal
    assert profile.stat().st_size == 6_000_000


def test_the_hook_sees_every_kind_of_change(tmp_path: Path) -> None:
    with watched() as changed:
        (tmp_path / "file").write_text("")
        (tmp_path / "folder").mkdir()
        (tmp_path / "link").symlink_to("file")
        (tmp_path / "file").rename(tmp_path / "other")
        (tmp_path / "other").unlink()
        shutil.rmtree(tmp_path / "folder")
    top = os.path.realpath(tmp_path)
    assert {f"{top}/{name}" for name in ("file", "folder", "link", "other")} <= set(changed)
