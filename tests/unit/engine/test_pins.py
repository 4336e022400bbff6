"""python_require_pins: what counts as pinned, and that everything that is not is refused at once, with its place."""

from __future__ import annotations

from typing import Any

import pytest

from made_up_host import MadeUpHost
from pep668_provision.engine.desired import validate
from pep668_provision.engine.errors import InvalidState
from pep668_provision.engine.pins import ALLOWED, is_pinned, unpinned_lines

SHA = "ab" * 32
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    "text",
    [
        "flask==3.0.3",
        "flask[async]==3.0.3; python_version >= '3.9'",
        "flask==3.0.3,!=3.0.4",
        "flask===3.0.3-odd",
        f"flask @ https://h/flask-3.whl#sha256={SHA}",
        f"https://h/flask-3.0.3-py3-none-any.whl#egg=flask&sha256={SHA}",
        f"file:///srv/flask-3.whl#sha512={SHA}{SHA}",
        f"git+https://h/flask.git@{COMMIT}",
        f"flask @ git+ssh://git@h/flask.git@{COMMIT}#subdirectory=src",
        f"hg+https://h/flask@{COMMIT}",
    ],
)
def test_this_is_pinned(text: str) -> None:
    assert is_pinned(text)


@pytest.mark.parametrize(
    "text",
    [
        "flask",
        "flask>=3",
        "flask~=3.0.3",
        "flask==3.0.*",
        "flask!=3.0.3",
        "flask<=3.0.3",
        "https://h/flask-3.0.3-py3-none-any.whl",
        f"https://h/flask-3.whl#sha256={SHA[:-1]}",
        f"https://h/flask-3.whl#md5={SHA[:32]}",
        f"https://h/flask-3.whl?sha256={SHA}",
        "/srv/flask-3.0.3-py3-none-any.whl",
        "file:///srv/flask",
        "git+https://h/flask.git",
        "git+https://h/flask.git@main",
        f"git+https://h/flask.git@{COMMIT[:12]}",
        f"git+https://h/flask.git#sha256={SHA}",
        f"svn+https://h/flask@{COMMIT}",
        "-r other.txt",
    ],
)
def test_this_is_not_pinned(text: str) -> None:
    assert not is_pinned(text)


def refusals(**declared: Any) -> list[str]:
    with pytest.raises(InvalidState) as raised:
        validate({"python_require_pins": True, **declared})
    return list(raised.value.problems)


def test_every_entry_that_is_not_pinned_is_refused_at_once() -> None:
    found = refusals(
        python_venvs=[
            {"path": "/srv/a", "packages": ["flask", "six==1.17.0", "requests>=2"], "pip_args": ["--upgrade", "attrs"]},
            {"path": "/srv/b", "state": "latest"},
            {"path": "/srv/gone", "packages": ["flask"], "state": "absent"},
        ],
        python_tools=[{"name": "black"}, {"name": "tox", "spec": "tox==4.1", "inject": ["tox-uv", "six==1"]}],
        python_system_pip=[{"name": ["pyserial", "six==1"]}, {"name": ["six==1"], "state": "latest"}],
    )
    assert [problem.partition(";")[0] for problem in found] == [
        "python_venvs[0] (path: '/srv/a'): packages: 'flask' is not pinned",
        "python_venvs[0] (path: '/srv/a'): packages: 'requests>=2' is not pinned",
        "python_venvs[0] (path: '/srv/a'): pip_args: '--upgrade' would install what no pin is known of",
        "python_venvs[1] (path: '/srv/b'): state is latest, which no pin allows for",
        "python_tools[0] (name: 'black'): name: 'black' is not pinned",
        "python_tools[1] (name: 'tox'): inject: 'tox-uv' is not pinned",
        "python_system_pip[0]: name: 'pyserial' is not pinned",
        "python_system_pip[1]: state is latest, which no pin allows for",
    ]
    assert all(ALLOWED in problem for problem in found if "is not pinned" in problem)


def test_credentials_of_what_is_not_pinned_are_not_shown() -> None:
    (said,) = refusals(python_tools=[{"name": "x", "spec": "x @ https://me:s3cr3t@h/x-1.zip"}])
    assert "s3cr3t" not in said
    assert "****@h/x-1.zip" in said


def test_what_is_pinned_is_accepted_and_other_problems_are_still_told() -> None:
    declared = {
        "python_venvs": [
            {"path": "/srv/a", "lock": "/srv/pylock.toml"},
            {
                "path": "/srv/b",
                "requirements": ["/srv/r.txt"],
                "pip_args": ["--index-url=https://h", "--no-binary", "x"],
            },
        ],
        "python_tools": [{"name": "black", "spec": "black==24.10.0"}],
        "python_libraries": ["requests"],
    }
    assert validate({"python_require_pins": True, **declared}).require_pins
    assert len(refusals(**declared, python_index_url="nowhere")) == 1


