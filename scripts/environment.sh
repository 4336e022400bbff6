# What the commands in this folder share; sourced by them in the checkout's root.
# shellcheck shell=sh

cache=$PWD/.cache

say() { printf '%s\n' "$*" >&2; }

can_install() { [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; }

# Installs those of the packages that are known to apt and missing.
apt_install() {
    missing=
    for package in "$@"; do
        dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    say "installing:$missing"
    apt-get -q update >&2
    known=
    for package in $missing; do
        apt-cache show --no-all-versions "$package" >/dev/null 2>&1 && known="$known $package"
    done
    # shellcheck disable=SC2086  # one word for each package
    DEBIAN_FRONTEND=noninteractive apt-get -q install --yes --no-install-recommends $known >&2
}

# A Python that runs (a pyenv shim may not), is new enough for the controller, and can make virtual environments.
find_python() {
    for candidate in python3.11 python3.12 python3.13 python3.14 python3; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

# Prints such a Python; installs one as root on a Debian-family machine, else names the command.
require_python() {
    find_python && return 0
    if can_install; then
        apt_install python3 python3-venv
        find_python && return 0
    fi
    say 'Python 3.11 or newer with venv is needed. On Debian and Ubuntu: sudo apt-get install python3 python3-venv'
    return 1
}

# Makes the environment NAME under .cache from a requirements file that has a hash for everything; anew when the
# interpreter, which is $python, or a pin has changed.
make_environment() {
    environment=$cache/$1
    # shellcheck disable=SC2154  # set by the callers
    wanted="$("$python" --version) $(cksum <"$2")"
    [ "$(cat "$environment/complete" 2>/dev/null)" != "$wanted" ] || return 0
    say "making $environment"
    "$python" -m venv --clear "$environment"
    "$environment/bin/python" -m pip --quiet --disable-pip-version-check install --require-hashes --requirement "$2"
    printf '%s\n' "$wanted" >"$environment/complete"
}

# Has the programs that test hosts need, and further packages given as arguments; without the rights says which are missing.
provide_host_programs() {
    # Docker's own packages and those of podman's runtime keep each other out.
    [ "${PROVISION_ENGINE:-podman}" = podman ] || return 0
    needed="podman runc netavark aardvark-dns iptables mmdebstrap debian-archive-keyring ca-certificates strace $*"
    if can_install; then
        # shellcheck disable=SC2086  # one word for each package
        apt_install $needed
    else
        for program in podman mmdebstrap strace; do
            command -v "$program" >/dev/null || say "hosts need $program. On Debian and Ubuntu: apt-get install $needed"
        done
    fi
}

# Has a browser for the tests of the audit's page; without the rights says that it is missing.
provide_browser() {
    for program in chromium chromium-browser google-chrome-stable google-chrome; do
        command -v "$program" >/dev/null && return 0
    done
    if can_install; then
        apt_install chromium fonts-dejavu-core
    else
        say "the test in a browser needs chromium. On Debian: apt-get install chromium"
    fi
}
