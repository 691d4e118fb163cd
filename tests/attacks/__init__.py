"""The attacks of docs/attacks.md: the number in the name of a test is the number of the attack."""
