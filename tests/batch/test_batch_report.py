from pathlib import Path

from sslviz.batch.inputs import Item
from sslviz.batch.markers import Marker, write_marker
from sslviz.batch.report import Failure, Summary, write_report


def _done(folder: Path, name: str) -> Item:
    marker = Marker("0" * 64, "s", 1, 1, (f"{name}.npz", f"{name}.png"), 50, 10.0, 0.25)
    write_marker(folder, name, marker)
    return Item(folder / name, name)


def test_the_page_links_pictures_and_results_and_says_why_files_failed(tmp_path: Path) -> None:
    good, bad = _done(tmp_path, "a dog's <bark>.mp4"), Item(tmp_path / "b.mp4", "b.mp4")
    failure = Failure("b.mp4", str(bad.path), "MediaError", "it is <no> video")
    write_report(tmp_path, [good, bad], {"b.mp4": failure}, Summary(1, 0, 1, 50, 2.0))
    page = (tmp_path / "report.html").read_text()
    assert 'src="a%20dog%27s%20%3Cbark%3E.mp4.png"' in page
    assert 'href="a%20dog%27s%20%3Cbark%3E.mp4.npz"' in page
    assert "MediaError: it is &lt;no&gt; video" in page
    assert "<bark>" not in page
    words = (tmp_path / "report.md").read_text()
    assert "| b.mp4 |  | | | MediaError: it is <no> video |" in words
    assert "2 files, 0.00 hours of video, 50 windows; this run: 1 done" in words


def test_a_page_of_very_many_files_shows_first_what_is_missing(tmp_path: Path) -> None:
    items = [_done(tmp_path, "first.mp4")]
    items += [Item(tmp_path / f"{k}.mp4", f"{k}.mp4") for k in range(5_000)]
    write_report(tmp_path, items, {}, Summary(1, 0, 0, 50, 1.0))
    page = (tmp_path / "report.html").read_text()
    assert page.count("<tr>") == 5_000 + 1
    assert "4999.mp4" in page
    assert "first.mp4" not in page
    assert "5000 of them, what is missing first" in page
    assert "| first.mp4 | 10.0 |" in (tmp_path / "report.md").read_text()
