"""What uv is told: the project's settings, then the caller's words to uv, then what the host says to pip."""

from __future__ import annotations

import pytest

from made_up_host import MadeUpHost
from pep668_provision.engine.desired import IndexSettings
from pep668_provision.engine.installer_uv_settings import UvSettings, uv_settings, with_arguments

VENV = "/srv/app/.venv"
CORPORATE = "https://pypi.corp.test/simple"


def told(made_up: MadeUpHost, index: IndexSettings = IndexSettings(), account: str = "") -> UvSettings:  # noqa: B008  # it is frozen
    return uv_settings(made_up.host, made_up.accounts.get(account), index, prefix=VENV)


def told_by(made_up: MadeUpHost, variables: dict[str, str], files: dict[str, str]) -> UvSettings:
    made_up.environ.update(variables)
    for path, text in files.items():
        made_up.with_file(path, text)
    return told(made_up)


def conf(*lines: str, section: str = "global") -> dict[str, str]:
    return {"/etc/pip.conf": "\n".join((f"[{section}]", *lines)) + "\n"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param(
            IndexSettings(index_url=CORPORATE, username="me", password="s3:cr"),
            {"UV_DEFAULT_INDEX": "https://me:s3%3Acr@pypi.corp.test/simple", "UV_INDEX_URL": None},
            id="index",
        ),
        pytest.param(
            IndexSettings(
                index_url=CORPORATE,
                extra_index_urls=("https://pypi.corp.test/more", "https://b.test"),
                username="me",
                password="s3cret",
            ),
            {"UV_INDEX": "https://me:s3cret@pypi.corp.test/more https://b.test", "UV_EXTRA_INDEX_URL": None},
            id="credentials are for their own host alone",
        ),
        pytest.param(
            IndexSettings(find_links=("/srv/a", "/srv/with space", "/srv/a,b", "/srv/none", "https://x.test/a,b")),
            {
                "UV_INDEX_STRATEGY": None,
                "UV_FIND_LINKS": "/srv/a,file:///srv/with%20space,file:///srv/a%2Cb,https://x.test/a%2Cb",
            },
            id="folders that are there, each as one word",
        ),
        pytest.param(IndexSettings(ca_bundle="/etc/ca.pem"), {"SSL_CERT_FILE": "/etc/ca.pem"}, id="certificates"),
        pytest.param(IndexSettings(client_cert="/me.pem"), {"SSL_CLIENT_CERT": "/me.pem"}, id="its own certificate"),
        pytest.param(
            IndexSettings(proxy="http://proxy.test:3128"),
            dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"), "http://proxy.test:3128"),
            id="proxy",
        ),
        pytest.param(
            IndexSettings(trusted_hosts=("a.test", "b.test:8443")),
            {"UV_INSECURE_HOST": "a.test b.test:8443"},
            id="trusted hosts",
        ),
    ],
)
def test_the_projects_settings_are_uvs_environment(
    made_up: MadeUpHost, settings: IndexSettings, expected: dict[str, str | None]
) -> None:
    for folder in ("/srv/a", "/srv/with space", "/srv/a,b"):
        made_up.with_directory(folder)
    env = told(made_up, settings).environment
    assert {name: env.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("variables", "files", "expected"),
    [
        pytest.param({"PIP_INDEX_URL": CORPORATE}, {}, {"UV_DEFAULT_INDEX": CORPORATE}, id="PIP_INDEX_URL"),
        pytest.param({}, conf(f"index-url = {CORPORATE}"), {"UV_DEFAULT_INDEX": CORPORATE}, id="/etc/pip.conf"),
        pytest.param(
            {}, conf(f"index_url = {CORPORATE}", section="install"), {"UV_DEFAULT_INDEX": CORPORATE}, id="[install]"
        ),
        pytest.param(
            {},
            {"/root/.config/pip/pip.conf": f"[global]\nindex-url={CORPORATE}\n"},
            {"UV_DEFAULT_INDEX": CORPORATE},
            id="the user's file",
        ),
        pytest.param(
            {},
            {f"{VENV}/pip.conf": f"[global]\nindex-url={CORPORATE}\n"},
            {"UV_DEFAULT_INDEX": CORPORATE},
            id="the environment's file",
        ),
        pytest.param(
            {"PIP_CONFIG_FILE": "/etc/corp.conf"},
            {"/etc/corp.conf": f"[global]\nindex-url={CORPORATE}\n"},
            {"UV_DEFAULT_INDEX": CORPORATE},
            id="PIP_CONFIG_FILE",
        ),
        pytest.param(
            {"PIP_INDEX_URL": CORPORATE},
            conf("index-url = https://other.test"),
            {"UV_DEFAULT_INDEX": CORPORATE},
            id="variables before files",
        ),
        pytest.param(
            {"UV_DEFAULT_INDEX": "https://uv.test"},
            conf(f"index-url = {CORPORATE}", "extra-index-url = https://b.test"),
            {"UV_DEFAULT_INDEX": None, "UV_INDEX": None},
            id="an index named for uv before pip's",
        ),
        pytest.param(
            {},
            {**conf(f"index-url = {CORPORATE}"), "/etc/uv/uv.toml": '[[index]]\nurl = "https://uv.test"\n'},
            {"UV_DEFAULT_INDEX": None},
            id="uv.toml before pip's files",
        ),
        pytest.param(
            {},
            {**conf("extra-index-url = https://a.test\n https://b.test")},
            {"UV_INDEX": "https://a.test https://b.test", "UV_INDEX_STRATEGY": "unsafe-best-match"},
            id="extra indexes, best version first",
        ),
        pytest.param(
            {"UV_INDEX_STRATEGY": "first-index", "PIP_EXTRA_INDEX_URL": "https://a.test"},
            {},
            {"UV_INDEX": "https://a.test", "UV_INDEX_STRATEGY": None},
            id="the caller's own strategy",
        ),
        pytest.param(
            {"PIP_FIND_LINKS": "/etc file:///etc/my%20wheels /none"},
            {"/etc/my wheels/x": ""},
            {"UV_FIND_LINKS": "/etc,file:///etc/my%20wheels"},
            id="PIP_FIND_LINKS",
        ),
        pytest.param({"PIP_CERT": "/etc/ca.pem"}, {}, {"SSL_CERT_FILE": "/etc/ca.pem"}, id="PIP_CERT"),
        pytest.param({"PIP_CERT": "~/ca.pem"}, {}, {"SSL_CERT_FILE": "/root/ca.pem"}, id="a file below the home"),
        pytest.param(
            {"PIP_CERT": "/etc/ca"}, {"/etc/ca/1.pem": ""}, {"SSL_CERT_DIR": "/etc/ca"}, id="a folder of them"
        ),
        pytest.param(
            {"PIP_FIND_LINKS": "wheels ~/more"},
            {"/wheels/x": "", "/root/more/x": ""},
            {"UV_FIND_LINKS": "/wheels,/root/more"},
            id="relative folders",
        ),
        pytest.param(
            {"SSL_CERT_FILE": "/etc/mine.pem", "PIP_CERT": "/etc/ca.pem"},
            {},
            {"SSL_CERT_FILE": None},
            id="SSL_CERT_FILE is uv's own word",
        ),
        pytest.param(
            {"REQUESTS_CA_BUNDLE": "/etc/ca.pem"}, {}, {"SSL_CERT_FILE": "/etc/ca.pem"}, id="REQUESTS_CA_BUNDLE"
        ),
        pytest.param(
            {},
            {"/etc/ssl/certs/ca-certificates.crt": ""},
            {"UV_SYSTEM_CERTS": "1", "SSL_CERT_FILE": None},
            id="what the system trusts",
        ),
        pytest.param({}, {}, {"UV_SYSTEM_CERTS": None}, id="a system that trusts nobody"),
        pytest.param({}, conf("client-cert = /etc/me.pem"), {"SSL_CLIENT_CERT": "/etc/me.pem"}, id="client-cert"),
        pytest.param(
            {}, conf("proxy = proxy.test:3128"), {"HTTPS_PROXY": "http://proxy.test:3128"}, id="proxy without a scheme"
        ),
        pytest.param(
            {"PIP_TRUSTED_HOST": "a.test b.test"}, {}, {"UV_INSECURE_HOST": "a.test b.test"}, id="PIP_TRUSTED_HOST"
        ),
        pytest.param({"PIP_DEFAULT_TIMEOUT": "12.5"}, {}, {"UV_HTTP_TIMEOUT": "13"}, id="PIP_DEFAULT_TIMEOUT"),
        pytest.param({"PIP_TIMEOUT": "soon"}, {}, {"UV_HTTP_TIMEOUT": None}, id="a timeout that is none"),
        pytest.param({}, conf("retries = 2"), {"UV_HTTP_RETRIES": "2"}, id="retries"),
        pytest.param({"PIP_CONSTRAINT": "/etc/limits.txt"}, {}, {"UV_CONSTRAINT": "/etc/limits.txt"}, id="constraint"),
        pytest.param({}, conf("only-binary = :all:"), {"UV_NO_BUILD": "1"}, id="only wheels"),
        pytest.param({}, conf("no-binary = a,b"), {"UV_NO_BINARY_PACKAGE": "a b"}, id="some not as wheels"),
        pytest.param({}, conf("require-hashes = true"), {"UV_REQUIRE_HASHES": "1"}, id="hashes"),
        pytest.param({"PIP_PRE": "1"}, {}, {"UV_PRERELEASE": "allow"}, id="pre-releases"),
        pytest.param({"PIP_NO_CACHE_DIR": "1"}, {}, {"UV_NO_CACHE": "1"}, id="no cache"),
        pytest.param({}, conf("keyring-provider = import"), {"UV_KEYRING_PROVIDER": "subprocess"}, id="keyring"),
        pytest.param({}, conf("uploaded-prior-to = P3D"), {"UV_EXCLUDE_NEWER": "P3D"}, id="an age"),
        pytest.param({"UV_PYTHON": "3.8", "UV_VENV_CLEAR": "1"}, {}, {"UV_PYTHON": None}, id="no other environment"),
        pytest.param({"UV_LINK_MODE": "hardlink"}, {}, {"UV_LINK_MODE": "hardlink"}, id="the caller's link mode"),
        pytest.param({}, {}, {"UV_LINK_MODE": "copy", "UV_PYTHON_DOWNLOADS": "never"}, id="nothing said"),
    ],
)
def test_what_the_host_says_to_pip_is_said_to_uv(
    made_up: MadeUpHost, variables: dict[str, str], files: dict[str, str], expected: dict[str, str | None]
) -> None:
    env = told_by(made_up, variables, files).environment
    assert {name: env.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("index", "variables", "files"),
    [
        pytest.param(IndexSettings(no_index=True), {}, {}, id="setting"),
        pytest.param(IndexSettings(), {"PIP_NO_INDEX": "1"}, {}, id="variable"),
        pytest.param(IndexSettings(), {}, conf("no-index = yes"), id="file"),
    ],
)
def test_without_an_index_none_is_asked_by_uv_nor_by_who_starts_it(
    made_up: MadeUpHost, index: IndexSettings, variables: dict[str, str], files: dict[str, str]
) -> None:
    told_by(made_up, variables, files)
    settings = told(made_up, index)
    assert settings.no_index
    env = settings.as_environment()
    assert (env["UV_DEFAULT_INDEX"], env["UV_NO_CONFIG"]) == ("file:///nonexistent", "1")


