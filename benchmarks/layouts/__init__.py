"""How the star is distributed over the slices of Redshift: rules, a day's work, the search for a layout."""
