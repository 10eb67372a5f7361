"""Who may import what, and that ARCHITECTURE.md says so: ``core`` knows no screen, pages compute nothing."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = sorted((ROOT / "core").rglob("*.py"))
SHARED = sorted((ROOT / "pages" / "ui").glob("*.py"))
PAGES = [ROOT / "dashboard.py", *sorted((ROOT / "pages").glob("*.py"))]
STREAMLIT = {"streamlit", "streamlit_drawable_canvas"}
DATA = {"numpy", "pandas"}
# The command line and the training process are doors of their own beside the pages.
OTHER_DOORS = {"core.cli", "core.cli_batch", "core.__main__", "core.job_worker"}


def dotted(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {dotted(file) for file in (*CORE, *SHARED)}


def imported(file: Path) -> set[str]:
    """Every module that a file imports, at its top or later; ``from core import ink`` counts as ``core.ink``."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name}: imports are absolute here"
            whole = {f"{node.module}.{name.name}" for name in node.names}
            found |= whole & MODULES or {str(node.module)}
    return found


def foreign(file: Path) -> set[str]:
    """Top-level packages beyond the standard library."""
    return {name.split(".")[0] for name in imported(file)} - set(sys.stdlib_module_names)


def layers() -> list[list[str]]:
    """The modules of ``core`` in the layers that ARCHITECTURE.md puts them in."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    listed = text.partition("<!-- layers -->")[2].partition("<!-- end of layers -->")[0]
    items = re.split(r"^\d+\. ", listed, flags=re.MULTILINE)[1:]
    return [[f"core.{name}" for name in re.findall(r"`([\w.]+)`", item)] for item in items]


@pytest.mark.parametrize("file", CORE, ids=dotted)
def test_core_knows_no_screen(file: Path) -> None:
    assert not foreign(file) & (STREAMLIT | {"pages", "dashboard", "benchmarks", "tests"})


@pytest.mark.parametrize("file", PAGES, ids=dotted)
def test_a_page_puts_pieces_together_and_computes_nothing(file: Path) -> None:
    assert foreign(file) <= {"streamlit", "core", "pages"}
    assert not imported(file) & OTHER_DOORS


@pytest.mark.parametrize("file", SHARED, ids=dotted)
def test_what_pages_share_hands_data_over_and_computes_nothing(file: Path) -> None:
    assert foreign(file) <= STREAMLIT | DATA | {"core", "pages"}
    assert not imported(file) & OTHER_DOORS
    assert {name for name in imported(file) if name.startswith("pages")} <= MODULES | {"pages.ui"}


def test_the_architecture_page_lists_every_module_once() -> None:
    listed = sorted(name for layer in layers() for name in layer)

    assert listed == sorted(MODULES - {"core"} - {dotted(file) for file in SHARED})


def test_a_module_imports_nothing_from_a_later_layer() -> None:
    place = {name: number for number, layer in enumerate(layers(), 1) for name in layer}
    upwards = [
        f"{dotted(file)} (layer {place[dotted(file)]}) imports {name} (layer {place[name]})"
        for file in CORE
        for name in imported(file) & place.keys()
        if place[name] > place.get(dotted(file), 0) and dotted(file) != "core"
    ]

    assert not upwards, "\n".join(sorted(upwards))
