"""Files of a host with any content: they are read, and nothing that they say becomes a command or another path."""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostile import (
    AWKWARD,
    VALUE,
    check_command,
    check_lines,
    check_words,
    documents,
    inputs,
    mutated,
    refused_or,
    stage,
)
from made_up_host import MARKER, MadeUpHost, entry_of, tool_of
from package_databases import with_apk, with_dpkg, with_homebrew, with_pacman
from pep668_provision.engine.desired import validate
from pep668_provision.engine.distro import identify, observe_distribution, parse_os_release
from pep668_provision.engine.errors import ProvisionError
from pep668_provision.engine.installer_pipx import inject_arguments
from pep668_provision.engine.interpreter import Interpreters
from pep668_provision.engine.marker import observe_marker
from pep668_provision.engine.observe import observe
from pep668_provision.engine.os_packages import installed_packages
from pep668_provision.engine.package_files import packaged_files
from pep668_provision.engine.pip_conf import foresee_config
from pep668_provision.engine.pip_conf_edit import edit, find_damage, mask_text
from pep668_provision.engine.pip_conf_wanted import read_wanted
from pep668_provision.engine.pip_config import observe_configuration, observe_override
from pep668_provision.engine.pipx import METADATA_NAME, exposed_links, observe_tool, parse_tool_record, tool_space
from pep668_provision.engine.plan import plan
from pep668_provision.engine.receipt import FILE_NAME, parse_receipt
from pep668_provision.engine.report import report_host
from pep668_provision.engine.seeds import pins_of
from pep668_provision.engine.site import observe_site, read_distributions, recorded_files, requirements_of, source_of
from pep668_provision.engine.venv import distributions_in, kept_packages, observe_venv, parse_pyvenv_cfg

SAMPLES = Path(__file__).resolve().parents[1] / "engine" / "os_releases"
OS_RELEASES = [path.read_bytes() for path in sorted(SAMPLES.glob("*/*"))]
NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
PIN = re.compile(r"[a-z0-9][a-z0-9-]*==[A-Za-z0-9][A-Za-z0-9.!+_~-]*")
VENV = entry_of(path="/srv/app/.venv", packages=["flask==3.0.3"])
TOOL = tool_of(name="black", inject=["plugin"])
SITE = "/srv/app/.venv/lib/python3.11/site-packages"


def test_there_are_samples() -> None:
    assert len(OS_RELEASES) > 80


@given(mutated(OS_RELEASES))
@inputs("os-release", 250)
def test_any_os_release_names_a_distribution(data: bytes) -> None:
    host = stage("debian").with_file("/etc/os-release", data).host
    parse_os_release(data.decode("utf-8", "replace"))
    found = observe_distribution(host)
    for package in (
        *found.interpreter_packages().values(),
        *(found.pip_package(), found.pipx_package(), found.uv_package()),
        *(found.library_package("requests"), found.venv_package("3.11", is_default=True)),
    ):
        assert re.fullmatch(r"[A-Za-z0-9@.+()_-]*", package), package
    check_words(found.install_hint(("python3",)))
    check_words(f"{found.id} {found.name} {found.version}.")


# Environments

CFG = [
    b"home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\nexecutable = /usr/bin/python3.11\n",
    b"home = /usr/bin\nimplementation = CPython\nuv = 0.5.1\nversion_info = 3.11\ninclude-system-site-packages = TRUE",
    b"home = /usr/bin\nvirtualenv = 20.26\nversion_info = 3.11.2.final.0\nbase-prefix = /usr\n",
]


def check_venv(made_up: MadeUpHost) -> None:
    """The environment on the stage is observed and planned, and what it brings into commands is sound."""
    host = made_up.host
    state = observe_venv(host, VENV.path, Interpreters(host))
    check_words(f"{state.problem}.")
    assert re.fullmatch(r"[0-9A-Za-z.]*", state.version), state.version
    kept = dict(state.kept)
    check_lines("\n".join(pins_of(kept)))
    assert all(map(PIN.fullmatch, pins_of(kept)))
    assert all(map(NAME.fullmatch, state.distributions))
    desired = validate({"python_venvs": [{"path": VENV.path, "packages": list(VENV.packages), "state": "exact"}]})
    planned = plan(desired, observe(desired, host))
    for step in planned.steps:
        check_words(" ".join(step.reasons))
    for command in made_up.runner.commands:
        check_command(command, files=0, editables=0)


