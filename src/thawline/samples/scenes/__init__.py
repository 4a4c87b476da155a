"""Scenes of occasions: people, things and light at a place, drawn by arithmetic."""
