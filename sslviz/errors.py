"""Everything that can go wrong, each error also a built-in one so that plain ``except`` works."""


class SSLVizError(Exception):
    """What this package raises on purpose; its text is one sentence meant for a person."""


class MediaError(SSLVizError, ValueError):
    """A video, picture or sound file cannot be used: what came, what is allowed, what to do."""


class MediaTimeoutError(MediaError, TimeoutError):
    """Decoding made no progress in time and was stopped."""


class MediaCrashError(MediaError, RuntimeError):
    """The decoder itself died on this file."""


class OutputError(SSLVizError, OSError):
    """A result could not be written; nothing half-written is left under its name."""


class CheckpointError(SSLVizError, ValueError):
    """A file of weights is unreadable, damaged or belongs to another network."""


class CheckpointMissingError(CheckpointError, FileNotFoundError):
    """No such checkpoint here; the text says how to get it."""


class HubError(SSLVizError, ConnectionError):
    """The Hub did not hand out a file: no network, no such repository, gated, or offline mode."""


class TrackError(SSLVizError, ValueError):
    """A saved score track is damaged, of a newer format, or belongs to another video."""


class OptionError(SSLVizError, ValueError):
    """An option is out of range; the text names the option, its value and the allowed values."""


class DatasetError(SSLVizError, ValueError):
    """A data set folder lacks what its reader needs."""


class DeviceError(SSLVizError, RuntimeError):
    """The requested device is not there or has no memory left."""


class CancelledError(SSLVizError, InterruptedError):
    """The user stopped the work."""


class LiveError(SSLVizError, RuntimeError):
    """The live view cannot go on: no free place, time is up, or a message that makes no sense."""


class TrainingError(SSLVizError, RuntimeError):
    """A training run cannot go on; the text says what to change."""
