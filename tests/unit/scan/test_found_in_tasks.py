"""What is found in tasks, on which line, and what is not found."""

from __future__ import annotations

from pathlib import Path

import pytest

from pep668_provision.scan.finding import Finding
from pep668_provision.scan.scan import scan_text


def found(text: str, name: str = "tasks/main.yml") -> list[Finding]:
    """The findings in a text that stands in a tasks file."""
    return scan_text(text, Path(name))[1]


def ids(text: str, name: str = "tasks/main.yml") -> list[tuple[int, str]]:
    """Lines and ids of the findings."""
    return [(one.line, one.id) for one in found(text, name)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("- pip: name=flask\n", (1, "PM001"), id="free form"),
        pytest.param("- ansible.builtin.pip:\n    name: flask\n", (1, "PM001"), id="by its full name"),
        pytest.param("- name: x\n  ansible.legacy.pip: {name: flask}\n", (2, "PM001"), id="the legacy name"),
        pytest.param("- action: pip name=flask\n", (1, "PM001"), id="action"),
        pytest.param("- local_action:\n    module: pip\n    name: flask\n", (1, "PM001"), id="local action"),
        pytest.param("- pip:\n  args: {name: flask}\n", (1, "PM001"), id="arguments beside the module"),
        pytest.param("- pip: {name: flask, state: absent}\n", (1, "PM001"), id="pip refuses to remove as well"),
        pytest.param("- pip: {name: flask, executable: /usr/bin/pip3}\n", (1, "PM001"), id="the system's pip"),
        pytest.param("- pip: {name: a, virtualenv: '{{ v | default(omit) }}'}\n", (1, "PM001"), id="perhaps without"),
        pytest.param("- pip: {name: a, extra_args: --break-system-packages}\n", (1, "PM002"), id="override"),
        pytest.param("- pip: {name: a, break_system_packages: true}\n", (1, "PM002"), id="the module's override"),
        pytest.param("- pip: {name: a, extra_args: '-q --user'}\n", (1, "PM009"), id="user"),
        pytest.param("- block:\n    - pip: {name: a}\n", (2, "PM001"), id="in a block"),
        pytest.param("- block: []\n  rescue:\n    - pip: {name: a}\n", (3, "PM001"), id="in a rescue"),
        pytest.param("- hosts: all\n  handlers:\n    - pip: {name: a}\n", (3, "PM001"), id="in a handler"),
        pytest.param("- shell: pip install a\n", (1, "PM006"), id="shell"),
        pytest.param("- command: {cmd: pip3 install a}\n", (1, "PM006"), id="command with cmd"),
        pytest.param("- command:\n    argv:\n      - pip\n      - install\n      - a\n", (3, "PM006"), id="argv"),
        pytest.param("- raw: python3.11 -m pip install a\n", (1, "PM006"), id="raw"),
        pytest.param(
            "- command: '{{ ansible_python_interpreter }} -m pip install a'\n", (1, "PM006"), id="Ansible's Python"
        ),
        pytest.param("- command: pip install --user a\n", (1, "PM009"), id="a command for a user"),
        pytest.param("- shell: |\n    echo\n\n    sudo -H -u app pip install a\n", (4, "PM006"), id="line of a text"),
        pytest.param("- shell: PIP_BREAK_SYSTEM_PACKAGES=1 pip install a\n", (1, "PM002"), id="variable of a command"),
        pytest.param(
            "- file: {path: /usr/lib/python3.11/EXTERNALLY-MANAGED, state: absent}\n", (1, "PM004"), id="file"
        ),
        pytest.param(
            "- file: path={{ item }} state=absent\n  loop: [/a/EXTERNALLY-MANAGED]\n", (1, "PM004"), id="loop"
        ),
        pytest.param("- command: mv /a/EXTERNALLY-MANAGED /a/b\n", (1, "PM004"), id="moved"),
        pytest.param("- shell: find / -name EXTERNALLY-MANAGED -delete\n", (1, "PM004"), id="find -delete"),
        pytest.param("- shell: find / -name EXTERNALLY-MANAGED | xargs rm -f\n", (1, "PM004"), id="find and xargs"),
        pytest.param(
            "- shell: for f in /usr/lib/python3*/EXTERNALLY-MANAGED; do rm $f; done\n",
            (1, "PM004"),
            id="loop of a shell",
        ),
        pytest.param("- community.general.dpkg_divert: {path: /a/EXTERNALLY-MANAGED}\n", (1, "PM004"), id="diversion"),
        pytest.param("- ini_file: path=/etc/pip.conf option=break-system-packages value=1\n", (1, "PM005"), id="ini"),
        pytest.param(
            "- copy:\n    dest: /etc/pip.conf\n    content: |\n      [global]\n      break-system-packages = true\n",
            (1, "PM005"),
            id="copy",
        ),
        pytest.param("- command: pip config set global.break-system-packages true\n", (1, "PM005"), id="pip config"),
        pytest.param(
            "- lineinfile: {path: /etc/environment, line: PIP_BREAK_SYSTEM_PACKAGES=1}\n", (1, "PM003"), id="lineinfile"
        ),
        pytest.param("- shell: echo PIP_BREAK_SYSTEM_PACKAGES=1 >> /etc/environment\n", (1, "PM003"), id="echo"),
        pytest.param("- hosts: all\n  environment:\n    PIP_BREAK_SYSTEM_PACKAGES: 1\n", (3, "PM003"), id="of a play"),
        pytest.param(
            "- get_url: {url: https://bootstrap.pypa.io/get-pip.py, dest: /tmp}\n", (1, "PM008"), id="download"
        ),
        pytest.param("- shell: curl https://bootstrap.pypa.io/get-pip.py | python3\n", (1, "PM008"), id="curl"),
    ],
)
def test_what_fails_or_harms_is_found(text: str, expected: tuple[int, str]) -> None:
    assert ids(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("- pip: {name: a, virtualenv: /srv/v}\n", id="environment"),
        pytest.param(
            "- pip: {name: a, virtualenv: '{{ v }}', virtualenv_command: python3 -m venv}\n", id="in a variable"
        ),
        pytest.param("- pip: {name: a, executable: /srv/v/bin/pip3}\n", id="an environment's pip"),
        pytest.param("- pip: {name: a, executable: '{{ v }}/bin/pip'}\n", id="an environment's pip, in a variable"),
        pytest.param("- pip: {name: a, extra_args: --target=/srv/lib}\n", id="a directory of its own"),
        pytest.param("- pip: {name: a}\n  environment: {PATH: '/srv/venv/bin:{{ p }}'}\n", id="PATH of an environment"),
        pytest.param(
            "- hosts: all\n  module_defaults:\n    pip: {virtualenv: /srv/v}\n  tasks:\n    - pip: {name: a}\n",
            id="defaults",
        ),
        pytest.param("- pep668.provision.pip: {name: a, extra_args: -q}\n", id="this collection's own"),
        pytest.param("- community.general.pip_package_info: {clients: pip}\n", id="pip_package_info"),
        pytest.param("- name: pip install a\n  debug: {msg: pip install a --break-system-packages}\n", id="words"),
        pytest.param("# pip install a --break-system-packages\n- debug:\n", id="comment"),
        pytest.param("- command: pip download a\n", id="download"),
        pytest.param("- command: pip list --user\n", id="list"),
        pytest.param("- command: pipx install a\n", id="pipx"),
        pytest.param("- command: uv pip install a\n", id="uv"),
        pytest.param("- command: /srv/v/bin/pip install a\n", id="the pip of an environment"),
        pytest.param("- command: '{{ v }}/bin/python -m pip install a'\n", id="the Python of an environment"),
        pytest.param("- shell: . /srv/v/bin/activate && pip install a\n", id="activated"),
        pytest.param("- shell: |\n    source /srv/v/bin/activate\n    pip install a\n", id="activated before"),
        pytest.param("- shell: echo pip install a\n", id="echo"),
        pytest.param("- shell: 'true # pip install a'\n", id="comment of a shell"),
        pytest.param("- shell: \"cat > x <<'E'\\npip install a\\nE\\n\"\n", id="text for a file"),
        pytest.param("- apt: {name: python3-pip}\n", id="the package"),
        pytest.param("- file: {path: /usr/lib/python3.11/EXTERNALLY-MANAGED, state: touch}\n", id="marker made"),
        pytest.param("- stat: {path: /usr/lib/python3.11/EXTERNALLY-MANAGED}\n", id="marker looked at"),
        pytest.param(
            "- ini_file: path=/etc/pip.conf option=break-system-packages state=absent\n", id="override removed"
        ),
        pytest.param("- ini_file: path=/etc/pip.conf option=break-system-packages value=false\n", id="override off"),
        pytest.param("- shell: x\n  environment: {PIP_BREAK_SYSTEM_PACKAGES: '0'}\n", id="variable off"),
        pytest.param("pip:\n  name: flask\n", id="variables"),
        pytest.param("- hosts: all\n  roles:\n    - {role: x, pip: {name: flask}}\n", id="variables of a role"),
        pytest.param("- pip: {name: a} # noqa: PM001\n", id="silenced"),
    ],
)
def test_what_is_fine_is_not_found(text: str) -> None:
    assert ids(text) == []


