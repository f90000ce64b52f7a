"""A question becomes pages of a source, and the pages become rows."""
