"""The views: read models cut at a day and a position, one file a view; the trail; histories.

Plain functions on a reading connection. They know no HTTP and no keys: whom a question may concern
comes in as `clusters`, the codes it is limited to, or None for all of them.
"""
