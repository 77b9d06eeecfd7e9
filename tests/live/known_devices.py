"""A camera and a microphone whose pictures and sound tell their time."""

import numpy as np

from sslviz.bench.live_page import MICROPHONE_RATE
from sslviz.types import Window

CAMERA_FRAMES, SWEEP_SECONDS = 240, 2.0
LOWEST_HZ, HIGHEST_HZ = 500.0, 5500.0
PATCH = (0.75, 0.7)
"""Centre of the bright patch in the fake camera's picture, as fractions."""


def numbered(index: int) -> np.ndarray:
    """A dark picture with its number as eight bits in the top strip, and a bright patch."""
    image = np.full((240, 320, 3), 40, np.uint8)
    for bit in range(8):
        image[:40, 40 * bit : 40 * (bit + 1)] = 90 if index >> bit & 1 else 10
    x, y = int(320 * PATCH[0]), int(240 * PATCH[1])
    image[y - 24 : y + 24, x - 24 : x + 24] = 255
    return image


def number_in(image: np.ndarray) -> int:
    side = image.shape[0]
    strip = image[side // 24 : side // 8].mean(axis=(0, 2)).reshape(8, -1)
    return sum(int(cell[3:-3].mean() > 50) << bit for bit, cell in enumerate(strip))


def sweep(seconds: float) -> np.ndarray:
    """Rising tone that starts anew every two seconds: its pitch tells the time."""
    t = np.arange(round(seconds * MICROPHONE_RATE)) / MICROPHONE_RATE % SWEEP_SECONDS
    slope = (HIGHEST_HZ - LOWEST_HZ) / SWEEP_SECONDS
    return 0.5 * np.sin(2 * np.pi * (LOWEST_HZ * t + slope * t**2 / 2))


def time_in(window: Window) -> float:
    """Time in the sweep at which an excerpt ends."""
    count = 512
    samples = window.audio.samples[-count:] * np.hanning(count)
    spectrum = np.abs(np.fft.rfft(samples, 1 << 16))
    hz = float(spectrum.argmax()) * window.audio.sample_rate / (1 << 16)
    middle = (hz - LOWEST_HZ) / (HIGHEST_HZ - LOWEST_HZ) * SWEEP_SECONDS
    return middle + count / 2 / window.audio.sample_rate


# Chromium plays a camera file by a timer that slips when the machine is busy, so that file cannot
# measure skew. This camera draws the time into its picture, and this microphone sings it.
CLOCKED_DEVICES = """
navigator.mediaDevices.getUserMedia = async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
  const graphics = canvas.getContext("2d");
  const draw = () => {
    const now = Math.floor(performance.now());
    graphics.fillStyle = "#282828";
    graphics.fillRect(0, 0, 320, 240);
    for (let bit = 0; bit < 16; bit++) {
      graphics.fillStyle = (now >> bit) & 1 ? "#5a5a5a" : "#0a0a0a";
      graphics.fillRect(40 * (bit % 8), bit < 8 ? 0 : 40, 40, 40);
    }
    requestAnimationFrame(draw);
  };
  draw();
  const context = new AudioContext({ sampleRate: 48000 });
  await context.resume();
  const length = 48000 * PERIOD;
  const buffer = context.createBuffer(1, length, 48000);
  const samples = buffer.getChannelData(0);
  for (let i = 0; i < length; i++) {
    const t = i / 48000;
    samples[i] = 0.5 * Math.sin(2 * Math.PI * (LOW * t + ((HIGH - LOW) / PERIOD) * t * t / 2));
  }
  const source = new AudioBufferSourceNode(context, { buffer, loop: true });
  const sink = context.createMediaStreamDestination();
  source.connect(sink);
  // The moment a sample sounds: the earliest that the context's clock was seen at its time.
  let offset = Infinity;
  for (let i = 0; i < 100; i++) {
    offset = Math.min(offset, performance.now() / 1000 - context.currentTime);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  source.start(Math.ceil((context.currentTime + 0.2 + offset) / PERIOD) * PERIOD - offset);
  return new MediaStream([...canvas.captureStream(30).getTracks(), ...sink.stream.getTracks()]);
};
"""


def skew_of(window: Window) -> float:
    """How much later the picture was taken than the sound placed beside it, seconds."""
    image = window.key_frame.image
    low, high = number_in(image), number_in(np.roll(image, -image.shape[0] // 6, axis=0))
    shown = (low + 256 * high) / 1000
    end = window.audio.start_seconds + window.audio.duration_seconds
    heard = time_in(window) + window.key_frame.pts_seconds - end
    return (shown - heard + SWEEP_SECONDS / 2) % SWEEP_SECONDS - SWEEP_SECONDS / 2
