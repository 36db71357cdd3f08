-- KEYS: value, lease, all. ARGV: most bytes of a frame, what names of tags begin with.
-- Answers what is there, whether somebody has the lease, and for a value the time in ms, its remaining ms and the frame.
local held = redis.call('EXISTS', KEYS[2])

-- The length first: what is too long is never sent.
local size = redis.pcall('STRLEN', KEYS[1])
if size == 0 then
  return {'absent', held}
end
if type(size) ~= 'number' or size > tonumber(ARGV[1]) then
  return {'garbage', held}
end

local frame = redis.call('GET', KEYS[1])
local count = tonumber(string.sub(frame, 6, 8))
if string.sub(frame, 1, 5) ~= 'BnL21' or not count or size < 58 + 16 * count then
  return {'garbage', held}
end

-- A stamp that is gone may have been an invalidation that was evicted, so only what is known to be older counts.
local stamp = string.sub(frame, 9, 24)
local function is_older(name)
  local at = stamp_at(name)
  return at and at <= stamp
end

if not is_older(KEYS[3]) then
  return {'invalidated', held}
end
for tag = 0, count - 1 do
  if not is_older(ARGV[2] .. string.sub(frame, 51 + 16 * tag, 66 + 16 * tag)) then
    return {'invalidated', held}
  end
end

local time = redis.call('TIME')
return {'found', held, time[1] * 1000 + math.floor(time[2] / 1000), redis.call('PTTL', KEYS[1]), frame}
