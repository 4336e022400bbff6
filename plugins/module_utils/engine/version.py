# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions and version specifiers as PEP 440 defines them.

``Version`` orders releases the way every installer does, ``SpecifierSet`` says whether a version
satisfies ``>=2,<3``. Both refuse what is not PEP 440 with ``VersionError`` and never with anything else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import total_ordering
from typing import Tuple

# Longer texts are never versions. The bound also keeps below the interpreter's own limit on the digits of an int.
MAX_LENGTH = 4096

_VERSION = re.compile(
    r"""
    v?
    (?: (?P<epoch> \d+ ) ! )?
    (?P<release> \d+ (?: \. \d+ )* )
    (?: [-_.]? (?P<phase> alpha | a | beta | b | preview | pre | rc | c ) [-_.]? (?P<pre> \d* ) )?
    (?: - (?P<implicit_post> \d+ ) | [-_.]? (?: post | rev | r ) [-_.]? (?P<post> \d* ) )?
    (?: [-_.]? dev [-_.]? (?P<dev> \d* ) )?
    (?: \+ (?P<local> [a-z\d]+ (?: [-_.] [a-z\d]+ )* ) )?
    """,
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
_PHASES = {"alpha": "a", "a": "a", "beta": "b", "b": "b", "preview": "rc", "pre": "rc", "rc": "rc", "c": "rc"}
_PHASE_RANKS = {"a": 0, "b": 1, "rc": 2}
_BEFORE_PHASES, _AFTER_PHASES = -1, 3

_SPECIFIER = re.compile(r"(===|==|~=|!=|<=|>=|<|>)\s*(.*)", re.DOTALL)
_OPERATORS = "one of === == ~= != <= >= < >"
_WILDCARD = re.compile(r"v?(?:\d+!)?\d+(?:\.\d+)*\.\*", re.ASCII | re.IGNORECASE)
_ARBITRARY = re.compile(r"[^\s;),]+")

_LocalKey = Tuple[Tuple[int, int, str], ...]
_Key = Tuple[int, Tuple[int, ...], Tuple[int, int], int, Tuple[int, int], _LocalKey]


class VersionError(ValueError):
    """A text is not a PEP 440 version or specifier; the message quotes it and says what was expected."""


@total_ordering
@dataclass(frozen=True, eq=False)
class Version:
    """One PEP 440 version; equal, ordered and hashed by meaning, so ``1.0`` equals ``1.0.0``.

    ``release`` keeps the components as written. ``pre`` is the phase (``a``, ``b`` or ``rc``) and its number.
    ``local`` is the normalised local label without its ``+``. Source: PEP 440, "Summary of permitted suffixes
    and relative ordering".
    """

    epoch: int
    release: tuple[int, ...]
    pre: tuple[str, int] | None = None
    post: int | None = None
    dev: int | None = None
    local: str | None = None
    _key: _Key = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_key", self._ordering_key())

    @classmethod
    def parse(cls, text: str) -> Version:
        """Return the version that ``text`` spells, in any of the spellings PEP 440 normalises.

        Raises ``VersionError`` when it spells none.
        """
        match = _VERSION.fullmatch(text.strip()) if len(text) <= MAX_LENGTH else None
        if match is None:
            raise VersionError(f"{_quote(text)} is not a version (PEP 440), such as 1.4.2 or 2.0rc1")
        phase, post = match["phase"], match["implicit_post"] or match["post"]
        return cls(
            epoch=int(match["epoch"] or 0),
            release=tuple(int(part) for part in match["release"].split(".")),
            pre=None if phase is None else (_PHASES[phase.lower()], int(match["pre"] or 0)),
            post=None if post is None else int(post or 0),
            dev=None if match["dev"] is None else int(match["dev"] or 0),
            local=None if match["local"] is None else _normalize_local(match["local"]),
        )

    @property
    def is_prerelease(self) -> bool:
        """True for alpha, beta, candidate and development releases."""
        return self.pre is not None or self.dev is not None

    @property
    def public(self) -> str:
        """The normalised version without its local label."""
        epoch = f"{self.epoch}!" if self.epoch else ""
        release = ".".join(map(str, self.release))
        pre = "" if self.pre is None else f"{self.pre[0]}{self.pre[1]}"
        post = "" if self.post is None else f".post{self.post}"
        dev = "" if self.dev is None else f".dev{self.dev}"
        return f"{epoch}{release}{pre}{post}{dev}"

    def __str__(self) -> str:
        return self.public if self.local is None else f"{self.public}+{self.local}"

    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, Version) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self._key < other._key if isinstance(other, Version) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key)

    def without_local(self) -> Version:
        """Return this version with its local label dropped."""
        return self if self.local is None else replace(self, local=None)

    def has_prefix(self, prefix: Version) -> bool:
        """Say whether the release begins with ``prefix``, missing components counting as zero (``==X.Y.*``)."""
        length = len(prefix.release)
        padded = self.release + (0,) * (length - len(self.release))
        return self.epoch == prefix.epoch and padded[:length] == prefix.release

    def _ordering_key(self) -> _Key:
        significant = len(self.release)
        while significant and self.release[significant - 1] == 0:
            significant -= 1
        if self.pre is not None:
            phase = (_PHASE_RANKS[self.pre[0]], self.pre[1])
        elif self.post is None and self.dev is not None:
            phase = (_BEFORE_PHASES, 0)
        else:
            phase = (_AFTER_PHASES, 0)
        local: _LocalKey = ()
        if self.local is not None:
            # Numbers come after words, and no label at all before both.
            parts = self.local.split(".")
            local = tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)
        return (
            self.epoch,
            self.release[:significant],
            phase,
            -1 if self.post is None else self.post,
            (1, 0) if self.dev is None else (0, self.dev),
            local,
        )