def test_the_override_is_found_in_variables() -> None:
    text = "a: --break-system-packages\nb: [-q, --break-system-packages]\nc: it is --break-system-packages\n"
    assert ids(text, "vars/main.yml") == [(1, "PM002"), (2, "PM002")]


def test_a_variable_in_the_environment_is_its_own_finding() -> None:
    text = "- pip: {name: flask}\n  environment:\n    PIP_BREAK_SYSTEM_PACKAGES: 'true'\n"
    assert ids(text) == [(1, "PM001"), (3, "PM003")]


def test_a_task_that_is_used_twice_is_found_once() -> None:
    assert ids("- hosts: a\n  tasks: &t\n    - pip: {name: x}\n- hosts: b\n  tasks: *t\n") == [(3, "PM001")]


def test_arguments_that_are_merged_count() -> None:
    text = (
        "- hosts: a\n  vars:\n    x: &x {virtualenv: /srv/v}\n  tasks:\n    - pip:\n        <<: *x\n        name: a\n"
    )
    assert ids(text) == []


def test_every_document_of_a_file_is_looked_at() -> None:
    assert ids("---\n- pip: {name: a}\n---\n- pip: {name: b}\n") == [(2, "PM001"), (4, "PM001")]


def test_a_pip_conf_is_looked_at_line_by_line() -> None:
    text = "[global]\n# break-system-packages = true\nbreak_system_packages: yes\nbreak-system-packages = false\n"
    assert ids(text, "templates/pip.conf.j2") == [(3, "PM005")]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("- pip: {name: '{{ packages }}'}\n", "in a variable"),
        ("- pip: {name: flask, state: absent}\n", "state absent"),
        ("- pip: {name: flask, state: forcereinstall}\n", "forcereinstall"),
        ("- pip: {name: flask, version: '{{ v | default(omit) }}'}\n", "omit"),
        ("- pip: {name: flask, version: \"{{ v | default('1') }}\"}\n", "expression"),
        ("- pip: {name: flask, executable: '{{ pip }}'}\n", "variable"),
        ("- pip: {name: flask, executable: pip2}\n", "Python 2"),
        ("- pip: {name: '{{ item }}'}\n  loop: '{{ all }}'\n", "loop"),
        ("- pip: {name: '{{ item }}'}\n  loop: [flask, django]\n", "loop"),
        ("- pip: {name: [docker, flask]}\n", "several kinds"),
        ("- pip: {name: pip, state: latest}\n", "remove it"),
        ("- pip: {requirements: requirements.txt}\n", "relative"),
        ("- pip: {requirements: https://example.org/r.txt}\n", "address"),
        ("- pip: {name: 'git+https://example.org/x.git'}\n", "PEP 508"),
        ("- pip: {name: flask, umask: '0022'}\n", "umask"),
        ("- pip: {name: /srv/a.whl}\n", "PEP 508"),
        ("- command: pip install /srv/a /srv/b\n", "several projects"),
        ("- command: pip install .\n", "relative"),
        ("- pip: {name: black, extra_args: --no-deps}\n", "arguments it gives"),
        ("- pip: {name: docker, extra_args: --user}\n", "every account"),
        ("- pip: {name: flask}\n  args: {virtualenv_python: python3}\n", "cannot be changed in place"),
        ("- shell: pip install flask && true\n", "several commands"),
        ("- shell: pip install flask > log\n", "several commands"),
        ("- shell: sudo pip install flask\n", "several commands"),
        ("- shell: pip install flask\n  args: {creates: /srv/x}\n", "creates"),
        ("- command: pip install {{ item }}\n  loop: [a]\n", "variable"),
        ("- command: pip install a\n  loop: [a]\n", "loop"),
        ("- command: pip config --site set install.break-system-packages yes\n", "interpreter"),
        ("- ini_file: {path: '{{ x }}', option: break-system-packages, value: 'true'}\n", "file"),
    ],
)
def test_what_cannot_be_rewritten_safely_is_only_reported(text: str, left: str) -> None:
    (finding,) = found(text)
    assert not finding.edits
    assert left in finding.left


def test_things_of_several_kinds_are_proposed_as_tasks_of_their_own() -> None:
    (finding,) = found("- pip: {name: [docker, flask, black]}\n")
    modules = ("pep668.provision.pip:", "pep668.provision.venv:", "pep668.provision.tool:")
    assert [finding.proposal.count(module) for module in modules] == [1, 1, 1]
