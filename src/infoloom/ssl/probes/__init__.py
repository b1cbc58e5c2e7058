"""What features tell, beside what is known."""
