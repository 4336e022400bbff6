# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment markers (``python_version < "3.9" and os_name == "posix"``) as PEP 508 defines them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Mapping, Union

from .requirement_text import RequirementError, Scanner, check_requirement_text, normalize_name
from .version import Specifier, VersionError

# Parentheses inside parentheses; real markers have two or three.
MAX_DEPTH = 50

# Compared as versions where the right side is one. All others are text even when they look like a version:
# https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
_VERSION_VARIABLES = frozenset({"python_version", "python_full_version", "platform_release", "implementation_version"})
_NAME_VARIABLES = frozenset({"extra", "extras", "dependency_groups"})
# Of lock files alone (PEP 751). An environment has their names joined by commas.
_SET_VARIABLES = frozenset({"extras", "dependency_groups"})
_TEXT_VARIABLES = frozenset(
    {
        "os_name",
        "sys_platform",
        "platform_machine",
        "platform_python_implementation",
        "platform_system",
        "platform_version",
        "implementation_name",
    }
)
_VARIABLES = _VERSION_VARIABLES | _NAME_VARIABLES | _TEXT_VARIABLES
_OLD_SPELLINGS = {
    "os.name": "os_name",
    "sys.platform": "sys_platform",
    "platform.version": "platform_version",
    "platform.machine": "platform_machine",
    "platform.python_implementation": "platform_python_implementation",
    "python_implementation": "platform_python_implementation",
}

_IDENTIFIER = re.compile(r"[a-z_]+(?:\.[a-z_]+)*(?!\w)")
# PEP 508 has no escapes; a backslash would mean one thing to some readers and another to others.
_LITERAL = re.compile(r"'[^'\\]*'|\"[^\"\\]*\"")
_OPERATOR = re.compile(r"===|==|~=|!=|<=|>=|<|>|in(?!\w)|not[ \t]+in(?!\w)")
_AND = re.compile(r"and(?!\w)")
_OR = re.compile(r"or(?!\w)")


@dataclass(frozen=True)
class _Variable:
    name: str


@dataclass(frozen=True)
class _Literal:
    value: str


_Operand = Union[_Variable, _Literal]


@dataclass(frozen=True)
class _Comparison:
    left: _Operand
    operator: str
    right: _Operand

    def evaluate(self, environment: Mapping[str, str], extra: str) -> bool:
        left, right = (_read(operand, environment, extra) for operand in (self.left, self.right))
        variables = {operand.name for operand in (self.left, self.right) if isinstance(operand, _Variable)}
        if variables & _SET_VARIABLES:
            return self._is_member(left, right)
        if variables & _NAME_VARIABLES:
            left, right = normalize_name(left), normalize_name(right)
        elif variables <= _VERSION_VARIABLES:
            outcome = _compare_versions(left, self.operator, right)
            if outcome is not None:
                return outcome
        return _compare_texts(left, self.operator, right)

    def _is_member(self, name: str, names: str) -> bool:
        """Say whether a name is one of a set: all that can be asked of extras and dependency_groups."""
        is_set = isinstance(self.right, _Variable) and self.right.name in _SET_VARIABLES
        if not is_set or isinstance(self.left, _Variable) or self.operator not in ("in", "not in"):
            raise RequirementError("extras and dependency_groups can only be asked whether a name is in them")
        found = normalize_name(name) in {normalize_name(one) for one in names.split(",") if one}
        return found is (self.operator == "in")


@dataclass(frozen=True)
class _Junction:
    is_and: bool
    terms: tuple[_Junction | _Comparison, ...]

    def evaluate(self, environment: Mapping[str, str], extra: str) -> bool:
        # Every term is read, so a marker that makes no sense is refused on every host and not just on some.
        outcomes = [term.evaluate(environment, extra) for term in self.terms]
        return all(outcomes) if self.is_and else any(outcomes)


_Marker = Union[_Junction, _Comparison]


