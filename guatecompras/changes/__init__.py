"""What changed from one version of a month to the next, and following it over all months. What a version is, is `publication`'s."""
