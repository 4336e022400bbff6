from __future__ import annotations


def better_ways(distribution, names=(), *, available=None, is_own_python=True, python_version=""):
    return ()


def ways_text(ways):
    return "(ways)"