def evaluate_marker(marker: str, environment: Mapping[str, str], extra: str = "") -> bool:
    """Say whether ``marker`` holds in ``environment`` (PEP 508 names, such as ``python_version``, to their values).

    Raises ``RequirementError`` for a text that is no marker, a comparison that has no meaning (``os_name ~= "x"``)
    and a variable the environment does not have.
    """
    check_requirement_text(marker)
    scanner = Scanner(marker, kind="marker")
    parsed = scan_marker(scanner)
    if not scanner.is_at_end:
        raise scanner.refusal("expected 'and', 'or' or the end")
    return parsed.evaluate(environment, extra)


def scan_marker(scanner: Scanner, *, depth: int = 0) -> _Marker:
    """Read one marker and the blanks around it; raises ``RequirementError`` where it is wrong."""
    alternatives = [_scan_conjunction(scanner, depth)]
    while scanner.take(_OR):
        alternatives.append(_scan_conjunction(scanner, depth))
    return alternatives[0] if len(alternatives) == 1 else _Junction(False, tuple(alternatives))


def _scan_conjunction(scanner: Scanner, depth: int) -> _Marker:
    terms = [_scan_term(scanner, depth)]
    while scanner.take(_AND):
        terms.append(_scan_term(scanner, depth))
    return terms[0] if len(terms) == 1 else _Junction(True, tuple(terms))


def _scan_term(scanner: Scanner, depth: int) -> _Marker:
    scanner.skip_blanks()
    term: _Marker
    if scanner.take_character("("):
        if depth >= MAX_DEPTH:
            raise scanner.refusal(f"more than {MAX_DEPTH} parentheses inside each other")
        term = scan_marker(scanner, depth=depth + 1)
        if not scanner.take_character(")"):
            raise scanner.refusal("expected 'and', 'or' or the closing parenthesis")
    else:
        left = _scan_operand(scanner)
        scanner.skip_blanks()
        operator = scanner.take(_OPERATOR)
        if operator is None:
            raise scanner.refusal("expected a comparison (== != < <= > >= ~= === in, not in)")
        scanner.skip_blanks()
        term = _Comparison(left, " ".join(operator.split()), _scan_operand(scanner))
    scanner.skip_blanks()
    return term


def _scan_operand(scanner: Scanner) -> _Operand:
    literal = scanner.take(_LITERAL)
    if literal is not None:
        return _Literal(literal[1:-1])
    start = scanner.position
    word = scanner.take(_IDENTIFIER)
    name = _OLD_SPELLINGS.get(word, word) if word else None
    if name in _VARIABLES and name is not None:
        return _Variable(name)
    scanner.position = start
    if scanner.text.startswith(("'", '"'), start):
        raise scanner.refusal("the quote is not closed, or there is a backslash in it")
    if word:
        raise scanner.refusal(f"{word!r} is not a marker variable")
    raise scanner.refusal("expected a marker variable (such as python_version) or a quoted text")


def _read(operand: _Operand, environment: Mapping[str, str], extra: str) -> str:
    if isinstance(operand, _Literal):
        return operand.value
    if operand.name == "extra":
        return extra
    value = environment.get(operand.name)
    if value is None:
        raise RequirementError(f"the marker asks for {operand.name}, which is not known here")
    if operand.name == "python_full_version" and value.endswith("+"):
        # Unreleased interpreters call themselves "3.13.0+", which is no version.
        return value + "local"
    return value


def _compare_versions(left: str, operator: str, right: str) -> bool | None:
    if operator == "===":
        return left.lower() == right.lower()
    try:
        # A left side that is no version satisfies nothing, "!=" included: that is what pip decides too.
        return Specifier.parse(f"{operator}{right}").contains(left)
    except VersionError:
        return None


def _compare_texts(left: str, operator: str, right: str) -> bool:
    if operator == "in":
        return left in right
    if operator == "not in":
        return left not in right
    if operator in ("==", "<=", ">="):
        return left == right
    if operator == "!=":
        return left != right
    if operator in ("<", ">"):
        # Texts have no order that means anything here; the specification leaves only equality.
        return False
    raise RequirementError(f"{operator} compares versions, but {left!r} and {right!r} are not both versions")
