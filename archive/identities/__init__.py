"""Who patients are: what is stated of them, what it changes, and how it is taken back."""
