"""The foundation: what every room stands on. Knows no room."""
