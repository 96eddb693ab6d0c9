"""How far a packed file from outside may be unpacked: an archive of some kilobytes can hold more than any disk.

What is done with a file that goes beyond is said by who reads it.
"""

# Official archives grow 7 to 8 times, to 260 MB.
MAX_RATIO = 50
FREE_BYTES = 16 * 2**20  # below this the ratio is not looked at: tiny archives of repeated text compress better
MAX_BYTES = 8 * 2**30
# A row of any table has at least so many bytes before it is packed.
LEAST_ROW = 16


def most_bytes(packed: int) -> int:
    """The most bytes that a file of `packed` bytes may unpack to."""
    return min(max(packed * MAX_RATIO, FREE_BYTES), MAX_BYTES)


def most_rows(packed: int) -> int:
    """The most rows that a table packed into so many bytes may have."""
    return most_bytes(packed) // LEAST_ROW
