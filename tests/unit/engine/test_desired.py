# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be declared: each misuse is refused with the entry, the value and what is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pep668_provision.engine.desired import (
    INSTALLERS,
    LAYOUTS,
    PIP_CONF_OVERRIDES,
    PIPX_SOURCES,
    REBUILDS,
    SCOPES,
    TOOL_STATES,
    VARIABLES,
    VENV_STATES,
    Desired,
    suggestions,
    validate,
)
from pep668_provision.engine.errors import InvalidState


def refusals(declared: dict[str, Any]) -> list[str]:
    """Return the sentences by which a declared state is refused."""
    with pytest.raises(InvalidState) as caught:
        validate(declared)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return list(caught.value.problems)


def refusal(declared: dict[str, Any]) -> str:
    """Return the one sentence by which a declared state is refused."""
    problems = refusals(declared)
    assert len(problems) == 1, problems
    return problems[0]


def venv(**keys: Any) -> dict[str, Any]:
    return {"python_venvs": [{"path": "/srv/app/.venv", **keys}]}


def tool(**keys: Any) -> dict[str, Any]:
    return {"python_tools": [{"name": "black", **keys}]}


THE_VENV = "python_venvs[0] (path: '/srv/app/.venv'): "
THE_TOOL = "python_tools[0] (name: 'black'): "


