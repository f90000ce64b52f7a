"""`python -m mcp_shortvol` is the command `mcp-shortvol`."""

from mcp_shortvol.cli.main import main

if __name__ == "__main__":
    main()
