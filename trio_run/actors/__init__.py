"""
Actors: runners that end together.
"""
