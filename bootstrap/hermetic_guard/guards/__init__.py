"""One file per guarded surface, all of the same shape.

A guard translates calls into requests; it never judges. Each module has `NAME` and
`install(enforcer) -> {audit event: handler(*arguments)}`; what raises no audit event it replaces through `enforcer.ledger`.
"""
