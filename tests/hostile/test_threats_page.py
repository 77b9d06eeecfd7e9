"""The page of threats names tests that exist, one at least for every row."""

import ast
import re
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/threats.md").read_text()
LINK = re.compile(r"\[`(test_\w+)`\]\(\.\./(tests/[^)]+)\)")


@lru_cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def test_every_test_that_the_page_names_exists():
    named = LINK.findall(PAGE)
    assert len(named) > 60
    assert [f"{path}::{name}" for name, path in named if name not in names_in(path)] == []


def test_all_forty_rows_have_a_test():
    rows = [line for line in PAGE.splitlines() if re.match(r"\| \d+ \|", line)]
    assert [int(row.split("|")[1]) for row in rows] == list(range(1, 41))
    assert [row for row in rows if not LINK.search(row)] == []


def test_every_fault_has_a_test():
    faults = PAGE.split("## What breaks")[1].split("## What is not")[0]
    rows = [line for line in faults.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 10
    assert [row for row in rows if not LINK.search(row)] == []
