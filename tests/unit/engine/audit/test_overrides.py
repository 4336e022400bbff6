"""EM101-EM103: settings that have pip pass over the marker, and other variables of pip's."""

from __future__ import annotations

import os

import pytest

from audited import audit, findings, subjects, with_passwd
from made_up_host import MadeUpHost
from pep668_provision.engine import path_control
from pep668_provision.engine.account import Account
from pep668_provision.engine.audit import settings_files
from pep668_provision.engine.host import Host

ON = "[global]\nbreak-system-packages = true\n"


@pytest.fixture
def host(debian: MadeUpHost) -> MadeUpHost:
    return with_passwd(debian, "alice", "bob")


@pytest.mark.parametrize(
    ("path", "options", "whose"),
    [
        ("/etc/pip.conf", {"level": "system"}, "every pip of the host"),
        ("/etc/xdg/pip/pip.conf", {"level": "system"}, "every pip of the host"),
        ("/root/.config/pip/pip.conf", {"level": "user", "user": "root"}, "every pip that root runs"),
        ("/home/alice/.config/pip/pip.conf", {"level": "user", "user": "alice"}, "every pip that alice runs"),
        ("/home/bob/.pip/pip.conf", {"level": "user", "user": "bob"}, "every pip that bob runs"),
        ("/usr/pip.conf", {"level": "interpreter", "python": "/usr/bin/python3"}, "the pip of /usr/bin/python3"),
    ],
)
def test_an_override_is_found_at_every_level(host: MadeUpHost, path: str, options: dict[str, str], whose: str) -> None:
    host.with_file(path, f"# by hand\n{ON}")
    os.utime(host.real(path), (1_700_000_000, 1_700_000_000))
    (found,) = findings(host, "EM101")
    assert (found["severity"], found["subject"]) == ("warning", path)
    assert found["evidence"] == (
        f"{path}, line 3: break-system-packages = true in [global]. Level {options['level']}: {whose} reads it. It was "
        "last written at 2023-11-14T22:13:20Z."
    )
    arguments = {**options, "path": path, "break_system_packages": "absent"}
    assert found["repairs"] == [{"module": "pip_config", "arguments": arguments, "keeps": [path]}]
    assert f"sed -i '/^[[:space:]]*break[-_]system[-_]packages/Id' {path}" in found["remedy"]


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        pytest.param("[install]\nbreak_system_packages: 1\n", True, id="another spelling"),
        pytest.param("[uninstall]\nbreak-system-packages = on\n", True, id="uninstall"),
        pytest.param("[global]\nbreak-system-packages = false\n", False, id="off"),
        pytest.param("[list]\nbreak-system-packages = true\n", False, id="a command that does not ask"),
        pytest.param("[global]\n# break-system-packages = true\n", False, id="a comment"),
        pytest.param("[global]\nindex-url = https://pypi.example/simple\n", False, id="something else"),
        pytest.param("", False, id="empty"),
    ],
)
def test_only_what_pip_takes_for_the_override_is_one(host: MadeUpHost, text: str, is_found: bool) -> None:
    host.with_file("/etc/pip.conf", text)
    assert subjects(host, "EM101", "EM104") == [("EM101", "/etc/pip.conf")] * is_found


def test_a_file_that_a_variable_names_is_looked_at_and_left_to_a_human(host: MadeUpHost) -> None:
    host.with_file("/etc/environment", "PIP_CONFIG_FILE=/srv/pip.ini\n").with_file("/srv/pip.ini", ON)
    host.with_file("/home/alice/.profile", 'export PIP_CONFIG_FILE="$HOME/my.conf"\n')
    host.with_file("/home/alice/my.conf", ON)
    found = {one["subject"]: one for one in findings(host, "EM101")}
    assert list(found) == ["/home/alice/my.conf", "/srv/pip.ini"]
    assert all(one["repairs"] == [] for one in found.values())
    assert (
        "Level variable: the pips for which PIP_CONFIG_FILE in /etc/environment names it"
        in (found["/srv/pip.ini"]["evidence"])
    )


