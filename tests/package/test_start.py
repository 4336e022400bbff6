"""docs/start.md, "Start in five minutes", as somebody follows it who has a bare Debian 13, one file, and the page.

What is typed is read out of the page, section by section: what is to be there first, each line of each ``sh`` block,
and the command with a file in the place of the one before it. So is what has to be seen then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from checkout import CHECKOUT
from hosts import NEWEST_DEBIAN, Finished, Host
from required_engine import require_engine
from tests.docs.code_blocks import blocks_of
from tests.package.installations import Artefacts

NAME = "docs/start.md"
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", (CHECKOUT / NAME).read_text(), re.MULTILINE | re.DOTALL))
FIRST = re.compile(r"`(sudo apt update && [^`]+)`")
WITH_A_FILE = re.compile(r"With a file in place of [^`]+: `([^`]+)`")
TAKEN_AWAY = re.compile(r"`(sudo apt remove [^`]+)`")


def shown(section: str, language: str) -> list[str]:
    """The section's blocks of that language."""
    return [block.text for block in blocks_of(NAME, SECTIONS[section]) if block.language == language]


def typed(section: str) -> list[str]:
    """What is typed in a section by somebody who has a file in place of the index or of Galaxy."""
    lines = [line for block in shown(section, "sh") for line in block.splitlines()]
    first, with_a_file = FIRST.findall(SECTIONS[section]), WITH_A_FILE.findall(SECTIONS[section])
    (replaced,) = (place for place, line in enumerate(lines) if re.search(r" install '?pep668", line))
    assert len(first) == len(with_a_file) == 1
    return [*first, *lines[:replaced], *with_a_file, *lines[replaced + 1 :]]


def looks_like(expected: str) -> re.Pattern[str]:
    """A text with these lines, whose versions are those of another day."""
    return re.compile(r"\d+(?:\.\d+)+".join(map(re.escape, re.split(r"\d+(?:\.\d+)+", expected))))


def explained_by(said: Finished) -> list[str]:
    """The lines that the playbook explain has for the host."""
    found = re.search(r"^ok: \[localhost\] => (\{.*?^\})", said.stdout, re.MULTILINE | re.DOTALL)
    assert found, said
    lines: list[str] = json.loads(found[1])["msg"]
    return lines


@dataclass(frozen=True)
class Reader:
    """Root at the host, at home, where the file and what the page says to put into files is."""

    host: Host

    def types(self, command: str) -> Finished:
        """The command has ended well; apt asks whether to go on, and is answered."""
        return self.host.run(["bash", "-c", f"cd && {command}"], stdin="y\n")

    def follows(self, section: str) -> list[Finished]:
        return [self.types(command) for command in typed(section)]

    def saves(self, name: str, text: str) -> None:
        self.host.write(f"/root/{name}", text)

    def finds_what_is_declared(self) -> None:
        """Each command of the page's console is answered as there."""
        (console,) = shown("From the wheel", "console")
        answers = re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", console, re.MULTILINE)
        assert len(answers) == 3
        for command, answer in answers:
            said = self.types(command)
            assert looks_like(answer).fullmatch(said.stdout), said

    def takes_it_back(self, command: str) -> None:
        """The command has run with the same entries declared absent, the packages are removed, and nothing is found."""
        declared = yaml.safe_load(self.host.read("/root/site.yml"))
        for entry in declared["python_venvs"] + declared["python_tools"]:
            entry["state"] = "absent"
        self.saves("site.yml", yaml.safe_dump(declared))
        self.types(command)
        assert not self.host.exists("/opt/hello/.venv")
        assert self.host.run("command -v http", check=False).rc
        (remove,) = TAKEN_AWAY.findall(SECTIONS["And then"])
        self.types(remove)
        assert self.host.run("command -v pipx || python3 -c 'import requests'", check=False).rc


ReaderWith = Callable[[Path], Reader]


@pytest.fixture
def reader_with() -> Iterator[ReaderWith]:
    """reader_with(file) has that file and site.yml, on a host that has nothing else."""
    hosts: list[Host] = []

    def start(artefact: Path) -> Reader:
        require_engine()
        volumes = [f"{artefact}:/root/{artefact.name}:ro"]
        hosts.append(Host.start_from(NEWEST_DEBIAN, with_python=False, volumes=volumes))
        reader = Reader(hosts[0])
        reader.saves("site.yml", *shown("What is declared", "yaml"))
        return reader

    yield start
    for host in hosts:
        host.remove()


def test_a_host_from_the_wheel(artefacts: Artefacts, reader_with: ReaderWith) -> None:
    reader = reader_with(artefacts.wheel)
    *_, explained, checked, _ = reader.follows("From the wheel")
    explanation, difference = shown("From the wheel", "text")
    assert explained_by(explained) == explanation.splitlines()
    for part in difference.split("\n\nTASK "):
        assert looks_like(part).search(checked.stdout), checked
    reader.finds_what_is_declared()
    *_, provide = typed("From the wheel")
    (nothing,) = re.findall(r"A third run changes nothing: `(.+)`", SECTIONS["From the wheel"])
    assert nothing in re.sub(" +", " ", reader.types(provide).stdout)
    reader.takes_it_back(provide)


def test_a_host_from_the_collection(artefacts: Artefacts, reader_with: ReaderWith) -> None:
    reader = reader_with(artefacts.collection)
    inventory, playbook = shown("From the collection", "yaml")
    reader.saves("inventory.yml", inventory)
    reader.saves("playbook.yml", playbook)
    *_, provided, again = reader.follows("From the collection")
    assert "changed=0 " not in provided.stdout
    assert "changed=0 " in again.stdout
    reader.finds_what_is_declared()


@pytest.mark.full  # each time, test_installed.py has a host provisioned by the same wheel and pyinfra
def test_a_host_with_pyinfra(artefacts: Artefacts, reader_with: ReaderWith) -> None:
    reader = reader_with(artefacts.wheel)
    *_, dry, _ = reader.follows("With pyinfra")
    for step in ("install pipx", "create venv /opt/hello/.venv: it is not there", "create tool httpie"):
        assert step in dry.stderr, dry
    reader.finds_what_is_declared()
    *_, provide = typed("With pyinfra")
    assert "No changes" in reader.types(provide).stderr
    reader.takes_it_back(provide)
