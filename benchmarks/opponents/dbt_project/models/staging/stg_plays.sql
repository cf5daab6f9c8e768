select
    make_timestamp(ts * 1000) as start_time,
    cast(userId as bigint) as user_id,
    * exclude (ts, userId, page)
from {{ source('files', 'events') }}
where page = 'NextSong'
