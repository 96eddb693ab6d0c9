"""Whole Dagster homes: what is done to one from outside, while nothing runs in it."""