def test_a_settings_index_wins_over_all_and_pips_further_ones_stay(made_up: MadeUpHost) -> None:
    made_up.environ.update(PIP_INDEX_URL="https://pip.test", PIP_EXTRA_INDEX_URL="https://more.test")
    env = told(made_up, IndexSettings(index_url=CORPORATE)).environment
    assert (env["UV_DEFAULT_INDEX"], env["UV_INDEX"]) == (CORPORATE, "https://more.test")


def test_another_account_gets_its_own_configuration_and_no_cache_of_the_callers(made_up: MadeUpHost) -> None:
    made_up.environ.update(UV_CACHE_DIR="/root/cache", XDG_CONFIG_HOME="/root/.config")
    made_up.with_file("/root/.config/pip/pip.conf", "[global]\nindex-url=https://root.test\n")
    made_up.with_file("/home/alice/.config/pip/pip.conf", f"[global]\nindex-url={CORPORATE}\n")
    env = told(made_up, account="alice").environment
    assert (env["UV_DEFAULT_INDEX"], env["UV_CACHE_DIR"]) == (CORPORATE, None)


@pytest.mark.parametrize(
    ("variables", "kept", "expected"),
    [
        pytest.param({}, "", "/scratch/uv-credentials", id="none"),
        pytest.param({}, "/root/.local/share/uv/credentials/credentials.toml", None, id="in their usual place"),
        pytest.param({"XDG_DATA_HOME": "/data"}, "/data/uv/credentials/credentials.toml", None, id="in another place"),
        pytest.param({"UV_CREDENTIALS_DIR": "/mine"}, "", None, id="where the caller says"),
    ],
)
def test_uv_makes_no_place_for_logins_in_a_home_that_has_none(
    debian: MadeUpHost, variables: dict[str, str], kept: str, expected: str | None
) -> None:
    debian.environ.update({"HOME": "/root", **variables})
    if kept:
        debian.with_file(kept, "")
    settings = uv_settings(debian.host, None, IndexSettings(), prefix=VENV, scratch="/scratch")
    assert settings.environment.get("UV_CREDENTIALS_DIR") == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([("index_url", "https://a.test"), ("index_url", "https://b.test")], IndexSettings(index_url="https://b.test")),
        ([("no_index", "")], IndexSettings(no_index=True)),
        (
            [("extra_index_urls", "https://a.test"), ("extra_index_urls", "https://b.test")],
            IndexSettings(extra_index_urls=("https://a.test", "https://b.test")),
        ),
        ([("find_links", "/srv/a"), ("find_links", "/srv/b")], IndexSettings(find_links=("/srv/a", "/srv/b"))),
        ([("trusted_hosts", "a.test")], IndexSettings(trusted_hosts=("a.test",))),
        ([("ca_bundle", "/etc/ca.pem")], IndexSettings(ca_bundle="/etc/ca.pem")),
        ([("proxy", "http://proxy.test:3128")], IndexSettings(proxy="http://proxy.test:3128")),
    ],
    ids=lambda it: it[0][0] if isinstance(it, list) else "",
)
def test_pips_own_options_come_over_the_settings(options: list[tuple[str, str]], expected: IndexSettings) -> None:
    assert with_arguments(IndexSettings(), options) == expected


@pytest.mark.parametrize(("account", "cache"), [("alice", None), ("", "/srv/cache")], ids=["another", "the caller"])
def test_the_callers_cache_is_for_the_caller_alone(made_up: MadeUpHost, account: str, cache: str | None) -> None:
    made_up.environ["UV_CACHE_DIR"] = "/srv/cache"
    told_to_uv = told(made_up, account=account).environment
    assert told_to_uv.get("UV_CACHE_DIR", "/srv/cache") == cache


def test_none_as_wheels_is_taken_back(made_up: MadeUpHost) -> None:
    made_up.with_file("/etc/pip.conf", "[global]\nno-binary = :none:\nonly-binary =\n")
    told_to_uv = told(made_up).environment
    assert not {"UV_NO_BINARY", "UV_NO_BINARY_PACKAGE", "UV_NO_BUILD", "UV_NO_BUILD_PACKAGE"} & set(told_to_uv)
