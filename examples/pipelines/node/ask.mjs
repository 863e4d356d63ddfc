#!/usr/bin/env node
// Answers one question per line of standard input, for as long as there are any. Needs Node 20, no packages.
//
// With ANTHROPIC_KEY_FILE set, the key is read before every request (guard replaces the file by rename, so that it is always
// whole) and once more after a 401; otherwise it is the one that `guard exec` put into the environment.
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

const { ANTHROPIC_KEY_FILE, ANTHROPIC_API_KEY, ANTHROPIC_MODEL = 'claude-haiku-4-5' } = process.env;
const url = `${process.env.ANTHROPIC_BASE_URL ?? 'https://api.anthropic.com'}/v1/messages`;
const key = async () => (ANTHROPIC_KEY_FILE ? (await readFile(ANTHROPIC_KEY_FILE, 'ascii')).trim() : ANTHROPIC_API_KEY);

async function ask(content, last = !ANTHROPIC_KEY_FILE) {
  const response = await fetch(url, {
    method: 'POST',
    redirect: 'error', // a redirect would take the key along
    signal: AbortSignal.timeout(60_000),
    headers: { 'x-api-key': await key(), 'anthropic-version': '2023-06-01', 'content-type': 'application/json' },
    body: JSON.stringify({ model: ANTHROPIC_MODEL, max_tokens: 256, messages: [{ role: 'user', content }] }),
  });
  if (response.status === 401 && !last) return ask(content, true);
  const answer = await response.json();
  if (!response.ok) throw new Error(`${response.status}: ${answer.error?.message}`);
  return answer.content[0].text;
}

for await (const line of createInterface({ input: process.stdin })) console.log(await ask(line));