@given(mutated(CFG))
@inputs("pyvenv.cfg", 250)
def test_any_pyvenv_cfg_is_read(data: bytes) -> None:
    made_up = stage("venv").with_file(f"{VENV.path}/pyvenv.cfg", data)
    parse_pyvenv_cfg(data.decode("utf-8", "replace"))
    try:
        check_venv(made_up)
    finally:
        made_up.with_file(f"{VENV.path}/pyvenv.cfg", CFG[0])


RECEIPT: dict[str, Any] = {
    "format": 1,
    "digest": "sha256:ab",
    "interpreter": {"path": "/usr/bin/python3.11", "version": "3.11.2", "size": 25, "mtime_ns": 7},
    "packages": {"flask": "3.0.3", "markupsafe": "2.1"},
    "installer": "pip",
}


@given(documents(RECEIPT, {**RECEIPT, "unfinished": "create"}), st.booleans())
@inputs("receipts", 300)
def test_any_receipt_is_read(data: bytes, has_cfg: bool) -> None:
    made_up = stage("venv").with_file(f"{VENV.path}/{FILE_NAME}", data)
    if not has_cfg:
        made_up.without(f"{VENV.path}/pyvenv.cfg")
    try:
        check_venv(made_up)
    finally:
        made_up.with_file(f"{VENV.path}/pyvenv.cfg", CFG[0]).without(f"{VENV.path}/{FILE_NAME}")
    receipt = parse_receipt(data.decode("utf-8", "replace"))
    if receipt is not None:
        assert parse_receipt(receipt.to_json()) == receipt


FILE_NAMES = st.one_of(
    mutated(
        [b"flask-3.0.3.dist-info", b"zope.interface-6.1-py3.11.egg-info", b"old_project.egg-link", b"~lask-1.dist-info"]
    ),
    st.sampled_from(AWKWARD).map(lambda text: f"{text}-1.0.dist-info".encode("utf-8", "surrogatepass")),
    st.sampled_from(AWKWARD).map(lambda text: f"x-{text}.dist-info".encode("utf-8", "surrogatepass")),
    st.sampled_from(AWKWARD).map(lambda text: f"{text}.egg-link".encode("utf-8", "surrogatepass")),
)


@given(st.lists(FILE_NAMES, max_size=3), st.booleans())
@inputs("names of dist-info directories", 250)
def test_any_name_of_a_dist_info_is_a_name_or_none(names: list[bytes], has_metadata: bool) -> None:
    made_up = stage("venv").with_file(f"{VENV.path}/pyvenv.cfg", CFG[0])
    folder = os.fsencode(made_up.real(SITE))
    made = []
    for name in names:
        path = folder + b"/" + name
        if b"/" in name or b"\x00" in name or not 0 < len(name) < 256 or name in (b".", b"..") or os.path.lexists(path):
            continue
        os.mkdir(path)
        made.append(path)
        if has_metadata:
            with open(path + b"/METADATA", "wb") as stream:
                stream.write(b"Metadata-Version: 2.1\nRequires-Dist: " + name + b"\n")
    try:
        check_venv(made_up)
        host = made_up.host
        assert all(map(NAME.fullmatch, distributions_in(host, SITE)))
        for installed in read_distributions(host, (SITE,)).values():
            assert NAME.fullmatch(installed.name)
            assert posixpath.dirname(installed.metadata) == SITE
            requirements_of(host, installed)
            source_of(host, installed)
        assert all(map(PIN.fullmatch, pins_of(kept_packages(host, VENV.path))))
    finally:
        for path in made:
            if has_metadata:
                os.unlink(path + b"/METADATA")
            os.rmdir(path)


INFO = f"{SITE}/flask-3.0.3.dist-info"
METADATA = b"Metadata-Version: 2.1\nName: flask\nVersion: 3.0.3\nRequires-Dist: click (>=8) ; extra == 'x'\n\nText\n"
RECORD = b'flask/__init__.py,sha256=ab,12\n"a,b.py",,\n../../../bin/flask,,\n/etc/passwd,,\n'
DIRECT = {"url": "file:///srv/project", "dir_info": {"editable": True}, "vcs_info": {"vcs": "git", "commit_id": "ab"}}


@given(mutated([METADATA]), mutated([RECORD]), documents(DIRECT))
@inputs("METADATA, RECORD, direct_url.json", 200)
def test_any_metadata_is_read(metadata: bytes, record: bytes, direct: bytes) -> None:
    made_up = stage("venv").with_file(f"{INFO}/METADATA", metadata)
    host = made_up.with_file(f"{INFO}/RECORD", record).with_file(f"{INFO}/direct_url.json", direct).host
    installed = read_distributions(host, (SITE,))["flask"]
    for requirement in requirements_of(host, installed):
        assert NAME.fullmatch(requirement.name)
    assert all(path.startswith("/") for path in recorded_files(host, installed))
    source_of(host, installed)
    check_venv(made_up)


