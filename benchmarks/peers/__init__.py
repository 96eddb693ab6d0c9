"""What runs in the peers' own environments, each file with nothing but its peer and the standard library."""
