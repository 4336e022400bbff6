"""What the pages of the documentation presuppose: a host's accounts, files and interpreters, and indexes.

Distributions on the index are stand-ins: wheels of the right name and version with one module. Real are pip, pipx, uv
and what these need. The interpreters beside the distribution's are copies of it, systemctl is a script that remembers
what it was told, and the indexes of example.org are on the host's loopback interface.
"""

from __future__ import annotations

import hashlib
import shlex
import subprocess
from pathlib import Path

from hosts import Host
from local_index import LocalIndex, module_name

INDEX_PASSWORD = "s3cret"  # of a server that is gone with the host
#: Name, version, and the commands that it brings.
DISTRIBUTIONS = {
    "flask": (["3.0.3", "3.1.0"], ["flask"]),
    "gunicorn": (["23.0.0"], ["gunicorn"]),
    "rich": (["14.1.0"], []),
    "pandas": (["2.3.0"], []),
    "jupyterlab": (["4.4.0"], ["jupyter-lab"]),
    "psycopg": (["3.2.1"], []),
    "celery": (["5.4.0"], []),
    "colorama": (["0.4.6"], []),
    "httpie": (["3.2.4"], ["http"]),
    "tox": (["4.23.2"], ["tox"]),
    "tox-uv": (["1.16.0"], []),
    "yamllint": (["1.35.1"], ["yamllint"]),
    "awscli": (["1.36.0"], ["aws"]),
    "pycowsay": (["0.0.0.2"], ["pycowsay"]),
    "pip-audit": (["2.10.1"], ["pip-audit"]),
    "corp-agent": (["4.2"], ["corp-agent"]),
}
APPLICATION = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "shop"
version = "1.0"
dependencies = ["flask"]

[project.optional-dependencies]
postgres = ["psycopg"]

[tool.setuptools]
py-modules = ["application"]
"""
SYSTEMCTL = """#!/bin/sh
# Remembers which units are enabled and started.
for word; do case $word in -*) ;; *) break ;; esac; shift; done
mkdir -p /var/lib/units
case $1 in
    show) echo LoadState=loaded; echo "ActiveState=$("$0" is-active "$2")" ;;
    is-enabled) [ -e "/var/lib/units/$2.enabled" ] && echo enabled || { echo disabled; exit 1; } ;;
    is-active) [ -e "/var/lib/units/$2.started" ] && echo active || { echo inactive; exit 3; } ;;
    enable) touch "/var/lib/units/$2.enabled" ;;
    start | restart) touch "/var/lib/units/$2.started" ;;
esac
"""
PREPARE = """
set -e
apt-get -q update
apt-get -q install --yes --no-install-recommends python3-apt python3-venv
useradd --create-home --shell /bin/bash shop
install -d -o app -g app /srv/app
install -d -o shop -g shop /srv/shop
install -d /srv/report /srv/summary
# A Python that somebody built, and another beside it.
for prefix in /usr/local /opt/python/3.12; do
    mkdir -p $prefix/bin $prefix/lib
    cp -a /usr/lib/python3.13 $prefix/lib/
    rm -f $prefix/lib/python3.13/EXTERNALLY-MANAGED
