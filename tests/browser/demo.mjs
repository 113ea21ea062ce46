// A Gantry of its own for a test file: `gantry demo` on a free port, in a folder that goes away with it.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BIN = process.env.GANTRY_BIN ?? fileURLToPath(new URL('../../target/debug/gantry', import.meta.url));
/** The first demo on a machine makes the labs' Python environment. */
const READY_WITHIN_MS = 420_000;
const STOPPED_WITHIN_MS = 20_000;
/** How much of what the service wrote is kept for a failure. */
const LOG_LINES = 200;

/**
 * Starts a demo and waits until it is ready; in a folder and on a port of an earlier one, or below a path, where they are given.
 *
 * Answers `{url, login_url, portal_url, token, archives, took_s, dir, log(), api(), stop()}`; `stop({ keep: true })` leaves the folder.
 */
export async function startDemo({ dir: kept, port = 0, path = '/' } = {}) {
  if (!existsSync(BIN)) throw new Error(`there is no ${BIN}; build it with \`cargo build\`, or name it in GANTRY_BIN`);
  const dir = kept ?? await mkdtemp(join(tmpdir(), 'gantry-demo-'));
  const child = spawn(BIN, ['demo', '--json', '--port', String(port), '--dir', dir, '--path', path], { stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);

  const lines = [];
  const keep = (line) => { lines.push(line); if (lines.length > LOG_LINES) lines.shift(); };
  createInterface({ input: child.stderr }).on('line', keep);
  const log = () => lines.join('\n');
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));

  const ready = new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      try { resolve(JSON.parse(line)); } catch { keep(line); }
    });
    ended.then((how) => reject(new Error(`gantry demo ended (${how}) before it was ready:\n${log()}`)));
    child.once('error', reject);
    setTimeout(() => reject(new Error(`gantry demo was not ready within ${READY_WITHIN_MS / 1000} s:\n${log()}`)), READY_WITHIN_MS).unref();
  });

  async function stop({ keep = false } = {}) {
    child.kill('SIGTERM');
    const late = new Promise((resolve) => setTimeout(resolve, STOPPED_WITHIN_MS, 'late').unref());
    const how = await Promise.race([ended, late]);
    if (how === 'late') { kill(); await ended; }
    process.removeListener('exit', kill);
    if (!keep) await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    if (how === 'late') throw new Error(`gantry demo did not stop within ${STOPPED_WITHIN_MS / 1000} s of SIGTERM:\n${log()}`);
  }

  try {
    const told = await ready;
    const api = async (path, init = {}) => {
      const answer = await fetch(new URL(path, told.url), { ...init, headers: { Authorization: `Bearer ${told.token}`, Accept: 'application/json', ...init.headers } });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${init.method ?? 'GET'} ${path} answered ${answer.status}: ${text}`);
      return text ? JSON.parse(text) : null;
    };
    return { ...told, dir, log, api, stop };
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }
}
