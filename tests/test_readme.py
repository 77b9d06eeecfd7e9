"""What the README and the pages beside it say is true."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sslviz.cli import COMMANDS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    lost = [
        link
        for link in links
        if not link.startswith("http") and not (page.parent / link).resolve().exists()
    ]
    assert not lost


def test_every_command_that_a_page_names_exists() -> None:
    codes = [
        code
        for page in PAGES
        for code in [*re.findall(r"`([^`\n]+)`", page.read_text()), *_blocks(page, "bash")]
    ]
    named = {
        name for code in codes for name in re.findall(r"(?:^|bin/|-m )sslviz (\w+)", code, re.M)
    }
    assert named <= set(COMMANDS)
    assert "render" in named


def test_the_readme_is_short_enough_to_read() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200


@pytest.mark.slow
def test_the_five_lines_of_python_run(tmp_path: Path) -> None:
    (code,) = _blocks(ROOT / "README.md", "python")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "lines.py").write_text(f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}")
    subprocess.run([sys.executable, "lines.py"], check=True, cwd=tmp_path)
    for name in ("located.mp4", "contours.mp4"):
        assert (tmp_path / name).stat().st_size > 10_000
