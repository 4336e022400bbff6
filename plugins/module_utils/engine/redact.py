# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials kept out of everything that is printed, returned or recorded.

The user part of a URL is masked wherever it stands. A known secret is masked in other text, too: one of eight
characters and more wherever it stands, a shorter one where it stands for itself, for inside of a word it would be there
by chance. One of fewer than four characters would be found in every message; it is only masked in URLs.
"""

from __future__ import annotations

import re
from typing import FrozenSet, Iterable, Match, Set

# Up to the last @ before the path: a password may hold one. Looking back for the scheme keeps this linear. A quote may
# be part of a password, and does not go on with what separates one quoted text from the next.
_USERINFO = re.compile(r"(?<=://)(?P<userinfo>(?:[^/\s'\"]|['\"](?=[^\s,:;)\]}>]))+)@")
# The same in a text that is nothing else than what was declared.
_DECLARED = re.compile(r"(?<=://)(?P<userinfo>[^/\s]+)@")
_OVER_HTTP = re.compile(r"(?i)(?P<scheme>https?://)[^/\s]+@")
MASK = "****"
_WORD = re.compile(r"[^\s'\"]+")
#: From how many characters on a secret is masked outside of URLs, and also inside of words.
_SHORTEST, _SHORTEST_IN_WORDS = 4, 8


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return ``text`` with the user part of every URL masked, and every string of ``secrets``."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST_IN_WORDS:
            text = text.replace(secret, MASK)
        elif len(secret) >= _SHORTEST and secret in text:
            text = re.sub(rf"(?<![^\W_]){re.escape(secret)}(?![^\W_])", MASK, text)
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


def redact_declared(text: str) -> str:
    """Return a requirement, URL or argument as it was declared with the user part of its URL masked."""
    return _DECLARED.sub(f"{MASK}@", text)


def has_credentials(text: str) -> bool:
    """Say whether the URL of a declared ``text`` carries a user or a password."""
    return _DECLARED.search(text) is not None


def without_login(text: str) -> str:
    """Return a requirement, spec or argument as it was declared without the login in its URL over HTTP."""
    return _OVER_HTTP.sub(r"\g<scheme>", text)


def secrets_in(texts: Iterable[str]) -> FrozenSet[str]:
    """Return what must never be shown of these declared texts: passwords and tokens of URLs, in all their spellings."""
    found: Set[str] = set()
    for text in texts:
        for match in _DECLARED.finditer(text):
            found |= _secrets_of(text, match)
    return frozenset(found)


def _secrets_of(text: str, match: Match[str]) -> FrozenSet[str]:
    user, colon, password = match.group("userinfo").partition(":")
    # Over HTTP a user alone is a token; over SSH it is an account like "git".
    is_token = not (colon and password) and text[: match.start()].lower().endswith(("http://", "https://"))
    secret = password or (user if is_token else "")
    if not secret or secret == MASK:
        return frozenset()
    user = _unquoted(user)
    return frozenset({secret}) | spellings(_unquoted(secret), user if password else "")


def spellings(secret: str, username: str = "") -> FrozenSet[str]:
    """Return a secret as programs write it: in URLs, in JSON, and with its user as HTTP sends it."""
    import json  # noqa: PLC0415  # few states hold a credential
    from base64 import b64encode  # noqa: PLC0415  # as above
    from urllib.parse import quote  # noqa: PLC0415  # as above

    if not secret:
        return frozenset()
    pairs = (f"{username}:{secret}", f"{secret}:", f":{secret}") if username else (f"{secret}:", f":{secret}")
    encoded = [b64encode(pair.encode(code, "replace")).decode() for pair in pairs for code in ("utf-8", "latin-1")]
    quoted = [quote(secret, safe=""), quote(secret)]
    lower = [re.sub("%[0-9A-F]{2}", lambda found: found.group().lower(), one) for one in quoted]
    written = [json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]]
    return frozenset({secret, *encoded, *quoted, *lower, *written})


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
