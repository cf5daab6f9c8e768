"""The facade of the library: :class:`Warehouse` of any pipeline on any database, its queries and its status."""
