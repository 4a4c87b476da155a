"""`thawline train … -m`: many trials on one feature pass, and the leaderboard at their end."""
