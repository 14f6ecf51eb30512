"""What a scanner made: opening slides of every format, and converting them."""