# The marker and pip.conf

MARKERS = [
    MARKER.encode(),
    b"[externally-managed]\nError=To install\n .\n xyz.\nError-de_DE=Um\n",
    b"[a]\nb\n c\n[a]\n",
]


@given(mutated(MARKERS), st.sampled_from(["", "de_DE.UTF-8", "C.UTF-8", "tr_TR", "\udcff"]))
@inputs("EXTERNALLY-MANAGED", 250)
def test_any_marker_is_one(data: bytes, locale: str) -> None:
    host = stage("debian").with_file("/usr/lib/python3.11/EXTERNALLY-MANAGED", data).host
    found = observe_marker(host, "/usr/lib/python3.11", locale, "3.11.2")
    assert found.blocks
    check_words(f"{found.message} {found.problem}.")


CONFIGS = [
    b"[global]\nindex-url = https://u:p@index.example/simple\ntrusted-host =\n    a\n    b\n[install]\nno-index = no\n",
    b"; comment\n[DEFAULT]\nbreak-system-packages: true\n[global]\n[uninstall]\nbreak_system_packages=1\n",
    b"[global]\r\nbreak-system-packages = true\r\nextra-index-url = http://[\r\n find-links\r\n",
]
CHANGES = [
    {"break_system_packages": "absent"},
    {"index_url": "https://new.example/simple", "extra_index_urls": ["https://a.example", "https://b.example"]},
    {"no_index": True, "proxy": "", "trusted_hosts": ["h"], "cert": "/etc/my ca.pem"},
]


@given(mutated(CONFIGS))
@inputs("pip.conf, read", 250)
def test_any_pip_conf_is_read(data: bytes) -> None:
    made_up = stage("debian").with_file("/etc/pip.conf", data)
    for damaged in observe_configuration(made_up.host, "/usr").damaged:
        check_words(damaged.reason)
    found = observe_override(made_up.host, "/usr")
    check_words(f"{found.problem}{found.refused}.")
    desired = validate({"python_pip_conf_override": "absent", "python_venvs": [{"path": "/srv/new"}]})
    planned = plan(desired, observe(desired, made_up.host))
    for step in planned.steps:
        check_words(" ".join(step.reasons))


@given(mutated(CONFIGS), st.sampled_from(CHANGES))
@inputs("pip.conf, edited", 250)
def test_an_edit_of_any_pip_conf_is_refused_or_right(data: bytes, change: dict[str, Any]) -> None:
    made_up = stage("debian").with_file("/etc/pip.conf", data)
    wanted = read_wanted({"level": "system", **change})
    made = refused_or(lambda: foresee_config(wanted, made_up.host))
    if made is None:
        return
    assert made.file.real_path == "/etc/pip.conf"
    assert find_damage(made.after) is None
    assert edit(made.after, wanted.keys) == made.after
    # Lines that are about something else stay.
    for line in made.before.splitlines():
        if line.strip().startswith(("#", ";")):
            assert line in made.after
    mask_text(made.after)


# Tools

METADATA_OF_PIPX: dict[str, Any] = {
    "pipx_metadata_version": "0.5",
    "main_package": {
        "package": "black",
        "package_or_url": "black==24.10.0",
        "package_version": "24.10.0",
        "apps": ["black", "blackd"],
        "app_paths": [{"__type__": "Path", "__Path__": "/opt/pipx/venvs/black/bin/black"}],
        "apps_of_dependencies": ["idle"],
        "app_paths_of_dependencies": {},
        "include_apps": True,
        "include_dependencies": True,
        "pip_args": [],
        "suffix": "",
        "pinned": False,
        "man_pages": [],
    },
    "injected_packages": {
        "plugin": {
            "package": "plugin",
            "package_or_url": "plugin>=1",
            "package_version": "1.2",
            "apps": [],
            "apps_of_dependencies": [],
            "include_apps": False,
            "include_dependencies": False,
            "pip_args": [],
        }
    },
    "python_version": "Python 3.11.2",
    "venv_args": [],
    "source_interpreter": None,
}


