"""The command itself: exit statuses, formats, what is passed over, and input that nobody means."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pep668_provision.scan import report
from pep668_provision.scan.cli import FOUND, NOTHING, UNUSABLE, main
from pep668_provision.scan.scan import Scanned, scan, scan_text, write
from pep668_provision.scan.yaml_nodes import NotYaml

CHECKOUT = Path(__file__).resolve().parents[3]
TASK = "- pip: {name: docker}\n"


def test_the_exit_status_says_whether_something_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tasks.yml"
    file.write_text(TASK)
    assert main(["scan", str(tmp_path)]) == FOUND
    assert main(["scan", "--diff", str(tmp_path)]) == FOUND
    assert file.read_text() == TASK
    assert main(["scan", "--fix", str(tmp_path)]) == NOTHING
    assert main(["scan", str(tmp_path)]) == NOTHING
    assert main(["scan", str(tmp_path / "none")]) == UNUSABLE
    assert f"{tmp_path}/none: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["scan"], ["scan", "--fix", "--diff", "."], ["scan", "--format", "x", "."]])
def test_misuse_is_told_apart_from_findings(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == UNUSABLE


def test_a_difference_is_a_patch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yml").write_text(TASK)
    main(["scan", "--diff", str(tmp_path)])
    patch = capsys.readouterr().out
    subprocess.run(["patch", "-p1", "-d", "/"], input=patch, text=True, check=True, capture_output=True)
    assert main(["scan", str(tmp_path)]) == NOTHING


def test_json_has_everything_of_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.yml"
    file.write_text("- pip: {name: 'x @ https://me:secret1234@example.org/x.whl'}\n")
    main(["scan", "--format", "json", str(tmp_path)])
    printed = json.loads(capsys.readouterr().out)
    (finding,) = printed["findings"]
    assert (printed["schema"], printed["files"], printed["skipped"]) == ("pep668.provision.scan/1", 1, [])
    assert (finding["path"], finding["line"], finding["id"]) == (str(file), 1, "PM001")
    assert finding["fixable"] is True
    assert "secret1234" not in json.dumps(printed)
    assert "https://****@example.org" in finding["proposal"]


def test_annotations_name_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yml").write_text(f"---\n{TASK}")
    main(["scan", "--format", "github", str(tmp_path)])
    assert capsys.readouterr().out.startswith(f"::warning file={tmp_path}/a.yml,line=2,title=PM001 ")


def test_what_is_not_looked_into_is_named_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "latin.yml").write_bytes(b"# pip \xe4\n")
    (tmp_path / "vault.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    (tmp_path / "template.yml").write_text("{% if pip %}\na: b\n{% endif %}\n: :\n")
    (tmp_path / "deep.yml").write_text("pip: " + "[" * 1000)
    (tmp_path / "large.yml").write_text(f"# {'x' * 1024 * 1024}\n{TASK}")
    os.mkfifo(tmp_path / "fifo.yml")
    assert main(["scan", str(tmp_path)]) == NOTHING
    told = capsys.readouterr().err
    for name, reason in {
        "latin": "no text in UTF-8",
        "vault": "encrypted",
        "template": "no YAML",
        "deep": "nested too deep",
        "large": "larger than 1 MiB",
        "fifo": "no regular file",
    }.items():
        assert f"{name}.yml: not looked into, it is {reason}" in told


def test_directories_of_others_are_passed_over(tmp_path: Path) -> None:
    for folder in (".git", "node_modules", "env", "tasks"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.yml").write_text(TASK)
    (tmp_path / "env" / "pyvenv.cfg").touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [one.path for one in scan([str(tmp_path)]).findings] == [str(tmp_path / "tasks" / "a.yml")]


def test_links_in_a_directory_are_not_followed_out_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "role").mkdir()
    for file in (tmp_path / "other.yml", tmp_path / "role" / "a.yml"):
        file.write_text(TASK)
    (tmp_path / "role" / "inside.yml").symlink_to("a.yml")
    (tmp_path / "role" / "outside.yml").symlink_to("../other.yml")
    assert main(["scan", "--fix", str(tmp_path / "role")]) == NOTHING
    assert (tmp_path / "other.yml").read_text() == TASK
    assert "outside.yml: not looked into, it is a link" in capsys.readouterr().err


def test_many_tasks_of_one_file_are_rewritten_together(tmp_path: Path) -> None:
    file = tmp_path / "a.yml"
    file.write_text("- pip:\n    name: docker\n" * 500)
    assert main(["scan", "--fix", str(file)]) == NOTHING
    assert file.read_text().count("prefer_system_package") == 500


def test_a_script_that_is_named_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "install").write_text("#!/bin/sh\nset -e\npip install numpy\n")
    assert [(one.line, one.id) for one in scan([str(tmp_path / "install")]).findings] == [(3, "PM006")]


def test_aliases_of_aliases_are_not_unfolded(tmp_path: Path) -> None:
    lines = ["- &a0 [pip, PIP_BREAK_SYSTEM_PACKAGES]"]
    lines += [f"- &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]" for number in range(1, 60)]
    lines += ["- pip:", "    name: docker"]
    file = tmp_path / "bomb.yml"
    file.write_text("\n".join(lines) + "\n")
    assert main(["scan", "--fix", str(file)]) == NOTHING
    assert "pep668.provision.pip" in file.read_text()


def test_a_script_of_a_task_is_looked_into(tmp_path: Path) -> None:
    for folder in ("tasks", "files"):
        (tmp_path / folder).mkdir()
    (tmp_path / "tasks" / "main.yml").write_text("- script: pip.sh a b\n")
    (tmp_path / "files" / "pip.sh").write_text("#!/bin/sh\npip install numpy\n")
    (finding,) = scan([str(tmp_path)]).findings
    assert (finding.path, finding.line, finding.id) == (str(tmp_path / "files" / "pip.sh"), 2, "PM006")


def test_a_file_that_changed_meanwhile_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "a.yml"
    file.write_text("a\n")
    with pytest.raises(OSError, match="changed"):
        write(file, "b\n", "c\n")
    assert (file.read_text(), len(list(tmp_path.iterdir()))) == ("a\n", 1)


def test_a_file_that_cannot_be_written_is_reported_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    file = tmp_path / "a.yml"
    file.write_text(TASK)
    monkeypatch.setattr("pep668_provision.scan.scan.write", refuse)
    assert main(["scan", "--fix", str(file)]) == UNUSABLE
    printed = capsys.readouterr()
    assert "it is not written: Read-only file system" in printed.err
    assert "1 finding in 1 file" in printed.out


def test_without_the_parser_it_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "ruamel").mkdir()
    (tmp_path / "ruamel" / "__init__.py").write_text("raise ImportError\n")
    search = os.pathsep.join([str(tmp_path), str(CHECKOUT / "src")])
    done = subprocess.run(
        [sys.executable, "-m", "pep668_provision.scan.cli", "scan", "."],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": search},
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (UNUSABLE, "")
    assert "pip install 'pep668-provision[scan]'" in done.stderr


def test_the_wheel_has_the_command() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    module, _, name = project["scripts"]["pep668-provision"].partition(":")
    assert getattr(import_module(module), name) is main
    assert any(one.startswith("ruamel.yaml") for one in project["optional-dependencies"]["scan"])


def test_nothing_that_a_terminal_acts_on_is_printed(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text('- pip: {name: "a\\e[2Jb"}\n')
    assert "\x1b" not in report.as_text(scan([str(tmp_path)]))


def test_a_report_without_findings_is_one_line() -> None:
    assert report.as_text(Scanned(files=2)) == "0 findings in 2 files.\n"


PIECES = st.sampled_from(
    [
        *(
            "- ",
            "  ",
            "    ",
            "\n",
            ": ",
            ", ",
            "[",
            "]",
            "{",
            "}",
            "'",
            '"',
            "&a ",
            "*a",
            "|\n",
            ">-\n",
            "# c\n",
            "---\n",
        ),
        *(
            "!x ",
            "<<: ",
            "? ",
            "%",
            "\t",
            "\r\n",
            "\\",
            "\x00",
            "\ufeff",
            "ä",
            "{{ x }}",
            "{% if x %}",
            "\x85",
            "\u2028",
        ),
        *("pip:", "name: flask", "state: present", "shell: ", "pip install a", "command:", "cmd: ", "hosts: all\n"),
        *("tasks:\n", "block:\n", "environment:\n", "PIP_BREAK_SYSTEM_PACKAGES: 1", "file:", "EXTERNALLY-MANAGED"),
        *(
            "state: absent",
            "register: r",
            "loop: [a]\n",
            "extra_args: --break-system-packages",
            "args:",
            "<<E\n",
            "&& ",
        ),
        *("FROM x\n", "RUN ", "ENV PATH=/venv/bin\n", "$(", "`", "find / ", "-delete", "get-pip.py", "sh -c '"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(PIECES | st.text(max_size=5), max_size=25).map("".join),
    st.sampled_from(["tasks.yml", "Dockerfile", "pip.conf", "site.yaml"]),
)
def test_no_text_is_too_odd(text: str, name: str) -> None:
    for one in (text, f"- name: x\n  pip:\n    {text}"):
        try:
            _, findings = scan_text(one, Path(name))
        except NotYaml:
            continue
        assert report.as_json(Scanned(findings=findings))
        assert report.as_text(Scanned(findings=findings))


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_a_rewritten_file_has_nothing_left_to_rewrite(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("fuzz") / "tasks.yml"
    file.write_bytes(f"- pip:\n    name: docker\n    {text}".encode("utf-8", "surrogatepass"))
    result = scan([str(file)])
    for before, after in result.changed.values():
        write(file, before, after)
    assert not scan([str(file)]).changed
