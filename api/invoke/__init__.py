"""Images opened from another system, by IHE Invoke Image Display."""
