"""Earlier exams of whoever an order is for, looked for when the order comes."""
