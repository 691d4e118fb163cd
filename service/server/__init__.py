"""How gunicorn serves Satchel: everything that imports gunicorn is in this room.

| file | what it holds |
|---|---|
| gunicorn_conf | the settings: addresses, limits, start, reload |
| worker | the worker process: event loop, connections, signals, stop |
| http | one HTTP/1.1 connection: order, time limits, close |
| reader | reads requests with httptools, within limits |
| head | the rules for a request head that the parser leaves open |
| exchange | one request and its response, as ASGI sees them |
| response | response heads |
| eager | runs a coroutine at once; makes a task only if it waits |
| lifespan | start and stop of the application |
| host | what a connection asks of its worker |
"""