done
cp /usr/bin/python3.13 /usr/local/bin/python3.14
cp /usr/bin/python3.13 /opt/python/3.12/bin/python3.12
# Theirs can make environments; of the distribution that is to be installed.
apt-get -q purge --yes python3-venv python3.13-venv python3-pip-whl
ln -s /srv/index/files /srv/wheels
echo 127.0.0.1 pypi.example.org files.example.org >>/etc/hosts
"""
#: What an example has made is gone again, but for the packages of the OS.
CLEAR = """
rm -rf /srv/*/.venv /srv/app/.venv.d /opt/venv /opt/venvs /opt/flask /opt/report /opt/one
rm -rf /opt/pipx /opt/pep668-provision /home/*/.local /home/*/.venvs /root/.local /root/.cache /home/*/.cache
rm -rf /etc/pip.conf /etc/systemd/system/app.service /var/lib/units /var/backups/pep668-provision
find /usr/local/bin /usr/local/share/man -type l -delete
rm -rf /usr/local/lib/python3.13/dist-packages/* /usr/local/bin/corp-agent
rm -f /usr/local/lib/python3.13/EXTERNALLY-MANAGED
"""


def stock(index: LocalIndex) -> None:
    """The index has what the pages name, and what installs it."""
    for name, (versions, scripts) in DISTRIBUTIONS.items():
        for version in versions:
            index.add(name, version, scripts=scripts)
    wheel = index.add("black", "24.10.0", scripts=["black"], extras={"d": ["colorama"]})
    (index.folder / wheel.name).write_bytes(wheel.read_bytes())
    index.mirror("pip", "setuptools", "wheel", "pipx", "uv", python="3.13")


def digest_of(index: LocalIndex, name: str, version: str) -> str:
    wheel = index.folder / "files" / f"{module_name(name)}-{version}-py3-none-any.whl"
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def prepare(host: Host, index: LocalIndex, scratch: Path) -> None:
    """The host has what the pages presuppose."""
    host.run(PREPARE)
    hashed = "".join(
        f"{name}=={version} --hash=sha256:{digest_of(index, name, version)}\n"
        for name, version in (("flask", "3.0.3"), ("gunicorn", "23.0.0"))
    )
    for path, owner in (("/srv/app", "app"), ("/srv/shop", "shop")):
        host.write(f"{path}/requirements.txt", hashed, owner=owner)
        host.write(f"{path}/constraints.txt", "flask<4\n", owner=owner)
    host.write("/srv/app/pyproject.toml", APPLICATION, owner="app")
    host.write("/srv/app/application.py", "", owner="app")
    host.write("/srv/app/pylock.toml", lock(index), owner="app")
    host.write("/srv/report/pylock.toml", lock(index))
    host.write("/srv/summary/requirements.txt", hashed)
    host.write("/usr/local/bin/systemctl", SYSTEMCTL, mode="0755")
    serve(host, index, scratch)


def lock(index: LocalIndex) -> str:
    """A lock file with an extra and a dependency group."""
    lines = ['lock-version = "1.0"', 'created-by = "a test"', 'extras = ["postgres"]', 'dependency-groups = ["worker"]']
    for name, marker in (
        ("flask", ""),
        ("psycopg", "'postgres' in extras"),
        ("celery", "'worker' in dependency_groups"),
    ):
        version = DISTRIBUTIONS[name][0][0]
        file = f"{name}-{version}-py3-none-any.whl"
        lines += ["[[packages]]", f'name = "{name}"', f'version = "{version}"']
        lines += [f'marker = "{marker}"'] * bool(marker)
        hashes = f'{{sha256 = "{digest_of(index, name, version)}"}}'
        lines.append(f'wheels = [{{name = "{file}", url = "https://elsewhere.invalid/{file}", hashes = {hashes}}}]')
    return "\n".join(lines) + "\n"


def serve(host: Host, index: LocalIndex, scratch: Path) -> None:
    """The index is https://pypi.example.org/simple as well, with a login; files.example.org has black for anybody."""
    names = "subjectAltName=DNS:pypi.example.org,DNS:files.example.org"
    made = shlex.split("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=example.org -keyout key -out crt")
    subprocess.run([*made, "-addext", names], cwd=scratch, check=True, capture_output=True)
    certificate = (scratch / "crt").read_text()
    host.write("/etc/ssl/certs/example-ca.pem", certificate)
    host.write("/srv/server.pem", certificate + (scratch / "key").read_text(), mode="0600")
    index.serve(host, username="deploy", password=INDEX_PASSWORD, port=443, certificate="/srv/server.pem")


def give_shop_to(host: Host, account: str) -> None:
    """The shop's folder is this account's: one page has it belong to app, the others to an account of its own."""
    host.run(["chown", "--recursive", f"{account}:", "/srv/shop"])


def clear(host: Host) -> None:
    """What examples have made is gone."""
    host.run(CLEAR)
