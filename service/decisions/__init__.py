"""The decisions: what is to be answered, as objects without HTTP; the endpoints and the decision API render them."""
