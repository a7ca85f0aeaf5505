"""Cursors are signed by the server: of all texts of the right form, only those that it gave out are cursors."""
import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    cursor = (case.query or {}).get("cursor")
    if isinstance(cursor, str) and len(cursor) <= 512:
        case.query.pop("cursor")
