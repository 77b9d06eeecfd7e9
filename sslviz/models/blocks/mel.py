"""Log-mel front end of EfficientAT: pre-emphasis, 25 ms window, 10 ms hop, 128 Kaldi mel bands at 32 kHz.

Schmid, Koutini, Widmer, "Efficient Large-scale Audio Tagging via Transformer-to-CNN Knowledge Distillation", ICASSP 2023,
arXiv:2211.04772. Constants are non-persistent buffers: nothing of the front end is stored in a checkpoint.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

SAMPLE_RATE = 32_000
NUM_MELS = 128
WINDOW_SIZE, HOP_SIZE, FFT_SIZE = 800, 320, 1024
PRE_EMPHASIS = 0.97
LOG_FLOOR = 1e-5
BLOCK_SIZE = 32
"""Mel bands that are summed by one product; a block's bands need few of the frequencies."""


def kaldi_mel_banks(
    num_mels: int = NUM_MELS, low_hz: float = 0.0, high_hz: float = 15_000.0
) -> Tensor:
    """Triangular filters equally spaced on Kaldi's mel scale, (num_mels, FFT_SIZE // 2 + 1)."""
    low, high = (1127.0 * math.log(1.0 + hz / 700.0) for hz in (low_hz, high_hz))
    step = (high - low) / (num_mels + 1)
    left = low + step * torch.arange(num_mels, dtype=torch.float64).unsqueeze(1)
    hz = torch.arange(FFT_SIZE // 2, dtype=torch.float64) * SAMPLE_RATE / FFT_SIZE
    mel = (1127.0 * torch.log1p(hz / 700.0)).unsqueeze(0)
    rising, falling = (mel - left) / step, (left + 2 * step - mel) / step
    banks = torch.minimum(rising, falling).clamp(min=0.0)
    return functional.pad(banks, (0, 1)).float()


class LogMel(nn.Module):
    """Waveform (B, n) at 32 kHz in [-1, 1] -> normalised log-mel spectrogram (B, 1, 128, n // 320 + 1)."""

    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        around = (FFT_SIZE - WINDOW_SIZE) // 2
        window = functional.pad(torch.hann_window(WINDOW_SIZE, periodic=False), (around, around))
        self.register_buffer("window", window, persistent=False)
        # Each filter twice, for the squares of real and imaginary parts side by side: one product
        # adds them up and sums the band.
        both = kaldi_mel_banks().repeat_interleave(2, dim=1).T
        self.spans: list[tuple[int, int]] = []
        for number, block in enumerate(torch.split(both, BLOCK_SIZE, dim=1)):
            used = block.any(1).nonzero()[:, 0]
            span = int(used[0]), int(used[-1]) + 1
            self.spans.append(span)
            self.register_buffer(
                f"block{number}", block[slice(*span)].contiguous(), persistent=False
            )

    def forward(self, waveform: Tensor) -> Tensor:
        """(B, n) -> (B, 1, 128, T)."""
        with torch.autocast(waveform.device.type, enabled=False):  # half overflows at the squares
            return self._of_samples(waveform.float())

    def _of_samples(self, waveform: Tensor) -> Tensor:
        emphasised = waveform[:, 1:] - PRE_EMPHASIS * waveform[:, :-1]
        around = (FFT_SIZE // 2, FFT_SIZE // 2)
        padded = functional.pad(emphasised[:, None], around, mode="reflect")[:, 0]
        frames = padded.unfold(1, FFT_SIZE, HOP_SIZE) * self.window  # (B, T, 1024)
        squares = torch.view_as_real(torch.fft.rfft(frames)).flatten(2).square()  # (B, T, 1026)
        bands = torch.cat(
            [
                squares[..., a:b] @ block
                for (a, b), block in zip(self.spans, self._blocks(), strict=True)
            ],
            2,
        )
        log_mel = torch.log(bands + LOG_FLOOR)  # (B, T, 128)
        return ((log_mel + 4.5) / 5.0).transpose(1, 2).unsqueeze(1)

    def _blocks(self) -> list[Tensor]:
        return [self.get_buffer(f"block{number}") for number in range(len(self.spans))]
