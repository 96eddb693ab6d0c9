"""Collections: what is published over several months at once, yearly files and the whole history. Made of published months."""
