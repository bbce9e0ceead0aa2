"""How many workers a day of recordings needs: arithmetic, and a simulation that checks it."""
