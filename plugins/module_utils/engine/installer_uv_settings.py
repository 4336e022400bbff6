# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What uv is told about indexes, certificates and proxies: what pip would use in its place, in uv's own variables.

uv reads neither pip's configuration files nor its variables. Who changes from pip to uv on a host behind a mirror must
get the same mirror, so what the host says to pip is said to uv as well. Of several words about one thing the project's
settings win, then what the caller says to uv itself (``UV_*``, uv.toml), then ``PIP_*``, then pip's files.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import Dict, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import quote, unquote

from .account import Account, act_as
from .desired import IndexSettings
from .errors import ProvisionError
from .host import Host
from .installer_uv_options import whole_number
from .pip_config import TRUE_WORDS, PipConfiguration, Setting, observe_configuration
from .process import Command, child_environment
from .redact import host_of, with_credentials

Environment = Dict[str, Optional[str]]

#: Variables of the caller that would send an installation elsewhere, or clear an environment that is being made.
_REDIRECTIONS = (
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_MANAGED_PYTHON",
    "UV_BREAK_SYSTEM_PACKAGES",
    "UV_PROJECT",
    "UV_WORKING_DIR",
    "UV_WORKING_DIRECTORY",
    "UV_VENV_CLEAR",
    "UV_VENV_SEED",
)
#: By which a caller or uv.toml names indexes for uv; those of pip are not added to them then.
_INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")
_INDEX_KEYS = re.compile(r"(?m)^\s*(?:\[\[index\]\]|(?:index|(?:default-|extra-)?index-url|no-index)\s*=)")
_LINKS_KEY = re.compile(r"(?m)^\s*find-links\s*=")
_STRATEGY_KEY = re.compile(r"(?m)^\s*index-strategy\s*=")
#: Where systems keep the certificates they trust; without any of these uv's own list is all there is.
_SYSTEM_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
#: What is only for a call that asks an index.
OF_INDEXES = frozenset(
    {*_INDEX_VARIABLES, *_PROXY_VARIABLES, "UV_FIND_LINKS", "SSL_CLIENT_CERT", "UV_INSECURE_HOST", "UV_INDEX_STRATEGY"}
)
#: What pip understands of a format, in uv's words for all and for some packages.
_FORMATS = (
    ("no-binary", "UV_NO_BINARY", "UV_NO_BINARY_PACKAGE"),
    ("only-binary", "UV_NO_BUILD", "UV_NO_BUILD_PACKAGE"),
)
#: Flags and words of pip and the variables of uv that mean the same.
_FLAGS = (
    ("require-hashes", "UV_REQUIRE_HASHES"),
    ("no-build-isolation", "UV_NO_BUILD_ISOLATION"),
    ("no-cache-dir", "UV_NO_CACHE"),
    ("pre", "UV_PRERELEASE"),
)
_WORDS = (
    ("constraint", "UV_CONSTRAINT"),
    ("build-constraint", "UV_BUILD_CONSTRAINT"),
    ("uploaded-prior-to", "UV_EXCLUDE_NEWER"),
)
#: An index that has nothing: uv takes --no-index by no variable.
_EMPTY_INDEX = "file:///nonexistent"


@dataclass(frozen=True)
class UvSettings:
    """uv's environment, and whether no index is asked, which only an option says."""

    environment: Mapping[str, Optional[str]]
    no_index: bool = False

    def as_environment(self) -> Environment:
        """Return it for a program that starts uv itself and hands on no option."""
        env = dict(self.environment)
        if self.no_index:
            env.update(UV_DEFAULT_INDEX=_EMPTY_INDEX, UV_NO_CONFIG="1", UV_INDEX=None, UV_EXTRA_INDEX_URL=None)
        return env


