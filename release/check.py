"""What is still open before a release: `make release-check`, or with OWNER=name to put the owner in."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from mcp_shortvol import __version__

__all__ = ["main", "open_points"]

_ROOT = Path(__file__).parents[1]
_OWNED = ("README.md", "server.json", "mcp_shortvol/domain/errors.py", "tests/FAULTS.md")
_PLACEHOLDER = re.compile(r"(?<=io\.github\.)OWNER(?=/)|(?<=github\.com/)OWNER(?=/)")


def open_points(root: Path) -> Iterator[str]:
    """Each point that keeps the project from being released."""
    owned = [name for name in _OWNED if _PLACEHOLDER.search((root / name).read_text(encoding="utf-8"))]
    if owned:
        yield f"OWNER is not chosen yet in {', '.join(owned)}: make release-check OWNER=your-github-name puts it in."
    server = json.loads((root / "server.json").read_text(encoding="utf-8"))
    for where, version in (("version", server["version"]), ("packages[0]", server["packages"][0]["version"])):
        if version != __version__:
            yield f"server.json {where} says {version}, and the package is {__version__}."
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## {re.escape(__version__)}\b", changelog, re.MULTILINE):
        yield f"CHANGELOG.md has no section for {__version__}."
    elif re.search(rf"^## {re.escape(__version__)}, not released yet$", changelog, re.MULTILINE):
        yield f"CHANGELOG.md says that {__version__} is not released yet: give it its date."
    if not (root / "LICENSE").is_file():
        yield "There is no LICENSE."


def main(owner: str) -> int:
    """Put the owner in where one is given, and print what is open; 1 where something is."""
    if owner:
        if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})", owner):
            sys.stderr.write(f'"{owner}" is not the name of a GitHub account.\n')
            return 2
        for name in _OWNED:
            path = _ROOT / name
            path.write_text(_PLACEHOLDER.sub(owner, path.read_text(encoding="utf-8")), encoding="utf-8")
    found = list(open_points(_ROOT))
    sys.stdout.write("\n".join([*(f"open: {point}" for point in found), f"{len(found)} open points."]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
