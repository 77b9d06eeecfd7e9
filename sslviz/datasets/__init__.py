"""Readers of annotated pictures, sounds and clips; they yield paths, NumPy arrays and names."""
