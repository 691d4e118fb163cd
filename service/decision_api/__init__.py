"""The decision API: judgements for a server of the operator's, as Authlete's clients ask for them. No HTTP."""
