"""Our own Stripe: stateful, over HTTP on loopback, every answer checked against Stripe's published OpenAPI document.

It proves our logic, not Stripe's behaviour. Needs `python -m tests.fakes.stripe.fetch_spec` once.
"""
