"""The decisions on requests, as objects without HTTP. The endpoints (service/web) and the decision API render them.

| endpoint                        | flow                                                         | room               |
|---------------------------------|--------------------------------------------------------------|--------------------|
| /token                          | authenticate the client, plan the grant, settle the plan     | token/             |
| /authorize, /par                | validate the request, log in, consent, answer the client     | authorize/         |
| /ticket                         | the same steps for a login application of the operator's own | login_application/ |
| /device_authorization, /device  | the device flow                                              | device/            |
| /logout                         | the session of single sign-on and its end                    | session/           |
| /introspect, /revoke, /userinfo | access tokens that are presented again                       | resource_server/   |
| the well-known documents        | the metadata                                                 | metadata.py        |

| shared by the rooms                                              | file                                |
|------------------------------------------------------------------|-------------------------------------|
| what a decision is made with: configuration, keys, memory, ports | context.py                          |
| the request of a program; the request of a browser               | form_request.py, browser_request.py |
| client authentication for the endpoints beside /token            | caller.py                           |
| the result: an action, a response or an error                    | decision.py                         |
| the content of a response: tokens; pages                         | issued_tokens.py, pages.py          |
| from an exception to a refusal                                   | refusing.py                         |
| spending ids that may be used once; rate limits for guesses      | one_time.py, throttle.py            |
| whether a client and a subject still exist                       | withdrawn.py                        |
| access tokens that are older than the memory                     | older_tokens.py                     |
"""
