"""What a good engineer would tell you: lint, explain, doctor, draft."""
