"""An audit of a made-up host, as tests ask for it."""

from __future__ import annotations

from typing import Any

from made_up_host import MadeUpHost
from pep668_provision.engine.audit.audit_host import audit_host
from pep668_provision.engine.audit.rules import RULES
from pep668_provision.engine.audit.scope import read_scope


def audit(made_up: MadeUpHost, *ids: str, **options: object) -> dict[str, Any]:
    """What the module returns; with ids only these rules are checked."""
    left_out = [rule.id for rule in RULES if ids and rule.id not in ids]
    return audit_host(made_up.host, read_scope({"left_out": left_out, **options}, made_up.host))


def findings(made_up: MadeUpHost, *ids: str, **options: object) -> list[dict[str, Any]]:
    found = audit(made_up, *ids, **options)["findings"]
    assert isinstance(found, list)
    return found


def subjects(made_up: MadeUpHost, *ids: str, **options: object) -> list[tuple[str, str]]:
    """The id and the subject of each finding."""
    return [(one["id"], one["subject"]) for one in findings(made_up, *ids, **options)]


def with_passwd(made_up: MadeUpHost, *accounts: str) -> MadeUpHost:
    """The host's /etc/passwd has root and these accounts, with their homes."""
    lines = []
    for name in ("root", *accounts):
        one = made_up.accounts[name]
        lines.append(f"{one.name}:x:{one.uid}:{one.gid}::{one.home}:{one.shell}\n")
        made_up.with_directory(one.home)
    return made_up.with_file("/etc/passwd", "".join(lines))