@pytest.mark.parametrize(
    ("declared", "parts"),
    [
        # A misspelt key.
        pytest.param(
            {"python_venv": []}, ["python_venv: there is no such variable", "did you mean python_venvs?"], id="variable"
        ),
        pytest.param(venv(package=["x"]), [THE_VENV, "no key 'package'", "did you mean packages?"], id="key of a venv"),
        pytest.param(venv(Owner="app"), [THE_VENV, "no key 'Owner'", "owner"], id="key in the wrong case"),
        pytest.param(
            venv(zzz=1), [THE_VENV, "no key 'zzz'", "allowed are path, state, python"], id="key like no other"
        ),
        pytest.param(tool(scpoe="user"), [THE_TOOL, "no key 'scpoe'", "did you mean scope?"], id="key of a tool"),
        pytest.param(tool(packages=["x"]), [THE_TOOL, "no key 'packages'", "allowed are name"], id="a venv's key"),
        pytest.param(venv(**{"7": 1}), [THE_VENV, "no key '7'", "allowed are"], id="key that is a number"),
        # A wrong type.
        pytest.param(
            {"python_venvs": {"path": "/srv/v"}}, ["python_venvs is ", "allowed is a list of entries"], id="mapping"
        ),
        pytest.param({"python_venvs": "/srv/v"}, ["python_venvs is '/srv/v'", "a list of entries"], id="text for list"),
        pytest.param(
            {"python_venvs": ["/srv/v"]},
            ["python_venvs[0] is '/srv/v'", "an entry with the keys path"],
            id="text for entry",
        ),
        pytest.param({"python_tools": ["black"]}, ["python_tools[0] is 'black'", "keys name"], id="name for a tool"),
        pytest.param({"python_libraries": "requests"}, ["python_libraries is 'requests'", "a list"], id="one library"),
        pytest.param(
            {"python_libraries": ["yaml", 7]}, ["python_libraries", "item 1 is 7", "a string"], id="number as library"
        ),
        pytest.param(
            venv(packages="flask"), [THE_VENV, "packages is 'flask'", "allowed is a list"], id="text for packages"
        ),
        pytest.param(
            venv(packages=["flask", 3.0]), [THE_VENV, "item 1 is 3.0", "allowed is a string"], id="number as package"
        ),
        pytest.param(
            venv(packages=[{"name": "flask"}]), [THE_VENV, "item 0 is {'name'", "a string"], id="mapping as package"
        ),
        pytest.param(
            venv(system_site_packages="perhaps"),
            [THE_VENV, "system_site_packages is 'perhaps'", "true or false"],
            id="text for a boolean",
        ),
        pytest.param(venv(editable=1), [THE_VENV, "editable is 1", "true or false"], id="number for a boolean"),
        pytest.param(venv(owner=1000), [THE_VENV, "owner is 1000", "a string"], id="number for an owner"),
        pytest.param(venv(owner="a b"), [THE_VENV, "owner is 'a b'", "name of an account"], id="no account's name"),
        pytest.param(venv(owner="-root"), [THE_VENV, "owner is '-root'", "name of an account"], id="option as owner"),
        pytest.param(
            {"python_lock_timeout": "soon"},
            ["python_lock_timeout is 'soon'", "a number of seconds, 0 or more"],
            id="text for seconds",
        ),
        pytest.param(
            {"python_lock_timeout": -1}, ["python_lock_timeout is -1", "seconds, 0 or more"], id="negative seconds"
        ),
        pytest.param({"python_lock_timeout": True}, ["python_lock_timeout is True", "seconds"], id="true for seconds"),
        # A path that is not absolute, or not a venv's.
        pytest.param(
            {"python_venvs": [{"path": "app/.venv"}]},
            ["python_venvs[0] (path: 'app/.venv'): path is 'app/.venv'", "allowed is an absolute path on the host"],
            id="relative path",
        ),
        pytest.param({"python_venvs": [{"path": "~/v"}]}, ["path is '~/v'", "absolute path"], id="path with a tilde"),
        pytest.param({"python_venvs": [{"path": "/srv/../etc"}]}, ["'/srv/../etc'", "without '..'"], id="dots"),
        pytest.param({"python_venvs": [{"path": "/usr/"}]}, ["'/usr/'", "not one of the system's"], id="system's path"),
        pytest.param({"python_venvs": [{"path": "//"}]}, ["'//'", "not one of the system's"], id="root in disguise"),
        pytest.param({"python_venvs": [{"path": "/srv/a\nb"}]}, ["control characters"], id="line break in a path"),
        pytest.param({"python_venvs": [{}]}, ["python_venvs[0]", "key path is missing"], id="no path"),
        pytest.param({"python_venvs": [{"path": ""}]}, ["python_venvs[0]", "key path is missing"], id="empty path"),
        pytest.param({"python_tools": [{"spec": "x"}]}, ["python_tools[0]", "key name is missing"], id="no name"),
        pytest.param(
            venv(requirements=["/srv/a.txt", "b.txt"]),
            [THE_VENV, "requirements", "item 1 is 'b.txt'", "absolute path"],
            id="relative requirements file",
        ),
        pytest.param(
            venv(constraints=["c.txt"]), [THE_VENV, "item 0 is 'c.txt'", "absolute path"], id="relative constraints"
        ),
        pytest.param(venv(project="."), [THE_VENV, "project is '.'", "absolute path"], id="relative project"),
        pytest.param({"python_ca_bundle": "ca.pem"}, ["python_ca_bundle is 'ca.pem'", "absolute"], id="relative CA"),
        # An unknown choice.
        pytest.param(
            venv(state="lates"),
            [THE_VENV, "state is 'lates'", "one of present, latest, exact, absent"],
            id="state of a venv",
        ),
        pytest.param(
            tool(state="exact"), [THE_TOOL, "state is 'exact'", "one of present, latest, absent"], id="state of a tool"
        ),
        pytest.param(venv(state=True), [THE_VENV, "state is True", "one of present"], id="state that is no text"),
        pytest.param(venv(state=[]), [THE_VENV, "state is []", "one of present"], id="state that is a list"),
        pytest.param(venv(installer="poetry"), [THE_VENV, "'poetry'", "one of auto, pip, uv"], id="installer"),
        pytest.param(venv(rebuild="always"), [THE_VENV, "'always'", "one of auto, never"], id="rebuild"),
        pytest.param(tool(scope="system"), [THE_TOOL, "'system'", "one of global, user"], id="scope"),
        pytest.param(
            {"python_pipx_source": "distro"}, ["python_pipx_source", "one of auto, system, index"], id="pipx's source"
        ),
        pytest.param({"python_installer": "conda"}, ["python_installer is 'conda'", "auto, pip, uv"], id="setting"),
        pytest.param(
            {"python_pip_conf_override": "present"}, ["python_pip_conf_override", "one of keep, absent"], id="override"
        ),
        pytest.param({"python_restore_marker": "maybe"}, ["python_restore_marker", "true or false"], id="marker"),
        # What is no requirement.
        pytest.param(
            venv(packages=["--index-url=http://evil"]),
            [THE_VENV, "item 0 is '--index-url=http://evil'", "starts with '-'", "PEP 508 requirement"],
            id="option as requirement",
        ),
        pytest.param(venv(packages=[" -e ."]), [THE_VENV, "starts with '-'"], id="option after a blank"),
        pytest.param(venv(packages=["flask=3"]), [THE_VENV, "'flask=3'", 'like "flask==3.0.3"'], id="one equals sign"),
        pytest.param(venv(packages=[""]), [THE_VENV, "the requirement is empty"], id="empty requirement"),
        pytest.param(tool(spec="--pip-args=x"), [THE_TOOL, "'--pip-args=x'", "starts with '-'"], id="option as spec"),
        pytest.param(tool(inject=["-x"]), [THE_TOOL, "inject", "item 0 is '-x'", "starts with '-'"], id="inject"),
        pytest.param({"python_libraries": ["-y"]}, ["item 0 is '-y'", "starts with '-'"], id="option as library"),
        pytest.param(
            {"python_libraries": ["yaml>=6"]}, ["'yaml>=6'", "a distribution name alone"], id="library with version"
        ),
        pytest.param(
            {"python_tools": [{"name": "black==24.1"}]},
            ["'black==24.1'", "a distribution name alone", "belong into spec"],
            id="version in a tool's name",
        ),
        pytest.param(tool(spec="ruff==1"), [THE_TOOL, "which is ruff", "a spec of black"], id="spec of another tool"),
        pytest.param(
            tool(suffix="-x"), [THE_TOOL, "suffix is '-x'", "not starting with -"], id="suffix like an option"
        ),
        pytest.param(tool(suffix="/../x"), [THE_TOOL, "suffix", "letters, digits"], id="suffix that is a path"),
        # Two entries for one thing.
        pytest.param(
            {"python_venvs": [{"path": "/srv/v"}, {"path": "/srv/w"}, {"path": "/srv//v/"}]},
            ["python_venvs[2] (path: '/srv//v/'): ", "python_venvs[0]", "already declares this path", "one entry"],
            id="two entries for one path",
        ),
        pytest.param(
            {"python_tools": [{"name": "Black"}, {"name": "black"}]},
            ["python_tools[1]", "python_tools[0]", "already declares this tool", "suffix"],
            id="two entries for one tool",
        ),
        # Builds.
        pytest.param(venv(layout="copies"), [THE_VENV, "'copies'", "one of in_place, versioned"], id="layout"),
        pytest.param(venv(keep=0), [THE_VENV, "keep is 0", "a whole number, 1 or more"], id="nothing to keep"),
        pytest.param(venv(keep=True), [THE_VENV, "keep is True", "a whole number"], id="true for a number"),
        pytest.param(venv(keep="two"), [THE_VENV, "keep is 'two'", "a whole number"], id="word for a number"),
        pytest.param(
            venv(state="rolled_back"), [THE_VENV, "state is rolled_back", "layout: versioned"], id="back without builds"
        ),
        pytest.param(
            {"python_venvs": [{"path": "/srv/v.d"}, {"path": "/srv/v", "layout": "versioned"}]},
            ["python_venvs[0] (path: '/srv/v.d')", "/srv/v.d", "python_venvs[1]", "outside of it"],
            id="in the place of builds",
        ),
        pytest.param(
            {"python_venvs": [{"path": "/srv/v", "layout": "versioned"}, {"path": "/srv/v.d/w"}]},
            ["python_venvs[1] (path: '/srv/v.d/w')", "/srv/v.d", "python_venvs[0]"],
            id="among builds",
        ),
        pytest.param(
            {"python_venvs": [{"path": "/srv/v", "layout": "versioned"}, {"path": "/srv/v/w"}]},
            ["python_venvs[1] (path: '/srv/v/w')", "a place in /srv/v,"],
            id="in a build",
        ),
        # What YAML makes of it.
        pytest.param(
            venv(python=3.10),
            [THE_VENV, "python is 3.1:", 'write it in quotes, like python: "3.12"'],
            id="bare 3.10 is a number",
        ),
        pytest.param(tool(python=3), [THE_TOOL, "python is 3:", "in quotes"], id="bare 3 is a number"),
        pytest.param(
            venv(python="newest"),
            [THE_VENV, "python is 'newest'", '"3.12"', '"python3.12"', "absolute path"],
            id="word",
        ),
        pytest.param(venv(python="-3.12"), [THE_VENV, "python is '-3.12'", "absolute path"], id="option as python"),
        # Keys that do not go together.
        pytest.param(venv(editable=True), [THE_VENV, "editable is true without a project"], id="editable of nothing"),
        pytest.param(venv(extras=["x"]), [THE_VENV, "extras", "no project"], id="extras of nothing"),
        pytest.param(
            venv(require_hashes=True, packages=["x==1"]), [THE_VENV, "require_hashes", "not packages"], id="no hash"
        ),
        pytest.param(tool(user="alice"), [THE_TOOL, "user is 'alice'", "scope: user"], id="user of a global tool"),
        # Addresses.
        pytest.param({"python_index_url": "pypi.org"}, ["python_index_url is 'pypi.org'", "a URL"], id="no address"),
        pytest.param(
            {"python_find_links": ["-x"]}, ["python_find_links", "item 0 is '-x'", "URL"], id="option as address"
        ),
        pytest.param(
            {"python_trusted_hosts": ["a b"]}, ["python_trusted_hosts", "'a b'", "a host name"], id="no host name"
        ),
    ],
)
def test_misuse_is_refused_by_entry_value_and_what_is_allowed(declared: dict[str, Any], parts: Sequence[str]) -> None:
    message = refusal(declared)
    for part in parts:
        assert part in message
    assert message.endswith((".", "?"))
    assert "\n" not in message


