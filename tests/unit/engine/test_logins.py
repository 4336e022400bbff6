"""Logins in URLs that would become arguments: private files hold them, and what reads those gets them whole."""

from __future__ import annotations

import netrc
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from made_up_host import MadeUpHost
from pep668_provision.engine.errors import ProvisionError
from pep668_provision.engine.logins import hand_over, is_for_git, login_of, without_index_logins
from pep668_provision.engine.process import Command
from pep668_provision.engine.redact import without_login


@pytest.mark.parametrize(
    ("text", "login", "left"),
    [
        ("https://me:s3cret@x.test/a.whl", ("https", "x.test", "me", "s3cret"), "https://x.test/a.whl"),
        ("a @ https://me:p%40s@x.test:8443/a", ("https", "x.test:8443", "me", "p@s"), "a @ https://x.test:8443/a"),
        ("git+https://t0ken@x.test/a@v1", ("git+https", "x.test", "t0ken", ""), "git+https://x.test/a@v1"),
        ("git+https://me:p@s@x.test/a", ("git+https", "x.test", "me", "p@s"), "git+https://x.test/a"),
        ("git+ssh://git@x.test/a", None, "git+ssh://git@x.test/a"),
        ("flask==3.0.3", None, "flask==3.0.3"),
        ("a @ https://x.test/a@b.whl", None, "a @ https://x.test/a@b.whl"),
    ],
)
def test_a_login_is_taken_out_of_a_url(text: str, login: tuple[str, str, str, str] | None, left: str) -> None:
    found = login_of(text)
    assert (found and (found.scheme, found.place, found.user, found.password)) == login
    assert without_login(text) == left
    assert is_for_git(text) is (login is not None and text.startswith("git+"))


newer_reader = pytest.mark.skipif(sys.version_info < (3, 11), reason="an older Python does not read such a file")


def login_in(path: Path, host: str) -> tuple[str, str]:
    """What this Python reads for a host."""
    login, _, secret = netrc.netrc(path).authenticators(host) or ("", "", "")
    return login, secret or ""


PASSWORDS = ["s3cret", "p@ss:w%rd#$1", "!~|&;()<>*", "#first", "a"]


@pytest.mark.parametrize("password", PASSWORDS)
def test_pip_reads_a_login_from_its_file_as_it_was_declared(made_up: MadeUpHost, tmp_path: Path, password: str) -> None:
    text = f"mine @ https://me:{quote(password, safe='')}@x.test:8443/mine.whl"
    if password.startswith("#"):
        with pytest.raises(ProvisionError, match="netrc"):
            hand_over(made_up.host, None, "/scratch", [text])
        return
    env, files = hand_over(made_up.host, None, "/scratch", [text])
    assert env == {"NETRC": "/scratch/netrc"}
    path = tmp_path / "netrc"
    path.write_text(files["/scratch/netrc"])
    assert login_in(path, "x.test") == ("me", password)


@pytest.mark.parametrize("password", [*PASSWORDS, "with blank", "quo'te\"s", "back\\slash", "ümläut€"])
def test_git_reads_a_login_from_its_file_as_it_was_declared(made_up: MadeUpHost, tmp_path: Path, password: str) -> None:
    scratch = tmp_path / "it's a $scratch"
    scratch.mkdir()
    text = f"mine @ git+https://me:{quote(password, safe='')}@x.test:8443/mine.git"
    env, files = hand_over(made_up.host, None, str(scratch), [text])
    for path, content in files.items():
        Path(path).write_text(content)
        Path(path).chmod(0o600)
    remembered = tmp_path / "remembered"
    (tmp_path / ".gitconfig").write_text(f"[credential]\n\thelper = store --file={remembered}\n")
    asked = "protocol=https\nhost=x.test:8443\n\n"
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **{k: v for k, v in env.items() if v is not None}}

    def credential(action: str, stdin: str) -> str:
        command = ["git", "credential", action]
        return subprocess.run(command, input=stdin, env=environment, capture_output=True, text=True, check=True).stdout

    told = credential("fill", asked)
    assert f"username=me\npassword={password}\n" in told
    # What git remembers after a success stays in that file.
    credential("approve", told)
    assert not remembered.exists()
    assert len(password) < 2 or password not in str(env["GIT_CONFIG_PARAMETERS"])