def uv_settings(
    host: Host, account: Optional[Account], index: IndexSettings, *, prefix: str, scratch: str = ""
) -> UvSettings:
    """Return what uv is told when ``account`` fills the environment at ``prefix``; credentials show in no argument.

    ``scratch`` is a directory that is gone afterwards.
    """
    seen = child_environment(Command((), account=account), host.environ)
    configuration = _configuration_of(host, account, seen, prefix)
    own = _own_configuration(host, account, seen)
    merged = _merge(index, configuration, seen, own)
    env: Environment = dict.fromkeys(_REDIRECTIONS)
    env.update(UV_PYTHON_DOWNLOADS="never", UV_NO_PROGRESS="1", NO_COLOR="1")
    # Links into the cache would make environments one: what is appended to a file in one of them, an organisation's
    # certificate to certifi's for example, would be in all of them and in every later one. Copies cost 20 ms a package.
    env["UV_LINK_MODE"] = seen.get("UV_LINK_MODE", "copy")
    env.update(_index_environment(host, merged, seen))
    if merged.extra_index_urls and not _STRATEGY_KEY.search(own):
        env.update(strategy_environment(seen))
    env.update(_transport_environment(host, index, configuration, seen))
    env.update(_rules_environment(configuration, seen))
    env.update(_cache_environment(host, account, seen))
    if scratch:
        env.update(_store_environment(host, seen, scratch))
    return UvSettings(env, merged.no_index)


def strategy_environment(environ: Mapping[str, str]) -> Dict[str, str]:
    """Return how uv chooses among several indexes that were named for pip: as pip, which takes the best version of all.

    What is declared must not mean another version by another installer. Uv's own way, the first index that has a name,
    guards against somebody who puts a better version of a private name on a public index; who wants it says so by
    ``UV_INDEX_STRATEGY``. With a single index nothing is said: uv tells of a refused password only by its own way.
    """
    return {} if environ.get("UV_INDEX_STRATEGY") else {"UV_INDEX_STRATEGY": "unsafe-best-match"}


def _configuration_of(
    host: Host, account: Optional[Account], environ: Mapping[str, str], prefix: str
) -> PipConfiguration:
    """Return what pip would find there, read with the rights of who would run it."""
    there = replace(host, environ=environ)

    def read() -> List[List[str]]:
        found = observe_configuration(there, prefix)
        return [[one.section, one.name, one.value, one.source] for one in found.settings]

    try:
        rows = act_as(account if host.is_root and host.root == "/" else None, read)
    except ProvisionError:
        rows = []
    return PipConfiguration(tuple(Setting(section, name, value, source) for section, name, value, source in rows))


def _own_configuration(host: Host, account: Optional[Account], environ: Mapping[str, str]) -> str:
    """Return the text of the files in which uv itself is configured."""
    if environ.get("UV_NO_CONFIG"):
        return ""
    named = environ.get("UV_CONFIG_FILE")
    home = environ.get("XDG_CONFIG_HOME") or f"{environ.get('HOME', '')}/.config"
    system = [f"{folder}/uv/uv.toml" for folder in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":") if folder]
    paths = [named] if named else [*system, "/etc/uv/uv.toml", f"{home}/uv/uv.toml"]
    try:
        return act_as(
            account if host.is_root and host.root == "/" else None,
            lambda: "\n".join(host.read_text(path) or "" for path in paths),
        )
    except ProvisionError:
        return ""


def _merge(
    index: IndexSettings, configuration: PipConfiguration, environ: Mapping[str, str], own: str
) -> IndexSettings:
    """Return the indexes of the settings, and for each kind they leave out what the host says to pip."""

    def text(name: str) -> str:
        setting = configuration.text_of(name, "install")
        return setting.value.strip() if setting is not None else ""

    index_url, extra, links, none = index.index_url, index.extra_index_urls, index.find_links, index.no_index
    # A project's own index replaces one that the caller names for uv, and so does not add to that.
    names_indexes = any(environ.get(name) for name in _INDEX_VARIABLES) or _INDEX_KEYS.search(own) is not None
    if not names_indexes:
        index_url = index_url or text("index-url")
        extra = extra or tuple(text("extra-index-url").split())
        none = none or text("no-index").lower() in TRUE_WORDS
    if not (environ.get("UV_FIND_LINKS") or _LINKS_KEY.search(own)):
        links = links or tuple(text("find-links").split())
    return replace(index, index_url=index_url, extra_index_urls=extra, find_links=links, no_index=none)