def of_version(version: str, *left_out: str) -> dict[str, Any]:
    """The record as a pipx with this format of it writes it."""
    record: dict[str, Any] = json.loads(json.dumps(METADATA_OF_PIPX))
    record["pipx_metadata_version"] = version
    for key in left_out:
        record.pop(key, None)
        record["main_package"].pop(key, None)
        record["injected_packages"]["plugin"].pop(key, None)
    return record


RECORDS = [
    of_version("0.1", "source_interpreter", "pinned", "man_pages", "suffix"),
    of_version("0.2", "source_interpreter", "pinned", "man_pages"),
    of_version("0.3", "source_interpreter", "pinned"),
    of_version("0.4", "pinned"),
    METADATA_OF_PIPX,
]


@given(documents(*RECORDS))
@inputs("pipx_metadata.json of every version", 400)
def test_any_record_of_pipx_leads_nowhere_else(data: bytes) -> None:
    made_up = stage("tool").with_file(f"/opt/pipx/venvs/black/{METADATA_NAME}", data)
    host = made_up.host
    space = tool_space(host, host.caller, "global", None)
    record = parse_tool_record(data.decode("utf-8", "replace"))
    if record is not None:
        for link, target in exposed_links(space, space.venv_path(TOOL), record).items():
            assert posixpath.dirname(posixpath.normpath(link)) == "/usr/local/bin", link
            assert posixpath.dirname(posixpath.normpath(target)) == "/opt/pipx/venvs/black/bin", target
    state = observe_tool(host, space, TOOL, Interpreters(host))
    check_words(f"{state.problem}.")
    assert all(map(PIN.fullmatch, pins_of(dict(state.kept))))
    for word in inject_arguments(TOOL, state.kept_injected):
        assert not word.lstrip().startswith("-")
        assert word.isprintable()
    desired = validate({"python_tools": [{"name": "black", "inject": ["plugin"], "include_deps": True}]})
    for step in plan(desired, observe(desired, host)).steps:
        check_words(" ".join(step.reasons))


@pytest.mark.parametrize("record", RECORDS, ids=[str(record["pipx_metadata_version"]) for record in RECORDS])
def test_each_version_is_read(record: dict[str, Any]) -> None:
    found = parse_tool_record(json.dumps(record))
    assert found is not None
    assert found.main.apps == ("black", "blackd", "idle")
    assert found.injected["plugin"].spec == "plugin>=1"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("apps", ["../../../../etc/cron.d/x"], id="an app above the directory of commands"),
        pytest.param("apps", ["/etc/passwd"], id="an app with an absolute path"),
        pytest.param("apps", [".."], id="an app that is the directory above"),
        pytest.param("apps", [""], id="an app without a name"),
        pytest.param("apps_of_dependencies", ["a/b"], id="an app of a dependency in a directory"),
        pytest.param("suffix", "/../../x", id="a suffix that leads elsewhere"),
        pytest.param("package", "--index-url=http://evil.example/", id="a name that is an option"),
        pytest.param("package", "../../x", id="a name that is a path"),
        pytest.param("package", {"a": 1}, id="a name that is no text"),
        pytest.param("package_version", "1\n--index-url http://evil.example/", id="a version of two lines"),
    ],
)
def test_such_a_record_is_damaged(key: str, value: Any) -> None:
    record = of_version("0.5")
    record["main_package"][key] = value
    assert parse_tool_record(json.dumps(record)) is None


def test_an_option_among_what_was_injected_is_not_injected_again() -> None:
    record = of_version("0.5")
    record["injected_packages"]["plugin"]["package_or_url"] = "--pip-args=--index-url=http://evil.example/"
    made_up = stage("tool").with_file(f"/opt/pipx/venvs/black/{METADATA_NAME}", json.dumps(record).encode())
    space = tool_space(made_up.host, made_up.host.caller, "global", None)
    assert observe_tool(made_up.host, space, TOOL, Interpreters(made_up.host)).kept_injected == ("plugin",)


# Databases of package managers

DATABASES: dict[str, tuple[Callable[[MadeUpHost], MadeUpHost], list[str]]] = {
    "dpkg": (with_dpkg, ["/var/lib/dpkg/status", "/var/lib/dpkg/info/libpython3.13-stdlib:amd64.list"]),
    "dpkg's digests": (
        with_dpkg,
        ["/var/lib/dpkg/info/libpython3.13-stdlib:amd64.md5sums", "/var/lib/dpkg/diversions"],
    ),
    "pacman": (with_pacman, [f"/var/lib/pacman/local/python-1:3.13.7-1/{name}" for name in ("files", "mtree", "desc")]),
    "apk": (with_apk, ["/lib/apk/db/installed"]),
    "brew": (with_homebrew, ["/opt/homebrew/Cellar/python@3.13/3.13.7_1/.brew/python@3.13.rb"]),
}
SOUND = re.compile(r"[A-Za-z0-9@_][A-Za-z0-9@+._:~^-]*")


