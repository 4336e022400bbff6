# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text level of requirements: names, refusals that show where a text is wrong, and a scanner."""

from __future__ import annotations

import re
import unicodedata

# Characters; pip's own lines are far shorter, and a bound keeps every later step cheap.
MAX_LENGTH = 16384

_SEPARATORS = re.compile(r"[-_.]+")
# Wider than in redact.py: a text that is refused may hold a password with blanks in it.
_CREDENTIALS = re.compile(r"(?<=//)[^/]*@")
_BLANKS = re.compile(r"[ \t]*")
# Control characters, line and paragraph separators, lone surrogates (PEP 508 knows none of them).
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


class RequirementError(ValueError):
    """A text is not a requirement; the message says what is wrong and at which position, without credentials."""


def normalize_name(name: str) -> str:
    """Return the name by which two spellings of one distribution are equal (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


def quote_for_message(text: str) -> str:
    """Return ``text`` in quotes, without credentials, shortened to 80 characters."""
    shown = _CREDENTIALS.sub("****@", text)
    return repr(shown if len(shown) <= 80 else shown[:77] + "...")


def check_requirement_text(text: str) -> None:
    """Refuse with ``RequirementError`` a text no requirement may be: empty, an option, unprintable or huge."""
    stripped = text.strip()
    if not stripped:
        raise RequirementError("the requirement is empty")
    if stripped.startswith("-"):
        raise RequirementError(f"{quote_for_message(stripped)} starts with '-': options are not requirements")
    if len(text) > MAX_LENGTH:
        raise RequirementError(f"{quote_for_message(text)} is longer than {MAX_LENGTH} characters")
    for position, character in enumerate(text, start=1):
        if character != "\t" and unicodedata.category(character) in _REFUSED_CATEGORIES:
            problem = f"control character U+{ord(character):04X} at position {position}"
            raise RequirementError(f"{quote_for_message(text)} is not a requirement: {problem}")


class Scanner:
    """Reads a text from left to right and refuses it with the position where reading stopped."""

    def __init__(self, text: str, *, kind: str) -> None:
        self.text = text
        self.position = 0
        self._kind = kind

    @property
    def is_at_end(self) -> bool:
        """True when the whole text has been read."""
        return self.position >= len(self.text)

    def skip_blanks(self) -> bool:
        """Move past spaces and tabs; say whether there were any."""
        return self.take(_BLANKS) != ""

    def take(self, pattern: re.Pattern[str]) -> str | None:
        """Return and move past what ``pattern`` matches here, or None without moving."""
        match = pattern.match(self.text, self.position)
        if match is None:
            return None
        self.position = match.end()
        return match[0]

    def take_character(self, character: str) -> bool:
        """Move past ``character`` if it comes next; say whether it did."""
        if not self.text.startswith(character, self.position):
            return False
        self.position += len(character)
        return True

    def refusal(self, problem: str) -> RequirementError:
        """Return the error that says ``problem`` and where."""
        where = f"position {self.position + 1}"
        # The rest of the text may be the middle of a URL, where a password can no longer be told from a path.
        if not _CREDENTIALS.search(self.text):
            rest = self.text[self.position :]
            where += f", before {quote_for_message(rest)}" if rest else ", the end"
        return RequirementError(f"{quote_for_message(self.text)} is not a {self._kind}: {problem} ({where})")
