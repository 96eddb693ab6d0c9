"""Rules for tests that put another source in a published month's place: all its concursos are lost, which the gate stops."""

from guatecompras.settings import Settings

# Of the losses nobody is told to hold the month; all other rules are those of every month.
LOSSES_ALLOWED = Settings(quality_rules='[concursos_lost]\nseverity = "note"\n\n[releases_lost]\nseverity = "note"\n')