def test_every_refused_value_is_named_at_once() -> None:
    declared = {
        "python_venvs": [{"path": "a"}, {"path": "/srv/ok"}, {"path": "/srv/b", "state": "on", "pakages": []}],
        "python_tools": [{"name": "x", "scope": "all"}],
        "python_installer": "npm",
    }
    problems = refusals(declared)
    assert [problem.partition(" ")[0] for problem in problems] == [
        "python_venvs[0]",
        "python_venvs[2]",
        "python_venvs[2]",
        "python_tools[0]",
        "python_installer",
    ]


@pytest.mark.parametrize(
    "declared",
    [
        pytest.param({"python_index_password": ["s3cret"]}, id="password"),
        pytest.param({"python_proxy": "u:s3cret@proxy"}, id="proxy"),
        pytest.param({"python_index_url": "https://u:pa/s3cret@index/simple"}, id="slash in a password"),
        pytest.param({"python_index_url": "https://u:pa/s3'cret@index/simple"}, id="slash and quote in a password"),
        pytest.param({"python_index_url": "https://u:pa s3cret@index/simple"}, id="blank in a password"),
        pytest.param({"python_find_links": ["https://u:pa?s3cret@index/"]}, id="question mark in a password"),
        pytest.param(venv(packages=["x @ https://u:pa/s3cret@index/x.whl"]), id="slash in a requirement"),
        pytest.param(venv(packages=["x @ hg+https://u:s3cret@index/x"]), id="what hg would be given as an argument"),
        pytest.param(venv(packages=["x @ svn+https://s3cret@index/x"]), id="what svn would be given as an argument"),
        pytest.param(venv(packages=["x @ git+ssh://u:s3cret@index/x"]), id="a password for ssh"),
        pytest.param(tool(spec="svn+https://u:s3cret@index/x#egg=black"), id="a tool from svn"),
        pytest.param(venv(pip_args=["--find-links=https://u:pa/s3cret@index"]), id="slash in an argument"),
        pytest.param({"python_index_url": "-https://u:s3cret@index/simple"}, id="index"),
        pytest.param({"python_extra_index_urls": ["-https://u:s3cret@index/simple"]}, id="extra index"),
        pytest.param({"python_find_links": ["- https://u:s3cret@index/"]}, id="find-links"),
        pytest.param(venv(packages=["x @@ https://u:s3cret@index/x.whl"]), id="requirement"),
        pytest.param(venv(packages="x @ https://u:s3cret@index/x.whl"), id="requirement that is no list"),
        pytest.param(venv(pip_args=["--index-url=https://u:s3cret@index", 7]), id="argument for pip"),
        pytest.param(venv(pip_args="--index-url=https://u:s3cret@index"), id="argument for pip that is no list"),
        pytest.param(tool(spec="other @ https://u:s3cret@index/x.whl"), id="spec"),
        pytest.param({"python_venvs": [{"pth": "https://u:s3cret@index"}]}, id="misspelt key"),
        pytest.param({"python_venvs": "https://u:s3cret@index"}, id="variable of a wrong type"),
    ],
)
def test_refusal_never_shows_a_credential(declared: dict[str, Any]) -> None:
    assert "s3cret" not in "\n".join(refusals(declared))


