"""The facade of the library: :class:`Warehouse` of any pipeline on any database, its queries and its status."""

# Before a model uses one of its options, wherever the import of the library begins: see that module.
import sparkify.redshift.options  # noqa: F401
