-- What the scripts share. A stamp is sixteen digits: microseconds of this server's clock, moved on by hand where two
-- events fall together or the clock was set back. Of equal length, stamps compare as text.

local DAY = 86400 * 1000000

-- The stamp kept under a name, or nil when there is none or something else is.
local function stamp_at(name)
  local kept = redis.pcall('GET', name)
  if type(kept) == 'string' and string.match(kept, '^%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d$') then
    return kept
  end
end

-- The present as a number, never before what was given out last. What is a day ahead is not ours and is not believed.
local function present(clock, all)
  local time = redis.call('TIME')
  local real = time[1] * 1000000 + time[2]
  local stamp = real
  for _, name in ipairs({clock, all}) do
    local last = tonumber(stamp_at(name) or '')
    if last and last > stamp and last < real + DAY then
      stamp = last
    end
  end
  return stamp
end

local function text(stamp)
  return string.format('%016.0f', stamp)
end

local function failed(reply)
  return type(reply) == 'table' and reply.err
end
