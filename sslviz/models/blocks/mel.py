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
    banks: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer(
            "window", torch.hann_window(WINDOW_SIZE, periodic=False), persistent=False
        )
        self.register_buffer("banks", kaldi_mel_banks(), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """(B, n) -> (B, 1, 128, T)."""
        emphasised = waveform[:, 1:] - PRE_EMPHASIS * waveform[:, :-1]
        spectrum = torch.stft(
            emphasised,
            FFT_SIZE,
            HOP_SIZE,
            WINDOW_SIZE,
            self.window,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        power = torch.view_as_real(spectrum).square().sum(-1)  # (B, 513, T)
        log_mel = torch.log(self.banks @ power + LOG_FLOOR)
        return ((log_mel + 4.5) / 5.0).unsqueeze(1)
