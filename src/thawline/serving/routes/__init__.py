"""What can be asked of a service, a file for each kind of question."""
