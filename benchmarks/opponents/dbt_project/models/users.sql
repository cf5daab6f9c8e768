select
    user_id,
    arg_max(firstName, start_time) as first_name,
    arg_max(lastName, start_time) as last_name,
    arg_max(gender, start_time) as gender,
    arg_max(level, start_time) as level
from {{ ref('stg_plays') }}
group by user_id
