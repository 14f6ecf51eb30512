"""What a rule of sharing may say, apart from its tables."""

EVERYBODY = "*"
"""To whom an establishment shows its exams that shows them to all."""
