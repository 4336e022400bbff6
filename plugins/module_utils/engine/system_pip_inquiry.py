# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the pip of an entry of ``python_system_pip`` what it would do, without changing anything."""

from __future__ import annotations

from typing import Mapping

from .desired import Desired
from .errors import ProvisionError
from .host import Host
from .installer import LOG_NAME, Workplace
from .installer_pip import PipInstaller
from .installer_pip_site import Found, SitePip, read_found
from .overwriting import Verdict, judge_installation, judge_removal
from .redact import redact
from .scratch import scratch_directory
from .system_pip_observe import SiteInquiry
from .system_pip_state import ObservedSystemPip, SiteAnswer, decide
from .work import run_prepared


def make_inquiry(desired: Desired, host: Host) -> SiteInquiry:
    """Return the question: what pip would install or remove, and what that does to files of OS packages."""

    def inquire(observed: ObservedSystemPip) -> SiteAnswer:
        try:
            with scratch_directory(observed.account) as scratch:
                pip = site_pip(desired, host, observed, scratch)
                if observed.entry.state == "absent":
                    return _ask_removal(host, observed, pip)
                return _ask_installation(desired, host, observed, pip)
        except ProvisionError as error:
            return SiteAnswer(problem=str(error))

    return inquire


def site_pip(desired: Desired, host: Host, observed: ObservedSystemPip, scratch: str) -> SitePip:
    """Return the pip of an observed entry, as it is called for it."""
    if observed.interpreter is None or observed.facts is None:
        raise ProvisionError(observed.problem or "There is no interpreter for it.")
    overrides = decide(observed.entry, observed.facts).overrides
    work = Workplace(host, observed.account, scratch, desired.index)
    return SitePip(work, observed.interpreter, observed.entry, overrides)


def _ask_installation(desired: Desired, host: Host, observed: ObservedSystemPip, pip: SitePip) -> SiteAnswer:
    found = _resolve(desired, host, observed, pip)
    versions = {name: one.version for name, one in found.items()}
    if not observed.is_system or observed.facts is None or not decide(observed.entry, observed.facts).is_allowed:
        return SiteAnswer(versions)
    verdict = judge_installation(host, pip, observed.site, found, desired.secrets)
    return SiteAnswer(versions, verdict.overwrites, verdict.hidden)


def _resolve(desired: Desired, host: Host, observed: ObservedSystemPip, pip: SitePip) -> Mapping[str, Found]:
    installer = PipInstaller()
    done = run_prepared(pip.work, pip.resolve(), "Asking pip what it would install", desired.secrets, installer)
    log = host.read_text(f"{pip.work.scratch}/{LOG_NAME}") or ""
    failure = installer.index_failure(log) if observed.entry.state == "latest" else ""
    if failure:
        raise ProvisionError(
            f"What is newest cannot be told: {redact(failure, desired.secrets)}.", advice=installer.advice(failure)
        )
    try:
        return read_found(done.stdout)
    except ValueError:
        raise ProvisionError("pip said something else than the report it was asked for.") from None


def _ask_removal(host: Host, observed: ObservedSystemPip, pip: SitePip) -> SiteAnswer:
    there = [observed.site.distributions[one.name] for one in observed.unmet]
    verdict = judge_removal(host, pip, there) if observed.is_system else Verdict()
    return SiteAnswer({one.name: "" for one in there}, verdict.overwrites)
