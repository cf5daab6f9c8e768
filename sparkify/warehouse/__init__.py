"""The facade of the library: :class:`Warehouse` of any pipeline on any database, its queries and its status."""

# Must be imported before a model uses one of its options, whichever module is imported first: see that module.
import sparkify.redshift.options  # noqa: F401
