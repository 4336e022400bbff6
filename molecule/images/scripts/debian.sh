#!/bin/sh
# Turns a minimal Debian into a test host, still without Python. Runs as root inside the container.
set -eu
export DEBIAN_FRONTEND=noninteractive

# As in published images: packages never start a service, and downloads are not kept.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 0755 /usr/sbin/policy-rc.d
cat >/etc/apt/apt.conf.d/docker-clean <<'EOF'
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };
EOF

apt-get -q update
apt-get -q install --yes --no-install-recommends ca-certificates openssh-server sudo
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin

for account in alice app; do
    useradd --create-home --shell /bin/bash "$account"
done
printf 'alice ALL=(ALL) NOPASSWD: ALL\n' >/etc/sudoers.d/alice
chmod 0440 /etc/sudoers.d/alice
mkdir -p /run/sshd

if command -v python3 >/dev/null; then
    echo 'this image has Python already; hosts must start without' >&2
    exit 1
fi
