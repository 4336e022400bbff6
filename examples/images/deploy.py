"""Builds an image with pyinfra: pyinfra -y @podman/docker.io/library/debian:13 deploy.py (or @docker/...)."""

from pyinfra.operations import server

from pep668_provision.deploys import provision

provision(vars="state.yml")
server.shell(
    name="Leave out what only the building needed",
    commands=[
        "apt-get clean",
        "rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log /root/.cache",
        "find / -xdev -name __pycache__ -prune -exec rm -rf {} +",
    ],
)
