# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a single declared value may be: each check returns the value as the engine takes it, or says what is allowed."""

from __future__ import annotations

import posixpath
import re
from typing import Callable, List, Tuple

from .redact import has_credentials, redact
from .requirement import Requirement, RequirementError, normalize_name, parse_spec
from .version import Version, VersionError

_PYTHON = re.compile(r"^(\d+\.\d+(\.\d+)?|(python|pypy)\d(\.\d+)?)$", re.ASCII)
_ACCOUNT = re.compile(r"^[A-Za-z_][A-Za-z0-9_.-]*\$?$")
_SUFFIX = re.compile(r"^[A-Za-z0-9._@+-]+$")
_USERINFO = re.compile(r"[^\s'\"@/:]+:[^\s@]+@")
_REFUSED_USERINFO = re.compile(r"(?<=://).*@", re.DOTALL)
_AUTHORITY = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<userinfo>[^/\s]*)@)?(?P<place>[^/\s?#]*)")
_PORT = re.compile(r"^(\[[^\]]*\]|[^:]*)(:\d*)?$")
_LOCK_NAME = re.compile(r"^pylock\.([^.]+\.)?toml$")
#: Control characters, everything that somebody reads as a line break, and halves of characters, which no file has.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_URL = re.compile(r"/|[A-Za-z][A-Za-z0-9+.-]*://")
#: In a line of a requirements file this begins an option or a comment, stands for a variable, or goes on in the next.
_FILE_SYNTAX = re.compile(r"\s[-#]|\$\{|\\$")
#: What Linux allows for a name and for a path, in bytes, and what an environment's own files add to its path.
_LONGEST_NAME, _LONGEST_PATH, _LONGEST_BELOW = 255, 4095, 600
#: Characters; what could be a password is looked for in time by the square of the length.
_LONGEST_SHOWN = 5000
#: Seconds; more than any run takes, and what each package manager's own option can hold.
_LONGEST_WAIT = 10**9
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
    """Return a refused value as a message has it: without a credential, and not all of a long one."""
    if isinstance(value, (str, bytes)) and len(value) > _LONGEST_SHOWN:
        return f"a text of {len(value)} characters"
    try:
        text = repr(value)
    except (RecursionError, ValueError):
        # Lists inside of each other without end, or a number with more digits than Python prints.
        return f"{type(value).__name__} beyond measure"
    if len(text) > _LONGEST_SHOWN:
        return f"{type(value).__name__} of {len(text)} characters"
    # What is refused may be a URL that lacks its scheme.
    text = _USERINFO.sub("****@", redact(_REFUSED_USERINFO.sub("****@", text)))
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
    if any(len(name.encode()) > _LONGEST_NAME for name in text.split("/")):
        raise Refused(f"a name in it is longer than {_LONGEST_NAME} bytes")
    if len(text.encode()) > _LONGEST_PATH:
        raise Refused(f"it is longer than {_LONGEST_PATH} bytes")
    return posixpath.normpath("/" + text.lstrip("/"))


def installable(value: object) -> str:
    """Return the absolute path of a project, as an installer takes it for nothing else."""
    path = absolute(value)
    if ";" in path or path.endswith("]"):
        raise Refused("installers read what follows a ';' as a marker, and [...] at the end of a path as extras")
    return path


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
    if ":" in path:
        raise Refused("an environment's programs have to be found by PATH, which cannot hold a ':'")
    # With a blank in the path installers have sh start each program, and activate is a script (CVE-2024-9287).
    if set(path) & set('"$`\\'):
        raise Refused('a shell would read ", $, ` and \\ in the first lines of the programs in it')
    if len(path.encode()) > _LONGEST_PATH - _LONGEST_BELOW:
        raise Refused(f"it is longer than {_LONGEST_PATH - _LONGEST_BELOW} bytes, so that files in it could not be")
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
    if has_credentials(text) and _FILE_SYNTAX.search(text):
        raise Refused("an address with a credential goes through a file, which would say something else then")
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
    if not _URL.match(text) or text.split() != [text]:
        raise Refused("allowed is a URL or an absolute path, without blanks")
    _check_login(text)
    if not text.startswith("/") and not (text.isascii() and "[" not in text and "]" not in text):
        from urllib.parse import urlsplit  # noqa: PLC0415  # it takes long to import, and other addresses can be read

        try:
            urlsplit(text)
        except ValueError:
            raise Refused("its host is none; allowed is a URL or an absolute path") from None
    return text


def host_name(value: object) -> str:
    text = plain_text(value)
    if not re.match(r"^[A-Za-z0-9.\[\]:_-]+$", text) or text.startswith("-"):
        raise Refused("allowed is a host name, with a port if need be")
    return text


def seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _LONGEST_WAIT:
        raise Refused(f"allowed is a number of seconds, 0 or more and at most {_LONGEST_WAIT}")
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
