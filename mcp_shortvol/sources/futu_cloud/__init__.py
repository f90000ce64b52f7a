"""Futu's and moomoo's cloud: daily short volume over their REST interface, without an OpenD."""
