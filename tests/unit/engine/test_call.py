"""The engine called in a process of its own: a request comes in, a line goes out. Nothing here gets as far as apply."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from made_up_host import MadeUpHost, entry_of
from pep668_provision.engine import call, package_manager_ready
from pep668_provision.engine.answer_words import PREFIX
from pep668_provision.engine.errors import CommandFailed, ProvisionError, SeveralFailed
from pep668_provision.engine.host import Host
from pep668_provision.engine.package_manager_ready import Readiness

ENTRY = {"path": "/srv/app/.venv", "packages": ["flask==3.0.3"]}
NOTHING: dict[str, Any] = {"changed": False, "steps": [], "before": {}, "after": {}, "warnings": []}
NOTHING_BESIDE: dict[str, Any] = {"before": {}, "after": {}}
OWNED = {"path": "/srv/app/.venv", "owner": "nobody-knows"}


def asked(made_up: MadeUpHost, printed: pytest.CaptureFixture[str], ask: str, **request: object) -> tuple[str, Any]:
    """The word and the content of the one line that a request is answered with."""
    assert call.main({"ask": ask, **request}, made_up.host) == 0
    out, err = printed.readouterr()
    prefix, word, content = out.split(" ", 2)
    assert (prefix, out.count("\n"), err) == (PREFIX, 1, "")
    return word, json.loads(content)


def test_every_question_has_an_answer() -> None:
    assert list(call.ANSWERS) == ["python_info", "audit", "plan", "rehearse", "converge", "make_ready"]


def test_a_host_is_described(debian: MadeUpHost, capsys: pytest.CaptureFixture[str]) -> None:
    word, answer = asked(debian, capsys, "python_info")
    assert (word, answer["host"]["distribution"]) == ("answer", "debian")
    assert [one["path"] for one in answer["interpreters"]] == ["/usr/bin/python3"]


def test_a_host_is_audited(debian: MadeUpHost, capsys: pytest.CaptureFixture[str]) -> None:
    word, answer = asked(debian, capsys, "audit", roots=["/srv"], left_out=["EM001"])
    assert (word, answer["findings"]) == ("answer", [])
    assert "EM002" in [one["id"] for one in answer["rules"]]
    assert "EM001" not in [one["id"] for one in answer["rules"]]


def test_what_is_audited_is_checked(debian: MadeUpHost, capsys: pytest.CaptureFixture[str]) -> None:
    word, answer = asked(debian, capsys, "audit", roots=["srv"], time_budget=0)
    assert word == "error"
    assert [line.partition(" ")[0] for line in answer["message"].splitlines()] == ["roots", "time_budget"]


def test_further_interpreters_are_looked_at(debian: MadeUpHost, capsys: pytest.CaptureFixture[str]) -> None:
    debian.with_interpreter("3.14.0", prefix="/opt/python", default=False)
    _, answer = asked(debian, capsys, "python_info", interpreters=["/opt/python/bin/python3.14"])
    assert [one["version"] for one in answer["interpreters"]] == ["3.11.2", "3.14.0"]


def test_the_explanation_is_for_what_is_wanted(debian: MadeUpHost, capsys: pytest.CaptureFixture[str]) -> None:
    _, answer = asked(debian, capsys, "python_info", packages=["flask==3.0.3"])
    assert "/opt/venvs/flask/bin/pip install flask==3.0.3" in answer["explanation"]


@pytest.mark.parametrize("packages", ["flask", {"name": "flask"}, 3])
def test_what_is_wanted_is_a_list(debian: MadeUpHost, capsys: pytest.CaptureFixture[str], packages: object) -> None:
    word, answer = asked(debian, capsys, "python_info", packages=packages)
    assert (word, answer) == ("error", {"message": "packages: allowed is a list of requirements."})


@pytest.mark.parametrize("interpreters", ["/opt/python", {"path": "/opt/python"}, 3])
def test_further_interpreters_are_a_list(
    debian: MadeUpHost, capsys: pytest.CaptureFixture[str], interpreters: object
) -> None:
    word, answer = asked(debian, capsys, "python_info", interpreters=interpreters)
    assert (word, answer) == ("error", {"message": "interpreters: allowed is a list of absolute paths."})


def test_an_error_is_answered_where_a_host_is_only_looked_at(
    debian: MadeUpHost, capsys: pytest.CaptureFixture[str]
) -> None:
    word, answer = asked(debian, capsys, "python_info", interpreters=["python3"])
    assert (word, answer) == ("error", {"message": "interpreters: 'python3' is not an absolute path"})


def test_a_plan_is_answered_with_its_warnings(debian: MadeUpHost, capsys: pytest.CaptureFixture[str]) -> None:
    word, answer = asked(debian, capsys, "plan", declared={"python_venvs": [ENTRY]})
    assert (word, answer["converged"], answer["warnings"]) == ("answer", False, [])
    assert answer["venvs"] == [
        {"position": 0, "path": ENTRY["path"], "action": "create", "build": "", "reasons": ["it is not there"]}
    ]


@pytest.mark.parametrize("declared", [{}, [], "python_venvs"])
def test_a_host_of_which_nothing_is_declared_is_converged(
    debian: MadeUpHost, capsys: pytest.CaptureFixture[str], declared: object
) -> None:
    _, answer = asked(debian, capsys, "plan", declared=declared)
    assert (answer["converged"], answer["steps"]) == (True, [])


def test_everything_that_is_refused_is_in_one_message(debian: MadeUpHost, capsys: pytest.CaptureFixture[str]) -> None:
    word, answer = asked(debian, capsys, "plan", declared={"python_venvs": [{"path": "app"}], "python_uw": True})
    assert word == "error"
    assert answer["message"].splitlines() == [
        "python_uw: there is no such variable; did you mean python_uv?",
        "python_venvs[0] (path: 'app'): path is 'app': allowed is an absolute path on the host.",
    ]


def test_what_earlier_steps_bring_may_be_missing_only_in_a_rehearsal(
    debian: MadeUpHost, capsys: pytest.CaptureFixture[str]
) -> None:
    declared = {"python_venvs": [OWNED]}
    word, answer = asked(debian, capsys, "plan", declared=declared, rehearsing=False)
    assert word == "error"
    assert "nobody-knows" in answer["message"]
    word, answer = asked(debian, capsys, "plan", declared=declared, rehearsing=True)
    assert word == "answer"
    assert [text.startswith("A real run would stop here: ") for text in answer["warnings"]] == [True]


@pytest.mark.parametrize("ask", ["rehearse", "converge"])
def test_a_converged_host_is_not_changed(debian: MadeUpHost, capsys: pytest.CaptureFixture[str], ask: str) -> None:
    debian.with_venv("/srv/app/.venv", {"flask": "3.0.3"}, receipt=entry_of(**ENTRY))
    word, answer = asked(debian, capsys, ask, declared={"python_venvs": [ENTRY]})
    assert (word, answer) == ("answer", NOTHING)


def test_a_rehearsal_tells_what_would_be_gone(debian: MadeUpHost, capsys: pytest.CaptureFixture[str]) -> None:
    debian.with_venv("/srv/app/.venv", {"flask": "3.0.3"}, receipt=entry_of(**ENTRY))
    gone = {"path": "/srv/app/.venv", "state": "absent"}
    word, answer = asked(debian, capsys, "rehearse", declared={"python_venvs": [gone]})
    assert (word, answer["changed"]) == ("answer", True)
    assert (answer["before"], answer["after"]) == ({"/srv/app/.venv": {"flask": "3.0.3"}}, {"/srv/app/.venv": {}})
    assert debian.real("/srv/app/.venv/pyvenv.cfg").is_file()


@pytest.mark.parametrize(
    ("entry", "told"), [(OWNED, "nobody-knows"), ({"path": "app"}, "absolute path")], ids=["refused", "not allowed"]
)
def test_an_error_of_a_change_is_a_text_and_an_exit_status(
    debian: MadeUpHost, capsys: pytest.CaptureFixture[str], entry: dict[str, str], told: str
) -> None:
    assert call.main({"ask": "converge", "declared": {"python_venvs": [entry]}}, debian.host) == 1
    out, err = capsys.readouterr()
    assert (out, told in err) == ("", True)


@pytest.mark.parametrize(
    ("stdout", "stderr", "told"),
    [
        pytest.param("Collecting nosuch", "ERROR: no\nERROR: such\n", ["ERROR: no", "ERROR: such"], id="on stderr"),
        pytest.param("no such\n", " \n", ["no such"], id="on stdout"),
        pytest.param("", "", [], id="nowhere"),
    ],
)
@pytest.mark.parametrize("ask", ["plan", "converge"])
def test_of_a_command_that_failed_it_is_told_what_it_was_and_all_that_it_said(
    debian: MadeUpHost,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    ask: str,
    stdout: str,
    stderr: str,
    told: list[str],
) -> None:
    def fails(_request: object, _host: object) -> dict[str, object]:
        raise CommandFailed(
            "Installing failed.", command=["pip", "install"], status=1, stdout=stdout, stderr=stderr, advice="Look."
        )

    monkeypatch.setattr(call, "ANSWERS", {ask: fails})
    status = call.main({"ask": ask}, debian.host)
    out, err = capsys.readouterr()
    text = err if ask == "converge" else json.loads(out.split(" ", 2)[2])["message"]
    assert status == (1 if ask == "converge" else 0)
    assert text.splitlines() == ["Installing failed. Look.", "The command was: pip install", *told]


def test_a_declared_state_with_credentials_comes_on_standard_input(
    debian: MadeUpHost, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    debian.with_venv("/srv/app/.venv", {"flask": "3.0.3"}, receipt=entry_of(**ENTRY))
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"python_venvs": [ENTRY]}) + "\n"))
    assert asked(debian, capsys, "converge", declared=None) == ("answer", NOTHING)
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"python_venvs": [OWNED]}) + "\n"))
    assert call.main({"ask": "converge", "declared": None}, debian.host) == 1
    assert "The owner nobody-knows of" in capsys.readouterr().err


def test_a_rehearsal_answers_as_a_run_does(debian: MadeUpHost, capsys: pytest.CaptureFixture[str]) -> None:
    debian.with_venv("/srv/app/.venv", {"flask": "3.0.3"}, receipt=entry_of(**ENTRY))
    assert asked(debian, capsys, "rehearse", declared={"python_venvs": [ENTRY]}) == ("answer", NOTHING)
    gone = {"python_venvs": [{"path": ENTRY["path"], "state": "absent"}]}
    word, answer = asked(debian, capsys, "rehearse", declared=gone)
    assert (word, answer["changed"], answer["after"]) == ("answer", True, {ENTRY["path"]: {}})


@pytest.mark.parametrize(
    ("ready", "foreseen", "told"),
    [
        pytest.param(Readiness("apt"), False, [], id="nothing was to be done"),
        pytest.param(
            Readiness("apt", ("half is unpacked",)),
            False,
            ["apt was interrupted before, and was repaired: half is unpacked."],
            id="repaired",
        ),
        pytest.param(Readiness("apt", ("half is unpacked",)), True, [], id="repaired, as was said before"),
    ],
)
def test_a_repair_of_the_package_manager_is_told_once(
    debian: MadeUpHost,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    ready: Readiness,
    foreseen: bool,
    told: list[str],
) -> None:
    def bring(_host: Host, *, lock_timeout: float) -> Readiness:
        assert lock_timeout == 300
        return ready

    monkeypatch.setattr(package_manager_ready, "bring_ready", bring)
    answer = asked(debian, capsys, "make_ready", lock_timeout=300, foreseen=foreseen)
    assert answer == ("answer", {**NOTHING_BESIDE, "changed": ready.changed, "warnings": told})


def test_of_several_failures_each_is_told(
    debian: MadeUpHost, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        failed = CommandFailed("It failed.", command=["pip", "install"], status=1, stdout="out\n", stderr="")
        raise SeveralFailed([failed, ProvisionError("No.", advice="Go.")])

    monkeypatch.setitem(call.ANSWERS, "plan", fail)
    word, answer = asked(debian, capsys, "plan", declared={})
    assert word == "error"
    assert answer["message"].splitlines() == ["It failed.", "The command was: pip install", "out", "No. Go."]