def test_a_file_that_several_links_lead_to_is_one(host: MadeUpHost) -> None:
    host.with_file("/etc/pip.conf", ON).with_link("/etc/xdg/pip/pip.conf", "/etc/pip.conf")
    assert len(findings(host, "EM101")) == 1


def test_a_file_that_pip_cannot_read_is_said_without_its_text(host: MadeUpHost) -> None:
    host.with_file("/etc/pip.conf", "[global]\nhunter2\n")
    report = audit(host, "EM101")
    assert report["findings"] == []
    (unread,) = report["unread"]
    assert (unread["rule"], unread["what"]) == ("EM101", "/etc/pip.conf")
    assert unread["reason"].startswith("line 2 is not valid")
    assert "hunter2" not in str(report)


def test_only_the_accounts_that_are_asked_for_are_looked_at(host: MadeUpHost) -> None:
    for name in ("alice", "bob"):
        host.with_file(f"/home/{name}/.config/pip/pip.conf", ON)
    assert subjects(host, "EM101", accounts=["bob"]) == [("EM101", "/home/bob/.config/pip/pip.conf")]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/etc/environment", "PIP_BREAK_SYSTEM_PACKAGES=1\n"),
        ("/etc/environment.d/pip.conf", "PIP_BREAK_SYSTEM_PACKAGES=true\n"),
        ("/etc/profile", 'export PIP_BREAK_SYSTEM_PACKAGES="yes"\n'),
        ("/etc/profile.d/pip.sh", "PIP_BREAK_SYSTEM_PACKAGES=on\n"),
        ("/etc/security/pam_env.conf", "PIP_BREAK_SYSTEM_PACKAGES DEFAULT=1\n"),
        ("/root/.bashrc", "export PIP_BREAK_SYSTEM_PACKAGES=1 # for once\n"),
        ("/home/alice/.profile", "  export PIP_BREAK_SYSTEM_PACKAGES='1';\n"),
        ("/home/bob/.zshenv", "typeset -x PIP_BREAK_SYSTEM_PACKAGES=1\n"),
        ("/home/bob/.config/fish/config.fish", "set -gx PIP_BREAK_SYSTEM_PACKAGES 1\n"),
        ("/home/alice/.bash_aliases", "alias pip='PIP_BREAK_SYSTEM_PACKAGES=1 pip'\n"),
    ],
)
def test_a_variable_that_overrides_is_found_wherever_logins_read_it(host: MadeUpHost, path: str, text: str) -> None:
    host.with_file(path, f"# PIP_BREAK_SYSTEM_PACKAGES=1\nunset PIP_BREAK_SYSTEM_PACKAGES\n{text}")
    (found,) = findings(host, "EM102", "EM103")
    assert (found["id"], found["severity"], found["subject"]) == ("EM102", "warning", path)
    assert f"{path}, line 3: PIP_BREAK_SYSTEM_PACKAGES=" in found["evidence"]
    assert (found["repairs"], path in found["remedy"]) == ([], True)


def test_a_line_that_does_more_is_not_to_be_deleted(host: MadeUpHost) -> None:
    host.with_file("/etc/profile", "export PIP_BREAK_SYSTEM_PACKAGES=1 PATH=/bin\n")
    (found,) = findings(host, "EM102")
    assert "sed" not in found["remedy"]
    assert "line 1 of /etc/profile by hand" in found["remedy"]


@pytest.mark.parametrize("value", ["0", "false", "", "${BREAK:-1}"])
def test_a_variable_that_does_not_override_is_one_of_the_others(host: MadeUpHost, value: str) -> None:
    host.with_file("/etc/environment", f"PIP_BREAK_SYSTEM_PACKAGES={value}\n")
    assert subjects(host, "EM102", "EM103") == [("EM103", "/etc/environment")]


def test_other_variables_are_told_without_their_credentials(host: MadeUpHost) -> None:
    lines = [
        "PIPX_HOME=/opt/pipx",
        "PIP_INDEX_URL=https://deploy:hunter2@pypi.example/simple",
        "PIP_PROXY=me:hunter2@proxy:3128",
        "PIP_SOME_PASSWORD=hunter2",
        "PIP_CERT=/etc/ca.pem",
    ]
    host.with_file("/etc/environment", "\n".join(lines))
    (found,) = findings(host, "EM103")
    assert (found["severity"], found["subject"], found["repairs"]) == ("info", "/etc/environment", [])
    assert "line 2: PIP_INDEX_URL=https://****@pypi.example/simple" in found["evidence"]
    assert "line 5: PIP_CERT=/etc/ca.pem" in found["evidence"]
    assert "hunter2" not in str(found)
    assert "PIPX_HOME" not in str(found)


