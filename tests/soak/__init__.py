"""The soak: inputs damaged in every way, through the whole service; each must be answered right."""
