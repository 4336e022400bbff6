#!/usr/bin/env python3
"""The bridge that test hosts are on keeps its hardware address while other hosts come and go.

A Linux bridge takes the lowest address among its ports until it is given one (br_stp_recalculate_bridge_id). Whenever
a host that starts or ends changes it, packets of all others go to an address nobody has, until their neighbour tables
notice: an SSH connection or a download then stands still for a minute or two. Podman's default network is set up
without one (netavark 1.4). Setting the address the bridge has makes it stay.

Run as a program after hosts have been started; prints "set" where there was something to do.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

# The bridge of podman's default network. Rootless podman has it in a namespace of its own.
BRIDGE = "podman0"
# include/uapi/linux/netdevice.h: NET_ADDR_SET, the address was given by somebody.
ADDRESS_WAS_GIVEN = "3"


def keep_bridge_address(devices: Path = Path("/sys/class/net")) -> bool:
    """The bridge, where there is one, keeps the address it has now; returns whether something had to be done.

    Raises FileNotFoundError without the program ip (Debian: iproute2).
    """
    try:
        if (devices / BRIDGE / "addr_assign_type").read_text().strip() == ADDRESS_WAS_GIVEN:
            return False
        address = (devices / BRIDGE / "address").read_text().strip()
    except OSError:
        return False
    done = subprocess.run(["ip", "link", "set", "dev", BRIDGE, "address", address], capture_output=True, check=False)
    return done.returncode == 0


if __name__ == "__main__":
    print("set" if keep_bridge_address() else "as it was")
