"""What is found in image builds: the base image and environments on the PATH decide."""

from __future__ import annotations

from pathlib import Path

import pytest

from pep668_provision.scan.scan import scan_text

INSTALL = "RUN pip install a\n"


def ids(text: str) -> list[tuple[int, str]]:
    return [(one.line, one.id) for one in scan_text(text, Path("Dockerfile"))[1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"FROM debian:12\n{INSTALL}", [(2, "PM007")], id="plain"),
        pytest.param(f"ARG V\nFROM --platform=x ubuntu:$V AS b\n{INSTALL}", [(3, "PM007")], id="version in a variable"),
        pytest.param("FROM x\nRUN apt \\\n  # c\n\n  && pip install a\n", [(5, "PM007")], id="continued"),
        pytest.param('FROM x\nRUN ["pip", "install", "a"]\n', [(2, "PM007")], id="list"),
        pytest.param("FROM x\nRUN --mount=type=cache,target=/c pip install a\n", [(2, "PM007")], id="mount"),
        pytest.param("FROM x\nRUN <<E\nset -e\npip install a\nE\n", [(4, "PM007")], id="document"),
        pytest.param("FROM x\nRUN bash <<E\npip install a\nE\nRUN ls\n", [(3, "PM007")], id="document for a shell"),
        pytest.param("FROM x\nENV PIP_BREAK_SYSTEM_PACKAGES=1\n", [(2, "PM003")], id="variable"),
        pytest.param("FROM x\nENV PIP_BREAK_SYSTEM_PACKAGES 1\n", [(2, "PM003")], id="variable, the older form"),
        pytest.param("FROM x\nARG PIP_BREAK_SYSTEM_PACKAGES=1\n", [(2, "PM003")], id="argument"),
        pytest.param("FROM x\nRUN pip install --break-system-packages a\n", [(2, "PM002")], id="override"),
        pytest.param("FROM x\nRUN rm /usr/lib/python3*/EXTERNALLY-MANAGED\n", [(2, "PM004")], id="marker"),
        pytest.param("FROM x\nRUN curl -O https://x/get-pip.py && python3 get-pip.py\n", [(2, "PM008")], id="get-pip"),
        pytest.param(f"FROM x AS b\nFROM python:3 AS c\nFROM b\n{INSTALL}", [(4, "PM007")], id="stage"),
        pytest.param("FROM python:3\nRUN /usr/bin/python3 -m pip install a\n", [(2, "PM007")], id="the one beside"),
        pytest.param(f"FROM python:3.12-slim\n{INSTALL}", [], id="python"),
        pytest.param(f"FROM docker.io/library/python@sha256:0\n{INSTALL}", [], id="python of a registry"),
        pytest.param(f"FROM python:3 AS b\nFROM b AS c\nFROM C\n{INSTALL}", [], id="stage of python"),
        pytest.param(f"FROM x\nRUN python3 -m venv /opt/a\nENV PATH=/opt/a/bin:$PATH\n{INSTALL}", [], id="environment"),
        pytest.param(f'FROM x\nENV VIRTUAL_ENV=/o\nENV PATH="$VIRTUAL_ENV/bin:$PATH"\n{INSTALL}', [], id="by variable"),
        pytest.param(f"FROM x\nCOPY --from=b /opt/a /opt/a\nENV PATH /opt/a/bin:$PATH\n{INSTALL}", [], id="copied"),
        pytest.param("FROM x\nRUN python3 -m venv /opt/a && /opt/a/bin/pip install a\n", [], id="by its path"),
        pytest.param("FROM x\nRUN cat > i <<E\npip install a\nE\n", [], id="text for a file"),
        pytest.param("FROM x\n# RUN pip install a\nLABEL a='pip install a'\n", [], id="comment"),
        pytest.param("FROM x\nRUN uv pip install --system a && pipx install b\n", [], id="uv and pipx"),
    ],
)
def test_what_an_image_build_does(text: str, expected: list[tuple[int, str]]) -> None:
    assert ids(text) == expected


def test_the_instructions_for_an_environment_are_proposed() -> None:
    (finding,) = scan_text("FROM debian:13\nRUN python3 -m pip install --user 'a>=1' b\n", Path("x.Dockerfile"))[1]
    assert finding.proposal == 'RUN python3 -m venv /opt/venv\nENV PATH=/opt/venv/bin:$PATH\nRUN pip install "a>=1" b'