def test_without_it_nothing_has_to_be_pinned() -> None:
    assert not validate({"python_tools": [{"name": "black"}]}).require_pins


FILES = {
    "/srv/r.txt": "-r more/r.txt\n-c limits.txt\nsix==1.17.0\nflask  # newest\n-e /srv/app\n",
    "/srv/more/r.txt": f"attrs>=1 --hash=sha256:{SHA}\n./a.whl --hash=sha256:{SHA}\n./b.whl\n"
    f"x @ https://h/x.whl --hash=sha256:{SHA}\n",
    "/srv/limits.txt": "click<9\n",
}


def test_lines_of_files_are_told_with_their_place(made_up: MadeUpHost) -> None:
    for path, text in FILES.items():
        made_up.with_file(path, text)
    said = unpinned_lines(made_up.host, ["/srv/r.txt"])
    assert said.startswith(
        "these requirements are not pinned: /srv/more/r.txt:1 (attrs>=1); /srv/more/r.txt:3 (./b.whl); "
    )
    assert "/srv/r.txt:4 (flask); /srv/r.txt:5 (/srv/app). In a file" in said
    assert ALLOWED in said
    made_up.with_file("/srv/r.txt", "-r https://h/r.txt\nsix==1.17.0\n")
    assert "https://h/r.txt, which is included and can change" in unpinned_lines(made_up.host, ["/srv/r.txt"])
    made_up.with_file("/srv/r.txt", "six==1.17.0\n")
    assert unpinned_lines(made_up.host, ["/srv/r.txt"]) == ""


def test_files_are_looked_at_wherever_they_are_declared(made_up: MadeUpHost) -> None:
    made_up.with_os_release("ID=debian\nVERSION_ID=13\n").with_program("/usr/bin/apt-get").with_interpreter("3.13.5")
    made_up.with_file("/srv/r.txt", "flask\n")
    declared: dict[str, Any] = {"python_venvs": [{"path": "/srv/a", "requirements": ["/srv/r.txt"]}]}
    declared["python_system_pip"] = [{"requirements": ["/srv/r.txt"], "externally_managed": "break"}]
    assert not any("not pinned" in str(one) for one in made_up.plan(**declared).refusals)
    refused = [str(one) for one in made_up.plan(**declared, python_require_pins=True).refusals]
    assert len([one for one in refused if "/srv/r.txt:1 (flask)" in one]) == 2, refused


@pytest.mark.parametrize("name", ["pipx", "uv"])
def test_programs_from_the_index_need_a_pin_too(made_up: MadeUpHost, name: str) -> None:
    made_up.with_os_release("ID=debian\nVERSION_ID=11\n").with_program("/usr/bin/apt-get")
    made_up.with_interpreter("3.9.2").with_lists()
    declared: dict[str, Any] = {"python_require_pins": True}
    if name == "pipx":
        declared["python_tools"] = [{"name": "black", "spec": "black==24.10.0"}]
    else:
        declared["python_uv"] = True
    planned = made_up.plan(**declared)
    assert not planned.steps
    (refused,) = planned.refusals
    reasons = {"pipx": "the tool black is installed with it", "uv": "python_uv asks for it and the host has none"}
    said = f"{name} would come from the index in its newest version ({reasons[name]}), and python_require_pins is true."
    assert refused.message == said
    also = ", or python_pipx_source: system to have the distribution's" if name == "pipx" else ""
    assert refused.advice == f"Set python_{name}_pin to the version it should have{also}."
    declared[f"python_{name}_pin"] = "1.8.0"
    planned = made_up.plan(**declared)
    assert not planned.refusals
    (own,) = planned.own
    assert own.observed.entry.packages == (f"{name}==1.8.0",)


@pytest.mark.parametrize(
    ("value", "said"), [("newest", "is not a version"), (1.1, "write it in quotes"), ("1.0; x", "is not a version")]
)
def test_a_pin_is_a_version(value: object, said: str) -> None:
    with pytest.raises(InvalidState, match=said):
        validate({"python_uv_pin": value})


def test_what_is_absent_needs_no_pin() -> None:
    validate(
        {
            "python_require_pins": True,
            "python_venvs": [{"path": "/srv/a", "state": "absent"}],
            "python_tools": [{"name": "black", "state": "absent"}],
            "python_system_pip": [{"name": ["six"], "state": "absent"}],
        }
    )


def test_a_file_that_cannot_be_read_is_for_others_to_tell(made_up: MadeUpHost) -> None:
    assert unpinned_lines(made_up.host, ["/srv/none.txt"]) == ""
