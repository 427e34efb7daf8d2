"""The chat widgets of an agency: its clients, their widgets, and what these may use and used."""
