"""Network architectures only, without their training."""