def _index_environment(host: Host, index: IndexSettings, environ: Mapping[str, str]) -> Environment:
    env: Environment = {}
    if index.index_url:
        env["UV_INDEX_URL"] = None
        env["UV_DEFAULT_INDEX"] = with_credentials(index.index_url, index.username, index.password)
    if index.extra_index_urls:
        own_host = host_of(index.index_url)
        env["UV_EXTRA_INDEX_URL"] = None
        env["UV_INDEX"] = " ".join(
            with_credentials(url, index.username, index.password) if host_of(url) == own_host else url
            for url in index.extra_index_urls
        )
    # Where pip only warns of a folder that is not there, uv ends.
    places = (_absolute(link, environ) for link in index.find_links)
    links = [_as_link(link) for link in places if _is_there(host, link)]
    if links:
        env["UV_FIND_LINKS"] = ",".join(links)
    hosts = list(index.trusted_hosts)
    if hosts and not environ.get("UV_INSECURE_HOST"):
        env["UV_INSECURE_HOST"] = " ".join(hosts)
    return env


def _as_link(link: str) -> str:
    """Return a place of wheels so that it stays one word: what separates two of them is encoded."""
    if link.startswith("/"):
        return f"file://{quote(link)}" if re.search(r"[\s,%]", link) else link
    return link.replace(",", "%2C")


def _absolute(path: str, environ: Mapping[str, str]) -> str:
    """Return a path as pip takes it that runs in the root directory; an address stays as it is."""
    if "://" in path or path.startswith(("/", "file:")):
        return path
    if path == "~" or path.startswith("~/"):
        return environ.get("HOME", "") + path[1:]
    return os.path.normpath(f"/{path}")


def _is_there(host: Host, link: str) -> bool:
    if link.startswith("file:"):
        path = re.sub(r"^file:(//[^/?#]*)?", "", link)
        return host.exists(unquote(re.split("[?#]", path)[0]))
    return not link.startswith("/") or host.exists(link)


def _transport_environment(
    host: Host, index: IndexSettings, configuration: PipConfiguration, environ: Mapping[str, str]
) -> Environment:
    """Return how servers are reached: certificates, proxy, patience."""

    def text(name: str) -> str:
        setting = configuration.text_of(name, "install")
        return setting.value.strip() if setting is not None else ""

    env: Environment = {}
    bundle = index.ca_bundle or (
        ""
        if environ.get("SSL_CERT_FILE")
        else text("cert") or environ.get("REQUESTS_CA_BUNDLE", "") or environ.get("CURL_CA_BUNDLE", "")
    )
    if bundle:
        bundle = _absolute(bundle, environ)
        env["SSL_CERT_DIR" if host.is_dir(bundle) else "SSL_CERT_FILE"] = bundle
    elif not (environ.get("UV_SYSTEM_CERTS") or environ.get("UV_NATIVE_TLS")) and any(
        map(host.exists, _SYSTEM_CERTIFICATES)
    ):
        # pip trusts what the system trusts. The second name is the one that older releases of uv know.
        env["UV_SYSTEM_CERTS"] = env["UV_NATIVE_TLS"] = "1"
    if index.client_cert:
        env["SSL_CLIENT_CERT"] = index.client_cert
    elif text("client-cert") and not environ.get("SSL_CLIENT_CERT"):
        env["SSL_CLIENT_CERT"] = _absolute(text("client-cert"), environ)
    proxy = index.proxy or text("proxy")
    if proxy:
        env.update(dict.fromkeys(_PROXY_VARIABLES, proxy if "://" in proxy else f"http://{proxy}"))
    if not index.trusted_hosts and text("trusted-host") and not environ.get("UV_INSECURE_HOST"):
        env["UV_INSECURE_HOST"] = " ".join(text("trusted-host").split())
    for name, variable in (
        ("default-timeout", "UV_HTTP_TIMEOUT"),
        ("timeout", "UV_HTTP_TIMEOUT"),
        ("retries", "UV_HTTP_RETRIES"),
    ):
        seconds = whole_number(text(name))
        if seconds and not environ.get(variable):
            env[variable] = seconds
    return env


