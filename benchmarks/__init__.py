"""What we promise about speed, measured: `make bench`."""
