# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments for pip in uv's words: the same, other ones, none needed, or nothing that uv can do."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from .desired import VenvEntry

#: Options without a value that mean the same to both, and how uv spells them.
_FLAGS = {
    "--no-deps": "--no-deps",
    "--no-dependencies": "--no-deps",
    "--pre": "--prerelease=allow",
    "--force-reinstall": "--reinstall",
    "--ignore-installed": "--reinstall",
    "-I": "--reinstall",
    "--no-cache-dir": "--no-cache",
    "--require-hashes": "--require-hashes",
    "--no-build-isolation": "--no-build-isolation",
    "--compile": "--compile-bytecode",
    "--no-compile": "--no-compile-bytecode",
    "--upgrade": "--upgrade",
    "-U": "--upgrade",
}
#: Options with a value that mean the same to both.
_VALUED = {
    "--no-binary": "--no-binary",
    "--only-binary": "--only-binary",
    "--config-settings": "--config-setting",
    "--config-setting": "--config-setting",
    "-C": "--config-setting",
    "--constraint": "--constraint",
    "-c": "--constraint",
    "--build-constraint": "--build-constraint",
    "--cache-dir": "--cache-dir",
    "--uploaded-prior-to": "--exclude-newer",
}
#: Options that say where distributions come from: they become settings, so that no credential is an argument.
_SETTINGS = {
    "--index-url": "index_url",
    "--pypi-url": "index_url",
    "-i": "index_url",
    "--extra-index-url": "extra_index_urls",
    "--find-links": "find_links",
    "-f": "find_links",
    "--trusted-host": "trusted_hosts",
    "--cert": "ca_bundle",
    "--proxy": "proxy",
}
#: Options that only say how pip goes about it: uv does without.
_NOT_NEEDED = frozenset(
    {
        *("-q", "--quiet", "-v", "--verbose", "--no-color", "--no-input", "--debug", "--no-clean"),
        *("--disable-pip-version-check", "--no-python-version-warning", "--no-warn-script-location"),
        *("--no-warn-conflicts", "--use-pep517", "--break-system-packages", "--check-build-dependencies"),
        *("--require-virtualenv", "--require-venv"),
    }
)
_NOT_NEEDED_VALUED = frozenset(
    {
        *("--progress-bar", "--root-user-action", "--exists-action", "--src", "--log", "--log-file", "--use-feature"),
        # Which is only about upgrades, and told to uv with them.
        "--upgrade-strategy",
    }
)
#: Options whose value is a variable of uv.
_VARIABLES = {
    "--timeout": "UV_HTTP_TIMEOUT",
    "--default-timeout": "UV_HTTP_TIMEOUT",
    "--retries": "UV_HTTP_RETRIES",
    "--client-cert": "SSL_CLIENT_CERT",
    "--keyring-provider": "UV_KEYRING_PROVIDER",
}
_TAKES_VALUE = frozenset({*_VALUED, *_SETTINGS, *_NOT_NEEDED_VALUED, *_VARIABLES})


@dataclass(frozen=True)
class UvOptions:
    """Arguments for pip as uv takes them; ``refused`` are those that it has nothing for.

    ``settings`` are pairs of a field of the index settings and a value, ``environment`` are variables for uv.
    """

    arguments: Tuple[str, ...] = ()
    settings: Tuple[Tuple[str, str], ...] = ()
    environment: Dict[str, str] = field(default_factory=dict)
    refused: Tuple[str, ...] = ()


def translate(words: Sequence[str]) -> UvOptions:
    """Return what arguments for pip are to uv."""
    arguments: List[str] = []
    settings: List[Tuple[str, str]] = []
    environment: Dict[str, str] = {}
    refused: List[str] = []
    for option, value in _read(words):
        if option in _NOT_NEEDED or option in _NOT_NEEDED_VALUED:
            continue
        if value is None and option in _FLAGS:
            arguments.append(_FLAGS[option])
        elif value is None and option == "--no-index":
            settings.append(("no_index", ""))
        elif value is not None and option in _VALUED:
            arguments.append(f"{_VALUED[option]}={value}")
        elif value is not None and option in _SETTINGS:
            settings.append((_SETTINGS[option], value))
        elif value is not None and option in _VARIABLES:
            environment[_VARIABLES[option]] = _as_variable(option, value)
        else:
            refused.append(option)
    return UvOptions(tuple(arguments), tuple(settings), environment, tuple(refused))


def lacking_in_uv(entry: VenvEntry) -> Tuple[str, ...]:
    """Return those of an entry's arguments for pip that uv has nothing for."""
    return translate(entry.pip_args).refused


def _as_variable(option: str, value: str) -> str:
    if option == "--keyring-provider":
        # pip's other words for one that is used mean the same program to uv.
        return "disabled" if value in ("disabled", "auto") else "subprocess"
    return value if option == "--client-cert" else whole_number(value) or value


def whole_number(text: str) -> str:
    """Return a number as uv takes it, rounded up; "" for what is none."""
    try:
        return str(max(0, math.ceil(float(text))))
    except (ValueError, OverflowError):
        return ""


def upgrades_eagerly(words: Sequence[str]) -> bool:
    """Say whether an upgrade is to move what the named depend on, too."""
    return ("--upgrade-strategy", "eager") in tuple(_read(words))


def _read(words: Sequence[str]) -> Iterator[Tuple[str, Optional[str]]]:
    rest = list(reversed(words))
    while rest:
        word = rest.pop()
        if word.startswith("--"):
            option, equals, value = word.partition("=")
            if equals:
                yield option, value
            elif option in _TAKES_VALUE and rest:
                yield option, rest.pop()
            else:
                yield option, None
        elif word[:2] in _TAKES_VALUE:
            attached = word[2:]
            yield word[:2], attached or (rest.pop() if rest else None)
        elif word.startswith("-") and len(word) > 1:
            # Several flags may stand in one word: -qq, -Uq.
            for letter in word[1:]:
                yield f"-{letter}", None
        else:
            yield word, None
