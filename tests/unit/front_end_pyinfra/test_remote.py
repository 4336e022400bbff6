"""The engine in a command: it fits, it is the engine, and a real shell runs it without leaving anything behind."""

from __future__ import annotations

import ast
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import tokenize
from collections.abc import Mapping
from importlib.util import resolve_name
from pathlib import Path
from typing import Any

import pytest
from pyinfra.api.command import QuoteString, StringCommand
from pyinfra.api.exceptions import FactProcessError
from pyinfra.connectors.util import make_unix_command

from pep668_provision.declared import Declared
from pep668_provision.engine.answer_words import PREFIX
from pep668_provision.engine.call import LOADED_FOR
from pep668_provision.remote import Call, HiddenLines, engine_source, read_answer, source_file

from .fake_hosts import CONVERGED, PLAN

ENGINE = Path(__file__).resolve().parents[3] / "plugins" / "module_utils" / "engine"
#: Linux takes 128 KiB as one argument (MAX_ARG_STRLEN, execve(2)).
LIMIT = 128 * 1024
LARGE = {
    "python_venvs": [
        {
            "path": f"/srv/applications/application-{one}/.venv",
            "owner": f"account-{one}",
            "packages": [f"distribution-{one}-{other}[extra]=={one}.{other}.1" for other in range(6)],
        }
        for one in range(50)
    ],
    "python_tools": [{"name": f"tool-{one}", "spec": f"tool-{one}[extra]=={one}.0.1"} for one in range(100)],
    "python_index_url": "https://index.example/simple",
}


# What is sent


@pytest.mark.parametrize(
    ("rights", "shells"),
    [
        pytest.param({}, 3, id="as is"),
        pytest.param({"_sudo": True}, 3, id="sudo"),
        pytest.param({"_doas": True}, 3, id="doas"),
        pytest.param({"_su_user": "root"}, 4, id="su"),
    ],
)
@pytest.mark.parametrize(
    "call",
    [
        Call("python_info", further={"interpreters": []}),
        Call("audit", further={"roots": ["/srv", "/opt"], "left_out": ["EM101", "EM103"]}),
        Call("plan", Declared.accept(LARGE), {"rehearsing": True}),
        # As a command that changes a host asks: what does not fit takes the standard input.
        Call("converge", Declared.accept({**LARGE, "python_index_password": 'it\'s "s3cr3t"'}), has_stdin=True),
    ],
    ids=lambda it: it.ask,
)
def test_a_command_fits_into_one_argument_however_it_is_wrapped(
    call: Call, rights: dict[str, Any], shells: int
) -> None:
    wrapped = make_unix_command(StringCommand(call.script()), **rights)
    # As pyinfra's docker and podman connectors hand it to the local shell, as one argument.
    inside = StringCommand("docker", "exec", "-i", "0123456789ab", "sh", "-c", QuoteString(wrapped))
    line = make_unix_command(inside).get_raw_value()
    assert len(line) < LIMIT
    # Whole, nevertheless.
    for _ in range(shells):
        line = shlex.split(line)[-1]
    assert line == call.script().unmask()


def without_docstrings(source: str) -> ast.Module:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            del node.body[0]
    return tree


def positions(tree: ast.Module) -> list[tuple[int, int]]:
    return [(node.lineno, node.col_offset) for node in ast.walk(tree) if isinstance(node, (ast.stmt, ast.expr))]


SENT = engine_source(["every_part", *LOADED_FOR["audit"]])


@pytest.mark.parametrize("name", sorted(SENT))
def test_a_module_that_is_sent_is_the_one_of_the_engine(name: str) -> None:
    original, sent = source_file(name).read_text(), SENT[name]
    compile(sent, name, "exec", dont_inherit=True)
    before, after = without_docstrings(original), without_docstrings(sent)
    assert ast.dump(after) == ast.dump(before)
    # A traceback from a host names the lines of the original.
    assert positions(after) == positions(before)
    assert tokenize.COMMENT not in {token.type for token in tokenize.generate_tokens(io.StringIO(sent).readline)}


