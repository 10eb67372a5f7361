"""Who may import what, and that ARCHITECTURE.md says so: ``core`` knows no screen, pages compute nothing."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from core.paths import ROOT
from scripts.imports import CORE, MODULES, SHARED, between_modules, between_packages, dotted, imported, levels, package

PAGES = [ROOT / "dashboard.py", *sorted((ROOT / "pages").glob("*.py"))]
DRAWN = [*SHARED, *PAGES]
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


# Who may name a place where things of visitors lie: each is a gate that asks whose they are.
GATES = {
    "CHECKPOINTS": "core.detector.registry",
    "visitor_dir": "core.datasets.uploads core.detector.registry core.quota core.upkeep",
    "visitors_dir": "core.upkeep",
    "visitors": "",
    "state_dir": "core.batch.store core.detector.file core.detector.registry core.files.atomic core.history.history "
    "core.quota core.training.job core.training.plan core.upkeep pages.ui.chrome",
    "batches_dir": "core.batch.queue core.batch.ray_engine core.cli.batch",
    "jobs_folder": "core.training.queue core.training.plan",
    "own_folder": "core.training.run",
    "runs_folder": "core.training.run core.training.queue core.training.job",
    "ODD_DIGIT_STATE": "core.settings",
}


@pytest.mark.parametrize("gate", GATES)
def test_places_of_visitors_are_named_by_their_gates_alone(gate: str) -> None:
    defined = {"core.paths", "core.detector.registry", "core.batch.store", "core.training.job"}

    assert {dotted(file) for file in (*CORE, *DRAWN) if gate in words(file)} <= defined | {*GATES[gate].split()}


@cache
def nodes(file: Path) -> list[ast.AST]:
    """All that a file is made of."""
    return list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))


def words(file: Path) -> set[str]:
    """Every name, attribute, imported name and text, comments and docstrings apart, that a file is made of."""
    parts: set[str] = set()
    for node in nodes(file):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                parts.add(name)
            case ast.Constant(value=str(text)):
                parts.add(text)
    return parts


@pytest.mark.parametrize("file", DRAWN, ids=dotted)
def test_a_page_says_for_whom_wherever_it_asks_for_what_is_somebodys(file: Path) -> None:
    for call in (node for node in nodes(file) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        asks = name in ("History", "stores", "quota.usage", "uploads.keep", "uploads.load")
        asks |= name.startswith("registry.") and not name.startswith("registry.SUFFIX")
        given = {ast.unparse(value) for value in (*call.args, *(word.value for word in call.keywords))}
        assert not asks or given & {"visitor()", "whose"}, f"{ast.unparse(call)} says for nobody"
        assert name not in ("Detector.load", "open", "eval", "exec", "os.walk"), ast.unparse(call)
        assert not name.endswith((".rglob", ".iterdir", ".open")), ast.unparse(call)


def test_the_first_page_shows_its_canvas_before_torch_and_scikit_learn_are_imported() -> None:
    first = [*(ROOT / "pages" / "ui").glob("*.py"), *(ROOT / "pages" / "ui" / "draw").glob("*.py")]
    modules = {name for file in first for name in imported(file, later=False) if name.startswith("core.")}
    code = f"import sys, {', '.join(sorted(modules))}; print({{'torch', 'sklearn'}} & {{*sys.modules}})"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert done.stdout.strip() == "set()", done.stderr


@pytest.mark.parametrize("file", DRAWN, ids=dotted)
def test_what_a_page_keeps_for_later_runs_is_kept_by_whose_it_is(file: Path) -> None:
    """A function that is remembered for all visitors does not ask who is there: that is one of its arguments."""
    for node in nodes(file):
        if isinstance(node, ast.FunctionDef) and "st.cache" in "".join(map(ast.unparse, node.decorator_list)):
            assert "visitor()" not in ast.unparse(node), node.name


@pytest.mark.parametrize("file", DRAWN, ids=dotted)
def test_what_a_press_does_is_done_in_its_callback(file: Path) -> None:
    """Where a button returns True the run may have ended before: a newer press ends it, and the older one is lost."""
    alone = [node.value for node in nodes(file) if isinstance(node, ast.Expr)]
    buttons = [node for node in nodes(file) if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("button")]

    assert [ast.unparse(button) for button in buttons if button not in alone] == []
    assert file.stem == "presses" or not words(file) & {"switch_page", "dialog", "on_dismiss"}
