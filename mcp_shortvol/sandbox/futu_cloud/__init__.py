"""The cloud of Futu, played on loopback."""
