"""The budgets and promises of the house that no linter checks."""

import ast
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "sslviz").rglob("*.py"))


def _functions() -> list[tuple[str, int]]:
    lengths = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body
                documented = isinstance(body[0], ast.Expr) and isinstance(
                    body[0].value, ast.Constant
                )
                first = body[1] if documented and len(body) > 1 else body[0]
                name = f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
                lengths.append((name, node.end_lineno - first.lineno + 1))
    return lengths


def test_files_stay_within_their_budget() -> None:
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in SOURCES
        if (lines := len(path.read_text().splitlines())) > (400 if "blocks" in path.parts else 300)
    }
    assert not too_long


def test_functions_stay_short() -> None:
    lengths = [lines for _, lines in _functions()]
    assert not [name for name, lines in _functions() if lines > 60]
    assert statistics.median(lengths) <= 10
    assert sum(lines <= 30 for lines in lengths) >= 0.9 * len(lengths)


@pytest.mark.parametrize("module", ["sslviz", "sslviz.pipeline", "sslviz.cli", "sslviz.live"])
def test_importing_what_has_no_weights_loads_neither_torch_nor_gradio(module: str) -> None:
    code = (
        f"import sys, {module}\n"
        "heavy = {'torch', 'torchaudio', 'gradio', 'transformers'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_no_file_points_outside_the_repository() -> None:
    texts = [
        path
        for pattern in (
            "sslviz/**/*.py",
            "tests/**/*.py",
            "examples/*",
            "docs/**/*.md",
            "*.md",
            "*.py",
        )
        for path in ROOT.glob(pattern)
        if path.is_file() and path != Path(__file__)
    ]
    outside = "/" + "work" + "/"
    assert not [
        str(path) for path in texts if outside in path.read_text(encoding="utf-8", errors="ignore")
    ]
