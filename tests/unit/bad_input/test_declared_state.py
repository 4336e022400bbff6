"""Declared state of any kind: it is accepted or refused in words, and what is accepted brings no option and no path."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostile import (
    AWKWARD,
    TEXT,
    VALUE,
    around,
    check_command,
    check_lines,
    check_words,
    inputs,
    nested,
    refused_or,
    stage,
)
from pep668_provision.engine.converge import rehearse
from pep668_provision.engine.desired import VARIABLES, Desired, IndexSettings, ToolEntry, VenvEntry, validate
from pep668_provision.engine.errors import InvalidState, ProvisionError
from pep668_provision.engine.installer import Prepared, Workplace
from pep668_provision.engine.installer_pip import PipInstaller, pip_environment
from pep668_provision.engine.installer_pipx import (
    inject_arguments,
    install_arguments,
    pin_arguments,
    pipx_command,
    pipx_environment,
)
from pep668_provision.engine.installer_uv import UvInstaller
from pep668_provision.engine.look import report_plan
from pep668_provision.engine.observe import observe
from pep668_provision.engine.pipx import Pipx, tool_space
from pep668_provision.engine.plan import plan
from pep668_provision.engine.redact import has_credentials
from pep668_provision.engine.request import InstallRequest

PATHS = around("/srv/app/.venv", "/srv/new", "/opt/a b", "/srv/-x", "/srv/x;y", "/srv/é")
FILES = around("/srv/app/requirements.txt", "/srv/app/constraints.txt")
REQUIREMENTS = around(
    *("flask==3.0.3", "requests[socks]>=2.31,<3", "a", 'x; python_version >= "3.8"', "y @ https://h.example/y-1.zip"),
    *("y @ https://u:p@h.example/y-1.zip ; os_name == 'posix'", "z @ file:///srv/z", "p @ git+https://h.example/p"),
)
SPECS = around(
    "black[d]==24.10.0", "/srv/tools/black", "https://h.example/black-1.0.zip", "git+https://h.example/b#egg=b"
)
URLS = around("https://index.example/simple", "http://u:p@h.example:3128/", "/srv/wheels", "file:///srv/wheels")


def entries(required: Mapping[str, Any], **optional: Any) -> Any:
    """Entries with good and awkward values, seldom with a key that nobody knows or a value of another type."""
    known = st.fixed_dictionaries(dict(required), optional=optional)
    spoilt = st.builds(
        lambda entry, key, value: {**entry, key: value}, known, st.sampled_from(list(optional)) | TEXT, VALUE
    )
    return st.one_of(known, known, known, spoilt)


def lists_of(one: Any) -> Any:
    return st.lists(one, max_size=2)


VENVS = entries(
    {"path": PATHS},
    state=st.sampled_from(["present", "exact", "absent"]),
    python=around("3.11", "python3.11", "/usr/bin/python3", "3.11.2"),
    packages=lists_of(REQUIREMENTS),
    requirements=lists_of(FILES),
    constraints=lists_of(FILES),
    project=around("/srv/project"),
    editable=st.booleans(),
    extras=lists_of(around("postgres")),
    require_hashes=st.booleans(),
    owner=around("keeper"),
    installer=st.sampled_from(["auto", "pip"]),
)
TOOLS = entries(
    {"name": around("black", "Django.Tool")},
    spec=SPECS,
    scope=st.sampled_from(["global", "user"]),
    user=around("keeper", "alice"),
    python=around("3.11", "/usr/bin/python3"),
    inject=lists_of(SPECS | REQUIREMENTS),
    suffix=around("@24", "_x"),
    include_deps=st.booleans(),
    pinned=st.booleans(),
)
SYSTEM_PIP = entries(
    {"name": lists_of(REQUIREMENTS | SPECS) | REQUIREMENTS},
    requirements=lists_of(FILES),
    version=around("1.0", ">=2,<3"),
    executable=around("pip3", "/usr/bin/pip3"),
    extra_args=around("--no-deps -c /srv/c.txt", "--user"),
    chdir=PATHS,
    umask=around("022", "0o027"),
    scope=st.sampled_from(["system", "user"]),
    user=around("keeper"),
    allow_overwrite=lists_of(around("requests")),
)
INDEX: dict[str, Any] = {
    "python_index_url": URLS,
    "python_extra_index_urls": lists_of(URLS),
    "python_find_links": lists_of(URLS),
    "python_index_username": around("me"),
    "python_index_password": around("secret"),
    "python_ca_bundle": around("/etc/ssl/ca.pem"),
    "python_proxy": URLS,
    "python_trusted_hosts": lists_of(around("h.example:8080", "[::1]:80")),
}
STATES = st.fixed_dictionaries(
    {},
    optional={
        "python_venvs": lists_of(VENVS),
        "python_tools": lists_of(TOOLS),
        "python_system_pip": lists_of(SYSTEM_PIP),
        "python_libraries": lists_of(around("requests", "PyYAML")),
        "python_lock_timeout": st.integers() | st.floats() | st.just(10**400),
        "python_no_index": st.booleans() | VALUE,
        **INDEX,
    },
)
ANYTHING = st.dictionaries(st.sampled_from(VARIABLES) | TEXT, VALUE, max_size=4)


@given(ANYTHING)
@inputs("declared state of any kind", 250)
def test_anything_is_accepted_or_refused_in_words(declared: dict[str, Any]) -> None:
    refused_or(lambda: validate(declared))


def check_accepted(desired: Desired) -> None:
    """What was accepted holds no option, no relative path and no line break."""
    for venv in desired.venvs:
        paths = [venv.path, *venv.requirements, *venv.constraints, *filter(None, [venv.project])]
        for path in paths:
            assert path.startswith("/"), path
            assert posixpath.normpath(path) == path, path
        for text in (*paths, venv.python, venv.owner, *venv.packages, *venv.extras):
            assert not text.startswith("-"), text
            assert text.isprintable() or not any(one in text for one in "\x00\n\r\u2028\u2029\x85"), text
    for tool in desired.tools:
        for text in (tool.name, tool.install_spec, tool.user, tool.suffix, *(tool.inject or ())):
            assert not text.startswith("-"), text
        assert "/" not in tool.venv_name, tool
        assert tool.venv_name.strip("."), tool
    for library in desired.libraries:
        assert posixpath.basename(library) == library
        assert not library.startswith("-")
    assert 0 <= desired.lock_timeout < 2**31
    int(desired.lock_timeout)


@given(STATES)
@inputs("declared entries with awkward values", 400)
def test_what_is_accepted_is_what_it_says(declared: dict[str, Any]) -> None:
    desired = refused_or(lambda: validate(declared))
    if desired is not None:
        check_accepted(desired)


def commands_of_venv(entry: VenvEntry, index: IndexSettings) -> list[Prepared]:
    """Every call of pip and uv that an environment can lead to."""
    host = stage("uv").made_up.host
    work = Workplace(host, None, "/tmp/.pep668-scratch", index)
    request = InstallRequest(entry, upgrade=entry.state == "latest", pins=("six==1.0",), also=("six==1.0",))
    found = []
    for installer in (PipInstaller(), UvInstaller("/usr/bin/uv")):
        found += [
            installer.install(work, entry.path, request),
            installer.resolve(work, entry.path, request, everything=True),
        ]
    return found


def check_prepared(prepared: Prepared, entry: VenvEntry) -> None:
    files = len(entry.requirements) + any(map(has_credentials, entry.packages))
    check_command(prepared.command, files=files, editables=int(entry.editable), further=entry.pip_args)
    words = prepared.command.argv
    # Constraints: the entry's own and the pins.
    assert words.count("-c") <= len(entry.constraints) + 2
    for name, content in prepared.files.items():
        assert name.startswith("/tmp/.pep668-scratch/")
        check_lines(content)
    for path in (*entry.requirements, *entry.constraints):
        assert words[words.index(path) - 1] in ("-r", "-c")


@given(VENVS, st.fixed_dictionaries({}, optional=INDEX))
@inputs("commands for environments with awkward values", 400)
def test_no_option_gets_into_a_command_for_an_environment(venv: dict[str, Any], index: dict[str, Any]) -> None:
    desired = refused_or(lambda: validate({**index, "python_venvs": [venv]}))
    if desired is None:
        return
    for prepared in refused_or(lambda: commands_of_venv(desired.venvs[0], desired.index)) or ():
        check_prepared(prepared, desired.venvs[0])


@given(TOOLS, st.fixed_dictionaries({}, optional=INDEX))
@inputs("commands for tools with awkward values", 400)
def test_no_option_gets_into_a_command_for_a_tool(tool: dict[str, Any], index: dict[str, Any]) -> None:
    desired = refused_or(lambda: validate({**index, "python_tools": [tool]}))
    if desired is None:
        return
    host = stage("uv").made_up.host
    entry = desired.tools[0]
    space = tool_space(host, host.caller, "global", None)
    assert posixpath.dirname(space.venv_path(entry)) == "/opt/pipx/venvs"
    assert posixpath.dirname(space.aside_path(entry)) == "/opt/pipx/.pep668-old"
    for name in (space.venv_path(entry), space.aside_path(entry), space.scratch_path(entry)):
        assert posixpath.normpath(name) == name
    env = pipx_environment(host, space, desired.index, prefix=space.venv_path(entry), backend="", uv="/usr/bin/uv")
    for arguments in (
        install_arguments(entry, python="/usr/bin/python3" if entry.python else ""),
        inject_arguments(entry, entry.inject or ()),
        pin_arguments(entry, pinned=entry.pinned),
    ):
        command = pipx_command(Pipx("/usr/bin/pipx", "1.7.1"), space, arguments, env)
        check_command(command, files=0, editables=0)
        # Where pipx looks for its own words and the tool's name.
        assert arguments[0] in ("install", "inject", "pin", "unpin")


@given(STATES)
@inputs("declared state planned for a made-up host", 150)
def test_whatever_is_declared_is_planned(declared: dict[str, Any]) -> None:
    desired = refused_or(lambda: validate(declared))
    if desired is None:
        return
    made_up = stage("debian").made_up
    made_up.runner.commands.clear()
    made_up.runner.queries.clear()
    host = made_up.host
    state = refused_or(lambda: observe(desired, host))
    if state is None:
        return
    planned = plan(desired, state)
    for command in (*made_up.runner.commands, *made_up.runner.queries):
        check_command(command, files=0, editables=0)
    for step in planned.steps:
        for reason in step.reasons:
            check_words(reason)
    for refusal in planned.refusals:
        check_words(str(refusal))
    for package in planned.packages:
        assert not package.name.startswith("-")
        assert not set(package.name) & set(" \n;&|$`'\"\\<>*?"), package.name
    json.dumps(report_plan(desired, state, planned, processors=1)).encode()


@given(STATES)
@inputs("declared state rehearsed on a made-up host", 60)
def test_whatever_is_declared_is_rehearsed(declared: dict[str, Any]) -> None:
    desired = refused_or(lambda: validate(declared))
    if desired is None:
        return
    made_up = stage("uv").made_up
    made_up.runner.commands.clear()
    refused_or(lambda: rehearse(desired, made_up.host))
    files = max(
        [
            1,
            *(len(one.requirements) + 1 for one in desired.venvs),
            *(len(one.requirements) for one in desired.system_pip),
        ]
    )
    further = [word for one in desired.system_pip for word in one.pip_args]
    further += [word for one in desired.venvs for word in one.pip_args]
    for command in made_up.runner.commands:
        check_command(command, files=files, editables=99, further=further)


# What was found by these tests and by looking, each once more by itself.

REFUSED: tuple[Any, ...] = (
    pytest.param({"python_lock_timeout": float("nan")}, "python_lock_timeout", id="a time that is no number"),
    pytest.param({"python_lock_timeout": float("inf")}, "python_lock_timeout", id="an endless time"),
    pytest.param({"python_lock_timeout": 10**400}, "python_lock_timeout", id="a time beyond all numbers of a machine"),
    pytest.param({"python_lock_timeout": 10**5000}, "python_lock_timeout", id="a number that Python does not print"),
    pytest.param({"python_venvs": nested(3000)}, "python_venvs", id="lists in lists"),
    pytest.param({1: 2}, "no such variable", id="a variable that is a number"),
    pytest.param({"x" * 10**6: 1}, "no such variable", id="a name of a megabyte"),
    pytest.param({"python_venvs": [{"path": "/x" * 500_000}]}, "longer than", id="a path of a megabyte"),
    pytest.param({"python_venvs": [{"path": "/srv/\ud800"}]}, "path", id="half a character"),
    pytest.param({"python_venvs": [{"path": "/srv/\u2028x"}]}, "path", id="a line separator in a path"),
    pytest.param({"python_venvs": [{"path": "/srv/\x85x"}]}, "path", id="a line break of EBCDIC in a path"),
    pytest.param({"python_venvs": [{"path": "/srv/a:b"}]}, "path", id="a colon in the path of an environment"),
    pytest.param({"python_venvs": [{"path": "/srv/a $(id)"}]}, "path", id="a command in the path of an environment"),
    pytest.param({"python_venvs": [{"path": '/srv/a "b'}]}, "path", id="a quote that no script of pip minds"),
    pytest.param({"python_venvs": [{"path": f"/srv/{'x' * 256}"}]}, "255 bytes", id="a name no file system takes"),
    pytest.param(
        {"python_venvs": [{"path": "/srv/v", "python": "\uff13.\uff11\uff12"}]}, "python", id="digits of another script"
    ),
    pytest.param({"python_venvs": [{"path": "/srv/v", "project": "/srv/a;b"}]}, "project", id="a marker in a project"),
    pytest.param({"python_tools": [{"name": "x", "spec": "/srv/a;b"}]}, "spec", id="a marker in a path"),
    pytest.param({"python_index_url": "http://[::1/simple"}, "python_index_url", id="an address cut off"),
    pytest.param({"python_index_url": "https://h\u2100.example/"}, "python_index_url", id="a host that is none"),
    pytest.param({"python_find_links": ["/srv/a\u3000b"]}, "python_find_links", id="a blank of another script"),
    pytest.param(
        {"python_venvs": [{"path": "/srv/v", "packages": ["y @ https://u:p@h/y.zip ; os_name == ' --hash=x'"]}]},
        "packages",
        id="an option in a marker that goes through a file",
    ),
    pytest.param({"python_system_pip": [{"name": nested(3000)}]}, "python_system_pip", id="lists in lists for pip"),
    pytest.param({"python_system_pip": [{"name": [10**5000, 1]}]}, "python_system_pip", id="a number for a name"),
    pytest.param({"python_system_pip": [{"name": "a[" + "," * 10**6}]}, "python_system_pip", id="a megabyte of commas"),
)


@pytest.mark.parametrize(("declared", "part"), REFUSED)
def test_this_is_refused(declared: dict[str, Any], part: str) -> None:
    with pytest.raises(InvalidState) as refusal:
        validate(declared)
    check_words(str(refusal.value))
    assert part in str(refusal.value)


@pytest.mark.parametrize("text", AWKWARD)
@pytest.mark.parametrize("key", ["path", "python", "project", "owner", "requirements", "packages", "extras"])
def test_each_awkward_text_is_accepted_or_refused_by_each_key(key: str, text: str) -> None:
    value: Any = [text] if key in ("requirements", "packages", "extras") else text
    declared = {"python_venvs": [{"path": "/srv/v", **({"project": "/srv/p"} if key == "extras" else {}), key: value}]}
    desired = refused_or(lambda: validate(declared))
    if desired is not None:
        check_accepted(desired)


def test_a_file_of_pins_is_named_by_one_word(tmp_path: Path) -> None:
    """pip takes apart what its variable holds at blanks."""
    named = pip_environment(IndexSettings(), pins_file=f"{tmp_path}/a b/pins.txt")["PIP_CONSTRAINT"]
    assert named is not None
    assert len(named.split()) == 1


def test_an_error_of_a_tool_without_place_is_an_error_of_this_project() -> None:
    with pytest.raises(ProvisionError):
        validate({"python_tools": [{"name": "x", "suffix": "/../x"}]})
    assert ToolEntry("black", suffix="@24").venv_name == "black@24"
