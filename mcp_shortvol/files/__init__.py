"""SQLite files of this program on the disk of its user, and the folder they lie in."""
