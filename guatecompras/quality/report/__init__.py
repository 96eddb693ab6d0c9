"""How a month's quality is told: one document (`document.py`), which is published, and the page drawn from it (`html.py`).

What is judged and how much it weighs is said elsewhere: the checks and `rules.py`.
"""
