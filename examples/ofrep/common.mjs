// What both JavaScript clients need.
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';

export const GATEWAY = process.env.GATEWAY ?? 'http://127.0.0.1:8080';
export const FLAGS = process.env.FLAGS ?? 'http://127.0.0.1:8016';
export const SUBJECTS = Number(process.env.SUBJECTS ?? 10_000);
const token = process.env.OFREP_TOKEN_FILE;
export const HEADERS = token ? [['Authorization', `Bearer ${readFileSync(token, 'utf8').trim()}`]] : [];

const agent = new Agent({ keepAlive: true, maxSockets: 2 });

/** The side that the gateway sends a subject to, as its answer says: articles;side=legacy;reason=percent;bucket=7764 */
export function sideOfGateway(subject) {
  return new Promise((resolve, reject) => {
    const asked = request(`${GATEWAY}/articles`, { agent, headers: { 'X-User-Id': subject } }, (response) => {
      response.resume();
      response.on('end', () => resolve(/side=(\w+)/.exec(response.headers['banyan-unit'] ?? '')?.[1]));
    });
    asked.on('error', reject).end();
  });
}

/** Asks the gateway and the provider about every subject, and tells where they differ. */
export async function compare(name, sideOfProvider) {
  const began = Date.now();
  let replacement = 0;
  const differ = [];
  for (let number = 0; number < SUBJECTS; number += 1) {
    const subject = `user-${number}`;
    const [said, chosen] = await Promise.all([sideOfProvider(subject), sideOfGateway(subject)]);
    replacement += chosen === 'replacement' ? 1 : 0;
    if (said !== chosen) differ.push(`${subject}: ${said}, but the gateway chose ${chosen}`);
  }
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  console.log(`${name}: ${SUBJECTS} subjects, ${replacement} on the replacement, ${differ.length} differ, ${seconds} s`);
  differ.slice(0, 10).forEach((line) => console.log(`  ${line}`));
  if (differ.length > 0) process.exitCode = 1;
}
