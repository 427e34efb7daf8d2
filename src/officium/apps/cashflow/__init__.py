"""The cash-flow room: deals become dated, ranged expectations of invoices and payments."""
