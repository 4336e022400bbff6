"""Where things are in this checkout, and how ansible-core finds it as a collection."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# Everything the tests make beside the sources; removing it costs only time.
CACHE = CHECKOUT / ".cache"


def link_collection() -> Path:
    """The checkout is found as pep668.provision under the folder returned, which is to be ANSIBLE_COLLECTIONS_PATH.

    The other collections come with the PyPI package ``ansible``, which ansible-core searches by itself.
    """
    link = CACHE / "collections" / "ansible_collections" / "pep668" / "provision"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink() or link.readlink() != CHECKOUT:
        link.unlink(missing_ok=True)
        link.symlink_to(CHECKOUT)
    return CACHE / "collections"
