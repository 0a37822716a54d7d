"""Why two pictures are near: what each place of them contributes to their distance."""
