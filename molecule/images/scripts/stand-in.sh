#!/bin/sh
# Turns a minimal Debian into the base of a host of another family: stand-in.sh TREE PACKAGE...
#
# The packages (the family's own package manager first of all, and what wrapped packages link against) come from Debian.
# The tree is copied over the root directory, and the repository of wrapped packages to /srv/packages. Debian's Python, apt and
# dpkg are gone afterwards: nothing but the family's package manager knows of packages, and it has none of Python yet.
set -eu
tree=$1
shift
export DEBIAN_FRONTEND=noninteractive

apt-get -q update
doas=$(apt-cache pkgnames | grep -x -m 1 opendoas || echo doas)
apt-get -q install --yes --no-install-recommends ca-certificates openssh-server sudo "$doas" python3 "$@"

# The libraries Python links against stay.
dpkg-query --show --showformat='${Package}\n' | grep -E '^(lib)?python3' | grep -vE '^libpython3\.[0-9]+(t64)?$' |
    while read -r package; do
        dpkg --listfiles "$package" | while read -r path; do
            [ -d "$path" ] || rm -f "$path"
        done
    done
rm -rf /usr/lib/python3* /usr/local/lib/python3* /etc/python3* /usr/share/python3

cp -a /run/repository/repository /srv/packages
for package in apt dpkg; do
    dpkg --listfiles "$package" >/tmp/files
    while read -r path; do
        [ -d "$path" ] || rm -f "$path"
    done </tmp/files
done
rm -rf /tmp/files /etc/apt /etc/dpkg /var/lib/apt /var/lib/dpkg /var/cache/apt /usr/lib/apt /usr/lib/dpkg
rm -f /etc/debian_version /etc/issue*
cp -a "$tree/." /
