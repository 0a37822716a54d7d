"""Which ImageNet classes a word covers."""