@dataclass(frozen=True)
class Specifier:
    """One clause such as ``>=2.0`` or ``==1.4.*``; ``version`` is normalised, except after ``===``."""

    operator: str
    version: str
    _bound: Version | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        operator, version = self.operator, self.version
        if operator == "===":
            object.__setattr__(self, "_bound", _parse_or_none(version))
            return
        is_wildcard = operator in ("==", "!=") and len(version) <= MAX_LENGTH and bool(_WILDCARD.fullmatch(version))
        try:
            bound = Version.parse(version[:-2] if is_wildcard else version)
        except VersionError as error:
            raise self._refusal(_describe_operand(operator, version)) from error
        if bound.local is not None and operator not in ("==", "!="):
            raise self._refusal("a local version (+...) is allowed only with == and !=")
        if operator == "~=" and len(bound.release) < 2:
            raise self._refusal("~= needs at least two components, such as ~=1.4")
        object.__setattr__(self, "version", f"{bound}.*" if is_wildcard else str(bound))
        object.__setattr__(self, "_bound", bound)

    @classmethod
    def parse(cls, text: str) -> Specifier:
        """Return the clause that ``text`` spells; raises ``VersionError`` when it spells none."""
        match = _SPECIFIER.fullmatch(text.strip())
        if match is None:
            raise VersionError(f"{_quote(text)} is not a version specifier: it must start with {_OPERATORS}")
        operator, operand = match[1], match[2]
        if operator == "===" and not (len(operand) <= MAX_LENGTH and _ARBITRARY.fullmatch(operand)):
            raise VersionError(f"{_quote(text)} is not a version specifier: one word must follow ===")
        return cls(operator, operand)

    @property
    def is_wildcard(self) -> bool:
        """True for ``==X.*`` and ``!=X.*``."""
        return self.operator in ("==", "!=") and self.version.endswith(".*")

    @property
    def mentions_prerelease(self) -> bool:
        """True when the clause itself names a pre-release, which is how a requirement opts in to them."""
        return self.operator != "!=" and self._bound is not None and self._bound.is_prerelease

    def __str__(self) -> str:
        return f"{self.operator}{self.version}"

    def contains(self, version: Version | str) -> bool:
        """Say whether ``version`` satisfies this clause, pre-releases included.

        A text that is no version satisfies only the ``===`` clause that spells it.
        """
        if self.operator == "===" or self._bound is None:
            return str(version).strip().lower() == self.version.lower()
        candidate = _parse_or_none(version) if isinstance(version, str) else version
        return candidate is not None and self._compare(candidate, self._bound)

    def _refusal(self, reason: str) -> VersionError:
        return VersionError(f"{_quote(str(self))} is not a version specifier: {reason}")

    def _compare(self, candidate: Version, bound: Version) -> bool:
        public = candidate.without_local()
        if self.operator in ("==", "!="):
            if self.is_wildcard:
                is_equal = candidate.has_prefix(bound)
            else:
                is_equal = (candidate if bound.local is not None else public) == bound
            return is_equal is (self.operator == "==")
        if self.operator == "~=":
            return public >= bound and candidate.has_prefix(Version(bound.epoch, bound.release[:-1]))
        if self.operator == "<=":
            return public <= bound
        if self.operator == ">=":
            return public >= bound
        if self.operator == "<":
            # "<V" leaves out the pre-releases of V unless V is one itself.
            return public < (bound if bound.is_prerelease else replace(bound, dev=0))
        # ">V" leaves out V's own local versions and, unless V is a post-release, V's post-releases.
        if bound.post is None and public.post is not None and replace(public, post=None, dev=None) == bound:
            return False
        return public > bound


