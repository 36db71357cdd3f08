// The stock provider for servers: one question for each evaluation. node server.mjs
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { OpenFeature } from '@openfeature/server-sdk';
import { FLAGS, HEADERS, compare } from './common.mjs';

await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: FLAGS, headers: HEADERS }));
const client = OpenFeature.getClient();

const say = (what, details) =>
  console.log(`${what}: ${JSON.stringify(details.value)} ${details.variant ?? ''} ${details.reason} ${details.errorCode ?? ''} ${details.errorMessage ?? ''}`.trim());
say('theme for Germany', await client.getStringDetails('theme', 'default', { country: 'de' }));
say('a percentage', await client.getBooleanDetails('new-editor', false, { targetingKey: 'user-42' }));
say('no such flag', await client.getBooleanDetails('no-such', false, {}));
say('nobody', await client.getBooleanDetails('new-editor', false, {}));
say('wrong type', await client.getNumberDetails('theme', 7, {}));
say('a key that is a number', await client.getBooleanDetails('new-editor', false, { targetingKey: 42 }));
say('1 MiB', await client.getBooleanDetails('new-editor', false, { targetingKey: 'a', more: 'x'.repeat(1 << 20) }));

await compare('server provider', async (subject) => {
  const details = await client.getBooleanDetails('unit.articles', false, { targetingKey: subject });
  return details.errorCode ?? details.variant;
});
await OpenFeature.close();
