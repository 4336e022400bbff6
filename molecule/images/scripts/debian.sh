#!/bin/sh
# Turns a minimal Debian or Ubuntu into a host but for its accounts, still without Python.
set -eu
export DEBIAN_FRONTEND=noninteractive

# As in published images: packages never start a service, downloads are not kept, lists come without translations, and
# dpkg does not wait for the disk.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 0755 /usr/sbin/policy-rc.d
cat >/etc/apt/apt.conf.d/docker-clean <<'EOF'
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };
EOF
echo 'Acquire::Languages "none";' >/etc/apt/apt.conf.d/docker-no-languages
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/docker-apt-speedup

apt-get -q update
doas=$(apt-cache pkgnames | grep -x -m 1 opendoas || echo doas)
apt-get -q install --yes --no-install-recommends ca-certificates openssh-server sudo "$doas"
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
