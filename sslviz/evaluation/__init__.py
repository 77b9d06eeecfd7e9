"""Benchmarks of the field, their metrics and protocols, and honest baselines beside every figure."""
