"""What a decoding child can say to its parent: plain data, whoever speaks."""

import json
import pickle
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from sslviz import errors
from sslviz.media.plain import pack, unpack
from sslviz.media.sandbox import run
from sslviz.pipeline import Progress
from sslviz.pipeline.job import Done, Found, Heard, NeedHeat, Status
from sslviz.types import AudioClip, Frame, VideoInfo, Window
from tests.media import children


def call(module: str, name: str, *arguments: object) -> bytes:
    """A pickle that calls something where it is read, inside a message of the usual form."""
    said = pickle.dumps(arguments, 4)[2:]
    said = said[said.index(b"\x95") + 9 :] if said.startswith(b"\x95") else said
    target = pickle.SHORT_BINUNICODE + bytes([len(module)]) + module.encode()
    target += pickle.SHORT_BINUNICODE + bytes([len(name)]) + name.encode() + pickle.STACK_GLOBAL
    kind = pickle.SHORT_BINUNICODE + b"\x04item"
    return b"\x80\x04" + kind + target + said[:-1] + pickle.REDUCE + pickle.TUPLE2 + b"."


ATTACKS = {
    "a function of the system": ("posix", "system", "touch {}"),
    "a function of numpy that runs text": (
        "numpy.testing._private.utils", "runstring", "open({!r}, 'w').close()", {}),
    "a function of numpy that writes": ("numpy", "save", "{}", 1),
    "a module behind a module of numpy": ("numpy.testing._private.utils", "os.system", "touch {}"),
    "a class behind a module of ours": (
        "sslviz.media.sandbox", "subprocess.Popen", ["touch", "{}"]),
    "a class that a module of ours imports": ("sslviz.media.sandbox", "Sandbox", print),
    "a class of the library": ("pathlib", "os.system", "touch {}"),
}  # fmt: skip


def aimed(argument: object, at: Path) -> object:
    if isinstance(argument, list):
        return [aimed(item, at) for item in argument]
    return argument.format(str(at)) if isinstance(argument, str) else argument


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_taken_over_decoder_cannot_run_anything_here(tmp_path, attack):
    canary = tmp_path / "canary.npy"
    module, name, *arguments = attack
    body = call(module, name, *(aimed(argument, canary) for argument in arguments))
    with pytest.raises(errors.MediaCrashError, match="sent nonsense and was ended"):
        run(children.say_raw, body)
    assert not canary.exists()


def test_the_attacks_are_real(tmp_path):
    """Read by a plain pickle, they do what they say; else the test above would prove nothing."""
    for number, attack in enumerate(ATTACKS.values()):
        canary = tmp_path / f"{number}.npy"
        module, name, *arguments = attack
        if module == "sslviz.media.sandbox" and name == "Sandbox":
            continue
        kind, result = pickle.loads(call(module, name, *(aimed(a, canary) for a in arguments)))
        if hasattr(result, "wait"):
            result.wait()
        assert kind == "item"
        assert canary.exists(), attack


NONSENSE = {
    "a class nobody named": ["tuple", "item", ["object", "sslviz.media.sandbox.Sandbox"]],
    "a dotted name": ["tuple", "item", ["object", "sslviz.media.sandbox.subprocess.Popen", "true"]],
    "a function": ["tuple", "item", ["object", "os.system", "true"]],
    "a class of another module": ["tuple", "item", ["object", "pathlib.Path", "/"]],
    "a method of the reader": ["tuple", "item", ["read", 1]],
    "an attribute of the reader": ["tuple", "item", ["_init__", {}, []]],
    "an array of objects": ["tuple", "item", ["array", "|O", False, 1]],
    "a number type by name": ["tuple", "item", ["array", "float", False, 1]],
    "an array without its memory": ["tuple", "item", ["array", "<f4", False, 3]],
    "a list with an array without its memory": [
        "tuple",
        "item",
        ["list", 1, ["array", "<f4", False, 3]],
    ],
    "an error that ends programs": ["tuple", "error", ["error", "SystemExit", ""], "", 1, 1.0],
    "an error that no worker raises": ["tuple", "error", ["error", "OSError", ""], "", 1, 1.0],
    "an error that is none": ["tuple", "error", "text", "", 1, 1.0],
    "a frame that is none": ["tuple", "item", ["object", "sslviz.types.Frame", "picture", 0.0]],
    "too few values": ["tuple", "item", ["object", "sslviz.types.Frame"]],
    "an unknown word": ["tuple", "do", 1],
    "an end without its numbers": ["tuple", "end", 1],
    "a slow fraction": ["tuple", "item", ["fraction", "1e999999999", 1]],
    "a division by zero": ["tuple", "item", ["fraction", 1, 0]],
    "what no set can hold": ["tuple", "item", ["set", ["list"]]],
    "an object of JSON": {"item": 1},
    "only a number": 7,
}


