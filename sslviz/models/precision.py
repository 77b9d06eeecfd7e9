"""What makes a processor fast: its precision, and memory that stays at hand."""

import ctypes
import sys
import time
from functools import cache

import torch

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -2, -3, -4
PROBE_SIZE, PROBE_ROUNDS = 512, 5
WORTHWHILE = 0.75
"""bfloat16 is used where the probe takes at most this share of float32's time."""


def _fastest_product(dtype: torch.dtype) -> float:
    matrix = torch.full((PROBE_SIZE, PROBE_SIZE), 0.01, dtype=dtype)
    seconds = []
    for _ in range(PROBE_ROUNDS):
        start = time.perf_counter()
        _ = matrix @ matrix
        seconds.append(time.perf_counter() - start)
    return min(seconds)


@cache
def cpu_is_fast_in_bfloat16() -> bool:
    """Whether the processor multiplies in bfloat16 (AVX-512 BF16, AMX), measured once per process.

    Processors without such instructions emulate it, several times slower than float32.
    """
    with torch.inference_mode():
        return _fastest_product(torch.bfloat16) <= WORTHWHILE * _fastest_product(torch.float32)


@cache
def keep_freed_memory(all_of_it: bool = False) -> None:
    """Let the C library hand freed blocks out again instead of giving each back to the system.

    A layer's output of some megabytes is otherwise mapped, zeroed page by page and unmapped at every
    layer of every window (measured: 27 ms against 15 ms for the early layers of the bundled image
    encoder at 320 px). Only glibc.

    Args:
        all_of_it: Blocks of any size, without a limit: for training, whose batches hold hundreds of
            megabytes at every step. By default the limits are glibc's own for one block, and
            256 MiB in all.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    if all_of_it:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_M_TOP_PAD, 256 * 2**20)
        return
    mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)
    mallopt(_M_TRIM_THRESHOLD, 256 * 2**20)
