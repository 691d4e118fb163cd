"""What Satchel costs: rates against other libraries and servers, memory, sizes. `python -m tests.bench --help`."""
