// Two upstreams that say which they are: node upstreams.mjs
import { createServer } from 'node:http';

for (const [name, port] of [['legacy', 7001], ['replacement', 7002]]) {
  const server = createServer((_, response) => response.end(`${name}\n`));
  server.keepAliveTimeout = 60_000;
  server.listen(port, '127.0.0.1');
}
