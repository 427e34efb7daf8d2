"""Attacks in notes and mails, and harmless texts that look a little like them."""
