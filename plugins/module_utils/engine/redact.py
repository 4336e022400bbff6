# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials kept out of everything that is printed, returned or recorded."""

from __future__ import annotations

import re
from typing import FrozenSet, Iterable

# Up to the last @ before the path: a password may hold one. Looking back for the scheme keeps this linear.
_USERINFO = re.compile(r"(?<=://)(?P<userinfo>[^/\s'\"]+)@")
MASK = "****"
_WORD = re.compile(r"[^\s'\"]+")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return ``text`` with the user part of every URL and every string of ``secrets`` masked."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if secret:
            text = text.replace(secret, MASK)
    return _USERINFO.sub(f"{MASK}@", text)


def mask_userinfo(text: str) -> str:
    """Return ``text`` with what looks like "user:password@" masked, be there a scheme before it or not."""
    return _WORD.sub(lambda word: _without_userinfo(word.group()), text) if "@" in text else text


def _without_userinfo(word: str) -> str:
    # Step by step and not by one expression, which takes time by the square of the length.
    parts = word.split("@")
    for number, part in enumerate(parts[:-1]):
        if part.endswith(MASK):
            continue
        colon = part.find(":", 1)
        while colon != -1 and part[colon - 1] in "/:=":
            colon = part.find(":", colon + 1)
        if colon not in (-1, len(part) - 1):
            parts[number] = part[: 1 + max(part.rfind(one, 0, colon) for one in "/:=")] + MASK
    return "@".join(parts)


def has_credentials(text: str) -> bool:
    """Say whether a URL inside ``text`` carries a user or a password."""
    return _USERINFO.search(text) is not None


def secrets_in(texts: Iterable[str]) -> FrozenSet[str]:
    """Return what must never be shown of these texts: passwords and tokens of URLs, plain and percent-decoded."""
    found = set()
    for text in texts:
        for match in _USERINFO.finditer(text):
            user, colon, password = match.group("userinfo").partition(":")
            # Over HTTP a user alone is a token; over SSH it is an account like "git".
            is_token = not colon and text[: match.start()].lower().endswith(("http://", "https://"))
            secret = password if colon else user if is_token else ""
            found.update({secret, _unquoted(secret)})
    return frozenset(secret for secret in found if secret and secret != MASK)


def _unquoted(text: str) -> str:
    from urllib.parse import unquote  # noqa: PLC0415  # few states hold a credential, and it takes long to import

    return unquote(text)


def host_of(url: str) -> str:
    """Return the host of an address, "" where it has none or none can be told."""
    from urllib.parse import urlsplit  # noqa: PLC0415  # as above

    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def with_credentials(url: str, username: str, password: str) -> str:
    """Return ``url`` with this user and password in it, unless it already carries some."""
    from urllib.parse import quote, urlsplit, urlunsplit  # noqa: PLC0415  # as above

    if not username or not host_of(url):
        return url
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.scheme not in ("http", "https"):
        return url
    userinfo = quote(username, safe="")
    if password:
        userinfo += ":" + quote(password, safe="")
    return urlunsplit(parts._replace(netloc=f"{userinfo}@{parts.netloc}"))
