from pathlib import Path

from bright_loud import BrightLoud

from sslviz.bench.live import live_measurements, measure_on_the_line


def test_the_live_bench_counts_maps_and_loses_no_sound(tmp_path: Path) -> None:
    real, floor = measure_on_the_line(BrightLoud(slow_seconds=0.1), 2.0, tmp_path)
    found = {one.key: one for one in live_measurements(real, floor, "")}
    assert found["live_step_ms"].value >= 100
    assert found["live_latency_p50_ms"].value >= 100
    assert found["live_latency_p95_ms"].value >= found["live_latency_p50_ms"].value
    assert 0 < found["live_maps_per_second"].value <= 8.5, "0.1 s at a load of 0.8"
    assert found["live_samples_lost_or_doubled"].value == 0
    assert floor.maps_per_second > real.maps_per_second
