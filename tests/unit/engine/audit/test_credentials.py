"""EM104: credentials in a pip.conf that others can read."""

from __future__ import annotations

import pytest

from audited import findings, subjects, with_passwd
from made_up_host import MadeUpHost

SECRET = "[global]\nindex-url = https://deploy:hunter2@pypi.example/simple\n"


@pytest.fixture
def host(debian: MadeUpHost) -> MadeUpHost:
    return with_passwd(debian, "alice")


def test_a_credential_that_everybody_can_read_is_an_error_and_is_not_shown(host: MadeUpHost) -> None:
    host.with_file("/etc/pip.conf", SECRET)
    (found,) = findings(host, "EM104")
    assert (found["severity"], found["subject"]) == ("error", "/etc/pip.conf")
    assert "/etc/pip.conf (mode 0644) holds a credential in line 2: index-url in [global]" in found["evidence"]
    assert "chmod 0600 /etc/pip.conf" in found["remedy"]
    assert "chmod 0640" in found["remedy"]
    assert "hunter2" not in str(found)
    # Whom of the others it is for is not known.
    assert found["repairs"] == []


def test_of_an_accounts_own_file_the_right_is_taken_away(host: MadeUpHost) -> None:
    path = "/home/alice/.config/pip/pip.conf"
    (found,) = findings(host.with_file(path, SECRET), "EM104")
    arguments = {"level": "user", "user": "alice", "path": path, "mode": "0600"}
    assert found["repairs"] == [{"module": "pip_config", "arguments": arguments, "keeps": []}]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o620])
def test_one_that_others_cannot_read_is_fine(host: MadeUpHost, mode: int) -> None:
    assert findings(host.with_file("/etc/pip.conf", SECRET, mode=mode), "EM104") == []


def test_one_below_a_closed_directory_is_fine(host: MadeUpHost) -> None:
    host.with_file("/home/alice/.config/pip/pip.conf", SECRET)
    assert subjects(host, "EM104") == [("EM104", "/home/alice/.config/pip/pip.conf")]
    host.real("/home/alice").chmod(0o700)
    assert findings(host, "EM104") == []


@pytest.mark.parametrize(
    ("setting", "is_one"),
    [
        ("index-url = https://pypi.example/simple", False),
        ("index-url = https://t0ken-of-mine@pypi.example/simple", True),
        ("extra-index-url =\n    https://a.example/\n    https://u:pw@b.example/", True),
        ("proxy = user:pw@proxy.example:3128", True),
        ("proxy = http://proxy.example:3128", False),
        ("find-links = git+ssh://git@host.example/repo", False),
        ("# index-url = https://u:pw@a.example/", False),
    ],
)
def test_what_a_credential_is(host: MadeUpHost, setting: str, is_one: bool) -> None:
    host.with_file("/etc/pip.conf", f"[global]\n{setting}\n")
    assert subjects(host, "EM104") == [("EM104", "/etc/pip.conf")] * is_one
