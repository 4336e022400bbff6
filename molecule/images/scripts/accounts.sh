#!/bin/sh
# Gives a host its ordinary accounts; alice may become root by sudo and by doas. There must be no Python yet, unless
# the family's own images have one: then "accounts.sh with-python".
set -eu
for account in alice app; do
    useradd --create-home --shell /bin/bash "$account"
done
mkdir -p /etc/sudoers.d /run/sshd
printf 'alice ALL=(ALL) NOPASSWD: ALL\n' >/etc/sudoers.d/alice
chmod 0440 /etc/sudoers.d/alice
printf 'permit nopass keepenv alice\n' >/etc/doas.conf
chmod 0600 /etc/doas.conf
ssh-keygen -A >/dev/null

if [ "${1:-}" != with-python ] && command -v python3 >/dev/null; then
    echo 'this image has Python already; hosts must start without' >&2
    exit 1
fi
