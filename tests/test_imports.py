"""The packages stand in layers, and imports point downward only: read from the source, also inside functions."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "mcp_shortvol"

LAYERS = [
    "cli",
    "serving",
    "server",
    "examination",
    "tools",
    "prompts",
    "answers",
    "view",
    "upstreams",
    "automatic",
    "sandbox",
    "history",
    "cache",
    "sources",
    "settings",
    "quotas",
    "files",
    "valkey",
    "telemetry",
    "memo",
    "domain",
]
"""From the top to the bottom. A package may import those that stand below it."""

# The sandbox is started on demand by these alone.
MAY_START_THE_SANDBOX = {"cli", "upstreams"}


def imported(source: str) -> Iterator[str]:
    """The parts of this package that a module imports anywhere, as dotted names without the package's own."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where they point"
            names = (
                [node.module or ""] if node.module != "mcp_shortvol" else [f"mcp_shortvol.{a.name}" for a in node.names]
            )
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith("mcp_shortvol.") and name != "mcp_shortvol.__version__":
                yield name.removeprefix("mcp_shortvol.")


def wrong_arrows(module: str, source: str) -> list[str]:
    """The imports of a module that do not point downward."""
    layer = module.split(".")[0]
    wrong = []
    for name in imported(source):
        other = name.split(".")[0]
        upward = LAYERS.index(other) < LAYERS.index(layer)
        sandbox = other == "sandbox" and layer not in {*MAY_START_THE_SANDBOX, "sandbox"}
        if upward or sandbox or (layer == "answers" and other not in {"answers", "domain"}):
            wrong.append(f"{module} imports {name}")
    return wrong


def modules() -> dict[str, str]:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if name not in {"__init__", "__main__"}:
            found[name] = path.read_text(encoding="utf-8")
    return found


def test_every_module_stands_in_a_layer() -> None:
    assert {name.split(".")[0] for name in modules()} == set(LAYERS)


def test_imports_point_downward_only() -> None:
    assert [arrow for name, source in modules().items() for arrow in wrong_arrows(name, source)] == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    sources = modules()
    arrows = {name: {other for other in imported(source) if other in sources} for name, source in sources.items()}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"a circle: {' -> '.join((*path[path.index(name) :], name))}"
        if name not in done:
            for other in arrows[name]:
                visit(other, (*path, name))
            done.add(name)

    for name in arrows:
        visit(name, ())


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("domain.markets", "from mcp_shortvol.sources import Page"),
        ("answers.notes", "def f():\n    from mcp_shortvol.history.history import History"),
        ("history.pager", "if TYPE_CHECKING:\n    import mcp_shortvol.upstreams"),
        ("tools.calls", "from mcp_shortvol.sandbox.runner import Sandbox"),
        ("sources.http", "from mcp_shortvol import server"),
    ],
)
def test_an_upward_import_is_seen(module: str, source: str) -> None:
    assert len(wrong_arrows(module, source)) == 1
