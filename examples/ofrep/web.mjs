// The stock provider for browsers, which asks for all flags at once and runs in Node too. node web.mjs
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { OpenFeature } from '@openfeature/web-sdk';
import { FLAGS, HEADERS, compare } from './common.mjs';

await OpenFeature.setContext({ targetingKey: 'user-42', country: 'de' });
// It would ask again every 30 s by itself.
await OpenFeature.setProviderAndWait(new OFREPWebProvider({ baseUrl: FLAGS, headers: HEADERS, pollInterval: 0 }));
const client = OpenFeature.getClient();
console.log(`theme for Germany: ${JSON.stringify(client.getStringDetails('theme', 'default'))}`);

await compare('web provider', async (subject) => {
  await OpenFeature.setContext({ targetingKey: subject });
  const details = client.getBooleanDetails('unit.articles', false);
  return details.errorCode ?? details.variant;
});
await OpenFeature.close();
