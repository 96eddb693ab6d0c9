"""The monthly datasets of the open-data portal: awarded, cancelled, deserted concursos and the rest, in its columns of always.

`families.py` says what each holds, `monthly.py` makes the files of a month.
"""
