"""The market by UNSPSC family: what the state buys, from whom, how contested it is and how long it takes, from published tables.

Flags are `integrity/`'s business and spending by entity `audit/`'s; who shows the market is the portal's.
"""
