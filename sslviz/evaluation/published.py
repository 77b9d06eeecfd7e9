"""Figures that papers, their code or third parties state; each with its source and its protocol.

Only figures with a source stand here. Those of JSA's and ACL's own tables could not be found and are
left out rather than recalled.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """One row of somebody's table, in percent."""

    benchmark: str
    method: str
    trained_on: str
    protocol: str
    values: dict[str, float]
    """By the names of ``summary``'s figures."""
    source: str


def _single(
    benchmark: str, method: str, trained_on: str, protocol: str, rate: float, area: float | None, source: str
) -> Published:  # fmt: skip
    values = {"success_rate_0_5": rate} | ({} if area is None else {"auc": area})
    return Published(benchmark, method, trained_on, protocol, values, source)


_VGG, _FLICKR = "VGG-Sound 144k", "Flickr 144k"
_EZVSL, _FNAC, _ALIGN = "EZ-VSL's README", "FNAC's README", "SSL-Align's README"
_ECHO = "quoted by EchoLoc (Interspeech 2026)"
_JSA = "a third party's reading of the JSA paper"
_FORK = "an independent reproduction of JSA (threshold 0.6, alpha 0.6)"
_SYNTHETIC = "a third party's reading of Synthetic-data ACL-SSL (CVPR 2026)"

PUBLISHED: tuple[Published, ...] = (
    _single("vggss", "MarginNCE", _VGG, "ezvsl", 38.25, 39.06, _ECHO),
    _single("vggss", "EZ-VSL", _VGG, "ezvsl", 35.96, 38.20, _ECHO),
    _single("vggss", "EZ-VSL + object prior", _VGG, "ezvsl", 38.85, 39.54, _EZVSL),
    _single("vggss", "FNAC", _VGG, "ezvsl", 39.50, 39.66, _FNAC),
    _single("vggss", "LVS", _VGG, "lvs", 30.30, 36.40, _ECHO),
    _single("vggss", "SSL-Align (supervised encoders)", _VGG, "sslalign", 39.94, None, _ALIGN),
    _single("vggss", "SSL-Align (self-supervised)", _VGG, "sslalign", 39.16, None, _ALIGN),
    _single("vggss", "SSL-Align (pre-trained vision)", _VGG, "sslalign", 41.42, None, _ALIGN),
    _single("vggss", "EchoLoc", _VGG, "ezvsl", 36.36, 38.28, "a third party's reading of EchoLoc"),
    _single("vggss", "JSA + object prior", _VGG, "jsa", 42.94, 42.58, _FORK),
    _single("vggss", "object prior alone (ResNet-18)", "ImageNet", "jsa", 34.78, 39.24, _FORK),
    _single("vggss", "ACL, re-trained", "VGG-Sound", "acl", 48.03, 41.95, _SYNTHETIC),
    _single("vggss", "ACL on synthetic pictures", "synthetic + real sound", "acl", 55.13, 46.73, _SYNTHETIC),
    _single("vggss-heard", "EZ-VSL + object prior", "VGG-Sound heard 110", "ezvsl", 37.25, 38.97, _EZVSL),
    _single("vggss-unheard", "EZ-VSL + object prior", "VGG-Sound heard 110", "ezvsl", 39.57, 39.60, _EZVSL),
    _single("flickr", "EZ-VSL + object prior", _VGG, "ezvsl", 83.94, 63.60, _EZVSL),
    _single("flickr", "EZ-VSL + object prior", _FLICKR, "ezvsl", 83.13, 63.06, _EZVSL),
    _single("flickr", "SSL-Align (supervised encoders)", _FLICKR, "sslalign", 85.20, None, _ALIGN),
    _single("flickr", "SSL-Align (pre-trained vision)", _FLICKR, "sslalign", 86.00, None, _ALIGN),
    _single("flickr", "JSA", _FLICKR, "jsa", 86.00, 65.16, _JSA),
    _single("flickr", "JSA + object prior", _FLICKR, "jsa", 89.20, 64.50, _JSA),
    _single("flickr", "JSA", "Flickr 10k", "jsa", 85.20, 65.26, _JSA),
    _single("flickr", "JSA + object prior", _FLICKR, "jsa", 84.40, 62.50, _FORK),
    _single("flickr", "object prior alone (ResNet-18)", "ImageNet", "jsa", 44.80, 46.68, _FORK),
    Published(
        "flickr", "MarginNCE", _VGG, "adaptive",
        {"success_rate_0_5_adaptive": 86.00, "auc_adaptive": 68.32}, _ECHO,
    ),
    Published(
        "flickr", "EZ-VSL", _VGG, "adaptive",
        {"success_rate_0_5_adaptive": 78.00, "auc_adaptive": 63.82}, _ECHO,
    ),
    Published(
        "flickr", "FNAC", _VGG, "adaptive",
        {"success_rate_0_5_adaptive": 84.40, "auc_adaptive": 64.16}, _ECHO,
    ),
    Published(
        "vggss-extended", "SLAVC", _VGG, "slavc",
        {"average_precision": 32.95, "max_f1": 40.00, "precision_at_50": 37.79}, "SLAVC's README",
    ),
    Published(
        "flickr-extended", "SLAVC", _VGG, "slavc",
        {"average_precision": 51.63, "max_f1": 59.10, "precision_at_50": 83.60}, "SLAVC's README",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bound:
    """What a rule allows, or what a map without ears reaches, computed on public annotations."""

    benchmark: str
    protocol: str
    values: dict[str, float]
    meaning: str


BOUNDS: tuple[Bound, ...] = (
    Bound(
        "vggss", "median", {"success_rate_0_5": 50.54, "auc": 49.47},
        "ceiling of the median rule: a perfect ranking",
    ),
    Bound(
        "vggss", "median", {"success_rate_0_5": 34.02, "auc": 37.44},
        "centre prior under the median rule: no sound, no network",
    ),
    Bound(
        "vggss", "adaptive", {"success_rate_0_5_adaptive": 43.66, "auc_adaptive": 42.92},
        "centre prior under the adaptive rule",
    ),
    Bound(
        "is3", "median", {"success_rate_0_5": 58.61, "auc": 55.50, "iiou": 30.49},
        "ceiling of the median rule: a perfect ranking",
    ),
)  # fmt: skip
