"""torchaudio on every torch: with its compiled part where that loads, else without.

torchaudio's wheels are linked against CUDA. On a CPU-only torch, or with another CUDA version,
``import torchaudio`` fails although resampling, filter banks and spectrograms are plain PyTorch.
Here a stand-in takes the place of the one module that loads the compiled part; site-packages
stays as it is. What needs the compiled part (forced alignment) then raises with the reason.
"""

import importlib
import sys
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any, NoReturn


@cache
def import_torchaudio() -> ModuleType:
    """torchaudio, compiled part included where it loads on this machine.

    Raises:
        ImportError: torchaudio is not installed.
    """
    try:
        return importlib.import_module("torchaudio")
    except (OSError, RuntimeError) as error:  # no libc10_cuda.so, or another CUDA version
        reason = str(error.__cause__ or error)
    for name in [n for n in sys.modules if n.split(".")[0] == "torchaudio"]:
        del sys.modules[name]
    sys.modules["torchaudio._extension"] = _stand_in(reason)
    return importlib.import_module("torchaudio")


def has_compiled_part() -> bool:
    """Whether torchaudio's compiled extension works here."""
    extension = importlib.import_module(f"{import_torchaudio().__name__}._extension")
    return bool(extension._IS_TORCHAUDIO_EXT_AVAILABLE)


def _stand_in(reason: str) -> ModuleType:
    def fail_if_no_align(_function: Callable[..., Any]) -> Callable[..., NoReturn]:
        def fail(*_arguments: Any) -> NoReturn:
            raise RuntimeError(f"torchaudio's compiled part does not load here: {reason}")

        return fail

    extension = ModuleType("torchaudio._extension")
    vars(extension).update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        fail_if_no_align=fail_if_no_align,
    )
    return extension


def resample(waveforms: Any, from_rate: int, to_rate: int) -> Any:
    """Band-limited change of the sample rate, (..., n) tensor at ``from_rate`` Hz to ``to_rate``."""
    functional = importlib.import_module(f"{import_torchaudio().__name__}.functional")
    return functional.resample(waveforms, from_rate, to_rate)
