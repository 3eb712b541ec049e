-- name: MatchesSpan :one
select coalesce(array_agg(leg_id), '{}')::bigint[] as leg_ids,
    coalesce(min(join_at), now())::timestamptz as from_at, coalesce(max(leave_at), now())::timestamptz as to_at
from matches
where provider = @provider and account_id = @account_id and meeting_id = any(@meeting_ids::text[]) and org_id = @org_id;

-- name: DeleteMatches :exec
delete from matches where org_id = @org_id and leg_id = any(@leg_ids::bigint[]);

-- name: CopyMatches :copyfrom
insert into matches (org_id, leg_id, provider, account_id, meeting_id, meeting_uuid, site_id, client_mac, rule, confidence,
    person_sealed, join_at, leave_at, audio_quality, video_quality, screen_quality)
values (@org_id, @leg_id, @provider, @account_id, @meeting_id, @meeting_uuid, @site_id, @client_mac, @rule, @confidence,
    @person_sealed, @join_at, @leave_at, @audio_quality, @video_quality, @screen_quality);
