"""The rows that were fetched, kept for the next question."""