def _rules_environment(configuration: PipConfiguration, environ: Mapping[str, str]) -> Environment:
    """Return what the host allows to be installed: constraints, formats, hashes, ages."""
    env = _formats_environment(configuration, environ)
    for name, variable in _FLAGS:
        if configuration.flag_of(name, "install").value:
            env[variable] = "allow" if name == "pre" else "1"
    for name, variable in _WORDS:
        setting = configuration.text_of(name, "install")
        if setting is not None:
            env[variable] = " ".join(setting.value.split())
    keyring = configuration.text_of("keyring-provider", "install")
    if keyring is not None and keyring.value in ("subprocess", "import"):
        env["UV_KEYRING_PROVIDER"] = "subprocess"
    return {variable: environ.get(variable) or value for variable, value in env.items()}


def _formats_environment(configuration: PipConfiguration, environ: Mapping[str, str]) -> Environment:
    env: Environment = {}
    for name, all_of_them, some in _FORMATS:
        setting = configuration.text_of(name, "install")
        words = re.split(r"[,\s]+", setting.value.strip()) if setting is not None else []
        if environ.get(all_of_them) or environ.get(some) or ":none:" in words:
            continue
        if ":all:" in words:
            env[all_of_them] = "1"
        elif any(words):
            env[some] = " ".join(filter(None, words))
    return env


def _store_environment(host: Host, environ: Mapping[str, str], scratch: str) -> Environment:
    """Return where uv looks for the logins it keeps: where there are none it would make the directory to look there."""
    data = environ.get("XDG_DATA_HOME") or f"{environ.get('HOME', '')}/.local/share"
    if environ.get("UV_CREDENTIALS_DIR") or host.exists(f"{data}/uv/credentials"):
        return {}
    return {"UV_CREDENTIALS_DIR": f"{scratch}/uv-credentials"}


def _cache_environment(host: Host, account: Optional[Account], environ: Mapping[str, str]) -> Environment:
    """Return where uv keeps what it fetched: nowhere for an account without a home, where uv would end."""
    env: Environment = {}
    acts_for_another = account is not None and account.uid != host.uid
    if acts_for_another and environ.get("UV_CACHE_DIR"):
        # The caller's own; another account cannot write there.
        env["UV_CACHE_DIR"] = None
    elif environ.get("UV_CACHE_DIR"):
        return env
    home = environ.get("HOME", "")
    cache = environ.get("XDG_CACHE_HOME") or f"{home}/.cache"

    def can_write() -> bool:
        path = f"{cache}/uv"
        while path not in ("", "/") and not host.exists(path):
            path = os.path.dirname(path)
        return os.access(host.real(path or "/"), os.W_OK | os.X_OK)

    try:
        writable = act_as(account if host.is_root and host.root == "/" else None, can_write)
    except ProvisionError:
        writable = False
    if not writable:
        env["UV_NO_CACHE"] = "1"
    return env


def with_arguments(index: IndexSettings, found: Sequence[Tuple[str, str]]) -> IndexSettings:
    """Return the settings with what options of pip say of them: a later address replaces, a further one is added."""
    for name, value in found:
        if name == "index_url":
            index = replace(index, index_url=value)
        elif name == "no_index":
            index = replace(index, no_index=True)
        elif name == "extra_index_urls":
            index = replace(index, extra_index_urls=(*index.extra_index_urls, value))
        elif name == "find_links":
            index = replace(index, find_links=(*index.find_links, value))
        elif name == "trusted_hosts":
            index = replace(index, trusted_hosts=(*index.trusted_hosts, value))
        elif name == "ca_bundle":
            index = replace(index, ca_bundle=value)
        else:
            index = replace(index, proxy=value)
    return index