@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_refused_with_a_sentence(said):
    with pytest.raises(errors.MediaCrashError, match="sent nonsense and was ended"):
        run(children.say_raw, json.dumps(said).encode())


@pytest.mark.parametrize("body", [b"", b"\xff\xfe\x00", b"[" * 200_000, b'["tuple"', b"[]"])
def test_broken_text_is_refused_with_a_sentence(body):
    with pytest.raises(errors.MediaCrashError, match="sent nonsense and was ended"):
        run(children.say_raw, body)


def test_classes_have_to_be_named_beforehand():
    agreed = children.Agreed(3, children.Agreed(4, "x"))
    assert run(children.agree, "x", messages=[children.Agreed]) == agreed
    with pytest.raises(errors.MediaCrashError, match=r"children\.Agreed is not allowed"):
        run(children.agree, "x")


def test_a_worker_that_says_more_than_data_hears_of_it():
    with pytest.raises(TypeError, match="is no plain data"):
        run(children.say_something_else)


def test_every_message_of_the_pipeline_comes_out_as_it_went_in():
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    frame, info = Frame(image, 1 / 3), VideoInfo(4, 2, Fraction(30000, 1001), None, 7, True)
    sound = AudioClip(np.linspace(-1, 1, 5, dtype=np.float32), 16_000, -0.25)
    messages = [
        Found(info, True),
        Heard(image, sound.samples, 0.1, 0.2, float("-inf")),
        Status(0.1 + 0.2, 3, frame),
        Status(1e-9, 0),
        NeedHeat(),
        Done(3.3, 100, 99, ("a warning", "ü \udc80 \0"), True),
        Window(frame, sound, 0.25, 0.5, -40.0),
        Progress("render", 1.0, None, 1, None, 2.5, None),
    ]
    classes = (Done, Found, Heard, NeedHeat, Status, Progress, AudioClip, Frame, VideoInfo, Window)
    for message in messages:
        text, buffers = pack(message)
        back = unpack(text, [bytearray(buffer) for buffer in buffers], classes)
        assert type(back) is type(message)
        assert pickle.dumps(back) == pickle.dumps(message)


@pytest.mark.parametrize(
    "value",
    [
        np.zeros((0, 3), np.float32),
        np.array(2.5),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(24).reshape(2, 3, 4).transpose(2, 1, 0),
        np.arange(12, dtype=">u2").reshape(3, 4)[:, ::-2],
        np.array([True, False]),
        np.array([float("nan"), float("inf"), -0.0]),
        np.float32(0.1),
        np.int64(-7),
    ],
)
def test_numbers_of_numpy_keep_type_and_order(value):
    text, buffers = pack(value)
    back = unpack(text, [bytearray(buffer) for buffer in buffers], ())
    assert type(back) is type(value)
    assert back.dtype == value.dtype
    np.testing.assert_array_equal(back, value)
    if isinstance(value, np.ndarray) and value.flags.f_contiguous:
        assert back.flags.f_contiguous


def test_plain_values_come_back_as_they_are():
    values = (
        None, True, 1 << 80, 0.1, float("-inf"), "text \udcff", b"\0\xff", b"", Path("a") / "b",
        Fraction(1, 3), (), [1, [2]], {"a": (1,), 2: None}, {3}, frozenset({4}),
    )  # fmt: skip
    back = run(children.echo, *values)
    assert back == values
    assert list(map(type, back)) == list(map(type, values))


@pytest.mark.parametrize(
    "kind",
    [k for k in vars(errors).values() if isinstance(k, type)] + [TypeError, ImportError, NameError],
)
def test_errors_keep_their_type_text_and_notes(kind):
    error = kind("what came, what to do")
    error.add_note("where")
    text, buffers = pack(error)
    back = unpack(text, buffers, ())
    assert type(back) is kind
    assert str(back) == "what came, what to do"
    assert back.__notes__ == ["where"]


def test_an_error_that_nobody_here_knows_comes_as_the_nearest_that_is_known():
    class Special(errors.HubError):
        """Of a module that the parent may not have."""

    back = unpack(*pack(Special("no network")), ())
    assert type(back) is errors.HubError
    assert str(back) == "no network"
