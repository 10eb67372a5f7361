"""The import graph of ``core`` and ``pages/ui``, lazy imports included: how many, how deep, and whether in a circle.

python -m scripts.imports
"""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from core import paths

CORE = sorted((paths.ROOT / "core").rglob("*.py"))
SHARED = sorted((paths.ROOT / "pages" / "ui").rglob("*.py"))


def dotted(file: Path) -> str:
    """The module that a file of this repository is."""
    return ".".join(file.relative_to(paths.ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {dotted(file) for file in (*CORE, *SHARED)}


def package(module: str) -> str:
    """The package, or the module lying flat, that a module of ``core`` belongs to."""
    return module.split(".")[1]


@cache
def imported(file: Path, later: bool = True) -> frozenset[str]:
    """Every module that a file imports, at its top or ``later``; ``from core import ink`` counts as ``core.ink``.

    Raises:
        ValueError: an import is relative.
    """
    names: set[str] = set()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if later else tree.body:
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{file.name}: imports are absolute here")
            whole = {f"{node.module}.{name.name}" for name in node.names}
            names |= whole & MODULES | ({str(node.module)} if whole - MODULES else set())
    return frozenset(names)


def between_modules() -> dict[str, set[str]]:
    """Module -> the modules that it imports."""
    return {dotted(file): set(imported(file) & MODULES - {dotted(file)}) for file in (*CORE, *SHARED)}


def between_packages() -> dict[str, set[str]]:
    """Package of ``core`` -> the packages that it imports; ``__main__`` is a door and none."""
    graph: dict[str, set[str]] = {}
    for module, others in between_modules().items():
        if module.startswith("core.") and module != "core.__main__":
            inside = {package(other) for other in others if other.startswith("core.")}
            graph.setdefault(package(module), set()).update(inside - {package(module)})
    return graph


def levels(graph: dict[str, set[str]]) -> dict[str, int]:
    """How deep each node of a graph without circles stands: 1 where it imports nothing, else one above the deepest.

    Raises:
        CycleError: there is a circle; the error names it.

    >>> levels({"a": {"b"}, "b": {"c"}, "c": set()})
    {'c': 1, 'b': 2, 'a': 3}
    """
    depth: dict[str, int] = {}
    for node in TopologicalSorter(graph).static_order():
        depth[node] = 1 + max((depth[other] for other in graph.get(node, ())), default=0)
    return depth


def main() -> None:
    """Print the figures."""
    modules, packages = between_modules(), between_packages()
    print(f"{len(modules)} modules, {sum(map(len, modules.values()))} imports between them")
    try:
        print(f"{max(levels(modules).values())} levels of modules, no circle")
        by_package = levels(packages)
    except CycleError as error:
        print("a circle:", " -> ".join(error.args[1]))
        return
    print(f"{len(packages)} packages of core, {sum(map(len, packages.values()))} imports between them")
    for level in range(1, max(by_package.values()) + 1):
        print(f"{level}:", ", ".join(sorted(name for name, at in by_package.items() if at == level)))


if __name__ == "__main__":
    main()
