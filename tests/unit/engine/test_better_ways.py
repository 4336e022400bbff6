"""What is said to do instead of pip in the system's Python: right for the family, in order, and ready to paste."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from pep668_provision.engine.better_ways import Way, better_ways, ways_text
from pep668_provision.engine.desired import Desired, validate
from pep668_provision.engine.distro import Distribution, identify

OS_RELEASES = {
    "debian": 'ID=debian\nVERSION_ID="12"\n',
    "old debian": 'ID=debian\nVERSION_ID="11"\n',
    "fedora": "ID=fedora\nVERSION_ID=44\n",
    "el": 'ID=rhel\nVERSION_ID="9.4"\n',
    "arch": "ID=arch\n",
    "opensuse": "ID=opensuse-tumbleweed\n",
    "alpine": "ID=alpine\nVERSION_ID=3.22\n",
    "homebrew": "ID=macos\nVERSION_ID=15.1\n",
    "unknown": "ID=plan9\n",
}


class UnsafeLoader(yaml.SafeLoader):
    """YAML as Ansible reads it, which knows of strings that are no templates."""


def _read_unsafe(_: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(node.value)


UnsafeLoader.add_constructor("!unsafe", _read_unsafe)


def distribution_of(name: str = "debian") -> Distribution:
    return identify(OS_RELEASES[name])


def kind_of(way: Way) -> str:
    (task,) = read(way.task)
    return next(
        kind
        for kind, action in (
            ("package", "ansible.builtin.include_role"),
            ("environment", "pep668.provision.venv"),
            ("tool", "pep668.provision.tool"),
        )
        if action in task
    )


def read(text: str) -> list[dict[str, Any]]:
    found = yaml.load(text, Loader=UnsafeLoader)  # noqa: S506  # a SafeLoader that knows one more tag
    assert isinstance(found, list)
    return found


def declared_by(way: Way) -> Desired:
    """What a task declares, as the engine accepts it."""
    (task,) = read(way.task)
    if "pep668.provision.venv" in task:
        return validate({"python_venvs": [task["pep668.provision.venv"]]})
    if "pep668.provision.tool" in task:
        return validate({"python_tools": task["pep668.provision.tool"]["tools"]})
    assert task["ansible.builtin.include_role"] == {"name": "pep668.provision.python"}
    return validate(task["vars"])


def ways_by_kind(*names: str, on: str = "debian", **known: Any) -> dict[str, Way]:
    return {kind_of(way): way for way in better_ways(distribution_of(on), names, **known)}


THREE = ["package", "environment", "tool"]


@pytest.mark.parametrize(
    ("on", "names", "known", "order"),
    [
        pytest.param("debian", [], {}, THREE, id="nothing in particular"),
        pytest.param("debian", ["requests"], {}, THREE, id="a name"),
        pytest.param("debian", ["requests"], {"available": {"python3-requests": True}}, THREE, id="packaged"),
        pytest.param(
            "debian", ["requests==2.31"], {}, ["environment", "package", "tool"], id="a version only the index has"
        ),
        pytest.param("debian", ["requests[socks]"], {}, ["environment", "package", "tool"], id="an extra"),
        pytest.param(
            "debian", ["six @ https://example.org/six.whl"], {}, ["environment", "package", "tool"], id="a URL"
        ),
        pytest.param(
            "debian", ["nope"], {"available": {"python3-nope": False}}, ["environment", "tool"], id="not packaged"
        ),
        pytest.param(
            "debian",
            ["requests", "nope"],
            {"available": {"python3-nope": False}},
            ["environment", "tool", "package"],
            id="packaged in part",
        ),
        pytest.param(
            "debian",
            ["requests"],
            {"is_own_python": False, "python_version": "3.13.5"},
            ["environment", "tool", "package"],
            id="another Python",
        ),
        pytest.param("homebrew", ["requests"], {}, ["environment", "tool"], id="no libraries packaged"),
        pytest.param("unknown", ["requests"], {}, ["environment", "tool"], id="unknown distribution"),
        pytest.param("homebrew", [], {}, ["environment", "tool"], id="no libraries packaged, nothing in particular"),
        pytest.param("debian", ["./project", "-r x"], {}, THREE, id="nothing that has a name"),
    ],
)
def test_the_best_way_comes_first(on: str, names: list[str], known: Mapping[str, Any], order: list[str]) -> None:
    assert [kind_of(way) for way in better_ways(distribution_of(on), names, **known)] == order


@pytest.mark.parametrize(
    ("on", "package", "command"),
    [
        ("debian", "python3-yaml", "apt-get install --no-install-recommends python3-yaml"),
        ("fedora", "python3dist(pyyaml)", "dnf install --setopt=install_weak_deps=False 'python3dist(pyyaml)'"),
        ("el", "python3dist(pyyaml)", "dnf install --setopt=install_weak_deps=False 'python3dist(pyyaml)'"),
        ("arch", "python-yaml", "pacman --sync --needed python-yaml"),
        ("opensuse", "python3dist(pyyaml)", "zypper install --no-recommends 'python3dist(pyyaml)'"),
        ("alpine", "py3-yaml", "apk add py3-yaml"),
    ],
)
def test_the_package_has_the_familys_name(on: str, package: str, command: str) -> None:
    way = ways_by_kind("PyYAML", on=on)["package"]
    assert (way.title, way.command) == (f"the distribution's package {package}", command)
    assert declared_by(way).libraries == ("pyyaml",)


@pytest.mark.parametrize(
    ("on", "first"),
    [
        pytest.param("debian", "apt-get install --no-install-recommends python3-venv\n", id="debian"),
        pytest.param("fedora", "", id="fedora"),
        pytest.param("homebrew", "", id="homebrew"),
    ],
)
def test_an_environment_by_hand_takes_what_the_family_needs_for_it(on: str, first: str) -> None:
    assert ways_by_kind("a>1", on=on)["environment"].command == (
        f"{first}python3 -m venv /opt/venvs/a\n/opt/venvs/a/bin/pip install 'a>1'"
    )


@pytest.mark.parametrize(
    ("on", "command"),
    [
        pytest.param("debian", "apt-get install --no-install-recommends pipx\npipx install a==1", id="packaged"),
        pytest.param("old debian", "", id="not packaged in this release"),
        pytest.param("el", "", id="only in a further repository"),
        pytest.param("homebrew", "brew install pipx\npipx install a==1", id="homebrew"),
    ],
)
def test_a_tool_by_hand_is_told_where_the_distribution_has_pipx(on: str, command: str) -> None:
    assert ways_by_kind("a==1", on=on)["tool"].command == command


@pytest.mark.parametrize(
    "name",
    [
        "requests",
        "requests==2.31",
        "Requests[socks,security]>=2.31,!=2.32",
        "six; python_version < '3.13'",
        'six; python_version < "3.13"',
        "black @ https://example.org/{{x}}/black-24.1.0-py3-none-any.whl",
        "https://example.org/black-24.1.0-py3-none-any.whl",
        "/srv/wheels of mine/black-24.1.0-py3-none-any.whl",
        "git+https://example.org/größe.git#egg=black",
    ],
)
def test_the_tasks_are_accepted_as_they_stand(name: str) -> None:
    ways = ways_by_kind(name, "attrs")
    (venv,) = declared_by(ways["environment"]).venvs
    tools = declared_by(ways["tool"]).tools
    (wanted,) = [one for one in ("requests", "six", "black") if one in name.lower()]
    spec, plain = venv.packages
    assert (spec.startswith(wanted), plain) == (True, "attrs")
    assert [(tool.name, tool.install_spec) for tool in tools] == [(wanted, spec), ("attrs", "attrs")]
    assert declared_by(ways["package"]).libraries == (wanted, "attrs")


def test_another_python_is_named_and_the_distributions_packages_are_not_for_it() -> None:
    ways = ways_by_kind("requests", is_own_python=False, python_version="3.13.5")
    assert declared_by(ways["environment"]).venvs[0].python == "3.13"
    assert ways["environment"].command.startswith("python3.13 -m venv ")
    assert "not this one" in ways["package"].text
    own = ways_by_kind("requests", python_version="3.11.2")
    assert declared_by(own["environment"]).venvs[0].python == ""


def test_what_the_repositories_lack_and_what_is_asked_beyond_the_name_is_said() -> None:
    way = ways_by_kind("requests>=2", "nope", available={"python3-nope": False})["package"]
    assert "requests>=2" in way.text
    assert "none for nope" in way.text
    assert "nope" not in way.task + way.command


@pytest.mark.parametrize(
    "name",
    [
        "six @ https://me:s3cret@example.org/six.whl",
        "six @ https://me:s3@cret@example.org/six.whl",
        "https://s3cret@example.org/six-1.0.tar.gz",
        "git+https://me:s3cret@example.org/six.git#egg=six",
        "six @ https://me:s3cret@example.org/a b",
        "https://me:s3cret is@example.org/six",
    ],
)
def test_credentials_are_left_out(name: str) -> None:
    ways = better_ways(distribution_of(), [name])
    assert "cret" not in repr(ways) + ways_text(ways)
    if "six" in ways[0].command:
        assert "python_index_username" in ways[0].text


def test_an_example_is_named_as_one() -> None:
    ways = ways_by_kind()
    assert "for example python3-requests" in ways["package"].title
    assert "requests is an example" in ways["environment"].text
    assert "for example black" in ways["tool"].text
    assert "example" not in ways_text(better_ways(distribution_of(), ["requests"]))


def test_the_text_is_numbered_and_its_tasks_can_be_pasted() -> None:
    ways = better_ways(distribution_of(), ["requests"])
    lines = ways_text(ways).splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        "1. the distribution's package python3-requests",
        "2. a virtual environment, /opt/venvs/requests",
        "3. a tool of its own",
    ]
    indented = [line for line in lines if line.startswith("     ")]
    commands = [f"     {line}" for way in ways for line in way.command.splitlines()]
    assert [line for line in indented if line in commands] == commands
    pasted = "\n".join(line for line in indented if line not in commands)
    assert read(pasted) == [task for way in ways for task in read(way.task)]