def test_what_the_account_has_in_its_own_file_still_counts(made_up: MadeUpHost) -> None:
    made_up.with_file("/root/.netrc", "machine own.test login us password theirs\n")
    host = made_up.host
    _, files = hand_over(host, None, "/scratch", ["https://me:s3cret@x.test/a.whl"])
    assert files["/scratch/netrc"].splitlines()[-1] == "machine x.test login me password s3cret"
    assert files["/scratch/netrc"].startswith("machine own.test")


@pytest.mark.parametrize(
    "texts",
    [
        ["https://me:one@x.test/a.whl", "https://me:two@x.test:8443/b.whl"],
        ["git+https://me:one@x.test/a", "git+https://you:one@x.test/b"],
        ["https://me:with%20blank@x.test/a.whl"],
        ["https://me:back%5Cslash@x.test/a.whl"],
        ["https://me:%C3%BC@x.test/a.whl"],
    ],
)
def test_what_a_file_cannot_hold_is_refused_without_showing_it(made_up: MadeUpHost, texts: list[str]) -> None:
    with pytest.raises(ProvisionError) as refused:
        hand_over(made_up.host, None, "/scratch", texts)
    assert "x.test" in str(refused.value)
    assert not [part for part in ("one@", "two", "blank@", "slash@", "ü") if part in str(refused.value)]


def pip_call(python: str, **env: str) -> Command:
    return Command((python, "-m", "pip", "install"), env=env)


@pytest.mark.parametrize(
    "password",
    [
        *("s3cret", "p@ss:w%rd#$1"),
        *(
            pytest.param(text, marks=newer_reader)
            for text in ("with blank", "quo'te\"s", '"first', "back\\slash", "ümläut€")
        ),
    ],
)
def test_pip_reads_logins_of_its_indexes_from_a_file(made_up: MadeUpHost, tmp_path: Path, password: str) -> None:
    made_up.with_file("/v/pyvenv.cfg", "home = /usr/bin\nversion = 3.13.5\n")
    secret = quote(password, safe="")
    call = pip_call(
        "/v/bin/python",
        PIP_INDEX_URL=f"https://me:{secret}@x.test/simple",
        PIP_EXTRA_INDEX_URL=f"https://me:{secret}@x.test/more https://y.test",
        PIP_PROXY=f"http://me:{secret}@proxy.test:3128",
    )
    lines = f"--find-links https://you:{secret}@z.test/\nmine @ https://me:own@w.test/a.whl\n"
    command, files = without_index_logins(made_up.host, call, "/scratch", {"/scratch/packages.txt": lines})
    assert command.env["PIP_INDEX_URL"] == "https://x.test/simple"
    assert command.env["PIP_EXTRA_INDEX_URL"] == "https://x.test/more https://y.test"
    assert command.env["PIP_PROXY"] is None
    assert command.env["HTTPS_PROXY"] == f"http://me:{secret}@proxy.test:3128"
    assert files["/scratch/packages.txt"] == "--find-links https://z.test/\nmine @ https://me:own@w.test/a.whl\n"
    path = tmp_path / "netrc"
    path.write_text(files["/scratch/netrc"])
    assert login_in(path, "x.test") == ("me", password)
    assert login_in(path, "z.test") == ("you", password)
    assert command.env["NETRC"] == "/scratch/netrc"


@pytest.mark.parametrize(
    ("version", "urls"),
    [
        pytest.param("3.9.2", ["https://me:with%20blank@x.test"], id="a blank for an old reader"),
        pytest.param("3.13.5", ["https://me:one@x.test", "https://me:two@x.test/more"], id="two for one host"),
    ],
)
def test_a_login_that_a_file_cannot_hold_stays_where_it_is(made_up: MadeUpHost, version: str, urls: list[str]) -> None:
    made_up.with_file("/v/pyvenv.cfg", f"version = {version}\n")
    call = pip_call("/v/bin/python", PIP_EXTRA_INDEX_URL=" ".join(urls))
    assert without_index_logins(made_up.host, call, "/scratch", {}) == (call, {})
