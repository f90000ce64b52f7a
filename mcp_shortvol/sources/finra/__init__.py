"""FINRA's Query API: US short volume reported off exchange, short interest, and the whole market of a day.

`open` makes the interfaces of the settings, `api` asks for records page by page, `auth` holds the optional credential,
`records` reads and sums them, `spelling` has FINRA's symbols; `volume`, `interest` and `market` are the sources.
"""
