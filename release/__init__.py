"""What belongs to a release: the bundle for Claude Desktop, and what is still open before one."""
