"""The tools an assistant sees, one a file, and what they share: arguments and strictness."""
