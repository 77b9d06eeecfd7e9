"""Workers for the tests of the sandbox: they run in the child."""

import os
import signal
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sslviz.errors import MediaError


def echo(link, *values):
    return values


def add_until_told_to_stop(link):
    total = 0
    while (value := link.receive()) is not None:
        total += value
        link.send(total)
    return "stopped"


def send_frames(link, count, height, width):
    for i in range(count):
        link.send(np.full((height, width, 3), i % 256, np.uint8))


def send_without_being_asked(link, count):
    for i in range(count):
        link.send(i)
    return count


def refuse(link, text):
    raise MediaError(text)


def fail(link):
    raise TypeError("a mistake in the worker")


def stumble(link):
    raise ZeroDivisionError("a rate of 0/0")


def crash(link):
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(60)


def leave(link):
    os._exit(7)


def hang(link):
    time.sleep(3600)


def hang_in_half_a_message(link):
    link._channel._socket.sendall(b"\x00\x00\x00\x00\xff\x00")
    time.sleep(3600)


def beat_for(link, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)
        link.beat()
    return "alive"


def burn(link):
    while True:
        link.beat()


def take_memory(link, num_bytes):
    return int(np.ones(num_bytes, np.uint8).sum())


@dataclass(frozen=True, slots=True)
class Agreed:
    """A message that the parent may name."""

    number: int
    inside: object


def agree(link, value):
    return Agreed(3, Agreed(4, value))


def say_raw(link, *bodies):
    """As a taken-over decoder would: bytes of its own choice on the line, then what is due."""
    for body in bodies:
        link._channel._socket.sendall(struct.pack("<IQ", 0, len(body)) + body)
    return "done"


def say_something_else(link):
    link.send(Path.home)


def write_and_hang(link, path):
    Path(path).write_bytes(b"half")
    link.send("written")
    time.sleep(3600)


def what_it_sees(link):
    return sorted(os.environ), sorted(m for m in sys.modules if "." not in m), sys.path


def never_receive(link):
    link.send("ready")
    time.sleep(3600)
