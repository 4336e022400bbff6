"""docs/findings.md, written from the rules. ``nox -s findings`` runs this file; a test holds the page to it."""

from __future__ import annotations

from pathlib import Path

from pep668_provision.engine.audit.rules import RULES

PAGE = Path(__file__).resolve().parents[4] / "docs" / "findings.md"
INTRODUCTION = """\
# What an audit finds

Written from the rules in `plugins/module_utils/engine/audit/` by `nox -s findings`; do not edit.

The module `audit`, the playbook of that name and pyinfra's fact `Audit` check these rules. An id stays what it is in
every version. On a host as its distribution leaves it no rule finds anything.

| severity | |
|---|---|
| error | something is broken, or harms the host already |
| warning | it will with the next command or upgrade |
| info | worth knowing; nothing has to be done |

What a rule could not look at, for a lack of rights or of time, is in `unread` of the result.
"""


def findings_page() -> str:
    """The page as it has to be."""
    table = "".join(f"| [{rule.id}](#{rule.id.lower()}) | {rule.severity} | {rule.title} |\n" for rule in RULES)
    sections = "".join(
        f"\n## {rule.id}\n\n**{rule.title}** ({rule.severity})\n\n"
        f"Looks at: {_sentence(rule.looks_at)}\n\nWhy it matters: {_sentence(rule.why)}\n"
        for rule in RULES
    )
    return f"{INTRODUCTION}\n| rule | severity | finds |\n|---|---|---|\n{table}{sections}"


def _sentence(text: str) -> str:
    text = f"{text[:1].upper()}{text[1:].rstrip('.')}."
    return text.replace("<", "&lt;").replace("*", "\\*").replace("__", "\\_\\_")


if __name__ == "__main__":
    PAGE.write_text(findings_page(), encoding="utf-8")
