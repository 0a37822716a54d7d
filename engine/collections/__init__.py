"""Collections of images: reading them safely, their catalogue, and every way to import them."""
