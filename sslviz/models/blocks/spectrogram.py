"""Front ends: what the papers' networks are given instead of RGB and a waveform.

All constants are non-persistent buffers: they move with the network and are in no checkpoint.
"""

import math

import torch
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
LOG_SCALE = 12.0
"""Both papers divide the log spectrogram by this instead of normalising it."""


class Normalize(nn.Module):
    """RGB in [0, 1] to zero mean and unit variance over the training images, per channel."""

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        mean: tuple[float, float, float] = IMAGENET_MEAN,
        std: tuple[float, float, float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H, W)."""
        return (images - self.mean) / self.std


class LogPowerSpectrogram(nn.Module):
    """JSA's front end: log power of a centred short-time Fourier transform, over 12.

    Hann window of ``num_fft`` samples, reflected at both ends, power 2, natural logarithm.
    """

    window: Tensor

    def __init__(self, num_fft: int = 512, hop: int = 160, offset: float = 1e-7) -> None:
        super().__init__()
        self.num_fft, self.hop, self.offset = num_fft, hop, offset
        self.register_buffer("window", torch.hann_window(num_fft), persistent=False)

    def forward(self, waveforms: Tensor) -> Tensor:
        """(B, n) -> (B, 1, num_fft / 2 + 1, n // hop + 1)."""
        with torch.autocast(waveforms.device.type, enabled=False):
            transform = torch.stft(
                waveforms.float(),
                self.num_fft,
                self.hop,
                window=self.window,
                center=True,
                pad_mode="reflect",
                return_complex=True,
            )
            return _scaled_log(_power(transform), self.offset)[:, None]


class LogDensitySpectrogram(nn.Module):
    """EZ-VSL's front end: log of SciPy's power spectral density, over 12.

    As ``scipy.signal.spectrogram`` computes it by default: periodic Tukey window (0.25), mean of
    each segment removed, one-sided density scaling, no padding.
    """

    window: Tensor
    scale: Tensor

    def __init__(
        self, sample_rate: int = 16_000, length: int = 512, hop: int = 238, offset: float = 1e-7
    ) -> None:
        super().__init__()
        self.length, self.hop, self.offset = length, hop, offset
        window = tukey_window(length)
        scale = torch.full((length // 2 + 1,), 2.0, dtype=torch.float64)
        scale[0] = scale[-1] = 1.0  # neither DC nor Nyquist has a mirror image
        scale /= sample_rate * window.square().sum()
        self.register_buffer("window", window.float(), persistent=False)
        self.register_buffer("scale", scale.float(), persistent=False)

    def forward(self, waveforms: Tensor) -> Tensor:
        """(B, n) -> (B, 1, length / 2 + 1, (n - length) // hop + 1)."""
        with torch.autocast(waveforms.device.type, enabled=False):
            segments = waveforms.float().unfold(-1, self.length, self.hop)
            segments = (segments - segments.mean(-1, keepdim=True)) * self.window
            density = _power(torch.fft.rfft(segments)) * self.scale
            return _scaled_log(density, self.offset).transpose(1, 2)[:, None]


def tukey_window(length: int, alpha: float = 0.25) -> Tensor:
    """Periodic window with cosine flanks over the share ``alpha`` of its length, float64."""
    position = torch.arange(length, dtype=torch.float64)
    flank = alpha * length / 2
    distance = torch.minimum(position, length - position).clamp(max=flank)
    return (1 - torch.cos(math.pi * distance / flank)) / 2


def _power(transform: Tensor) -> Tensor:
    parts = torch.view_as_real(transform)
    return parts.square().sum(-1)


def _scaled_log(power: Tensor, offset: float) -> Tensor:
    return (power + offset).log() / LOG_SCALE
