"""Longbridge OpenAPI, played on loopback."""
