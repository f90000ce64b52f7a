"""The server over streamable HTTP, for a team: stateless, signed in, bounded, and observed.

`app` puts the layers together and `run` serves them; `tokens` and `jwts` are the two ways to sign in, `limits` bounds
what a caller may take, `access_log` writes a line a request, `health` answers probes.
"""
