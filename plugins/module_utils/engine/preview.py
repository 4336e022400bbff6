# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run would leave behind, asked of the installers themselves without changing anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Mapping, Optional

from .account import Account
from .desired import Desired, VenvEntry
from .difference import drift, extra_distributions
from .errors import ProvisionError
from .host import Host
from .installer_uv_options import lacking_in_uv
from .interpreter import Interpreters
from .observe import Inquiry
from .own_programs import find_uv
from .parts import load
from .request import InstallRequest
from .requirement import Requirement, parse_spec
from .seeds import pins_of, without_seeds
from .steps import ToolStep, VenvStep
from .work import make_installer, resolve, resolve_new


@dataclass(frozen=True)
class Preview:
    """The distributions before and after a step, normalised names to versions, without pip, setuptools and wheel.

    ``unresolved`` says why the versions after it are not known yet.
    """

    before: Mapping[str, str]
    after: Mapping[str, str]
    unresolved: str = ""


def make_inquiry(desired: Desired, host: Host) -> Inquiry:
    """Return the question for state latest: what an installer would change in an existing environment."""
    secrets = desired.secrets

    def inquire(venv: str, request: InstallRequest, account: Optional[Account]) -> Mapping[str, str]:
        uv = find_uv(host)
        name = desired.installer_of(request.entry, has_uv=bool(uv))
        installer = make_installer(name if uv and not lacking_in_uv(request.entry) else "pip", uv)
        return resolve(host, installer, venv, request, account=account, index=desired.index, secrets=secrets)

    return inquire


def preview_venv(desired: Desired, host: Host, step: VenvStep) -> Preview:
    """Return what a step would leave in an environment; needs the index where something is to be installed."""
    observed, entry, state = step.observed, step.observed.entry, step.observed.state
    before = without_seeds(state.distributions)
    if step.action == "remove":
        return Preview(before, {})
    if observed.builds is not None and step.action in ("switch", "prune"):
        target = observed.builds.target_state
        return Preview(before, without_seeds(target.distributions if target is not None else {}))
    secrets = desired.secrets
    try:
        if observed.builds is not None:
            kept = load("apply_builds").versions_to_keep(desired, host, step)
            request = InstallRequest(entry, upgrade=entry.state == "latest", pins=pins_of(kept))
            return Preview(before, without_seeds(_resolve_keeping(desired, host, step, request, observed.account)))
        if step.action in ("create", "rebuild"):
            pins = () if entry.checks_hashes else pins_of(dict(state.kept))
            also = pins if entry.state != "exact" else ()
            request = InstallRequest(entry, upgrade=entry.state == "latest", pins=pins, also=also)
            after = _resolve_keeping(desired, host, step, request, observed.account)
            return Preview(before, without_seeds(after))
        recorded = dict(state.receipt.packages) if state.receipt is not None else {}
        drifted = {name: recorded[name] for name in drift(observed)}
        installer = make_installer(step.installer, find_uv(host))
        asked_anew = state.receipt is None or state.receipt.digest != observed.request.digest
        after = dict(before)
        if asked_anew or drifted or observed.newer:
            request = InstallRequest(
                entry, upgrade=entry.state == "latest", also=() if entry.checks_hashes else pins_of(drifted)
            )
            if not request.is_empty:
                after.update(
                    resolve(
                        host,
                        installer,
                        entry.path,
                        request,
                        account=observed.account,
                        index=desired.index,
                        secrets=secrets,
                    )
                )
        if entry.state == "exact":
            after = _only_wanted(desired, host, step, after, asked_anew=asked_anew)
        return Preview(before, without_seeds(after))
    except ProvisionError as error:
        return Preview(before, dict(_declared_versions(entry)), str(error))


def _resolve_keeping(
    desired: Desired, host: Host, step: VenvStep, request: InstallRequest, account: Optional[Account]
) -> Mapping[str, str]:
    """Resolve for a new environment as a run would: with the versions of before first, without them if need be."""
    plain = InstallRequest(request.entry, upgrade=request.upgrade)
    last: Optional[ProvisionError] = None
    if step.interpreter is None:
        raise ProvisionError("There is no interpreter for it yet.")
    uv = find_uv(host) if step.installer == "uv" else ""
    for attempt in (request, plain) if request.pins else (plain,):
        if attempt.is_empty:
            return {}
        try:
            return resolve_new(
                host, step.interpreter, attempt, account=account, index=desired.index, secrets=desired.secrets, uv=uv
            )
        except ProvisionError as error:
            last = error
    raise last if last is not None else ProvisionError("Nothing was asked.")


def _only_wanted(
    desired: Desired, host: Host, step: VenvStep, after: Mapping[str, str], *, asked_anew: bool
) -> Dict[str, str]:
    entry, observed = step.observed.entry, step.observed
    if not asked_anew:
        extras = extra_distributions(observed)
        return {name: version for name, version in after.items() if name not in extras}
    plain = InstallRequest(entry)
    if plain.is_empty:
        return {}
    wanted = resolve(
        host,
        make_installer(step.installer, find_uv(host)),
        entry.path,
        plain,
        account=observed.account,
        index=desired.index,
        secrets=desired.secrets,
        everything=True,
    )
    return {name: version for name, version in after.items() if name in wanted}


def _declared_versions(entry: VenvEntry) -> Dict[str, str]:
    """Return what the entry itself says about versions, for want of an installer that could."""
    found = {}
    for text in entry.packages:
        requirement = Requirement.parse(text)
        found[requirement.name] = requirement.specifier.exact_pin or str(requirement.specifier) or "(newest)"
    return found


def preview_tool(desired: Desired, host: Host, step: ToolStep) -> Preview:
    """Return the version a tool would have after a step, by its name; resolved where its spec is no exact pin."""
    entry, state = step.observed.entry, step.observed.state
    record = state.record if state is not None else None
    before = {record.main.name: record.main.version} if record is not None else {}
    if step.action == "remove":
        return Preview(before, {})
    if step.action == "link":
        return Preview(before, before)
    spec = parse_spec(entry.install_spec)
    if isinstance(spec, Requirement) and spec.specifier.exact_pin:
        return Preview(before, {spec.name: spec.specifier.exact_pin})
    if record is not None and step.keeps_versions:
        return Preview(before, before)
    interpreter = step.observed.interpreter or Interpreters(host, only_safe=True).default()
    account = step.observed.space.account if step.observed.space is not None else None
    name = spec.name or entry.venv_name
    try:
        if interpreter is None:
            raise ProvisionError("There is no interpreter for it yet.")
        request = InstallRequest(VenvEntry("/", packages=(entry.install_spec,)))
        uv = find_uv(host)
        uv = uv if desired.installer_of(entry, has_uv=bool(uv)) == "uv" else ""
        resolved = resolve_new(
            host, interpreter, request, account=account, index=desired.index, secrets=desired.secrets, uv=uv
        )
        return Preview(before, {name: resolved.get(name, "")})
    except ProvisionError as error:
        wanted = str(spec.specifier) if isinstance(spec, Requirement) else ""
        return Preview(before, {name: wanted or "(newest)"}, str(error))
