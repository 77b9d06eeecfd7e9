"""Measure a localizer on a folder of photos, sounds and marked pictures: ``sslviz evaluate paired``."""

from sslviz.evaluation.paired.bench import PairedOptions
from sslviz.evaluation.paired.run import PairedReport, measure_paired

__all__ = ["PairedOptions", "PairedReport", "measure_paired"]
