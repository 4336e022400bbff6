"""Who an interpreter comes from, and the evidence for it."""

from __future__ import annotations

import pytest

from made_up_host import MARKER, MadeUpHost
from pep668_provision.engine.interpreter import Interpreter, Interpreters
from pep668_provision.engine.origin import Origin, weigh_owner

UV_MARKER = "[externally-managed]\nError=This Python installation is managed by uv and should not be modified.\n"
BREW = "/home/linuxbrew/.linuxbrew"


def ask(made_up: MadeUpHost, path: str) -> Interpreter:
    found = Interpreters(made_up.host).probe(path)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("prefix", "marker", "origin", "evidence"),
    [
        ("/usr", MARKER, "distribution", "in /usr/bin, the distribution's own directory"),
        ("/usr", None, "distribution", "in /usr/bin, the distribution's own directory"),
        ("/usr/local", None, "local", "below /usr/local, which the distribution leaves to the administrator"),
        ("/opt/vendor", None, "other", "in /opt/vendor/bin, which is nobody's known place"),
        ("/opt/vendor", MARKER, "other", "in /opt/vendor/bin, which is nobody's known place"),
        ("/root/.pyenv/versions/3.12.4", None, "pyenv", "below /root/.pyenv/versions"),
        ("/root/.local/share/uv/python/cpython-3.12", None, "uv", "below /root/.local/share/uv/python"),
        (
            "/root/.local/share/uv/python/cpython-3.12",
            UV_MARKER,
            "uv",
            "below /root/.local/share/uv/python, and its marker names uv",
        ),
        ("/srv/pythons/cpython-3.12", UV_MARKER, "uv", "its marker says that uv manages it"),
        (f"{BREW}/Cellar/python@3.12/3.12.4", MARKER, "homebrew", f"below {BREW}/Cellar"),
        ("/opt/homebrew/Cellar/python@3.12/3.12.4", None, "homebrew", "below /opt/homebrew/Cellar"),
        ("/snap/python312/7/usr", None, "snap", "below /snap/python312"),
        ("/root/.asdf/installs/python/3.12.4", None, "other", "below /root/.asdf/installs"),
        ("/root/.local/share/mise/installs/python/3.12", None, "other", "below /root/.local/share/mise/installs"),
        ("/root/.local/share/pipx/py/3.12", None, "other", "below /root/.local/share/pipx/py"),
        ("/nix/store/0c-python3-3.12.4", MARKER, "other", "below /nix/store"),
    ],
)
def test_an_interpreter_says_who_put_it_there(
    made_up: MadeUpHost, prefix: str, marker: str | None, origin: str, evidence: str
) -> None:
    found = ask(made_up.with_interpreter("3.12.4", prefix=prefix, marker=marker), f"{prefix}/bin/python3.12")
    assert (found.origin, found.origin_evidence) == (origin, evidence)


@pytest.mark.parametrize("prefix", ["/opt/conda", "/opt/conda/envs/science", "/root/.pyenv/versions/miniforge3-24.3"])
@pytest.mark.parametrize(
    ("marker", "named"),
    [
        (None, ""),
        (MARKER, ""),
        ("[externally-managed]\nError=Managed by conda.\n", ", and its marker names conda"),
    ],
)
def test_conda_is_known_by_its_own_directory(made_up: MadeUpHost, prefix: str, marker: str | None, named: str) -> None:
    made_up.with_interpreter("3.12.4", prefix=prefix, marker=marker).with_directory(f"{prefix}/conda-meta")
    found = ask(made_up, f"{prefix}/bin/python3")
    assert (found.origin, found.origin_evidence) == ("conda", f"conda-meta in its prefix {prefix}{named}")


@pytest.mark.parametrize("beside", ["/opt/py/shims/python3", "/opt/py/libexec/pyenv"])
def test_pyenv_in_another_directory_is_known_by_what_lies_beside(made_up: MadeUpHost, beside: str) -> None:
    made_up.with_interpreter("3.12.4", prefix="/opt/py/versions/3.12.4")
    assert ask(made_up, "/opt/py/versions/3.12.4/bin/python3").origin == "other"
    made_up.with_program(beside)
    assert ask(made_up, "/opt/py/versions/3.12.4/bin/python3").origin_evidence == "below /opt/py/versions"


def test_an_environment_is_known_by_its_configuration(made_up: MadeUpHost) -> None:
    made_up.with_interpreter("3.12.4", prefix="/root/.pyenv/versions/3.12.4").with_venv("/srv/v", python="3.12")
    found = ask(made_up, "/srv/v/bin/python")
    assert (found.origin, found.origin_evidence) == ("venv", "pyvenv.cfg in /srv/v")


def test_a_link_on_the_path_does_not_hide_the_origin(made_up: MadeUpHost) -> None:
    prefix = f"{BREW}/Cellar/python@3.12/3.12.4"
    made_up.with_interpreter("3.12.4", prefix=prefix)
    made_up.with_link(f"{BREW}/bin/python3.12", "../Cellar/python@3.12/3.12.4/bin/python3.12")
    assert ask(made_up, f"{BREW}/bin/python3.12").origin == "homebrew"


@pytest.mark.parametrize(
    ("origin", "owners", "weighed", "evidence"),
    [
        pytest.param(
            "distribution", ("p",), "distribution", "seen; package p owns /x/python3", id="the distribution's"
        ),
        pytest.param("distribution", ("p", "q"), "distribution", "seen; packages p, q own /x/python3", id="two owners"),
        pytest.param("distribution", (), "other", "in /x, but no package owns /x/python3", id="nobody's in /usr/bin"),
        pytest.param("distribution", None, "distribution", "seen", id="no database"),
        pytest.param("other", ("p",), "other", "seen; package p owns /x/python3", id="a vendor's package"),
        pytest.param("other", (), "other", "seen", id="nobody's elsewhere"),
        pytest.param("local", (), "local", "seen", id="nobody's below /usr/local"),
        pytest.param("uv", (), "uv", "seen", id="uv's"),
        pytest.param("venv", ("p",), "venv", "seen", id="an environment"),
    ],
)
def test_the_package_database_has_a_say(
    origin: str, owners: tuple[str, ...] | None, weighed: str, evidence: str
) -> None:
    assert weigh_owner(Origin(origin, "seen"), "/x/python3", owners) == Origin(weighed, evidence)
