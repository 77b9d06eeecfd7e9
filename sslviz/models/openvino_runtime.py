"""OpenVINO: heavy parts of a network as a graph, about twice as fast on a CPU as layer by layer.

Only where it is installed; without it the same parts run in torch. A graph is compiled for each input
shape and number of threads when it is first met, which takes a fraction of a second.
"""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


@cache
def openvino() -> Any:
    """The package, or ``None`` where it is not installed.

    Its Python part reports every import to its maker's servers if it finds its reporter. Nothing here
    calls anyone without being asked, so the reporter is never found.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino as package
    except (ImportError, OSError):
        return None
    return package


class Graph:
    """A part of a network; any thread may run it.

    Args:
        build: Takes input nodes, returns output nodes; called once for each set of shapes.
        half: Compute in bfloat16.
    """

    def __init__(self, build: Callable[..., Sequence[Any]], half: bool = False) -> None:
        self._build, self._precision = build, "bf16" if half else "f32"
        self._compiled: dict[tuple[object, ...], Any] = {}
        self._idle: dict[tuple[object, ...], list[Any]] = {}
        """Requests, each with memory of its own; as many as ever ran at once."""
        self._lock = threading.Lock()

    @contextmanager
    def run(self, *inputs: NDArray[np.float32]) -> Iterator[list[NDArray[np.float32]]]:
        """Run it on contiguous arrays; what comes back holds inside the ``with`` block."""
        key = (torch.get_num_threads(), *(array.shape for array in inputs))
        with self._lock:
            idle = self._idle.setdefault(key, [])
            request = idle.pop() if idle else self._request(key, inputs)
        try:
            yield list(request.infer(inputs, share_inputs=True, share_outputs=True).values())
        finally:
            idle.append(request)

    def _request(self, key: tuple[object, ...], inputs: Sequence[NDArray[np.float32]]) -> Any:
        if key not in self._compiled:
            with _STARTING:
                core = _core()
            runtime = openvino()
            nodes = [runtime.opset13.parameter(list(a.shape), np.float32) for a in inputs]
            model = runtime.Model(list(self._build(*nodes)), nodes)
            options = {
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                "INFERENCE_PRECISION_HINT": self._precision,
                "NUM_STREAMS": 1,
                "ENABLE_CPU_PINNING": False,  # the encoder shares our cores
            }
            self._compiled[key] = core.compile_model(model, "CPU", options)
        return self._compiled[key].create_infer_request()


_STARTING = threading.Lock()


@cache
def _core() -> Any:
    """The runtime, started by one thread alone.

    The first look at a type fills a table of its own; two threads that both did so in their first
    inference were seen to wait for each other forever.
    """
    package = openvino()
    package.Type.f32.to_dtype()
    return package.Core()
