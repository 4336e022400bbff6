"""What a text for a shell does, told without running it."""

from __future__ import annotations

import pytest

from pep668_provision.scan.commands import find_harms
from pep668_provision.scan.shell_words import read_commands


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b c", [("a", "b", "c")]),
        ("a 'b c' \"d $e\" f\\ g", [("a", "b c", "d $e", "f g")]),
        ("a && b || c; d | e & f", [("a",), ("b",), ("c",), ("d",), ("e",), ("f",)]),
        ("a \\\n  b\nc", [("a", "b"), ("c",)]),
        ("a # b\nc", [("a",), ("c",)]),
        ("a > b 2>&1 < c d", [("a", "d")]),
        ("a 2> b &> c", [("a",)]),
        ("a 'b>1'", [("a", "b>1")]),
        ("(a; b)", [("a",), ("b",)]),
        ("a $(b c) d", [("a", ""), ("b", "c"), ("d",)]),
        ("a {{ b | c('d') }}/e", [("a", "{{ b | c('d') }}/e")]),
        ("a 'b", [("a", "b")]),
        ("a[b]", [("a[b]",)]),
        ("", []),
    ],
)
def test_a_text_is_read_as_commands(text: str, words: list[tuple[str, ...]]) -> None:
    assert [one.words for one in read_commands(text)] == words


def test_a_here_document_belongs_to_its_command() -> None:
    one, two = read_commands("sh <<'E' && b\nc d\nE\n")
    assert (one.words, one.document, two.words) == (("sh",), "c d\n", ("b",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pip install a", ["PM006"]),
        ("if ! pip show a; then pip install a; fi", ["PM006"]),
        ("bash -c 'pip install a'", ["PM006"]),
        ("su - app -c 'pip install --user a'", ["PM009"]),
        ("sh <<E\npip install a\nE", ["PM006"]),
        ("echo a | xargs -n 1 pip install", ["PM006"]),
        ("timeout 60 sudo -E -u app env A=b pip3.11 install a", ["PM006"]),
        ("python3 -I -W ignore -m pip --proxy x install a", ["PM006"]),
        ("~/.local/bin/pip install a", ["PM006"]),
        ("/usr/local/bin/pip3 install a", ["PM006"]),
        ("pip uninstall -y a", ["PM006"]),
        ("export PIP_BREAK_SYSTEM_PACKAGES=1; pip install a", ["PM003", "PM002"]),
        ("wget x/get-pip.py && python3 get-pip.py", ["PM008"]),
        ("printf '[global]\\nbreak-system-packages=true' > /etc/pip.conf", ["PM005"]),
        ("cat > /etc/pip.conf <<E\n[global]\nbreak-system-packages = true\nE", ["PM005"]),
        ("dpkg-divert --rename /usr/lib/python3.11/EXTERNALLY-MANAGED", ["PM004"]),
        ("python3 -c 'import pip' install a", []),
        ("export PATH=/srv/venv/bin:$PATH; pip install a", []),
        ("PATH=/srv/venv/bin:$PATH pip install a", []),
        ("export PATH=/opt/tool/bin:$PATH; pip install a", ["PM006"]),
        ("pip --python /srv/v install a", []),
        ("pip install --root /mnt a", []),
        ("pip install -t/srv a", []),
        ("pip --version; pip help install", []),
        ("ls /usr/lib/python3.11/EXTERNALLY-MANAGED; rm -f x", []),
        ("test -f EXTERNALLY-MANAGED", []),
        ("$VENV/bin/pip install a", []),
    ],
)
def test_harm_is_told_from_what_is_fine(text: str, expected: list[str]) -> None:
    assert [one.id for one in find_harms(text)] == expected


def test_what_a_call_asks_for_is_read() -> None:
    text = "pip3.11 install -U -qr /srv/r.txt -c /srv/c.txt --index-url https://x a 'b>=1' -e /srv/p --no-deps"
    (harm,) = find_harms(text.replace("-qr", "-q -r"))
    assert harm.asked is not None
    asked = harm.asked
    assert (asked.names, asked.requirements, asked.constraints) == (("a", "b>=1"), ("/srv/r.txt",), ("/srv/c.txt",))
    assert (asked.editables, asked.state, asked.python) == (("/srv/p",), "latest", "3.11")
    assert asked.others == ("--index-url=https://x", "--no-deps")
