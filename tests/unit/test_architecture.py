"""Who may import what, and that ARCHITECTURE.md says so: ``core`` knows no screen, pages compute nothing."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.paths import ROOT
from scripts.imports import CORE, MODULES, SHARED, between_modules, between_packages, dotted, imported, levels, package

PAGES = [ROOT / "dashboard.py", *sorted((ROOT / "pages").glob("*.py"))]
STREAMLIT = {"streamlit", "streamlit_drawable_canvas", "starlette"}  # Starlette is what Streamlit serves with
DATA = {"numpy", "pandas"}
# The command line and the training process are doors of their own beside the pages.
OTHER_DOORS = {name for name in MODULES if name.startswith(("core.cli", "core.__main__", "core.training.worker"))}


def foreign(file: Path) -> set[str]:
    """Top-level packages beyond the standard library."""
    return {name.split(".")[0] for name in imported(file)} - set(sys.stdlib_module_names)


def listed() -> dict[str, list[str]]:
    """The packages of ``core`` in the order ARCHITECTURE.md gives them, with the modules it lists in each."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = text.partition("<!-- packages -->")[2].partition("<!-- end of packages -->")[0]
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ?([^|]*) \|$", table, re.MULTILINE)
    return {package: re.findall(r"`(\w+)`", modules) for package, modules in rows}


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
    there: dict[str, list[str]] = {}
    for file in CORE:
        names = there.setdefault(package(dotted(file)), []) if dotted(file) != "core" else []
        if file.parent.name != "core" and file.name != "__init__.py":
            names.append(file.stem)

    assert {name: sorted(modules) for name, modules in listed().items()} == {k: sorted(v) for k, v in there.items()}


def test_a_package_imports_nothing_from_a_later_one() -> None:
    order = list(listed())
    upwards = [
        f"{dotted(file)} imports {name}"
        for file in CORE
        for name in imported(file)
        if dotted(file) != "core" and name.startswith("core.")
        if order.index(package(name)) > order.index(package(dotted(file)))
    ]

    assert not upwards, "\n".join(sorted(upwards))


def test_no_modules_import_each_other_in_a_circle_not_even_later() -> None:
    assert set(levels(between_modules())) == MODULES  # a circle raises CycleError, which names it


def test_packages_stand_on_at_most_nine_levels() -> None:
    assert max(levels(between_packages()).values()) <= 9


def test_models_lie_where_the_registry_says_and_nothing_goes_round_it() -> None:
    elsewhere = [
        file for file in (*CORE, *SHARED, *PAGES) if dotted(file) not in ("core.detector.registry", "core.paths")
    ]
    round_it = [
        f"{dotted(file)} names {gate}"
        for file in elsewhere
        for gate in ("CHECKPOINTS", "visitor_dir", '/ "models"', '/ "visitors"')
        if gate in file.read_text(encoding="utf-8")
        if gate != "visitor_dir" or dotted(file) not in ("core.datasets.uploads", "core.quota", "core.upkeep")
    ]

    assert not round_it


def test_the_first_page_shows_its_canvas_before_torch_and_scikit_learn_are_imported() -> None:
    first = [*(ROOT / "pages" / "ui").glob("*.py"), *(ROOT / "pages" / "ui" / "draw").glob("*.py")]
    modules = {name for file in first for name in imported(file, later=False) if name.startswith("core.")}
    lines = [
        *(f"import {name}" for name in sorted(modules)),
        "import sys",
        "print({'torch', 'sklearn'} & {*sys.modules})",
    ]

    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, capture_output=True, text=True)

    assert done.stdout.strip() == "set()", done.stderr