@dataclass(frozen=True)
class SpecifierSet:
    """Clauses joined by commas, all of which must hold; the empty set allows every version."""

    specifiers: frozenset[Specifier] = frozenset()

    @classmethod
    def parse(cls, text: str) -> SpecifierSet:
        """Return the set that ``text`` (``>=2,<3``) spells; raises ``VersionError`` when a clause is wrong."""
        return cls(frozenset(Specifier.parse(clause) for clause in text.split(",") if clause.strip()))

    @property
    def exact_pin(self) -> str | None:
        """The version when the set is a single ``==`` without wildcard, else None."""
        if len(self.specifiers) != 1:
            return None
        (only,) = self.specifiers
        return only.version if only.operator == "==" and not only.is_wildcard else None

    def __str__(self) -> str:
        return ",".join(sorted(map(str, self.specifiers)))

    def contains(self, version: Version | str, *, prereleases: bool | None = None) -> bool:
        """Say whether ``version`` satisfies every clause.

        ``prereleases`` True counts pre-releases like any other version, False refuses them, None admits them
        when a clause names one. A text that is no version satisfies the empty set and ``===`` alone.
        """
        parsed = _parse_or_none(version) if isinstance(version, str) else version
        if parsed is not None and parsed.is_prerelease:
            if prereleases is None:
                prereleases = any(specifier.mentions_prerelease for specifier in self.specifiers)
            if not prereleases:
                return False
        for specifier in self.specifiers:
            # "===" compares texts, so it gets the one it was asked about.
            subject = version if parsed is None or specifier.operator == "===" else parsed
            if not specifier.contains(subject):
                return False
        return True


def _parse_or_none(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except VersionError:
        return None


def _normalize_local(label: str) -> str:
    parts = re.split(r"[-_.]", label.lower())
    return ".".join(str(int(part)) if part.isdigit() else part for part in parts)


def _describe_operand(operator: str, operand: str) -> str:
    if not operand:
        return f"a version must follow {operator}"
    if operand.endswith(".*"):
        return "a wildcard is allowed only with == and !=, directly after the release numbers"
    return f"{_quote(operand)} is not a version (PEP 440)"


def _quote(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")
