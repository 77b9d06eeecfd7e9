"""Kaldi's filter bank, from torchaudio."""

import importlib

from torch import Tensor

from sslviz.models.blocks.torchaudio_shim import import_torchaudio


def filter_bank(waveform: Tensor, num_mels: int) -> Tensor:
    """Log mel energies, (n,) at 16 kHz -> (frames, num_mels): 25 ms povey windows every 10 ms, no dither.

    Amplitudes are those of 16-bit integers, as Kaldi reads them.
    """
    kaldi = importlib.import_module(f"{import_torchaudio().__name__}.compliance.kaldi")
    bank: Tensor = kaldi.fbank(
        waveform.unsqueeze(0),
        num_mel_bins=num_mels,
        sample_frequency=16_000,
        frame_length=25,
        frame_shift=10,
    )
    return bank
