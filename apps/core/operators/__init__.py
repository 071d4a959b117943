"""What the admin pages of all rooms have in common."""
