MODEL (name staging.songs, kind FULL);

select
    artist_id, artist_latitude, artist_longitude, artist_location, artist_name, song_id, title, duration, year
from read_json(@VAR('songs'), format = 'newline_delimited', columns = {'artist_id': 'VARCHAR',
    'artist_latitude': 'DOUBLE', 'artist_longitude': 'DOUBLE', 'artist_location': 'VARCHAR',
    'artist_name': 'VARCHAR', 'song_id': 'VARCHAR', 'title': 'VARCHAR', 'duration': 'DOUBLE', 'year': 'INTEGER'})
