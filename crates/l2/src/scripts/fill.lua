-- KEYS: value, lease, clock, all. ARGV: token, frame, ms of the value, what names of tags begin with, ms of tags.
if redis.pcall('GET', KEYS[2]) ~= ARGV[1] then
  return {'lost'}
end

local stamp = string.sub(ARGV[2], 9, 24)
local function fence()
  redis.call('DEL', KEYS[2])
  return {'fenced'}
end

local all = stamp_at(KEYS[4])
if not all or all > stamp then
  return fence()
end

local known, unknown = {}, {}
for tag = 0, tonumber(string.sub(ARGV[2], 6, 8)) - 1 do
  local name = ARGV[4] .. string.sub(ARGV[2], 51 + 16 * tag, 66 + 16 * tag)
  local at = stamp_at(name)
  if at and at <= stamp then
    table.insert(known, name)
  elseif redis.call('EXISTS', name) == 0 then
    table.insert(unknown, name)
  else
    if not at then
      -- Garbage where a stamp was. It counts as an invalidation of now, and is one from here on.
      redis.call('DEL', name)
      redis.call('SET', name, text(present(KEYS[3], KEYS[4])), 'PX', ARGV[5])
    end
    return fence()
  end
end

-- The value first: in a full server this is the write that is refused, and nothing else has happened yet.
local stored = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
if failed(stored) then
  return {'refused', stored.err}
end
for _, name in ipairs(known) do
  redis.call('PEXPIRE', name, ARGV[5])
end
for _, name in ipairs(unknown) do
  redis.call('SET', name, stamp, 'PX', ARGV[5])
end
return {'stored'}
