MODEL (name staging.plays, kind VIEW);

select
    make_timestamp(ts * 1000) as start_time,
    cast(userId as bigint) as user_id,
    artist, firstName, gender, lastName, length, level, location, sessionId, song, userAgent
from read_json(@VAR('logs'), format = 'newline_delimited', columns = {'artist': 'VARCHAR',
    'firstName': 'VARCHAR', 'gender': 'VARCHAR', 'lastName': 'VARCHAR', 'length': 'DOUBLE', 'level': 'VARCHAR',
    'location': 'VARCHAR', 'page': 'VARCHAR', 'sessionId': 'BIGINT', 'song': 'VARCHAR', 'ts': 'BIGINT',
    'userAgent': 'VARCHAR', 'userId': 'VARCHAR'})
where page = 'NextSong'
