"""What one person likes."""
