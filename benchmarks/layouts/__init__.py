"""How the star lies on the slices of a Redshift: rules, the work of a day, the search."""
