"""The rate limits of the vendors, kept in one process and across the processes of a machine."""
