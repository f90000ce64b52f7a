"""`python -m mcp_shortvol` is the command `mcp-shortvol`."""

from mcp_shortvol.cli import main

if __name__ == "__main__":
    main()
