"""Every file of a host, before and after: what a run that failed changed or left behind."""

from __future__ import annotations

from collections.abc import Collection

from hosts import Host

# What programs keep for themselves at any time: caches, logs, byte code, Ansible's own folder, the test index's log.
NOT_COUNTED = (
    *(
        "/proc",
        "/sys",
        "/dev",
        "/var/log",
        "/root/.ansible",
        "/home/alice/.ansible",
        "/root/.cache",
        "/root/.ssh",
        "/home/alice/.ssh",
        "/run/motd*",
        "/opt/pipx/logs",
        "/srv/index",
    ),
    *("/home/app/.cache", "/home/alice/.cache", "/tmp/index-server*", "/tmp/background.log"),
)
# Its file stays, empty; whether a process holds it is another question.
LOCK = "/run/pep668-provision.lock"


def footprint(host: Host, *, without: Collection[str] = ()) -> dict[str, str]:
    """Every file by its path: type, mode, owner, size, link, and when it was written; of our records, their digest."""
    pruned = " -o ".join(f"-path '{pattern}'" for pattern in (*NOT_COUNTED, *without))
    listed = host.run(
        f"find / \\( {pruned} -o -name __pycache__ \\) -prune -o -type d -printf '%p\\t%y %m %u:%g\\n'"
        " -o -name .pep668-provision.json -printf '%p\\t%y %m %u:%g ' -exec sha256sum {} ';'"
        " -o -printf '%p\\t%y %m %u:%g %s %l %T@\\n'",
        check=False,
    ).stdout
    found = dict(line.split("\t", 1) for line in listed.splitlines() if "\t" in line)
    found.pop(LOCK, None)
    return found


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What differs, a line each: "+ path" for what is new, "- path" for what is gone, "! path" for what is another."""
    found = [f"+ {path}" for path in after.keys() - before.keys()]
    found += [f"- {path}" for path in before.keys() - after.keys()]
    found += [
        f"! {path} {before[path]} -> {after[path]}"
        for path in after.keys() & before.keys()
        if after[path] != before[path]
    ]
    return sorted(found)


def lock_is_free(host: Host) -> bool:
    """Whether nothing holds the lock that runs of root take."""
    return host.run(f"test ! -e {LOCK} || flock --nonblock {LOCK} true", check=False).rc == 0
