"""The vendors' upstreams played on loopback, for the demo and the tests.

Real sockets and the vendors' own wire around invented figures.
"""
