select distinct on (song_id) song_id, title, artist_id, nullif(year, 0) as year, duration
from {{ ref('stg_songs') }}
