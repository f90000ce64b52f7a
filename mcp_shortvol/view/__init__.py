"""The picture of an answer: one HTML document, for a host that renders MCP Apps and for a file."""

__all__ = ["VIEW_URI"]

VIEW_URI = "ui://shortvol/view.html"
"""Where a host reads the document. The document itself, in `view.document`, is loaded only when it is asked for."""
