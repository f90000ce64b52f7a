"""Longbridge OpenAPI: short trades over signed HTTP."""
