"""The command line: `mcp-shortvol` and its commands. Its face is the command; nothing is imported from here."""
