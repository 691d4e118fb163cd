"""Decisions on authorization requests (RFC 6749 section 4.1, OpenID Connect Core section 3.1.2).

| endpoint           | checks, in order                                                       | file              |
|--------------------|------------------------------------------------------------------------|-------------------|
| /authorize         | the decision: a new request, or the verdict of a login application     | decide.py         |
|                    | client; request_uri or request object; redirect_uri; length of the URL | request.py        |
|                    | the request object's signature and claims (RFC 9101)                   | request_object.py |
|                    | the request_uri: this client's, not expired, not used (RFC 9126)       | pushed_request.py |
|                    | every other parameter                                                  | parameters.py     |
|                    | next step: login page, consent page, response or error                 | interaction.py    |
|                    | what needs consent                                                     | wanted_scopes.py  |
|                    | the titles on the consent page                                         | scope_titles.py   |
| /authorize/login   | the ticket and its browser                                             | login_ticket.py   |
|                    | user name and password, then the next step                             | login.py          |
| /authorize/consent | the ticket, its browser and its session, then the answer               | consent.py        |
| (all of these)     | the response: spend the ticket, mint the code, renew the session       | complete.py       |
|                    | the same for a device: record the person's answer                      | device_code.py    |
| /par               | client authentication, the request, the DPoP key, length of the URL    | push.py           |

A request between two pages is a login ticket: a bag that is bound to the browser by a cookie.
"""
