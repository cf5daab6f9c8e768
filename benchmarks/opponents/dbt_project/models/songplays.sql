select
    hash(p.user_id, p.sessionId, p.start_time) as songplay_id,
    p.start_time,
    p.user_id,
    p.level,
    s.song_id,
    s.artist_id,
    p.sessionId as session_id,
    p.location,
    p.userAgent as user_agent
from {{ ref('stg_plays') }} as p
left join {{ ref('stg_songs') }} as s on s.title = p.song and s.artist_name = p.artist and s.duration = p.length
