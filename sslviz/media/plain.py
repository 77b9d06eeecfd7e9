"""Plain data as bytes: the language in which a decoding child speaks to its parent.

A child may have been taken over by a hostile file, so nothing that it says is unpickled. Structure
travels as JSON, arrays beside it; what comes back is text, numbers, containers, arrays of numbers,
and the few classes that the parent has named beforehand. Nothing else can be said.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from sslviz import errors

Buffer = bytes | bytearray | memoryview

_NUMBERS = re.compile(r"[<>|=][biufc]\d{1,2}")
MISTAKES = (
    AssertionError, ImportError, ModuleNotFoundError, NameError, SyntaxError, TypeError, UnboundLocalError,
)  # fmt: skip
"""Errors of the program, not of a file: they travel as they are, beside the package's own."""
_KINDS = frozenset({
    "tuple", "list", "set", "frozenset", "dict", "path", "fraction", "bytes", "array", "number",
    "object", "error",
})  # fmt: skip
_ERRORS: dict[str, type[Exception]] = {kind.__name__: kind for kind in MISTAKES} | {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.SSLVizError)
}


def pack(message: object) -> tuple[bytes, list[Buffer]]:
    """A message as text, and the arrays in it as they lie in memory.

    Raises:
        TypeError: Something in it is not plain data.
    """
    buffers: list[Buffer] = []
    return json.dumps(_said(message, buffers)).encode("ascii"), buffers


def unpack(text: Buffer, buffers: Sequence[Buffer], classes: Iterable[type]) -> Any:
    """The message that was packed.

    Args:
        text: From :func:`pack`, or from anybody.
        buffers: Likewise; arrays use their memory.
        classes: Data classes that may be in it.

    Raises:
        ValueError: It is not such a message, or holds another class.
    """
    known = {_name_of(kind): kind for kind in classes}
    try:
        return _Reader(known, buffers).read(json.loads(bytes(text)))
    except ValueError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever nonsense does to us, it is nonsense
        raise ValueError(f"{type(error).__name__}: {error}") from None


def _said(value: Any, buffers: list[Buffer]) -> Any:
    """What JSON knows as it is, everything else as a list that starts with its kind."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) in (tuple, list, set, frozenset):
        return [type(value).__name__, *(_said(item, buffers) for item in value)]
    if type(value) is dict:
        pairs = ([_said(key, buffers), _said(item, buffers)] for key, item in value.items())
        return ["dict", *pairs]
    if isinstance(value, bytes | np.ndarray | np.generic):
        return _said_beside(value, buffers)
    return _said_object(value, buffers)


def _said_object(value: Any, buffers: list[Buffer]) -> list[Any]:
    if isinstance(value, Path):
        return ["path", str(value)]
    if isinstance(value, Fraction):
        return ["fraction", value.numerator, value.denominator]
    if isinstance(value, BaseException):
        return _said_error(value)
    name = _name_of(type(value))
    if is_dataclass(value) and not isinstance(value, type):
        inside = (_said(getattr(value, field.name), buffers) for field in fields(value))
        return ["object", name, *inside]
    raise TypeError(f"{name} is no plain data and cannot be in a message")


def _said_beside(value: Any, buffers: list[Buffer]) -> list[Any]:
    if isinstance(value, bytes):
        buffers.append(value)
        return ["bytes"]
    if not _NUMBERS.fullmatch(value.dtype.str):
        raise TypeError(f"an array of {value.dtype} is no plain data and cannot be in a message")
    array = np.asarray(value)
    turned = array.flags.f_contiguous and not array.flags.c_contiguous
    lying = np.ascontiguousarray(array.T if turned else array)
    flat: Any = lying.reshape(-1)
    buffers.append(memoryview(flat).cast("B") if lying.size else b"")
    kind = "array" if isinstance(value, np.ndarray) else "number"
    return [kind, value.dtype.str, turned, *lying.shape[: array.ndim]]


def _said_error(error: BaseException) -> list[Any]:
    """By the nearest class of its that is known to everybody."""
    name = next((k.__name__ for k in type(error).__mro__ if _ERRORS.get(k.__name__) is k), "")
    if not name:
        raise TypeError(f"{_name_of(type(error))} is no error that can be in a message")
    return ["error", name, str(error), *map(str, getattr(error, "__notes__", ()))]


def _name_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


class _Reader:
    """Builds what was said, from named classes only."""

    def __init__(self, classes: dict[str, type], buffers: Sequence[Buffer]) -> None:
        self._classes, self._buffers = classes, iter(buffers)

    def read(self, said: Any) -> Any:
        if isinstance(said, dict):
            raise ValueError("an object of JSON is not allowed in a message")
        if not isinstance(said, list):
            return said
        kind, *content = said
        if kind not in _KINDS:
            raise ValueError(f"{kind!r} is not allowed in a message")
        return getattr(self, f"_{kind}")(*content)

    def _tuple(self, *items: Any) -> tuple[Any, ...]:
        return tuple(map(self.read, items))

    def _list(self, *items: Any) -> list[Any]:
        return list(map(self.read, items))

    def _set(self, *items: Any) -> set[Any]:
        return set(map(self.read, items))

    def _frozenset(self, *items: Any) -> frozenset[Any]:
        return frozenset(map(self.read, items))

    def _dict(self, *pairs: Any) -> dict[Any, Any]:
        return {self.read(key): self.read(item) for key, item in pairs}

    def _path(self, name: str) -> Path:
        return Path(name)

    def _fraction(self, above: int, below: int) -> Fraction:
        if not isinstance(above, int) or not isinstance(below, int):
            raise ValueError("a fraction of something else than whole numbers")
        return Fraction(above, below)

    def _buffer(self) -> Buffer:
        buffer = next(self._buffers, None)
        if buffer is None:
            raise ValueError("an array without its memory")
        return buffer

    def _bytes(self) -> bytes:
        return bytes(self._buffer())

    def _object(self, name: str, *content: Any) -> object:
        if name not in self._classes:
            raise ValueError(f"{name} is not allowed in a message")
        kind = self._classes[name]
        if len(content) != len(fields(kind)):
            raise ValueError(f"{name} with {len(content)} values")
        return kind(*map(self.read, content))

    def _array(self, dtype: str, turned: bool, *shape: int) -> Any:
        if not _NUMBERS.fullmatch(dtype):
            raise ValueError(f"an array of {dtype} is not allowed in a message")
        array = np.frombuffer(self._buffer(), np.dtype(dtype)).reshape(shape)
        return array.T if turned else array

    def _number(self, dtype: str, turned: bool) -> Any:
        return self._array(dtype, turned)[()]

    def _error(self, name: str, text: str, *notes: str) -> Exception:
        if name not in _ERRORS:
            raise ValueError(f"the error {name} is not allowed in a message")
        error = _ERRORS[name](text)
        for note in notes:
            error.add_note(note)
        return error
