# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a single declared value may be: each check returns the value as the engine takes it, or says what is allowed."""

from __future__ import annotations

import posixpath
import re
from typing import Callable, List, Tuple

from .redact import redact
from .requirement import Requirement, RequirementError, normalize_name, parse_spec
from .version import Version, VersionError

_PYTHON = re.compile(r"^(\d+\.\d+(\.\d+)?|(python|pypy)\d(\.\d+)?)$")
_ACCOUNT = re.compile(r"^[A-Za-z_][A-Za-z0-9_.-]*\$?$")
_SUFFIX = re.compile(r"^[A-Za-z0-9._@+-]+$")
_USERINFO = re.compile(r"[^\s'\"@/:]+:[^\s@]+@")
_REFUSED_USERINFO = re.compile(r"(?<=://).*@", re.DOTALL)
_AUTHORITY = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<userinfo>[^/\s]*)@)?(?P<place>[^/\s?#]*)")
_PORT = re.compile(r"^(\[[^\]]*\]|[^:]*)(:\d*)?$")
_LOCK_NAME = re.compile(r"^pylock\.([^.]+\.)?toml$")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
#: No environment lives in these; one given by mistake must not be taken for one.
_RESERVED_PATHS = (
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",  # noqa: S108  # named to be refused
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/var",
)


class Refused(Exception):
    """A value that is not allowed; the text says what is."""


def shown(value: object) -> str:
    # What is refused may be a URL that lacks its scheme.
    text = _USERINFO.sub("****@", redact(_REFUSED_USERINFO.sub("****@", repr(value))))
    return text if len(text) <= 80 else text[:77] + "..."


def plain_text(value: object) -> str:
    if not isinstance(value, str):
        raise Refused("allowed is a string")
    if _CONTROL.search(value):
        raise Refused("control characters and line breaks are not allowed")
    if len(value) > 4096:
        raise Refused("it is longer than 4096 characters")
    return value


def _check_login(text: str) -> None:
    """Raise Refused for a URL whose password would be taken for something else, or could only be an argument."""
    for found in _AUTHORITY.finditer(text):
        scheme, userinfo = found["scheme"].lower(), found["userinfo"] or ""
        is_cut = set("?#") & set(userinfo) or not _PORT.match(found["place"])
        if is_cut and not scheme.endswith("ssh") and not scheme.startswith("file"):
            raise Refused(
                "its host is not one, or its port no number; in a password / ? # have to be written as %2F, %3F, %23"
            )
        over_http = scheme in ("http", "https", "git+http", "git+https")
        if userinfo and not over_http and (":" in userinfo or scheme.endswith(("http", "https"))):
            raise Refused(
                "its password would stand in the process list of the host; allowed with a password are URLs of http, "
                "https, git+http and git+https"
            )


def argument(value: object) -> str:
    text = plain_text(value)
    # The value of a short option may follow it in the same word.
    _check_login(text[2:] if re.match("-[A-Za-z]", text) else text)
    return text


def boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "yes", "on", "false", "no", "off"):
        return value.lower() in ("true", "yes", "on")
    raise Refused("allowed is true or false")


def choice(*allowed: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if value not in allowed:
            raise Refused(f"allowed is one of {', '.join(allowed)}")
        return str(value)

    return check


def absolute(value: object) -> str:
    text = plain_text(value)
    if not text.startswith("/"):
        raise Refused("allowed is an absolute path on the host")
    if ".." in text.split("/"):
        raise Refused("allowed is an absolute path without '..'")
    return posixpath.normpath("/" + text.lstrip("/"))


def lock_file(value: object) -> str:
    path = absolute(value)
    if not _LOCK_NAME.match(posixpath.basename(path)):
        raise Refused("allowed is the absolute path of a file named pylock.toml, or pylock.NAME.toml (PEP 751)")
    return path


def optional(check: Callable[[object], str]) -> Callable[[object], str]:
    return lambda value: "" if value is None or value == "" else check(value)


def venv_path(value: object) -> str:
    path = absolute(value)
    if path in _RESERVED_PATHS:
        raise Refused("allowed is a directory of its own, not one of the system's")
    return path


def python(value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise Refused('YAML reads a bare 3.10 as the number 3.1: write it in quotes, like python: "3.12"')
    text = plain_text(value)
    if text.startswith("/"):
        return absolute(text)
    if not _PYTHON.match(text):
        raise Refused('allowed is a version like "3.12", a name like "python3.12" or an absolute path')
    return text


def account(value: object) -> str:
    text = plain_text(value)
    if not _ACCOUNT.match(text):
        raise Refused("allowed is the name of an account on the host")
    return text


def requirement(value: object) -> str:
    text = plain_text(value).strip()
    try:
        Requirement.parse(text)
    except RequirementError as error:
        raise Refused(f'{error}; allowed is a PEP 508 requirement like "flask==3.0.3"') from None
    _check_login(text)
    return text


def spec(value: object) -> str:
    text = plain_text(value).strip()
    try:
        parse_spec(text)
    except RequirementError as error:
        raise Refused(f"{error}; allowed is a PEP 508 requirement, a URL or an absolute path") from None
    _check_login(text)
    return text


def name(value: object) -> str:
    text = plain_text(value).strip()
    try:
        parsed = Requirement.parse(text)
    except RequirementError as error:
        raise Refused(f'{error}; allowed is a distribution name like "black"') from None
    if parsed.extras or str(parsed.specifier) or parsed.url or parsed.marker:
        raise Refused("allowed is a distribution name alone; versions and extras belong into spec")
    return text


def version(value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise Refused('YAML reads a bare 1.10 as the number 1.1: write it in quotes, like "1.10"')
    try:
        return str(Version.parse(plain_text(value)))
    except VersionError as error:
        raise Refused(f"{error}") from None


def library(value: object) -> str:
    return normalize_name(name(value))


def extra(value: object) -> str:
    return normalize_name(name(value))


def suffix(value: object) -> str:
    text = plain_text(value)
    if not _SUFFIX.match(text) or text.startswith("-"):
        raise Refused("allowed are letters, digits and . _ @ + -, not starting with -")
    return text


def url(value: object) -> str:
    text = plain_text(value)
    if text.startswith("-") or " " in text:
        raise Refused("allowed is a URL or an absolute path")
    if not text.startswith("/") and "://" not in text:
        raise Refused("allowed is a URL or an absolute path")
    _check_login(text)
    return text


def host_name(value: object) -> str:
    text = plain_text(value)
    if not re.match(r"^[A-Za-z0-9.\[\]:_-]+$", text) or text.startswith("-"):
        raise Refused("allowed is a host name, with a port if need be")
    return text


def seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise Refused("allowed is a number of seconds, 0 or more")
    return float(value)


def count(value: object) -> int:
    # A template gives a number as a text.
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise Refused("allowed is a whole number, 1 or more")
    return number


def list_of(check: Callable[[object], str]) -> Callable[[object], Tuple[str, ...]]:
    def check_all(value: object) -> Tuple[str, ...]:
        if not isinstance(value, (list, tuple)):
            raise Refused("allowed is a list")
        found: List[str] = []
        for position, item in enumerate(value):
            try:
                found.append(check(item))
            except Refused as refusal:
                raise Refused(f"item {position} is {shown(item)}: {refusal}") from None
        return tuple(dict.fromkeys(found))

    return check_all
