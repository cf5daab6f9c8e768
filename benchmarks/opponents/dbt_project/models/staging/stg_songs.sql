-- Not a view: fifteen thousand files would be opened for each table that is made of them.
{{ config(materialized='table') }}

select * from {{ source('files', 'songs') }}