@pytest.mark.parametrize("kind", DATABASES)
def test_any_database_of_packages_is_read(kind: str, tmp_path: Path) -> None:
    build, paths = DATABASES[kind]
    made_up = build(MadeUpHost(tmp_path).with_debian("12"))
    samples = [made_up.real(path).read_bytes() if made_up.real(path).exists() else b"/a\n/b\n:\n" for path in paths]
    distribution = identify("ID=debian\n")

    @given(st.data())
    @inputs("databases of packages", 60)
    def read(data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(paths) - 1))
        host = made_up.with_file(paths[number], data.draw(mutated([samples[number]]))).host
        try:
            for file in refused_or(lambda: packaged_files(host, "EXTERNALLY-MANAGED")) or ():
                assert SOUND.fullmatch(file.package), file
                assert posixpath.normpath(file.path) == file.path
                assert file.path.startswith("/")
            installed_packages(host, distribution, ["libpython3.13-stdlib", "before"])
        finally:
            made_up.with_file(paths[number], samples[number])

    read()


@pytest.mark.parametrize("name", ["-x", "--force-yes", "a b", "a;b", "$(id)"])
def test_a_package_with_such_a_name_is_none(made_up: MadeUpHost, name: str) -> None:
    made_up.with_file(f"/var/lib/dpkg/info/{name}.list", "/usr/lib/python3.13/EXTERNALLY-MANAGED\n")
    assert packaged_files(made_up.host, "EXTERNALLY-MANAGED") == ()


# Everything at once, as python_info tells of it

LOGIN = [b'PATH="$HOME/bin:$PATH"\n', b"# .local/bin\n", b"export PATH=~/.local/bin:$PATH\n", b"caf\xe9\n"]


@given(mutated(OS_RELEASES), mutated(CONFIGS), mutated(MARKERS), st.lists(VALUE, max_size=2))
@inputs("a host with several damaged files", 60)
def test_any_host_is_described(os_release: bytes, config: bytes, marker: bytes, packages: list[Any]) -> None:
    made_up = stage("debian").with_file("/etc/os-release", os_release).with_file("/etc/pip.conf", config)
    made_up.with_file("/usr/lib/python3.11/EXTERNALLY-MANAGED", marker)
    try:
        names = [str(one) for one in packages]
    except ValueError:
        names = []
    described = refused_or(lambda: report_host(made_up.host, names, names))
    if described is not None:
        json.dumps(described)


def test_a_named_pipe_is_not_waited_for(made_up: MadeUpHost) -> None:
    made_up.with_interpreter("3.11.2").with_venv("/srv/v", {"flask": "3.0.3"})
    for name in (FILE_NAME, "pyvenv.cfg", "pipx_metadata.json"):
        made_up.without(f"/srv/v/{name}")
        os.mkfifo(made_up.real(f"/srv/v/{name}"))
    state = observe_venv(made_up.host, "/srv/v", Interpreters(made_up.host))
    assert (state.kind, state.receipt) == ("directory", None)
    assert made_up.host.head("/srv/v/pyvenv.cfg", 10) == b""


def test_a_home_that_is_no_directory_has_no_tools(made_up: MadeUpHost) -> None:
    for home in ("", "relative", "../x"):
        account = made_up.accounts["alice"].__class__("alice", 61002, 61002, home, "/bin/sh")
        with pytest.raises(ProvisionError, match="no directory that tools could be in"):
            tool_space(made_up.host, account, "user", None)


def test_a_site_is_read_where_it_is_absolute(made_up: MadeUpHost) -> None:
    answer = {
        "path": ["", "-x", "rel", "/usr/lib"],
        "user_site": 1,
        "place": None,
        "environment": {"python_version": 3},
    }
    made_up.with_interpreter("3.11.2", answer=json.dumps(answer))
    python = Interpreters(made_up.host).probe("/usr/bin/python3")
    assert python is None
    made_up.with_interpreter("3.12.2", default=True)
    found = Interpreters(made_up.host).probe("/usr/bin/python3.12")
    assert found is not None
    made_up.pythons["/usr/bin/python3.12"].answer = json.dumps(answer)
    site = observe_site(made_up.host, found)
    assert site.directories == ("/usr/lib",)
    assert site.environment == {"python_version": "3"}
