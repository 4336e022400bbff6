# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pep668-provision: ``scan`` searches playbooks, roles and Dockerfiles, ``lint-rules`` says where they are."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

#: Exit statuses.
NOTHING, FOUND, UNUSABLE = 0, 1, 2
_NO_PARSER = """pep668-provision scan reads YAML with ruamel.yaml, which is not installed here. It comes with
    pip install 'pep668-provision[scan]'"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns 0 where nothing is left to do, 1 for findings, 2 for misuse and unreadable files."""
    options = _parser().parse_args(arguments)
    if options.command == "lint-rules":
        print(Path(__file__).with_name("ansible_lint_rules"))
        return NOTHING
    try:
        import ruamel.yaml  # noqa: F401, PLC0415  # it is there with the extra alone
    except ImportError:
        print(_NO_PARSER, file=sys.stderr)
        return UNUSABLE
    return _scan(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pep668-provision", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    scan = commands.add_parser(
        "scan",
        help="find what fails or does harm on hosts whose Python is externally managed, with what to write instead",
        description="Finds tasks, commands and files that fail or do harm where Python is externally managed.",
        epilog="Exit status: 0 nothing found (or all of it rewritten), 1 findings, 2 misuse or unreadable files.",
    )
    scan.add_argument("paths", nargs="+", metavar="PATH", help="a file, or a directory that is searched")
    change = scan.add_mutually_exclusive_group()
    change.add_argument("--fix", action="store_true", help="rewrite the tasks where that is safe, and only these")
    change.add_argument("--diff", action="store_true", help="print what --fix would change as a patch; write nothing")
    scan.add_argument("--format", choices=("text", "json", "github"), default="text", help="default: text")
    commands.add_parser("lint-rules", help="print the directory that ansible-lint takes with -r")
    return parser


def _scan(options: argparse.Namespace) -> int:
    # They need ruamel.yaml.
    from . import report  # noqa: PLC0415  # as above
    from .scan import Unreadable, scan, write_changes  # noqa: PLC0415  # as above

    try:
        result = scan(options.paths)
    except Unreadable as error:
        print(f"pep668-provision scan: {report.shown(str(error))}", file=sys.stderr)
        return UNUSABLE
    if options.diff:
        sys.stdout.write(report.difference(result))
        print(report.summary(result), file=sys.stderr)
    else:
        if options.fix:
            write_changes(result)
        formats = {"text": report.as_text, "json": report.as_json, "github": report.as_github}
        sys.stdout.write(formats[options.format](result))
    for path, reason in (*result.skipped, *result.unreadable):
        print(report.shown(f"{path}: not looked into, {reason}"), file=sys.stderr)
    if result.unreadable:
        return UNUSABLE
    return FOUND if result.findings else NOTHING


if __name__ == "__main__":
    sys.exit(main())
