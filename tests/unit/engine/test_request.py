"""Requests: by which digest an unchanged one is recognised, and what changes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_host import MadeUpHost, entry_of
from pep668_provision.engine.desired import VenvEntry
from pep668_provision.engine.host import Host
from pep668_provision.engine.request import InstallRequest, Request, read_request
from pep668_provision.engine.seeds import pins_of

VENV = "/srv/app/.venv"
PACKAGES = ["flask==3.0.3", "requests[socks]>=2.31", "six"]


def digest(made_up: MadeUpHost, **keys: Any) -> str:
    found = read_request(made_up.host, entry_of(path=VENV, **keys))
    assert not found.problem, found.problem
    assert found.digest.startswith("sha256:")
    return found.digest


@given(st.permutations(PACKAGES))
def test_the_order_of_packages_does_not_matter(packages: list[str]) -> None:
    nowhere = Host(root="/nowhere")
    one, other = (read_request(nowhere, VenvEntry(VENV, packages=tuple(found))) for found in (packages, PACKAGES))
    assert one == replace(other, names=one.names)


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param({"packages": ["flask==3.0.4"]}, id="another version"),
        pytest.param({"packages": ["flask==3.0.3", "six"]}, id="one more"),
        pytest.param({"packages": []}, id="none"),
        pytest.param({"packages": ["flask[async]==3.0.3"]}, id="an extra"),
        pytest.param({"packages": ["flask==3.0.3"], "state": "exact"}, id="state exact"),
        pytest.param({"packages": ["flask==3.0.3"], "pip_args": ["--no-deps"]}, id="arguments"),
        pytest.param({"packages": ["flask==3.0.3"], "requirements": ["/srv/more.txt"]}, id="a file"),
        pytest.param({"packages": ["flask==3.0.3"], "constraints": ["/srv/more.txt"]}, id="constraints"),
    ],
)
def test_what_changes_the_result_changes_the_digest(made_up: MadeUpHost, keys: dict[str, Any]) -> None:
    made_up.with_file("/srv/more.txt", "six\n")
    assert digest(made_up, **keys) != digest(made_up, packages=["flask==3.0.3"])


@pytest.mark.parametrize("keys", [{"owner": "app"}, {"python": "3.11"}, {"installer": "uv"}, {"rebuild": "never"}])
def test_what_does_not_change_the_result_does_not_change_the_digest(made_up: MadeUpHost, keys: dict[str, Any]) -> None:
    assert digest(made_up, packages=PACKAGES, **keys) == digest(made_up, packages=PACKAGES)


def test_a_line_without_a_hash_is_told_with_its_place(made_up: MadeUpHost) -> None:
    hashed = f"six==1.17.0 --hash=sha256:{'ab' * 32}\n"
    made_up.with_file("/srv/all.txt", f"-r more.txt\n{hashed}x @ https://me:s3cr3t@h/x.whl#sha256={'ab' * 32}\n")
    made_up.with_file("/srv/more.txt", "# a note\nattrs==25.3.0\ny @ https://me:s3cr3t@h/y.whl\n")
    entry = entry_of(path=VENV, requirements=["/srv/all.txt"], require_hashes=True)
    said = read_request(made_up.host, entry).problem
    assert "needs ==version and a --hash: /srv/more.txt:2 (attrs==25.3.0), /srv/more.txt:3 (y @ https://****@h" in said
    assert said.endswith(" have none.")
    made_up.with_file("/srv/more.txt", "-c limits.txt\n").with_file("/srv/limits.txt", "six==1.17.0\n")
    assert not read_request(made_up.host, entry).problem
    made_up.with_file("/srv/more.txt", "attrs==25.3.0\n" * 7)
    assert "and 2 more have none" in read_request(made_up.host, entry).problem


FILES = {
    "/srv/requirements.txt": "-r base/base.txt\n-c limits.txt\nsix\n",
    "/srv/base/base.txt": "flask==3.0.3\n-r deeper.txt\n",
    "/srv/base/deeper.txt": "click\n",
    "/srv/limits.txt": "jinja2<4\n",
    "/srv/constraints.txt": "markupsafe<3\n",
}


def with_files(made_up: MadeUpHost) -> MadeUpHost:
    for path, text in FILES.items():
        made_up.with_file(path, text)
    return made_up


def file_digest(made_up: MadeUpHost) -> str:
    return digest(made_up, requirements=["/srv/requirements.txt"], constraints=["/srv/constraints.txt"])


@pytest.mark.parametrize("path", FILES)
def test_every_file_counts_by_its_content(made_up: MadeUpHost, path: str) -> None:
    before = file_digest(with_files(made_up))
    made_up.with_file(path, FILES[path])
    assert file_digest(made_up) == before
    made_up.with_file(path, FILES[path] + "more\n")
    assert file_digest(made_up) != before


@pytest.mark.parametrize("path", FILES)
def test_a_file_that_is_missing_is_a_problem_that_names_it(made_up: MadeUpHost, path: str) -> None:
    with_files(made_up).without(path)
    entry = entry_of(path=VENV, requirements=["/srv/requirements.txt"], constraints=["/srv/constraints.txt"])
    found = read_request(made_up.host, entry)
    assert found == Request(problem=found.problem)
    assert path.rpartition("/")[2] in found.problem


def test_names_are_those_that_were_asked_for_and_no_constraints(made_up: MadeUpHost) -> None:
    entry = entry_of(
        path=VENV,
        packages=["Zope.Interface"],
        requirements=["/srv/requirements.txt"],
        constraints=["/srv/constraints.txt"],
    )
    assert set(read_request(with_files(made_up).host, entry).names) == {"zope-interface", "flask", "click", "six"}


def test_a_credential_is_no_part_of_a_digest(made_up: MadeUpHost) -> None:
    def with_password(password: str) -> str:
        url = f"https://me:{password}@index.test/simple"
        return digest(made_up, packages=[f"mine @ {url}/mine.whl"], pip_args=[f"--extra-index-url={url}"])

    assert with_password("s3cret") == with_password("another")


PROJECT = "/srv/project"


def with_project(made_up: MadeUpHost) -> MadeUpHost:
    made_up.with_file(f"{PROJECT}/pyproject.toml", "[project]\nname='mine'\n")
    return made_up.with_file(f"{PROJECT}/src/mine/__init__.py", "X = 1\n")


@pytest.mark.parametrize(
    ("path", "editable", "counts"),
    [
        pytest.param("src/mine/__init__.py", False, True, id="a source"),
        pytest.param("src/mine/new.py", False, True, id="a new source"),
        pytest.param("README", False, True, id="any other file"),
        pytest.param("pyproject.toml", False, True, id="metadata"),
        pytest.param("src/mine/__init__.py", True, False, id="a source, used in place"),
        pytest.param("pyproject.toml", True, True, id="metadata, used in place"),
        pytest.param("setup.py", True, True, id="new metadata, used in place"),
        pytest.param("build/lib/mine.py", False, False, id="what a build left"),
        pytest.param("src/mine.egg-info/PKG-INFO", False, False, id="what an old build left"),
        pytest.param("src/mine/__pycache__/x.pyc", False, False, id="compiled"),
        pytest.param(".git/HEAD", False, False, id="version control"),
        pytest.param(".venv/lib/python3.11/site-packages/x.py", False, False, id="its own environment"),
        pytest.param("env/bin/x", False, False, id="an environment under another name"),
    ],
)
def test_a_project_counts_by_what_decides_the_result(
    made_up: MadeUpHost, path: str, editable: bool, counts: bool
) -> None:
    with_project(made_up).with_file(f"{PROJECT}/env/pyvenv.cfg").with_file(f"{PROJECT}/.venv/pyvenv.cfg")
    before = digest(made_up, project=PROJECT, editable=editable)
    made_up.with_file(f"{PROJECT}/{path}", "changed\n")
    assert (digest(made_up, project=PROJECT, editable=editable) != before) is counts


def test_how_a_project_is_installed_counts(made_up: MadeUpHost) -> None:
    with_project(made_up)
    plain = digest(made_up, project=PROJECT)
    assert (
        len({plain, digest(made_up, project=PROJECT, editable=True), digest(made_up, project=PROJECT, extras=["x"])})
        == 3
    )


def test_a_directory_without_metadata_is_no_project(made_up: MadeUpHost) -> None:
    found = read_request(made_up.with_file(f"{PROJECT}/x.py").host, entry_of(path=VENV, project=PROJECT))
    assert "pyproject.toml" in found.problem


@pytest.mark.parametrize(
    ("extras", "expected"), [((), PROJECT), (("b", "a"), f"{PROJECT}[a,b]")], ids=["none", "sorted"]
)
def test_a_project_is_asked_for_with_its_extras(extras: tuple[str, ...], expected: str) -> None:
    assert InstallRequest(VenvEntry(VENV, project=PROJECT, extras=extras)).project_requirement == expected
    assert InstallRequest(VenvEntry(VENV)).project_requirement is None


@pytest.mark.parametrize(
    ("request_", "is_empty"),
    [
        (InstallRequest(VenvEntry(VENV)), True),
        (InstallRequest(VenvEntry(VENV, constraints=("/c",)), pins=("six==1",)), True),
        (InstallRequest(VenvEntry(VENV, packages=("six",))), False),
        (InstallRequest(VenvEntry(VENV), also=("six==1",)), False),
        (InstallRequest(VenvEntry(VENV, requirements=("/r",))), False),
        (InstallRequest(VenvEntry(VENV, project=PROJECT)), False),
    ],
)
def test_a_request_for_nothing_starts_no_installer(request_: InstallRequest, is_empty: bool) -> None:
    assert request_.is_empty is is_empty


def test_pins_hold_every_version_but_what_an_environment_starts_with() -> None:
    found = {"Typing_Extensions": "4.12", "pip": "23", "wheel": "1", "setuptools": "60", "dev": "", "flask": "3.0.3"}
    assert pins_of(found) == ("typing-extensions==4.12", "flask==3.0.3")


def test_a_lock_that_is_not_there_is_a_problem_and_its_content_decides(made_up: MadeUpHost) -> None:
    entry = entry_of(path="/srv/app/.venv", lock="/srv/app/pylock.toml")
    assert read_request(made_up.host, entry).problem == (
        "The lock file /srv/app/pylock.toml does not exist, or cannot be read."
    )
    digests = {read_request(made_up.with_file(entry.lock, text).host, entry).digest for text in ("a = 1", "a = 2")}
    assert len(digests) == 2
