"""What --fix writes: only the tasks it is about change, every other character stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pep668_provision.scan.cli import FOUND, NOTHING, main
from pep668_provision.scan.scan import scan

HERE = Path(__file__).parent
FIXTURES, REWRITTEN = HERE / "fixtures", HERE / "rewritten"
PREFER = "externally_managed: prefer_system_package"
NOTE = "  # proposed; what is installed runs from"


def fixed(tmp_path: Path, text: str, name: str = "tasks.yml") -> str:
    """The text of a file after --fix, which has nothing to do the second time."""
    file = tmp_path / name
    file.write_bytes(text.encode())
    main(["scan", "--fix", str(file)])
    after = file.read_bytes().decode()
    assert not scan([str(file)]).changed
    return after


@pytest.mark.parametrize("shape", sorted(path.name for path in FIXTURES.iterdir()))
def test_a_role_is_rewritten_to_the_character(shape: str, tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / shape, tmp_path / shape)
    assert main(["scan", "--fix", str(tmp_path / shape)]) == FOUND
    for file in sorted(path for path in (tmp_path / shape).rglob("*") if path.is_file()):
        relative = file.relative_to(tmp_path)
        expected = REWRITTEN / relative if (REWRITTEN / relative).exists() else FIXTURES / relative
        assert file.read_text() == expected.read_text(), str(relative)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    main(["scan", "--fix", str(tmp_path / shape)])
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "---\n# a\n- name: b   # c\n  pip:   # d\n    # e\n    name: flask   # f\n    # g\n  when: h  # i\n...\n",
            "---\n# a\n- name: b   # c\n  pep668.provision.venv:   # d\n    # e\n    path: /opt/venvs/flask"
            f"{NOTE} /opt/venvs/flask/bin\n    packages: [flask]   # f\n    # g\n  when: h  # i\n...\n",
            id="comments",
        ),
        pytest.param(
            "- pip:\n    name:\n    - flask  # a\n    # b\n    - 'gunicorn>=2'\n\n    - \"celery[redis]\"\n"
            "    extra_args: -q\n",
            "- pep668.provision.venv:\n"
            f"    path: /opt/venvs/flask{NOTE} /opt/venvs/flask/bin\n"
            "    packages:\n    - flask  # a\n    # b\n    - 'gunicorn>=2'\n\n    - \"celery[redis]\"\n",
            id="a list as it is written",
        ),
        pytest.param(
            "- pip:\n    name: 'docker==7'\n    extra_args: >-\n      --break-system-packages\n      --quiet\n  x: y\n",
            "- pep668.provision.pip:\n    name: 'docker==7'\n    externally_managed: prefer_system_package\n  x: y\n",
            id="an argument of several lines",
        ),
        pytest.param(
            "- pip:\n      name:\n          - black  # a\n          - mypy==1.0   # b\n      state: latest   # c\n",
            "- pep668.provision.tool:\n      tools:\n          - {name: black, state: latest}  # a\n"
            '          - {name: mypy, spec: "mypy==1.0", state: latest}   # b\n      # c\n',
            id="tools one by one",
        ),
        pytest.param(
            "- {name: a, pip: {name: docker}, when: b}\n",
            "- {name: a, pep668.provision.pip: {name: docker, externally_managed: prefer_system_package}, when: b}\n",
            id="in brackets",
        ),
        pytest.param(
            "- {name: a, pip: name=docker}\n",
            "- {name: a, pep668.provision.pip: {name: docker, externally_managed: prefer_system_package}}\n",
            id="free form in brackets",
        ),
        pytest.param(
            "- pip: name=docker  # a\n  when: b\n",
            f"- pep668.provision.pip:  # a\n    name: docker\n    {PREFER}\n  when: b\n",
            id="free form with a comment",
        ),
        pytest.param(
            "- shell: >\n    pip install\n    docker\n\n  # a\n  when: b\n",
            f"- pep668.provision.pip:\n    name: docker\n    {PREFER}\n\n  # a\n  when: b\n",
            id="a text of several lines",
        ),
        pytest.param(
            "- name: ä\r\n  pip:\r\n    name: docker\r\n    umask: '0022'\r\n",
            "- name: ä\r\n  pep668.provision.pip:\r\n    name: docker\r\n    umask: '0022'\r\n"
            "    externally_managed: prefer_system_package\r\n",
            id="ends of lines",
        ),
        pytest.param(
            "- pip:\n    name: docker",
            "- pep668.provision.pip:\n    name: docker\n    externally_managed: prefer_system_package",
            id="no end of the last line",
        ),
        pytest.param(
            "\ufeff- pip:\n    name: docker\n",
            "\ufeff- pep668.provision.pip:\n    name: docker\n    externally_managed: prefer_system_package\n",
            id="byte order mark",
        ),
        pytest.param(
            "- a: &x [b]\n  pip: {name: docker}\n  when: *x\n",
            f"- a: &x [b]\n  pep668.provision.pip: {{name: docker, {PREFER}}}\n  when: *x\n",
            id="anchors beside it",
        ),
        pytest.param(
            '- \'pip\':\n    name: "{{ x }}-y"\n- pip:\n    name: "docker=={{ v }}"\n',
            '- \'pip\':\n    name: "{{ x }}-y"\n- pep668.provision.pip:\n    name: "docker=={{ v }}"\n'
            "    externally_managed: prefer_system_package\n",
            id="templates",
        ),
        pytest.param(
            "- pip:\n    name: docker\n  environment:\n    PIP_BREAK_SYSTEM_PACKAGES: 1\n  when: a\n",
            "- pep668.provision.pip:\n    name: docker\n    externally_managed: prefer_system_package\n  when: a\n",
            id="the variable goes with its task",
        ),
        pytest.param(
            "- pip:\n    name:\n      - docker\n    version:\n    extra_args: ''\n",
            f"- pep668.provision.pip:\n    name:\n      - docker\n    {PREFER}\n",
            id="empty arguments",
        ),
        pytest.param(
            "- pip:\n    name: >-\n      docker==7,requests\n    state: present # a\n",
            f'- pep668.provision.pip:\n    name: ["docker==7", requests]\n    state: present # a\n    {PREFER}\n',
            id="a text with commas",
        ),
        pytest.param(
            "- pip:\n    extra_args: --user\n    name: black   # a\n\n    # b\n  when: c\n",
            "- pep668.provision.tool:\n    scope: user\n    tools:\n      - name: black   # a\n\n    # b\n  when: c\n",
            id="a tool of an account",
        ),
        pytest.param(
            '- shell: "pip install \\\n    docker"\n',
            f"- pep668.provision.pip:\n    name: docker\n    {PREFER}\n",
            id="a quoted text of several lines",
        ),
        pytest.param(
            "- file: path=/usr/lib/python3.11/EXTERNALLY-MANAGED state=absent\n",
            "- pep668.provision.marker:\n",
            id="the marker comes back",
        ),
        pytest.param(
            "- pip:\n    name: .\n    chdir: /srv/app\n    editable: true\n",
            "- pep668.provision.venv:\n"
            f"    path: /srv/app/.venv{NOTE} /srv/app/.venv/bin\n    project: /srv/app\n    editable: true\n",
            id="a project",
        ),
        pytest.param(
            "- shell: pip3 install {{ app }}/src[postgres,mail]\n",
            "- pep668.provision.venv:\n"
            f'    path: "{{{{ app }}}}/src/.venv"{NOTE} {{{{ app }}}}/src/.venv/bin\n'
            '    project: "{{ app }}/src"\n    extras: [postgres, mail]\n',
            id="a project with extras",
        ),
        pytest.param(
            '- pip:\n    requirements: "{{ a }}/r.txt"   # b\n    extra_args: -i https://x/simple --no-deps\n',
            "- pep668.provision.venv:\n"
            f'    path: "{{{{ a }}}}/.venv"{NOTE} {{{{ a }}}}/.venv/bin\n'
            '    requirements: ["{{ a }}/r.txt"]   # b\n'
            '    pip_args: ["-ihttps://x/simple", "--no-deps"]\n',
            id="arguments of pip",
        ),
    ],
)
def test_a_task_is_rewritten_to_the_character(before: str, after: str, tmp_path: Path) -> None:
    assert fixed(tmp_path, before) == after


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("- pip: &x {name: docker}\n- pip: *x\n", id="arguments that others use"),
        pytest.param("- pip:\n    <<: *x\n    name: docker\n", id="an anchor that is nowhere"),
        pytest.param("- &t\n  pip: &p\n    name: docker\n- *t\n", id="anchor of the arguments"),
        pytest.param(
            "- pip:\n    name: docker\n  register: r\n- debug: {msg: '{{ r.stdout }}'}\n", id="its result is used"
        ),
        pytest.param(
            "- pip: {name: docker}\n  register: r\n  failed_when: r.rc\n"
            "  environment:\n    PIP_BREAK_SYSTEM_PACKAGES: 1\n",
            id="its result is used, and its environment stays",
        ),
        pytest.param("- pip: {name: docker,\n    state: present}\n", id="brackets over several lines"),
        pytest.param("- pip:\n    name: docker\n    extra_args: >-\n      -q\n  {% raw %}\n", id="no YAML"),
    ],
)
def test_what_is_not_safe_stays(text: str, tmp_path: Path) -> None:
    assert fixed(tmp_path, text) == text


def test_the_result_of_a_task_may_be_read_where_every_module_has_it(tmp_path: Path) -> None:
    text = "- pip:\n    name: docker\n  register: r\n- debug:\n  when: r.changed or r is failed\n"
    assert "pep668.provision.pip" in fixed(tmp_path, text)


def test_a_result_that_another_file_reads_keeps_the_task(tmp_path: Path) -> None:
    (tmp_path / "other.yml").write_text("- debug: {msg: '{{ installed.stdout_lines }}'}\n")
    (tmp_path / "main.yml").write_text("- pip: {name: docker}\n  register: installed\n")
    result = scan([str(tmp_path)])
    assert (result.changed, [one.left for one in result.findings]) == (
        {},
        ["installed.stdout_lines is read of its result, which the new task has not"],
    )


@pytest.mark.parametrize(
    "task",
    [
        "- file: {path: /usr/lib/python3.11/EXTERNALLY-MANAGED, state: absent}\n",
        "- command: pip config --global set global.break-system-packages true\n",
    ],
)
def test_what_lets_pip_pass_stays_as_long_as_pip_is_called(task: str, tmp_path: Path) -> None:
    other = tmp_path / "other.yml"
    other.write_text("- pip: {name: '{{ packages }}'}\n")
    file = tmp_path / "tasks.yml"
    file.write_text(task)
    (_, left) = sorted(scan([str(tmp_path)]).findings, key=lambda one: one.path)
    assert (left.edits, left.left) == ((), f"{other}:1 calls pip, stays as it is, and may need that")
    other.write_text("- pip: {name: docker}\n")
    assert main(["scan", "--fix", str(tmp_path)]) == NOTHING
    assert "pep668.provision." in file.read_text()


def test_a_file_keeps_its_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    file, link = tmp_path / "tasks.yml", tmp_path / "link.yml"
    file.write_text("- pip: {name: docker}\n")
    file.chmod(0o640)
    link.symlink_to(file.name)
    assert main(["scan", "--fix", str(link)]) == NOTHING
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert "prefer_system_package" in file.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yml", "tasks.yml"]
