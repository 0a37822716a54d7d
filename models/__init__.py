"""Networks only: what is trained, without how."""
