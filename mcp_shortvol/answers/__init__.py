"""A series becomes an answer: the text for a person and the structured model for a program."""