def test_long_value_is_shortened() -> None:
    assert len(refusal(venv(state="x" * 10_000))) < 400


@pytest.mark.parametrize("declared", [{}, dict.fromkeys(VARIABLES), {"python_venvs": [], "python_index_url": ""}])
def test_what_is_not_given_is_the_default(declared: dict[str, Any]) -> None:
    assert validate(declared) == Desired()


@pytest.mark.parametrize(
    ("keys", "field", "value"),
    [
        pytest.param({"path": "/srv//app/./v/"}, "path", "/srv/app/v", id="path is normalised"),
        pytest.param({"python": "3.12"}, "python", "3.12", id="python by version"),
        pytest.param({"python": "python3.12"}, "python", "python3.12", id="python by name"),
        pytest.param({"python": "pypy3"}, "python", "pypy3", id="another implementation"),
        pytest.param({"python": "/opt/py/bin/python3"}, "python", "/opt/py/bin/python3", id="python by path"),
        pytest.param({"layout": "versioned", "keep": "3"}, "keep", 3, id="number from a template"),
        pytest.param({"system_site_packages": "yes"}, "system_site_packages", True, id="yes"),
        pytest.param({"packages": ["a", "a", " b "]}, "packages", ("a", "b"), id="a requirement twice is one"),
        pytest.param({"packages": ["r[socks]>=2; python_version<'4'"]}, "packages", None, id="extras and markers"),
        pytest.param({"owner": None}, "owner", "", id="null is not given"),
        pytest.param({"project": "/srv/a", "extras": ["My_Extra"]}, "extras", ("my-extra",), id="extra is normalised"),
    ],
)
def test_allowed_value_is_taken(keys: dict[str, Any], field: str, value: object) -> None:
    entry = validate({"python_venvs": [{"path": "/srv/v", **keys}]}).venvs[0]
    assert getattr(entry, field) == (tuple(keys[field]) if value is None else value)