def test_what_no_terminal_should_see_is_not_shown(host: MadeUpHost) -> None:
    host.with_file("/etc/environment", b"PIP_INDEX_URL=https://\x1b[2Jx\xff/\nPIP_CERT=" + b"x" * 100_000)
    text = str(findings(host, "EM103"))
    assert "\x1b" not in text
    assert len(text) < 2000


def test_a_name_that_no_terminal_should_see_is_not_shown(host: MadeUpHost) -> None:
    host.with_file("/etc/environment", 'PIP_CONFIG_FILE="/srv/\x1b[2J.conf"\n').with_file("/srv/\x1b[2J.conf", ON)
    (found,) = findings(host, "EM101")
    assert found["subject"] == "/srv/\\x1b[2J.conf"
    assert "\x1b" not in str(found)


def test_a_file_that_is_none_is_not_waited_for(host: MadeUpHost) -> None:
    os.mkfifo(host.with_directory("/etc/profile.d").real("/etc/profile.d/x.sh"))
    host.with_link("/home/alice/.profile", "/dev/zero").with_directory("/root/.bashrc")
    report = audit(host, "EM101", "EM102", "EM103")
    assert (report["findings"], report["unread"]) == ([], [])


def test_a_file_without_end_is_said(host: MadeUpHost) -> None:
    host.with_file("/etc/environment", b"#" * (1024 * 1024 + 1))
    report = audit(host, "EM102", "EM103")
    assert [(one["rule"], one["what"]) for one in report["unread"]] == [
        ("EM102", "/etc/environment"),
        ("EM103", "/etc/environment"),
    ]


def test_a_home_that_is_closed_is_said_once_for_each_rule(host: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    host.with_file("/etc/environment", "PIP_BREAK_SYSTEM_PACKAGES=1\n")
    closed = str(host.real("/home/alice"))
    monkeypatch.setattr(os, "access", lambda path, _mode: path != closed)
    report = audit(host, "EM101", "EM102")
    reason = "root may not look into this home"
    assert [one["subject"] for one in report["findings"]] == ["/etc/environment"]
    assert report["unread"] == [{"rule": one, "what": "/home/alice", "reason": reason} for one in ("EM101", "EM102")]


def test_homes_for_which_there_is_no_time_are_said(host: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    host.with_file("/etc/environment", "PIP_BREAK_SYSTEM_PACKAGES=1\n")
    keeper_of = path_control.keeper_of

    def slow(made: Host, path: str) -> Account | None:
        host.now += 1
        return keeper_of(made, path)

    monkeypatch.setattr(settings_files, "keeper_of", slow)
    report = audit(host, "EM102", time_budget=16)
    assert [one["subject"] for one in report["findings"]] == ["/etc/environment"]
    assert {one["reason"] for one in report["unread"]} == {"the time budget was used up"}
    assert "/home/bob" in [one["what"] for one in report["unread"]]


def test_a_file_that_may_not_be_read_is_said(host: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    stat, closed = os.stat, str(host.with_file("/etc/pip.conf", ON).real("/etc/pip.conf"))

    def refuse(path: str, **options: bool) -> os.stat_result:
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", refuse)
    report = audit(host, "EM101")
    assert (report["findings"], report["unread"]) == (
        [],
        [{"rule": "EM101", "what": "/etc/pip.conf", "reason": "Permission denied"}],
    )


def test_a_clean_host_has_none(host: MadeUpHost) -> None:
    host.with_file("/etc/environment", "PATH=/usr/bin\n").with_file("/etc/profile", "umask 022\n")
    host.with_file("/home/alice/.bashrc", "# pip\nalias ll='ls -l'\n")
    assert findings(host, "EM101", "EM102", "EM103", "EM104") == []
