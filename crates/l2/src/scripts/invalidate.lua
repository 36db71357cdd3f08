-- KEYS: clock, all, then names of tags, then names of values and leases.
-- ARGV: how many tags, ms of tags, 1 when everything is meant, channel, message.
local stamp = text(present(KEYS[1], KEYS[2]) + 1)

-- A full server refuses to write, but not within a script that has deleted something already. So this comes first, and
-- an invalidation gets through where a value would not.
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], stamp)
if ARGV[3] == '1' then
  redis.call('SET', KEYS[2], stamp)
end

local tags = tonumber(ARGV[1])
for at = 3, 2 + tags do
  redis.call('SET', KEYS[at], stamp, 'PX', ARGV[2])
end
-- Without its lease a fill that is under way is too late.
for at = 3 + tags, #KEYS do
  redis.call('DEL', KEYS[at])
end
redis.call('PUBLISH', ARGV[4], ARGV[5])
return {'done'}
