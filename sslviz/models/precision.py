"""Which precision this processor is fast in."""

import time
from functools import cache

import torch

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