def imported_modules(name: str, source: str, *, only_at_the_top: bool = False) -> set[str]:
    """The modules of the engine that one of them imports, and the packages in it that these are in."""
    tree = ast.parse(source)
    package = f"engine.{name}".rpartition(".")[0] if source_file(name).name != "__init__.py" else f"engine.{name}"
    package = "engine" if name == "__init__" else package
    found = set()
    for node in tree.body if only_at_the_top else ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            modules = [f".{node.module}"] if node.module else [f".{alias.name}" for alias in node.names]
            found |= {resolve_name("." * (node.level - 1) + one, package).partition(".")[2] for one in modules}
    return found | {one.rpartition(".")[0] for one in found if "." in one}


def name_of(path: Path) -> str:
    """The name of a module of the engine, "audit.rules" for one in a package."""
    parts = path.relative_to(ENGINE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def test_what_is_sent_is_all_that_a_call_can_import_and_nothing_else() -> None:
    originals = {name_of(path): path.read_text() for path in ENGINE.rglob("*.py")}
    needed, found = {"__init__", "call"}, set[str]()
    while needed > found:
        found = needed
        needed = needed.union(*(imported_modules(name, originals[name]) for name in found))
    assert engine_source().keys() == needed
    assert sum(map(len, engine_source().values())) < sum(len(originals[name]) for name in needed)


@pytest.mark.parametrize("ask", ["python_info", "audit", "plan", "rehearse", "converge"])
@pytest.mark.parametrize(
    "declared",
    [
        {},
        {"python_venvs": [{"path": "/srv/v", "state": "latest"}]},
        {"python_tools": [{"name": "tox"}]},
        {"python_system_pip": [{"name": "alpha"}]},
        {"python_restore_marker": True},
        {"python_pip_conf_override": "absent"},
    ],
    ids=lambda it: next(iter(it), "nothing"),
)
def test_what_is_left_out_is_imported_by_nothing_that_is_sent(ask: str, declared: dict[str, Any]) -> None:
    sent = engine_source(*Call(ask, Declared.accept(declared)).modules)
    lacking = {
        (name, module)
        for name, source in sent.items()
        for module in imported_modules(name, source, only_at_the_top=True)
        if module not in sent
    }
    assert lacking == set()


def test_an_audit_can_read_whatever_pipx_recorded_of_a_tool() -> None:
    assert "environment_marker" in engine_source(*Call("audit").modules)


# A real shell on this machine


def run_script(
    call: Call, folder: Path, *, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The call was made by a shell whose home, temporary and working directories are all that folder."""
    usual = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        ["/bin/sh", "-c", call.script().unmask()],
        input="".join(f"{line}\n" for line in call.stdin),
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={"HOME": str(folder), "TMPDIR": str(folder), **usual, **(environ or {})},
    )


def test_the_host_is_described_and_nothing_is_left_behind(tmp_path: Path) -> None:
    ran = run_script(Call("python_info", further={"interpreters": [sys.executable]}), tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    answer = read_answer(ran.stdout.splitlines())
    assert os.path.realpath(sys.executable) in [one["real_path"] for one in answer["interpreters"]]
    assert list(tmp_path.iterdir()) == []


def test_a_host_is_audited_and_nothing_is_left_behind(tmp_path: Path) -> None:
    """By every rule, with a package of the engine that is sent along."""
    ran = run_script(Call("audit", further={"roots": [str(tmp_path)], "left_out": ["EM101"]}), tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    answer = read_answer(ran.stdout.splitlines())
    assert {"host", "is_root", "rules", "findings", "unread"} == set(answer)
    assert "EM001" in [one["id"] for one in answer["rules"]]
    assert list(tmp_path.iterdir()) == []


def test_a_rehearsal_is_made_and_nothing_is_left_behind(tmp_path: Path) -> None:
    declared = Declared.accept({"python_venvs": [{"path": f"{tmp_path}/.venv", "state": "absent"}]})
    ran = run_script(Call("rehearse", declared), tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert read_answer(ran.stdout.splitlines()) == {**CONVERGED, "changed": False}
    assert list(tmp_path.iterdir()) == []


def test_a_plan_is_made_and_nothing_is_left_behind(tmp_path: Path) -> None:
    target = f"{tmp_path}/deep/é ' ;#&*(x)/.venv"
    declared = Declared.accept({"python_venvs": [{"path": target, "python": sys.executable}]})
    ran = run_script(Call("plan", declared, {"rehearsing": True}), tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    answer = read_answer(ran.stdout.splitlines())
    # What fake hosts answer has the same form.
    assert answer.keys() == PLAN.keys()
    assert answer["steps"][-1] == {"action": "create", "kind": "venv", "name": target, "reasons": ["it is not there"]}
    assert list(tmp_path.iterdir()) == []


EVERYTHING = {
    **LARGE,
    "python_restore_marker": True,
    "python_pip_conf_override": "absent",
    "python_system_pip": [{"name": "no-such-distribution", "state": "absent"}],
}


def test_what_does_not_fit_into_a_command_takes_the_standard_input(tmp_path: Path) -> None:
    call = Call("plan", Declared.accept(EVERYTHING), {"rehearsing": True}, has_stdin=True)
    assert len(call.stdin) == 1
    assert len(shlex.quote(call.script().unmask())) < LIMIT
    ran = run_script(call, tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    # An error is an answer, too: none of these accounts is there, but what would bring them may be to come. Who is not
    # root hears of that first.
    assert ("account-0" if os.geteuid() == 0 else "only root can do that") in ran.stdout
    assert list(tmp_path.iterdir()) == []
    assert Call("plan", Declared.accept(LARGE), {"rehearsing": True}, has_stdin=True).stdin == []


def test_a_request_with_a_credential_is_read_from_the_standard_input(tmp_path: Path) -> None:
    declared = {"python_venvs": [{"path": f"{tmp_path}/gone", "state": "absent"}], "python_index_password": "s3cr3t é"}
    call = Call("converge", Declared.accept(declared))
    assert len(call.stdin) == 1
    ran = run_script(call, tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    answer = read_answer(ran.stdout.splitlines())
    assert answer.keys() == CONVERGED.keys()
    assert answer["changed"] is False
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_a_run_is_a_text_and_an_exit_status(tmp_path: Path) -> None:
    declared = Declared.accept({"python_venvs": [{"path": f"{tmp_path}/venv", "owner": "no-such-account"}]})
    ran = run_script(Call("converge", declared), tmp_path)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "no-such-account" in ran.stderr
    assert "Traceback" not in ran.stderr
    looked = run_script(Call("plan", declared, {"rehearsing": False}), tmp_path)
    assert (looked.returncode, looked.stderr) == (0, "")
    with pytest.raises(FactProcessError, match="no-such-account"):
        read_answer(looked.stdout.splitlines())
    assert list(tmp_path.iterdir()) == []


def test_what_lies_in_the_working_directory_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('imported')\n")
    ran = run_script(Call("python_info"), tmp_path, environ={"PYTHONPATH": str(tmp_path), "LC_ALL": "C"})
    assert (ran.returncode, ran.stderr) == (0, "")
    assert read_answer(ran.stdout.splitlines())["interpreters"]
    assert [path.name for path in tmp_path.iterdir()] == ["json.py"]


def test_a_python_is_found_whatever_the_environment_says_of_pythons(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('imported')\n")
    ran = run_script(Call("python_info"), tmp_path, environ={"PYTHONPATH": str(tmp_path)})
    assert "interpreters" in read_answer(ran.stdout.splitlines()), ran


def test_a_python_home_of_another_python_is_not_believed(tmp_path: Path) -> None:
    ran = run_script(Call("python_info"), tmp_path, environ={"PYTHONHOME": str(tmp_path)})
    assert "interpreters" in read_answer(ran.stdout.splitlines()), ran


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder for PATH with what the script itself starts, and no Python."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("id", "tr"):
        program = shutil.which(name)
        assert program is not None
        (folder / name).symlink_to(program)
    return folder


@pytest.mark.parametrize("ask", ["python_info", "plan"])
def test_a_host_without_python_says_what_would_bring_one(tmp_path: Path, programs: Path, ask: str) -> None:
    """On this machine, whose package manager is apt."""
    home = tmp_path / "home"
    home.mkdir()
    ran = run_script(Call(ask), home, environ={"PATH": str(programs)})
    assert (ran.returncode, ran.stderr) == (0, "")
    missing = read_answer(ran.stdout.splitlines())["missing"]
    # How old apt's lists are is not looked at without a Python: they are fetched.
    assert missing == {
        "package_manager": "apt",
        "packages": ["python3"],
        "needs_refresh": True,
        "is_root": os.getuid() == 0,
    }
    assert list(home.iterdir()) == []


def test_a_python_that_does_not_run_is_none(tmp_path: Path, programs: Path) -> None:
    broken = programs / "python3"
    broken.write_text("#!/bin/sh\necho 'pyenv: python3: command not found' >&2\nexit 127\n")
    broken.chmod(0o755)
    ran = run_script(Call("python_info"), tmp_path, environ={"PATH": str(programs)})
    assert "missing" in read_answer(ran.stdout.splitlines())
    assert ran.stderr == ""


def test_another_python_is_taken_where_python3_does_not_run(tmp_path: Path, programs: Path) -> None:
    broken = programs / "python3"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    (programs / "python3.11").symlink_to(Path(sys.executable).resolve())
    ran = run_script(Call("python_info"), tmp_path, environ={"PATH": str(programs)})
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "host" in read_answer(ran.stdout.splitlines())


# What is read


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="nothing"),
        pytest.param(["", "Welcome!", "answer {}"], id="noise"),
        pytest.param([f"{PREFIX}answer {{}}"], id="no space"),
        pytest.param([f"see {PREFIX} answer {{}}"], id="not at the start"),
        pytest.param([PREFIX, f"{PREFIX} present /usr/bin/python3"], id="another word"),
    ],
)
def test_without_an_answer_it_is_said_that_there_is_none(lines: list[str]) -> None:
    with pytest.raises(FactProcessError, match="did not answer"):
        read_answer(lines)


def test_the_last_answer_counts_whatever_is_around_it() -> None:
    content = {"text": f"two words, {PREFIX} error, and a é", "number": 1}
    lines = ["motd", f"{PREFIX} answer {{}}", f"{PREFIX} answer {json.dumps(content)}", "", "logout"]
    assert read_answer(iter(lines)) == content


def test_an_error_is_the_engines_own_text() -> None:
    with pytest.raises(FactProcessError) as raised:
        read_answer(["motd", f'{PREFIX} error {{"message": "There is no account app.\\nCreate it first."}}'])
    assert str(raised.value) == "There is no account app.\nCreate it first."


def test_lines_for_the_standard_input_are_not_printed() -> None:
    lines = HiddenLines(["s3cr3t"])
    assert (list(lines), str(lines), f"{lines!r}") == (["s3cr3t"], "*MASKED*", "*MASKED*")
    assert "s3cr3t" not in str({"_stdin": lines})


@pytest.mark.parametrize("ask", ["plan", "rehearse", "converge"])
def test_what_tools_need_is_sent_with_them(ask: str) -> None:
    # The audit needs the same; what another call names for itself is not kept from those whose declared state needs it.
    tools = [{"name": "hello", "scope": "user", "user": "alice"}]
    _, left_out = Call(ask, Declared.accept({"python_tools": tools})).modules
    assert not {"login_path", "environment_marker"} & left_out
    _, left_out = Call(ask, Declared.accept({"python_libraries": ["requests"]})).modules
    assert {"login_path", "environment_marker"} <= left_out
