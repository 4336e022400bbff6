"""docs/migration.md shows what the command really does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pep668_provision.scan.cli import main
from pep668_provision.scan.finding import KINDS

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "migration.md").read_text()


def test_the_example_is_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = re.findall(r"```yaml\n(---\n.*?)```", TEXT, re.DOTALL)
    (shown,) = re.findall(r"```console\n\$ pep668-provision scan site.yml\n(.*?)```", TEXT, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("site.yml").write_text(before)
    main(["scan", "site.yml"])
    assert capsys.readouterr().out == shown
    main(["scan", "--fix", "site.yml"])
    assert Path("site.yml").read_text() == after


@pytest.mark.parametrize(("before", "after"), re.findall(r"```yaml\n(- .*?)# becomes\n(.*?)```", TEXT, re.DOTALL))
def test_a_pair_of_tasks_is_real(before: str, after: str, tmp_path: Path) -> None:
    file = tmp_path / "tasks.yml"
    file.write_text(before)
    main(["scan", "--fix", str(file)])
    assert file.read_text() == after


def test_every_kind_of_finding_is_documented() -> None:
    assert re.findall(r"^\| (PM\d+) \|", TEXT, re.MULTILINE) == sorted(KINDS)
