# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors a user can meet, each with what can be done about it."""

from __future__ import annotations

import errno
import functools
import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, TypeVar, cast

Act = TypeVar("Act", bound=Callable[..., Any])

#: A terminal acts on these, and the last are halves of characters, which no encoding has.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
#: Characters of a message, and how many refused values are told.
_LONGEST = 16_000
_TOLD = 50


def printable(text: str) -> str:
    """Return a text that can be shown anywhere: its control characters are written as Python writes them."""
    return _UNPRINTABLE.sub(lambda found: ascii(found.group())[1:-1], text)


def _message(text: str) -> str:
    return printable(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


class ProvisionError(Exception):
    """Something the user has to know: one sentence that says what is wrong, and what can be done about it."""

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(_message(message))
        self.message = _message(message)
        self.advice = _message(advice)

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()


class InvalidState(ProvisionError):
    """The declared state cannot be accepted; ``problems`` holds one sentence per refused value."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        more = [f"... and {len(problems) - _TOLD} more."] if len(problems) > _TOLD else []
        super().__init__("\n".join([*self.problems[:_TOLD], *more]), advice="")


class CommandFailed(ProvisionError):
    """A command on the host ended with an error.

    ``command`` is the argument list as it was run (credentials are never part of one), ``status`` its exit
    status, ``stdout`` and ``stderr`` what it printed with credentials masked.
    """

    def __init__(
        self,
        message: str,
        *,
        command: Sequence[str],
        status: Optional[int],
        stdout: str = "",
        stderr: str = "",
        advice: str = "",
    ) -> None:
        super().__init__(message, advice=advice)
        self.command = tuple(command)
        self.status = status
        self.stdout = stdout
        self.stderr = stderr


class LockTimeout(ProvisionError):
    """Another run holds this host's lock and kept it for longer than the user wants to wait."""


class SeveralFailed(ProvisionError):
    """More than one of several independent things failed; ``errors`` has each, and the message all of them."""

    def __init__(self, errors: Sequence[ProvisionError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))


def raise_all(errors: Sequence[ProvisionError]) -> None:
    """Raise the only error there is as it is, several as one; nothing happens without any."""
    single: List[ProvisionError] = []
    for error in errors:
        single += error.errors if isinstance(error, SeveralFailed) else [error]
    if single:
        raise single[0] if len(single) == 1 else SeveralFailed(single)


#: What the system says no with, and what the user can do about it.
_ADVICE = {
    errno.ENOSPC: "Free some space on that file system and run again.",
    errno.EDQUOT: "Free some of the account's quota and run again.",
    errno.EROFS: "Mount that file system writable, or declare another path.",
    errno.EACCES: "Check the rights on the path and its parents, set owner, or become root.",
    errno.EPERM: "Check the rights on the path and its parents, set owner, or become root.",
}


def refused_by_system(error: OSError, *, account: str = "", what: str = "") -> ProvisionError:
    """Return an error of the operating system as one that a user can act on.

    ``account`` is who met it, "" the caller; ``what`` says in the course of what, where the path does not.
    """
    where = f"{error.filename}: " if error.filename else ""
    who = f"{what}: " if what else ""
    who += f"As {account}: " if account else ""
    advice = _ADVICE.get(error.errno or 0, "Check the path and its parents.")
    return ProvisionError(f"{who}{where}{error.strerror or error}.", advice=advice)


def telling_refusals(act: Act) -> Act:
    """Have a function raise errors of the operating system as ``refused_by_system`` tells them."""

    @functools.wraps(act)
    def telling(*arguments: Any, **options: Any) -> Any:
        try:
            return act(*arguments, **options)
        except OSError as error:
            raise refused_by_system(error) from error

    return cast("Act", telling)


def error_as_data(error: ProvisionError) -> Dict[str, object]:
    """Return an error as JSON carries it from one process to another."""
    if isinstance(error, SeveralFailed):
        return {"errors": [error_as_data(one) for one in error.errors]}
    data: Dict[str, object] = {"message": error.message, "advice": error.advice}
    if isinstance(error, CommandFailed):
        data.update(command=list(error.command), status=error.status, stdout=error.stdout, stderr=error.stderr)
    return data


def error_from_data(data: Mapping[str, Any]) -> ProvisionError:
    """Return the error that ``error_as_data`` was given; what had no command and was not several is a plain one."""
    if "errors" in data:
        return SeveralFailed([error_from_data(one) for one in data["errors"]])
    return CommandFailed(**data) if "command" in data else ProvisionError(**data)
