-- KEYS: incarnation, clock, all. ARGV: the run id of this server.
if redis.pcall('GET', KEYS[1]) == ARGV[1] then
  return {'same'}
end
local stamp = text(present(KEYS[2], KEYS[3]) + 1)
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], stamp)
redis.call('SET', KEYS[3], stamp)
return {'new'}
