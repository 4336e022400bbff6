"""Acting as another account: with its rights alone, and with the answer or the error back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pep668_provision.engine.account import Account, account_of, act_as, drop_privileges, find_account
from pep668_provision.engine.errors import ProvisionError

ME = Account("me", os.geteuid(), os.getegid(), "/", "/bin/sh")
NOBODY = find_account("nobody")
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or NOBODY is None, reason="only root can act as another account, and there is none called nobody"
)


def test_accounts_are_found_by_name_and_number() -> None:
    me = account_of(os.geteuid())
    assert me.uid == os.geteuid()
    assert find_account(me.name) == me or me.home == "/nonexistent"
    assert find_account("no-such-account-here") is None
    assert account_of(3_999_999_999) == Account("3999999999", 3_999_999_999, 3_999_999_999, "/nonexistent", "")


@pytest.mark.parametrize("account", [None, ME], ids=["the caller", "the caller by name"])
def test_the_caller_acts_itself_and_keeps_its_errors(account: Account | None) -> None:
    assert act_as(account, os.getpid) == os.getpid()
    drop_privileges(account)
    with pytest.raises(FileNotFoundError):
        act_as(account, Path("/nowhere/at-all").unlink)


@needs_root
def test_another_account_acts_with_its_rights_and_answers() -> None:
    assert NOBODY is not None
    assert act_as(NOBODY, lambda: [os.geteuid(), os.getegid()]) == [NOBODY.uid, NOBODY.gid]
    assert os.geteuid() == 0


@needs_root
def test_another_account_meets_its_own_limits(tmp_path: Path) -> None:
    assert NOBODY is not None
    tmp_path.chmod(0o700)
    with pytest.raises(ProvisionError, match=r"As nobody: .*/file: Permission denied"):
        act_as(NOBODY, lambda: (tmp_path / "file").write_text("x"))
    assert not (tmp_path / "file").exists()


@needs_root
def test_any_error_of_another_account_comes_back_as_text() -> None:
    def fail() -> None:
        raise ValueError("what went wrong")

    with pytest.raises(ProvisionError, match="what went wrong"):
        act_as(NOBODY, fail)


@needs_root
def test_an_account_that_dies_while_it_acts_is_reported() -> None:
    with pytest.raises(ProvisionError, match="without an answer"):
        act_as(NOBODY, lambda: os._exit(3))
