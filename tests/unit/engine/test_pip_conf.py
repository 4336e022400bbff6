"""The pip.conf of each level: which file it is, what it has afterwards, who owns it, and what is refused."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from made_up_host import FILES_UID, MadeUpHost
from pep668_provision.engine import pip_conf
from pep668_provision.engine.errors import InvalidState, ProvisionError
from pep668_provision.engine.host import Host
from pep668_provision.engine.pip_conf import ConfigChange, converge_config, foresee_config, write_config
from pep668_provision.engine.pip_conf_edit import mask_text
from pep668_provision.engine.pip_conf_wanted import read_wanted

ABSENT: dict[str, Any] = {"break_system_packages": "absent"}
PRESENT: dict[str, Any] = {"break_system_packages": "present", "i_accept_the_risk": True}
ON = "[global]\nbreak-system-packages = true\n"
SECRET_INDEX = "https://deploy:hunter2@pypi.example/simple"


@pytest.fixture
def keeper(tmp_path: Path) -> MadeUpHost:
    """A made-up host looked at by the account that owns its files, so that writing needs no other rights."""
    return MadeUpHost(tmp_path, uid=FILES_UID, environ={"HOME": "/srv/keeper"}).with_directory("/srv/keeper")


def foresee(made_up: MadeUpHost, **options: Any) -> ConfigChange:
    return foresee_config(read_wanted({"level": "system", **options}), made_up.host)


def converge(made_up: MadeUpHost, *, backup: bool = False, **options: Any) -> ConfigChange:
    """What was asked for is written; a second run finds nothing to do."""
    made_up.with_directory("/etc")
    change = foresee(made_up, **options)
    assert change.changed
    done = write_config(change, made_up.host, backup=backup)
    again = foresee(made_up, **options)
    assert not again.changed
    assert again.reasons == ()
    assert again.before == change.after
    return done


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("options", "environ", "path"),
    [
        pytest.param({"level": "system"}, {}, "/etc/pip.conf", id="system"),
        pytest.param({"level": "user"}, {}, "/srv/keeper/.config/pip/pip.conf", id="user"),
        pytest.param(
            {"level": "user"},
            {"XDG_CONFIG_HOME": "/srv/keeper/conf"},
            "/srv/keeper/conf/pip/pip.conf",
            id="user, elsewhere",
        ),
        pytest.param(
            {"level": "interpreter", "python": "/opt/py/bin/python3.12"}, {}, "/opt/py/pip.conf", id="interpreter"
        ),
    ],
)
def test_each_level_has_its_file(
    keeper: MadeUpHost, options: dict[str, Any], environ: dict[str, str], path: str
) -> None:
    keeper.environ.update(environ)
    keeper.with_interpreter("3.12.1", prefix="/opt/py")
    done = converge(keeper, **PRESENT, **options)
    assert done.file.path == path
    assert keeper.real(path).read_text() == ON
    assert mode_of(keeper.real(path)) == 0o644


@pytest.mark.parametrize(
    ("level", "path", "other"),
    [("system", "/etc/xdg/pip/pip.conf", "/etc/pip.conf"), ("user", "/srv/keeper/.pip/pip.conf", "")],
)
def test_another_file_of_the_level_can_be_named(keeper: MadeUpHost, level: str, path: str, other: str) -> None:
    keeper.with_file(path, ON)
    if other:
        keeper.with_file(other, ON)
    done = converge(keeper, level=level, path=path, **ABSENT)
    assert (done.file.path, done.after, done.warnings) == (path, "", ())
    assert not other or keeper.real(other).read_text() == ON


def test_a_mode_is_changed_and_nothing_else(keeper: MadeUpHost) -> None:
    text = f"[global]\nindex-url = {SECRET_INDEX}\n"
    keeper.with_file("/etc/pip.conf", text)
    assert foresee(keeper, mode="0600").changed
    assert mode_of(keeper.real("/etc/pip.conf")) == 0o644
    done = converge(keeper, mode="0600")
    assert (done.changed, done.before, done.after, done.reasons) == (True, text, text, ("its mode is 0644",))
    assert (mode_of(keeper.real("/etc/pip.conf")), keeper.real("/etc/pip.conf").read_text()) == (0o600, text)
    again = foresee(keeper, mode="600", index_url=SECRET_INDEX)
    assert (again.changed, again.reasons) == (False, ())


def test_a_mode_alone_makes_no_file(keeper: MadeUpHost) -> None:
    assert not foresee(keeper, mode="0600").changed
    converge(keeper, mode="0640", index_url=SECRET_INDEX)
    assert mode_of(keeper.real("/etc/pip.conf")) == 0o640


@pytest.mark.parametrize("mode", ["u=rw", "0700", "0400", "0602", "00600", "384", "", 384])
def test_what_is_no_mode_of_such_a_file_is_refused(mode: object) -> None:
    if mode == "":
        assert read_wanted({"level": "system", "mode": mode}).mode is None
        return
    with pytest.raises(InvalidState, match="mode is "):
        read_wanted({"level": "system", "mode": mode})


def test_a_file_that_is_none_of_the_levels_is_refused(keeper: MadeUpHost) -> None:
    with pytest.raises(ProvisionError) as refused:
        foresee(keeper, level="user", path="/etc/pip.conf", **ABSENT)
    assert "/etc/pip.conf is no file that pip reads at the level user" in str(refused.value)
    assert "/srv/keeper/.pip/pip.conf, /srv/keeper/.config/pip/pip.conf" in refused.value.advice
    with pytest.raises(InvalidState, match=r"path is 'pip\.conf'"):
        read_wanted({"level": "user", "path": "pip.conf"})


def test_another_account_is_found_in_its_own_home_whatever_the_callers_environment_says(made_up: MadeUpHost) -> None:
    made_up.environ["XDG_CONFIG_HOME"] = "/root/conf"
    # The account whose rights are taken is the one that owns the files of this made-up host.
    made_up.with_file("/srv/keeper/.config/pip/pip.conf", ON)
    change = foresee(made_up, level="user", user="keeper", **ABSENT)
    assert change.file.path == "/srv/keeper/.config/pip/pip.conf"
    assert change.file.account == made_up.accounts["keeper"]
    assert (change.before, change.after) == (ON, "")


def test_foreseeing_writes_nothing(keeper: MadeUpHost) -> None:
    before = sorted(keeper.root.rglob("*"))
    assert foresee(keeper, **PRESENT).after == ON
    assert sorted(keeper.root.rglob("*")) == before


def test_what_is_not_asked_for_stays(keeper: MadeUpHost) -> None:
    text = "# ours\n[global]\ntimeout = 60\nindex-url = https://old/\nproxy = http://p:1/\n"
    keeper.with_file("/etc/pip.conf", text, mode=0o640)
    done = converge(keeper, index_url="https://new/", extra_index_urls=["https://a/", "https://b/"], proxy="")
    assert keeper.real("/etc/pip.conf").read_text() == (
        "# ours\n[global]\ntimeout = 60\nindex-url = https://new/\nextra-index-url =\n    https://a/\n    https://b/\n"
    )
    assert done.reasons == ("index-url has another value", "extra-index-url is not set", "proxy is set")
    assert mode_of(keeper.real("/etc/pip.conf")) == 0o640


@pytest.mark.parametrize(
    ("option", "value", "line"),
    [
        ("index_url", "https://x/simple", "index-url = https://x/simple"),
        ("extra_index_urls", ["https://x/"], "extra-index-url = https://x/"),
        ("find_links", ["/srv/wheels"], "find-links = /srv/wheels"),
        ("no_index", True, "no-index = true"),
        ("trusted_hosts", ["x:8080"], "trusted-host = x:8080"),
        ("proxy", "http://p:3128", "proxy = http://p:3128"),
        ("cert", "/etc/my certs.pem", "cert = /etc/my certs.pem"),
    ],
)
def test_each_setting_is_set_left_and_removed(keeper: MadeUpHost, option: str, value: Any, line: str) -> None:
    converge(keeper, **{option: value})
    path = keeper.real("/etc/pip.conf")
    assert path.read_text() == f"[global]\n{line}\n"
    assert not foresee(keeper).changed
    converge(keeper, **{option: type(value)()})
    assert path.read_text() == ""


def test_absent_of_what_is_not_there_makes_no_file(keeper: MadeUpHost) -> None:
    assert not foresee(keeper, **ABSENT, index_url="", no_index=False).changed
    assert not keeper.real("/etc").exists()


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        pytest.param(
            {"break_system_packages": "present"},
            ["operating system's own programs", "module venv", "module tool", "i_accept_the_risk: true"],
            id="a risk that nobody accepted",
        ),
        pytest.param({"level": "host"}, ["level is 'host'", "system, user, interpreter"], id="unknown level"),
        pytest.param({"break_system_packages": "yes"}, ["'yes'", "absent, present, keep"], id="unknown state"),
        pytest.param({"user": "alice"}, ["user: ", "level=user"], id="user of another level"),
        pytest.param({"python": "3.12"}, ["python: ", "level=interpreter"], id="python of another level"),
        pytest.param({"level": "interpreter"}, ["python is missing"], id="no python"),
        pytest.param({"index_url": "pypi.example"}, ["index_url", "'pypi.example'", "a URL"], id="no URL"),
        pytest.param({"index_url": "https://x/\n[install]"}, ["index_url", "line breaks"], id="two lines"),
        pytest.param({"find_links": ["/srv/my wheels"]}, ["find_links", "item 0"], id="a list is split at spaces"),
        pytest.param({"extra_index_urls": ["https://x/\u2028y"]}, ["line breaks"], id="an unusual line break"),
        pytest.param({"index_url": "#://x"}, ["a URL"], id="a comment"),
        pytest.param({"cert": "ca.pem"}, ["cert", "absolute path"], id="relative path"),
        pytest.param({"trusted_hosts": "x"}, ["trusted_hosts", "a list"], id="no list"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(InvalidState) as refused:
        read_wanted({"level": "system", **options})
    for part in parts:
        assert part in str(refused.value)


@pytest.mark.parametrize(
    "options",
    [
        {"proxy": "deploy:hunter2@proxy:3128"},
        {"proxy": "hunter2"},
        {"index_url": "deploy:hunter2@pypi.example"},
        {"extra_index_urls": ["https://deploy:hunter2@pypi.example/ x"]},
    ],
)
def test_a_refusal_shows_no_credential(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidState) as refused:
        read_wanted({"level": "system", **options})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        pytest.param({"level": "user", "user": "carol"}, ["carol", "no account on this host"], id="no account"),
        pytest.param({"level": "user", "user": "alice"}, ["/home/alice", "home of alice"], id="no home"),
        pytest.param(
            {"level": "interpreter", "python": "3.4"}, ["3.4", "Found were: 3.11.2 (/usr/bin/python3"], id="no Python"
        ),
    ],
)
def test_a_file_that_is_nowhere_is_refused(debian: MadeUpHost, options: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(ProvisionError) as refused:
        foresee(debian, **ABSENT, **options)
    for part in parts:
        assert part in str(refused.value)


def test_only_root_writes_anothers_file(tmp_path: Path) -> None:
    alices = MadeUpHost(tmp_path, uid=61002)
    with pytest.raises(ProvisionError, match=r"The pip\.conf of app cannot be written by alice"):
        foresee(alices, level="user", user="app", **ABSENT)
    assert foresee(alices, level="user", user="alice", **PRESENT).file.account is None


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param(b"[global]\ntimeout = 60\nhunter2\n", 3, id="no key"),
        pytest.param(b"hunter2 = 1\n", 1, id="no section"),
        pytest.param(b"[global]\n\xff = hunter2\n", 2, id="no UTF-8"),
    ],
)
def test_a_broken_file_is_refused_with_its_line_and_stays(keeper: MadeUpHost, content: bytes, line: int) -> None:
    keeper.with_file("/etc/pip.conf", content)
    with pytest.raises(ProvisionError, match=rf"/etc/pip\.conf, line {line}, is not valid") as refused:
        foresee(keeper, **PRESENT)
    assert "hunter2" not in str(refused.value)
    assert keeper.real("/etc/pip.conf").read_bytes() == content


def test_what_is_no_file_is_refused(keeper: MadeUpHost) -> None:
    keeper.with_directory("/etc/pip.conf")
    with pytest.raises(ProvisionError, match=r"/etc/pip\.conf is no file"):
        foresee(keeper, **PRESENT)


@pytest.mark.parametrize("exists", [True, False], ids=["to a file", "to none yet"])
def test_a_link_is_followed_and_stays(keeper: MadeUpHost, exists: bool) -> None:
    keeper.with_link("/etc/pip.conf", "/srv/kept/pip.conf")
    if exists:
        keeper.with_file("/srv/kept/pip.conf", "", mode=0o600)
    done = converge(keeper, **PRESENT)
    assert done.file.path == "/etc/pip.conf"
    assert keeper.real("/etc/pip.conf").is_symlink()
    assert keeper.real("/srv/kept/pip.conf").read_text() == ON


def test_the_backup_is_the_file_as_it_was(keeper: MadeUpHost) -> None:
    keeper.with_file("/etc/pip.conf", ON, mode=0o600)
    done = converge(keeper, backup=True, **ABSENT)
    assert done.backup_file.startswith("/etc/pip.conf.")
    kept = keeper.real(done.backup_file)
    assert kept.read_text() == ON
    assert mode_of(kept) == mode_of(keeper.real("/etc/pip.conf")) == 0o600


def test_without_a_file_there_is_no_backup(keeper: MadeUpHost) -> None:
    assert converge(keeper, backup=True, **PRESENT).backup_file == ""
    assert [path.name for path in keeper.real("/etc").iterdir()] == ["pip.conf"]


def test_a_new_file_with_a_credential_is_for_its_owner_alone(keeper: MadeUpHost) -> None:
    done = converge(keeper, index_url=SECRET_INDEX)
    assert mode_of(keeper.real("/etc/pip.conf")) == 0o600
    assert SECRET_INDEX in keeper.real("/etc/pip.conf").read_text()
    assert done.warnings == ("/etc/pip.conf holds a credential, so its mode is 0600: for others pip passes it over.",)


def test_a_credential_that_others_can_read_is_warned_of(keeper: MadeUpHost) -> None:
    keeper.with_file("/etc/pip.conf", "")
    done = converge(keeper, index_url=SECRET_INDEX)
    assert done.warnings == ("/etc/pip.conf holds a credential, and its mode 0644 lets others read it.",)
    assert mode_of(keeper.real("/etc/pip.conf")) == 0o644


@pytest.mark.parametrize(
    ("level", "other"),
    [("system", "/etc/xdg/pip/pip.conf"), ("user", "/srv/keeper/.pip/pip.conf")],
)
def test_another_file_of_the_level_that_still_has_it_is_named(keeper: MadeUpHost, level: str, other: str) -> None:
    keeper.with_file(other, ON)
    change = foresee(keeper, level=level, **ABSENT)
    assert not change.changed
    (warning,) = change.warnings
    assert other in warning
    assert "break-system-packages" in warning
    assert foresee(keeper, level=level, **PRESENT).warnings == ()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(f"index-url = {SECRET_INDEX}\n", "index-url = https://****@pypi.example/simple\n", id="URL"),
        pytest.param("index-url=https://token@x/\n", "index-url=https://****@x/\n", id="token"),
        pytest.param("proxy = me:hunter2@proxy:3128\n", "proxy = ****@proxy:3128\n", id="no scheme"),
        pytest.param("proxy=me:hunter2@proxy:3128\n", "proxy=****@proxy:3128\n", id="no scheme, no space"),
        pytest.param("password: hunter2\nuser = me\n", "password: ****\nuser = me\n", id="password"),
        pytest.param("# me:hunter2@proxy\n", "# ****@proxy\n", id="comment"),
        pytest.param("a = 1\nextra-index-url =\n  http://a:b@x/\n", "a = 1\nextra-index-url =\n  http://****@x/\n"),
        pytest.param(ON, ON, id="nothing secret"),
        pytest.param("index-url = https://x:8080/a\n", "index-url = https://x:8080/a\n", id="no user part"),
        pytest.param("proxy = http://me:hun/ter2@x\n", "proxy = ****@x\n", id="a slash in a password"),
    ],
)
def test_what_is_shown_of_a_file_has_no_credential(text: str, shown: str) -> None:
    assert mask_text(text) == shown


def test_a_file_that_may_not_be_written_is_said_to_be_before(
    keeper: MadeUpHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper.with_directory("/etc")
    monkeypatch.setattr(os, "access", lambda path, _: not str(path).endswith("/etc"))
    with pytest.raises(ProvisionError, match=r"/etc/pip\.conf cannot be written: \w+ may not write in /etc\."):
        foresee(keeper, **PRESENT)
    assert not foresee(keeper, **ABSENT).changed


def test_a_file_that_may_not_be_written_is_said_to_be(keeper: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper.with_directory("/etc")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    change = foresee(keeper, **PRESENT)
    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(ProvisionError, match=r"/etc/pip\.conf cannot be written: Permission denied"):
        write_config(change, keeper.host)
    assert list(keeper.real("/etc").iterdir()) == []


# Under the host's lock


def test_nobody_is_waited_for_where_nothing_changes(keeper: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(pip_conf, "holding_lock")
    change = converge_config(read_wanted({"level": "system", **ABSENT}), keeper.host, lock_timeout=0)
    assert not change.changed


@pytest.mark.parametrize("is_done", [True, False], ids=["did it", "did something else"])
def test_what_who_held_the_lock_did_is_not_done_again(
    keeper: MadeUpHost, monkeypatch: pytest.MonkeyPatch, is_done: bool
) -> None:
    keeper.with_directory("/etc")

    @contextlib.contextmanager
    def wait_for(_host: Host, *, timeout: float) -> Iterator[None]:
        assert timeout == 5
        keeper.with_file("/etc/pip.conf", ON if is_done else "[global]\nretries = 1\n")
        yield

    monkeypatch.setattr(pip_conf, "holding_lock", wait_for)
    done = converge_config(read_wanted({"level": "system", **PRESENT}), keeper.host, lock_timeout=5)
    assert done.changed is not is_done
    assert "break-system-packages = true" in keeper.real("/etc/pip.conf").read_text()
    assert ("retries" in keeper.real("/etc/pip.conf").read_text()) is not is_done
