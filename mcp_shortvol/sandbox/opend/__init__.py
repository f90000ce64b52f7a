"""OpenD of Futu, played on loopback."""
