-- KEYS: lease, clock, all. ARGV: token, ms of the lease.
-- Answers who has it, and to the winner the stamp that every later invalidation comes after.
local stamp = text(present(KEYS[2], KEYS[3]))

local won = redis.pcall('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
if failed(won) then
  return {'refused', won.err}
end
if not won and redis.pcall('GET', KEYS[1]) ~= ARGV[1] then
  if redis.call('PTTL', KEYS[1]) >= 0 then
    return {'held'}
  end
  -- Every lease of ours ends. This one does not, so it is somebody's garbage and would keep all fillers out for ever.
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end

redis.call('SET', KEYS[2], stamp)
local all = stamp_at(KEYS[3])
if not all or all > stamp then
  redis.call('SET', KEYS[3], stamp)
end
return {'won', stamp}
