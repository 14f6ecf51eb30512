"""What is to be read: unread, urgent, mine; and by whom it was read, as it was then."""
