"""How many cores this process may use."""

import math
import os
from typing import List, Optional


def usable_cores() -> int:
    """Return how many cores this process may use: affinity and the cgroup's quota."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    quota = _cgroup_quota()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def _cgroup_quota(root: str = "/sys/fs/cgroup") -> Optional[float]:
    """Return the cores' worth of time that a container may use; None: no limit."""
    for names in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):
        words: List[str] = []
        try:
            for name in names:
                with open(os.path.join(root, name), encoding="ascii") as stream:
                    words += stream.read().split()
            quota, period = (int(word) for word in words)
        except (OSError, ValueError):  # "max", or no such files
            continue
        return quota / period if quota > 0 and period > 0 else None
    return None


def cpu_name() -> str:
    """Name the CPU as what is computed on: "CPU, 2 cores"."""
    cores = usable_cores()
    return f"CPU, {cores} core{'s' * (cores != 1)}"