@pytest.mark.parametrize(
    "declared",
    [venv(state=state, layout="versioned") for state in VENV_STATES]
    + [venv(layout=layout) for layout in LAYOUTS]
    + [venv(installer=name) for name in INSTALLERS]
    + [venv(rebuild=name) for name in REBUILDS]
    + [tool(state=state) for state in TOOL_STATES]
    + [tool(scope=scope) for scope in SCOPES]
    + [{"python_pipx_source": source} for source in PIPX_SOURCES]
    + [{"python_pip_conf_override": override} for override in PIP_CONF_OVERRIDES],
    ids=str,
)
def test_every_documented_choice_is_allowed(declared: dict[str, Any]) -> None:
    assert isinstance(validate(declared), Desired)


def test_one_tool_may_be_there_for_several_accounts_and_with_suffixes() -> None:
    tools = [
        {"name": "black"},
        {"name": "black", "suffix": "@24", "spec": "black==24.1"},
        {"name": "black", "scope": "user", "user": "alice"},
        {"name": "black", "scope": "user", "user": "app"},
    ]
    assert len(validate({"python_tools": tools}).tools) == len(tools)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("python_venv", "python_venvs"),
        ("python_tool", "python_tools"),
        ("python_index_urls", "python_index_url"),
        ("python_restore_markers", "python_restore_marker"),
        ("python_pip_config_override", "python_pip_conf_override"),
    ],
)
def test_misspelt_variable_is_suspected(name: str, meant: str) -> None:
    (sentence,) = suggestions([name])
    assert name in sentence
    assert f"did you mean {meant}?" in sentence


@pytest.mark.parametrize("name", [*VARIABLES, "python_version", "python_home", "ansible_python_interpreter"])
def test_other_variables_are_not_suspected(name: str) -> None:
    assert suggestions([name]) == ()
